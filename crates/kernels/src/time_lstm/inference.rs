//! The LSTM without training, for one history: the weights are packed once, nothing is kept. Embeddings `[L, X]` and two times
//! of every position enter, the states `[L, H]` leave. All but the recurrence is computed for all positions at once.

use super::weights::{Parameters, Weights};
use super::{GATES, OUTPUT, RECURRENT, Sizes, TIME_2, rows};
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, padded};
use crate::product::{Left, Right, Start, multiply};

/// A trained LSTM, ready to encode.
pub struct TrainedLstm {
    set: InstructionSet,
    sizes: Sizes,
    weights: Weights,
}

impl std::fmt::Debug for TrainedLstm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TrainedLstm").field("sizes", &self.sizes).finish_non_exhaustive()
    }
}

impl TrainedLstm {
    /// From all parameters, in the order of [`Sizes::lengths`].
    ///
    /// # Panics
    /// When there are more or fewer.
    pub fn new(set: InstructionSet, sizes: Sizes, parameters: &[f32]) -> Self {
        assert_eq!(parameters.len(), sizes.lengths().iter().sum::<usize>(), "length of the parameters");
        Self { set, sizes, weights: Weights::new(&Parameters::read(parameters, &sizes), &sizes) }
    }

    /// Replaces `states` `[L, H]`.
    ///
    /// # Panics
    /// When a slice has another length than the sizes ask for.
    pub fn states(&self, embeddings: &[f32], time_to_now: &[f32], time_from_first: &[f32], states: &mut [f32]) {
        let Sizes { input, hidden } = self.sizes;
        let (length, width, stride) = (time_to_now.len(), padded(hidden), GATES * padded(hidden));
        assert_eq!(embeddings.len(), length * input, "length of the embeddings");
        assert_eq!(time_from_first.len(), length, "length of the times from the first event");
        assert_eq!(states.len(), length * hidden, "length of the states");
        let mut gates = Buffer::zeros(length * stride);
        let (right, bias) = (Right::new(&self.weights.input, stride), Start::Row(&self.weights.bias));
        multiply(self.set, Left::new(embeddings, length, input), right, bias, &mut gates, stride);
        self.add_times([time_to_now, time_from_first], &mut gates);

        let [mut cells, mut cells_before, mut row] = [0; 3].map(|_| Buffer::zeros(width));
        for (step, gates) in gates.chunks_exact_mut(stride).enumerate() {
            if step > 0 {
                let right = Right::new(&self.weights.recurrent, RECURRENT * width);
                multiply(self.set, Left::new(&row, 1, hidden), right, Start::Result, gates, stride);
            }
            let before: &[f32] = if step > 0 { &cells_before } else { &[] };
            rows::cell(self.set, gates, before, &mut cells, &mut row, width);
            std::mem::swap(&mut cells, &mut cells_before);
            states[step * hidden..][..hidden].copy_from_slice(&row[..hidden]);
        }
    }

    /// Adds what the times contribute to the output and time gates.
    fn add_times(&self, times: [&[f32]; 2], gates: &mut [f32]) {
        let (hidden, width, stride) = (self.sizes.hidden, padded(self.sizes.hidden), GATES * padded(self.sizes.hidden));
        let length = times[0].len();
        let mut rows = [0; 2].map(|_| Buffer::zeros(length * width));
        for ((rows, [weight, bias]), times) in rows.iter_mut().zip(&self.weights.times).zip(times) {
            rows::time_rows(self.set, times, weight, bias, rows);
        }
        let [first, second] = rows.each_ref().map(|rows| Left::strided(rows, length, hidden, width));
        let products = [
            (first, Right::new(&self.weights.time_1, 2 * width), OUTPUT),
            (second, Right::new(&self.weights.time_2[0], width), OUTPUT),
            (second, Right::new(&self.weights.time_2[1], width), TIME_2),
        ];
        for (left, right, gate) in products {
            multiply(self.set, left, right, Start::Result, &mut gates[gate * width..], stride);
        }
    }
}
