//! The forward pass, in three sweeps over the blocks with a stop for each layer's statistics between them.

use rayon::prelude::*;

use super::features::{FeatureSums, GroupFeatures};
use super::first_layer::FirstLayer;
use super::layout::{Block, Layout};
use super::rows;
use super::{CandidateAttention, Inputs, Sizes};
use crate::dropout;
use crate::functions;
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, padded, split};
use crate::layers::Network;
use crate::normalisation::{Moments, Normalisation};
use crate::output::{self, Output};
use crate::product::{Left, Right, Start, multiply};

/// What a thread reads and writes of one block.
struct Job<'a> {
    block: &'a Block,
    states: &'a [f32],
    queries: &'a [f32],
    keys: &'a mut [f32],
    grams: &'a mut [f32],
    first_values: &'a mut [f32],
    second_products: &'a mut [f32],
    weights: &'a mut [f32],
    pooled: &'a mut [f32],
    features: &'a mut FeatureSums,
    moments: Moments,
}

impl CandidateAttention {
    /// Replaces `pooled` `[B * C, H]`.
    ///
    /// # Panics
    /// When a slice has another length than the sizes ask for.
    pub fn forward(&mut self, inputs: &Inputs<'_>, pooled: &mut [f32]) {
        self.check(inputs);
        let Sizes { hidden, target, layers } = self.sizes;
        assert_eq!(pooled.len(), inputs.histories.count() * inputs.candidates * hidden, "length of the result");
        self.layout = Layout::new(&inputs.histories, inputs.candidates);
        let (matrix, network) = self.parameters(inputs.parameters);
        let pass = Pass { set: self.set, sizes: self.sizes, layout: &self.layout, inputs };
        let mut jobs = pass.jobs(
            Buffers {
                keys: &mut self.keys,
                grams: &mut self.grams,
                first_values: &mut self.first_values,
                second_products: &mut self.second_products,
                weights: &mut self.weights,
                features: &mut self.features,
            },
            pooled,
        );
        jobs.par_iter_mut().for_each(|job| pass.keys(job, matrix));
        let features = FeatureSums::of_blocks(target, jobs.iter().map(|job| &*job.features));
        let rows = (inputs.queries.len() / target * inputs.histories.slots) as f64;
        let first = FirstLayer::new(self.set, &features, rows, &network.first);

        let second_weight = Buffer::padded_rows(network.second.weight, layers[1]);
        jobs.par_iter_mut().for_each_init(
            || Scratch::new(&self.sizes, inputs.candidates),
            |scratch, job| pass.hidden_layers(job, &first, &second_weight, scratch),
        );
        let moments = Moments::of_blocks(padded(layers[1]), jobs.iter().map(|job| &job.moments));
        let second = Normalisation::of(moments, network.second.gamma, network.second.beta);

        jobs.par_iter_mut().for_each(|job| pass.pool(job, &second, &network));
        drop(jobs);
        (self.first, self.second) = (first, second);
    }
}

struct Buffers<'a> {
    keys: &'a mut Buffer,
    grams: &'a mut Buffer,
    first_values: &'a mut Buffer,
    second_products: &'a mut Buffer,
    weights: &'a mut Buffer,
    features: &'a mut Vec<FeatureSums>,
}

/// What a thread needs for one candidate at a time.
struct Scratch {
    /// The first layer's weight of one candidate, `[D, padded J]`.
    weight: Buffer,
    /// What the candidates add to the first layer, `[C, padded J]`.
    of_queries: Buffer,
}

impl Scratch {
    fn new(sizes: &Sizes, candidates: usize) -> Self {
        let width = padded(sizes.layers[0]);
        Self { weight: Buffer::zeros(sizes.target * width), of_queries: Buffer::zeros(candidates * width) }
    }
}

/// What all blocks of a forward pass share.
struct Pass<'a> {
    set: InstructionSet,
    sizes: Sizes,
    layout: &'a Layout,
    inputs: &'a Inputs<'a>,
}

