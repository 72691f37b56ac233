//! The forward pass: the items' share of the gates, then the blocks through time.

use rayon::prelude::*;

use super::plan::{Block, Plan};
use super::weights::{Parameters, Weights};
use super::{GATES, Inputs, OUTPUT, RECURRENT, TIME_2, TimeLstm, rows};
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, split};
use crate::product::{Left, Right, Start, multiply};

/// Items whose share of the gates a thread computes at once.
pub(super) const ITEMS_AT_ONCE: usize = 64;

/// What a thread reads and writes of one block.
struct Job<'a> {
    block: &'a Block,
    gates: &'a mut [f32],
    cells: &'a mut [f32],
    /// States of all rows, `[rows, padded H]`.
    states: Buffer,
}

impl TimeLstm {
    /// Replaces `states` `[positions, H]`.
    ///
    /// # Panics
    /// When a slice has another length than the sizes ask for.
    pub fn forward(&mut self, inputs: &Inputs<'_>, states: &mut [f32]) {
        self.check(inputs);
        let (hidden, width) = (self.sizes.hidden, self.width());
        assert_eq!(states.len(), inputs.histories.positions() * hidden, "length of the states");
        let distinct = inputs.embeddings.len() / self.sizes.input;
        self.plan = Plan::new(inputs, distinct);
        let weights = Weights::new(&Parameters::read(inputs.parameters, &self.sizes), &self.sizes);
        let pass = Pass { set: self.set, inputs, weights: &weights, hidden, width };

        let projections = self.projections.resize(distinct * GATES * width);
        projections
            .par_chunks_mut(ITEMS_AT_ONCE * GATES * width)
            .zip(inputs.embeddings.par_chunks(ITEMS_AT_ONCE * self.sizes.input))
            .for_each(|(projections, embeddings)| pass.project(embeddings, projections));

        let rows = inputs.items.len();
        let counts = || self.plan.blocks.iter().map(Block::rows);
        let gates = split(self.gates.resize(rows * GATES * width), counts().map(|rows| rows * GATES * width));
        let cells = split(self.cells.resize(rows * width), counts().map(|rows| rows * width));
        let mut jobs: Vec<Job<'_>> = self
            .plan
            .blocks
            .iter()
            .zip(gates.into_iter().zip(cells))
            .map(|(block, (gates, cells))| Job { block, gates, cells, states: Buffer::default() })
            .collect();
        jobs.par_iter_mut().for_each(|job| pass.through_time(job, &self.projections));
        for job in &jobs {
            for step in 0..job.block.length() {
                let rows = job.states[job.block.step(step).start * width..].chunks_exact(width);
                for (position, row) in job.block.positions(step).zip(rows) {
                    states[position * hidden..][..hidden].copy_from_slice(&row[..hidden]);
                }
            }
        }
    }
}

/// What all blocks of a forward pass share.
struct Pass<'a> {
    set: InstructionSet,
    inputs: &'a Inputs<'a>,
    weights: &'a Weights,
    hidden: usize,
    width: usize,
}

impl Pass<'_> {
    /// What items add to all gates.
    fn project(&self, embeddings: &[f32], projections: &mut [f32]) {
        let stride = GATES * self.width;
        let items = projections.len() / stride;
        let left = Left::new(embeddings, items, embeddings.len() / items);
        let (right, bias) = (Right::new(&self.weights.input, stride), Start::Row(&self.weights.bias));
        multiply(self.set, left, right, bias, projections, stride);
    }

    fn through_time(&self, job: &mut Job<'_>, projections: &[f32]) {
        let (width, stride) = (self.width, GATES * self.width);
        job.states.resize(job.block.rows() * width);
        let most = job.block.starts.len();
        let mut times = [Buffer::zeros(most * width), Buffer::zeros(most * width)];
        let mut last = 0..0;
        for step in 0..job.block.length() {
            let now = job.block.step(step);
            let count = now.len();
            let gates = &mut job.gates[now.start * stride..now.end * stride];
            for (position, row) in job.block.positions(step).zip(gates.chunks_exact_mut(stride)) {
                let item = self.inputs.items[position] as usize;
                row.copy_from_slice(&projections[item * stride..][..stride]);
            }
            self.add_times(job.block, step, gates, &mut times);
            if !last.is_empty() {
                let states = Left::strided(&job.states[last.start * width..], count, self.hidden, width);
                let right = Right::new(&self.weights.recurrent, RECURRENT * width);
                multiply(self.set, states, right, Start::Result, gates, stride);
            }
            let (before, cells) = job.cells.split_at_mut(now.start * width);
            let last_cells = &before[last.start * width..last.end * width];
            rows::cell(self.set, gates, last_cells, cells, &mut job.states[now.start * width..], width);
            last = now;
        }
    }

    /// Adds what the times of a step's positions contribute to the output and time gates.
    fn add_times(&self, block: &Block, step: usize, gates: &mut [f32], rows: &mut [Buffer; 2]) {
        let (width, stride) = (self.width, GATES * self.width);
        let count = block.step(step).len();
        let mut times = Vec::with_capacity(count);
        for ((rows, [weight, bias]), all) in
            rows.iter_mut().zip(&self.weights.times).zip([self.inputs.time_to_now, self.inputs.time_from_first])
        {
            times.clear();
            times.extend(block.positions(step).map(|position| all[position]));
            rows::time_rows(self.set, &times, weight, bias, rows);
        }
        let [first, second] = rows.each_ref().map(|rows| Left::strided(rows, count, self.hidden, width));
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
