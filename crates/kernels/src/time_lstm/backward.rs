//! The backward pass: the blocks back through time, then the gradients of the items' share, item by item.

use rayon::prelude::*;

use super::forward::ITEMS_AT_ONCE;
use super::plan::{Block, Plan};
use super::weights::{Parameters, WeightSums, Weights};
use super::{GATES, Gradients, Inputs, OUTPUT, RECURRENT, TIME_1, TIME_2, TimeLstm, rows};
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, padded, split};
use crate::product::{Left, Right, Start, multiply};
use crate::sums::sum_blocks;

/// Steps whose rows the products of the gradients take together, while they are in cache.
const STEPS_AT_ONCE: usize = 8;

/// What a thread reads and writes of one block.
struct Job<'a> {
    block: &'a Block,
    gates: &'a mut [f32],
    cells: &'a [f32],
    sums: BlockSums,
}

/// Gradients summed over the rows of a block, in the shapes of [`Weights`].
struct BlockSums {
    recurrent: Buffer,
    time_1: Buffer,
    time_2: [Buffer; 2],
    times: [[Buffer; 2]; 2],
}

impl BlockSums {
    fn new(hidden: usize, width: usize) -> Self {
        let matrix = || Buffer::zeros(hidden * width);
        let row = || Buffer::zeros(width);
        Self {
            recurrent: Buffer::zeros(hidden * RECURRENT * width),
            time_1: Buffer::zeros(hidden * 2 * width),
            time_2: [matrix(), matrix()],
            times: [[row(), row()], [row(), row()]],
        }
    }
}

impl TimeLstm {
    /// Replaces all gradients; `states` are the last forward pass's result, `state_gradients` `[positions, H]` that
    /// result's, and the inputs those of that pass.
    ///
    /// # Panics
    /// When a slice has another length than in that pass.
    pub fn backward(&mut self, inputs: &Inputs<'_>, states: &[f32], state_gradients: &[f32], gradients: Gradients<'_>) {
        self.check(inputs);
        let (hidden, width) = (self.sizes.hidden, self.width());
        let weights = Weights::new(&Parameters::read(inputs.parameters, &self.sizes), &self.sizes);
        let transposed = Transposed::new(&weights, self.sizes.input, hidden);
        let pass =
            Pass { set: self.set, inputs, weights: &weights, transposed, states, state_gradients, hidden, width };

        let counts = || self.plan.blocks.iter().map(Block::rows);
        let gates = split(&mut self.gates, counts().map(|rows| rows * GATES * width));
        let cells = crate::layers::parts(&self.cells, counts().map(|rows| rows * width));
        let mut jobs: Vec<Job<'_>> = self
            .plan
            .blocks
            .iter()
            .zip(gates.into_iter().zip(cells))
            .map(|(block, (gates, cells))| Job { block, gates, cells, sums: BlockSums::new(hidden, width) })
            .collect();
        jobs.par_iter_mut().for_each(|job| pass.through_time(job));
        let of = |part: fn(&BlockSums) -> &Buffer| sum_blocks(jobs.iter().map(|job| &**part(&job.sums)));
        let (recurrent, time_1) = (of(|sums| &sums.recurrent), of(|sums| &sums.time_1));
        let time_2 = [of(|sums| &sums.time_2[0]), of(|sums| &sums.time_2[1])];
        let times = [
            [of(|sums| &sums.times[0][0]), of(|sums| &sums.times[0][1])],
            [of(|sums| &sums.times[1][0]), of(|sums| &sums.times[1][1])],
        ];

        let input_sums: Vec<[Buffer; 2]> = self
            .projections
            .par_chunks_mut(ITEMS_AT_ONCE * GATES * width)
            .zip(gradients.embeddings.par_chunks_mut(ITEMS_AT_ONCE * self.sizes.input))
            .enumerate()
            .map(|(chunk, (projections, embeddings))| {
                pass.items(&self.plan, &self.gates, chunk * ITEMS_AT_ONCE, projections, embeddings)
            })
            .collect();
        let [input, bias] = [0, 1].map(|part: usize| sum_blocks(input_sums.iter().map(|sums| &*sums[part])));
        WeightSums { input, bias, recurrent, time_1, time_2, times }.write(gradients.parameters, &self.sizes);
    }
}