impl<'a> Pass<'a> {
    fn jobs(&self, buffers: Buffers<'a>, pooled: &'a mut [f32]) -> Vec<Job<'a>> {
        let Sizes { hidden, target, layers } = self.sizes;
        let candidates = self.inputs.candidates;
        let positions = self.layout.each(|block| block.positions);
        let rows = self.layout.each(|block| block.rows);
        let groups = self.layout.each(|block| block.groups.len());
        let pairs = self.layout.each(|block| block.pairs);
        let parts = |buffer: &'a mut Buffer, counts: &[usize], width: usize| {
            let buffer = buffer.resize(counts.iter().sum::<usize>() * width);
            split(buffer, counts.iter().map(|count| count * width)).into_iter()
        };
        let mut keys = parts(buffers.keys, &positions, target);
        let mut grams = parts(buffers.grams, &groups, target * padded(target));
        let mut first_values = parts(buffers.first_values, &rows, padded(layers[0]));
        let mut second_products = parts(buffers.second_products, &rows, padded(layers[1]));
        let mut weights = parts(buffers.weights, &pairs, 1);
        let mut pooled = split(pooled, groups.iter().map(|count| count * candidates * hidden)).into_iter();
        buffers.features.resize_with(self.layout.blocks.len(), || FeatureSums::new(target));
        let mut features = buffers.features.iter_mut();
        let (mut states, mut queries) = (self.inputs.states, self.inputs.queries);
        let mut next = |block: &'a Block| {
            let (own_states, other_states) = states.split_at(block.positions * hidden);
            let (own_queries, other_queries) = queries.split_at(block.groups.len() * candidates * target);
            (states, queries) = (other_states, other_queries);
            Some(Job {
                block,
                states: own_states,
                queries: own_queries,
                keys: keys.next()?,
                grams: grams.next()?,
                first_values: first_values.next()?,
                second_products: second_products.next()?,
                weights: weights.next()?,
                pooled: pooled.next()?,
                features: features.next()?,
                moments: Moments::new(padded(layers[1])),
            })
        };
        self.layout.blocks.iter().filter_map(&mut next).collect()
    }

    /// Keys, and what a history adds to the moments of the first layer's inputs.
    fn keys(&self, job: &mut Job<'_>, matrix: &[f32]) {
        let Sizes { hidden, target, .. } = self.sizes;
        let (candidates, width) = (self.inputs.candidates, padded(target));
        let mut sums = GroupSums::new(target);
        job.features.clear();
        let left = Left::new(job.states, job.block.positions, hidden);
        multiply(self.set, left, Right::new(matrix, target), Start::Zero, job.keys, target);
        for (number, group) in job.block.groups.iter().enumerate() {
            let keys = &job.keys[group.first_position * target..][..group.length * target];
            let queries = &job.queries[number * candidates * target..][..candidates * target];
            let gram = &mut job.grams[number * target * width..][..target * width];
            // The padding is never written, but the buffer may have held something else.
            gram.fill(0.0);
            square(self.set, keys, target, gram);
            sums.replace(self.set, keys, queries);
            job.features.add(self.set, &sums.features(gram, candidates, self.layout.slots));
        }
    }

    /// Both hidden layers' products of every pair, and the second's moments.
    fn hidden_layers(&self, job: &mut Job<'_>, first: &FirstLayer, second_weight: &[f32], scratch: &mut Scratch) {
        let Sizes { target, layers, .. } = self.sizes;
        let candidates = self.inputs.candidates;
        let widths = layers.map(padded);
        let [product_weight, key_weight, query_weight] = &first.folded;
        for (number, group) in job.block.groups.iter().enumerate() {
            let keys = &job.keys[group.first_position * target..][..group.length * target];
            let queries = &job.queries[number * candidates * target..][..candidates * target];
            let left = Left::new(queries, candidates, target);
            let shift = Start::Row(&first.normalisation.shift);
            multiply(self.set, left, Right::new(query_weight, widths[0]), shift, &mut scratch.of_queries, widths[0]);
            for (candidate, query) in queries.chunks_exact(target).enumerate() {
                let of_query = &scratch.of_queries[candidate * widths[0]..][..widths[0]];
                rows::weight_of_candidate(self.set, query, product_weight, key_weight, &mut scratch.weight);
                let first_row = group.first_row + candidate * group.rows();
                let values = &mut job.first_values[first_row * widths[0]..][..group.rows() * widths[0]];
                let left = Left::new(keys, group.length, target);
                let right = Right::new(&scratch.weight, widths[0]);
                multiply(self.set, left, right, Start::Row(of_query), values, widths[0]);
                let (used, empty) = values.split_at_mut(group.length * widths[0]);
                empty.copy_from_slice(&of_query[..empty.len()]);
                let dropout = &self.inputs.dropout[0];
                let row = |position| self.layout.dropout_row(group, candidate, position);
                dropout::activate(self.set, used, widths[0], dropout, row(0));
                dropout::activate(self.set, empty, widths[0], dropout, row(self.layout.slots));

                let products = &mut job.second_products[first_row * widths[1]..][..group.rows() * widths[1]];
                let left = Left::strided(values, group.rows(), layers[0], widths[0]);
                multiply(self.set, left, Right::new(second_weight, widths[1]), Start::Zero, products, widths[1]);
                job.moments.add(self.set, products, group.last_weight());
            }
        }
    }

    /// Weights of the positions and the weighted states.
    fn pool(&self, job: &mut Job<'_>, second: &Normalisation, network: &Network<&[f32]>) {
        let Sizes { hidden, layers, .. } = self.sizes;
        let (candidates, width) = (self.inputs.candidates, padded(layers[1]));
        let weight = Buffer::padded_rows(network.output_weight, layers[1]);
        let output = Output { normalisation: second, weight: &weight, dropout: self.inputs.dropout[1] };
        for (number, group) in job.block.groups.iter().enumerate() {
            for candidate in 0..candidates {
                let first_row = group.first_row + candidate * group.rows();
                let products = &job.second_products[first_row * width..][..group.length * width];
                let weights = &mut job.weights[group.first_pair + candidate * group.length..][..group.length];
                output::logits(self.set, products, &output, self.layout.dropout_row(group, candidate, 0), weights);
                functions::softmax(self.set, weights);
            }
            let weights = &job.weights[group.first_pair..][..candidates * group.length];
            let states = &job.states[group.first_position * hidden..][..group.length * hidden];
            let pooled = &mut job.pooled[number * candidates * hidden..][..candidates * hidden];
            let left = Left::new(weights, candidates, group.length);
            multiply(self.set, left, Right::new(states, hidden), Start::Zero, pooled, hidden);
        }
    }
}

