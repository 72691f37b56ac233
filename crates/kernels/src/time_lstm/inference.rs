//! The LSTM without training, for one history: nothing is kept but the states.

use super::weights::{Parameters, Weights};
use super::{GATES, OUTPUT, RECURRENT, Sizes, TIME_2, rows};
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, padded};
use crate::product::{Left, Right, Start, multiply};

/// A trained LSTM, ready to run.
#[derive(Debug)]
pub struct InferenceLstm {
    set: InstructionSet,
    sizes: Sizes,
    weights: Weights,
}

/// Rows of all positions; reused from request to request.
#[derive(Debug, Default)]
pub struct Scratch {
    gates: Buffer,
    times: [Buffer; 2],
    cells: [Buffer; 2],
    states: Buffer,
}

impl InferenceLstm {
    /// From all parameters, in the order of [`Sizes::lengths`].
    ///
    /// # Panics
    /// When there are more or fewer.
    pub fn new(set: InstructionSet, sizes: Sizes, parameters: &[f32]) -> Self {
        assert_eq!(parameters.len(), sizes.lengths().iter().sum::<usize>(), "length of the parameters");
        Self { set, sizes, weights: Weights::new(&Parameters::read(parameters, &sizes), &sizes) }
    }

    /// Replaces `states` `[L, H]`, for embeddings `[L, X]`, the times to now and those from the first event `[L]`.
    ///
    /// # Panics
    /// When a slice has another length.
    pub fn states(&self, embeddings: &[f32], times: [&[f32]; 2], scratch: &mut Scratch, states: &mut [f32]) {
        let Sizes { input, hidden } = self.sizes;
        let (width, length) = (padded(hidden), times[0].len());
        let stride = GATES * width;
        assert_eq!(embeddings.len(), length * input, "length of the embeddings");
        assert_eq!(times[1].len(), length, "length of the times");
        assert_eq!(states.len(), length * hidden, "length of the states");
        let gates = scratch.gates.resize(length * stride);
        let (right, bias) = (Right::new(&self.weights.input, stride), Start::Row(&self.weights.bias));
        multiply(self.set, Left::new(embeddings, length, input), right, bias, gates, stride);
        self.add_times(times, &mut scratch.times, gates);
        let [last_cells, cells] = &mut scratch.cells;
        let state = scratch.states.resize(width);
        last_cells.resize(width).fill(0.0);
        cells.resize(width).fill(0.0);
        for (position, (gates, states)) in
            gates.chunks_exact_mut(stride).zip(states.chunks_exact_mut(hidden)).enumerate()
        {
            if position > 0 {
                let right = Right::new(&self.weights.recurrent, RECURRENT * width);
                multiply(self.set, Left::new(&state[..hidden], 1, hidden), right, Start::Result, gates, stride);
            }
            rows::cell(self.set, gates, last_cells, cells, state, width);
            states.copy_from_slice(&state[..hidden]);
            std::mem::swap(last_cells, cells);
        }
    }

    /// Adds what the times contribute to the output and time gates.
    fn add_times(&self, times: [&[f32]; 2], rows: &mut [Buffer; 2], gates: &mut [f32]) {
        let (hidden, width) = (self.sizes.hidden, padded(self.sizes.hidden));
        for ((rows, [weight, bias]), times) in rows.iter_mut().zip(&self.weights.times).zip(times) {
            rows::time_rows(self.set, times, weight, bias, rows.resize(times.len() * width));
        }
        let [first, second] = rows.each_ref().map(|rows| Left::strided(rows, times[0].len(), hidden, width));
        let products = [
            (first, Right::new(&self.weights.time_1, 2 * width), OUTPUT),
            (second, Right::new(&self.weights.time_2[0], width), OUTPUT),
            (second, Right::new(&self.weights.time_2[1], width), TIME_2),
        ];
        for (left, right, gate) in products {
            multiply(self.set, left, right, Start::Result, &mut gates[gate * width..], GATES * width);
        }
    }
}