/// Transposes of [`Weights`], gate by gate: rows of a gate, padded columns of what it reads.
struct Transposed {
    input: Buffer,
    recurrent: Buffer,
    time_1: Buffer,
    time_2: [Buffer; 2],
}

impl Transposed {
    fn new(weights: &Weights, input: usize, hidden: usize) -> Self {
        let width = padded(hidden);
        let transpose = |values: &[f32], rows: usize, gates: usize| {
            Buffer::padded_transpose(values, (rows, gates * width), gates * width)
        };
        Self {
            input: transpose(&weights.input, input, GATES),
            recurrent: transpose(&weights.recurrent, hidden, RECURRENT),
            time_1: transpose(&weights.time_1, hidden, 2),
            time_2: weights.time_2.each_ref().map(|weight| transpose(weight, hidden, 1)),
        }
    }
}

/// What all blocks of a backward pass share.
struct Pass<'a> {
    set: InstructionSet,
    inputs: &'a Inputs<'a>,
    weights: &'a Weights,
    transposed: Transposed,
    states: &'a [f32],
    state_gradients: &'a [f32],
    hidden: usize,
    width: usize,
}

impl Pass<'_> {
    fn through_time(&self, job: &mut Job<'_>) {
        let (width, most) = (self.width, job.block.starts.len());
        let mut of_states = Buffer::zeros(most * width);
        let mut of_cells = Buffer::zeros(most * width);
        let mut of_last_states = Buffer::zeros(most * width);
        let steps: Vec<usize> = (0..job.block.length()).collect();
        for steps in steps.rchunks(STEPS_AT_ONCE) {
            for step in steps.iter().rev() {
                self.step(job, *step, [&mut of_states, &mut of_cells, &mut of_last_states]);
            }
            self.sum(job, steps);
        }
    }

    /// One step back: gates become the gradients of their sums.
    fn step(&self, job: &mut Job<'_>, step: usize, [of_states, of_cells, of_last_states]: [&mut Buffer; 3]) {
        let (hidden, width, stride) = (self.hidden, self.width, GATES * self.width);
        let now = job.block.step(step);
        for (row, position) in job.block.positions(step).enumerate() {
            // Histories that end here have nothing from a later step: their rows still hold zeros.
            let later = &of_last_states[row * width..][..hidden];
            let gradient = &self.state_gradients[position * hidden..][..hidden];
            let sums = of_states[row * width..][..hidden].iter_mut().zip(gradient.iter().zip(later));
            sums.for_each(|(sum, (gradient, later))| *sum = gradient + later);
        }
        let last = if step == 0 { 0..0 } else { job.block.step(step - 1) };
        let gates = &mut job.gates[now.start * stride..now.end * stride];
        let last_cells = &job.cells[last.start * width..last.end * width];
        let cells = &job.cells[now.start * width..now.end * width];
        rows::cell_back(self.set, gates, last_cells, cells, of_states, of_cells, width);
        for gate in 0..RECURRENT {
            let start = if gate == 0 { Start::Zero } else { Start::Result };
            let left = Left::strided(&gates[gate * width..], now.len(), hidden, stride);
            let right = Right::strided(&self.transposed.recurrent[gate * width * width..], hidden, width);
            multiply(self.set, left, right, start, of_last_states, width);
        }
    }

    /// Adds the rows of some steps to the gradients of the weights.
    fn sum(&self, job: &mut Job<'_>, steps: &[usize]) {
        let (hidden, width, stride) = (self.hidden, self.width, GATES * self.width);
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return };
        let range = job.block.step(*first).start..job.block.step(*last).end;
        let count = range.len();
        let positions: Vec<usize> = steps.iter().flat_map(|step| job.block.positions(*step)).collect();
        let gates = &job.gates[range.start * stride..range.end * stride];

        let mut last_states = Buffer::zeros(count * hidden);
        let fresh = if *first == 0 { job.block.step(0).len() } else { 0 };
        for (row, position) in last_states.chunks_exact_mut(hidden).zip(&positions).skip(fresh) {
            row.copy_from_slice(&self.states[(position - 1) * hidden..][..hidden]);
        }
        let left = Left::new(&last_states, count, hidden).transposed();
        let right = Right::strided(gates, RECURRENT * width, stride);
        multiply(self.set, left, right, Start::Result, &mut job.sums.recurrent, RECURRENT * width);

        let first_gates =
            [(OUTPUT, &self.transposed.time_1[..width * width]), (TIME_1, &self.transposed.time_1[width * width..])];
        let second_gates = [(OUTPUT, &*self.transposed.time_2[0]), (TIME_2, &*self.transposed.time_2[1])];
        let mut of_rows = Buffer::zeros(count * width);
        let mut rows = Buffer::zeros(count * width);
        for (time, reading) in [first_gates, second_gates].into_iter().enumerate() {
            let all = [self.inputs.time_to_now, self.inputs.time_from_first][time];
            let times: Vec<f32> = positions.iter().map(|position| all[*position]).collect();
            let [weight, bias] = &self.weights.times[time];
            rows::time_rows(self.set, &times, weight, bias, &mut rows);
            for (number, (gate, transposed)) in reading.into_iter().enumerate() {
                let start = if number == 0 { Start::Zero } else { Start::Result };
                let left = Left::strided(&gates[gate * width..], count, hidden, stride);
                multiply(self.set, left, Right::strided(transposed, hidden, width), start, &mut of_rows, width);
            }
            let [of_weight, of_bias] = &mut job.sums.times[time];
            rows::time_gradients(self.set, &times, &rows, &of_rows, of_weight, of_bias);
            let left = Left::strided(&rows, count, hidden, width).transposed();
            let add = |gate: usize, gates_together: usize, sum: &mut Buffer| {
                let columns = gates_together * width;
                let right = Right::strided(&gates[gate * width..], columns, stride);
                multiply(self.set, left, right, Start::Result, sum, columns);
            };
            if time == 0 {
                add(OUTPUT, 2, &mut job.sums.time_1);
            } else {
                let [of_output, of_gate] = &mut job.sums.time_2;
                add(OUTPUT, 1, of_output);
                add(TIME_2, 1, of_gate);
            }
        }
    }

    /// Gradients of some items' embeddings; answers those of the input weight and bias.
    fn items(
        &self,
        plan: &Plan,
        gates: &[f32],
        first: usize,
        projections: &mut [f32],
        embeddings: &mut [f32],
    ) -> [Buffer; 2] {
        let stride = GATES * self.width;
        let items = projections.len() / stride;
        let input = embeddings.len() / items;
        let mut bias = Buffer::zeros(stride);
        projections.fill(0.0);
        for (item, sum) in projections.chunks_exact_mut(stride).enumerate() {
            for row in plan.rows_of_items.of(first + item) {
                rows::add_row(self.set, &gates[row * stride..][..stride], sum);
            }
            rows::add_row(self.set, sum, &mut bias);
        }
        for gate in 0..GATES {
            let start = if gate == 0 { Start::Zero } else { Start::Result };
            let left = Left::strided(&projections[gate * self.width..], items, self.hidden, stride);
            let transposed = &self.transposed.input[gate * self.width * padded(input)..];
            multiply(self.set, left, Right::strided(transposed, input, padded(input)), start, embeddings, input);
        }
        let mut weight = Buffer::zeros(input * stride);
        let left = Left::new(&self.inputs.embeddings[first * input..], items, input).transposed();
        multiply(self.set, left, Right::new(projections, stride), Start::Zero, &mut weight, stride);
        [weight, bias]
    }
}