/// Sums of a history's candidates and keys.
pub(super) struct GroupSums {
    target: usize,
    query_gram: Buffer,
    key_sum: Buffer,
    query_sum: Buffer,
}

impl GroupSums {
    pub(super) fn new(target: usize) -> Self {
        let width = padded(target);
        Self {
            target,
            query_gram: Buffer::zeros(target * width),
            key_sum: Buffer::zeros(width),
            query_sum: Buffer::zeros(width),
        }
    }

    /// Replaces the sums.
    pub(super) fn replace(&mut self, set: InstructionSet, keys: &[f32], queries: &[f32]) {
        square(set, queries, self.target, &mut self.query_gram);
        sum_rows(keys, self.target, &mut self.key_sum);
        sum_rows(queries, self.target, &mut self.query_sum);
    }

    pub(super) fn features<'a>(&'a self, key_gram: &'a [f32], candidates: usize, slots: usize) -> GroupFeatures<'a> {
        GroupFeatures {
            key_gram,
            query_gram: &self.query_gram,
            key_sum: &self.key_sum,
            query_sum: &self.query_sum,
            candidates: candidates as f32,
            slots: slots as f32,
        }
    }
}

/// rowsᵀ · rows, with padded rows.
fn square(set: InstructionSet, rows: &[f32], columns: usize, result: &mut [f32]) {
    let left = Left::new(rows, rows.len() / columns, columns).transposed();
    multiply(set, left, Right::new(rows, columns), Start::Zero, result, padded(columns));
}

fn sum_rows(rows: &[f32], columns: usize, sum: &mut [f32]) {
    sum.fill(0.0);
    for row in rows.chunks_exact(columns) {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
}
