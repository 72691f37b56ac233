//! The backward pass's work on one block, sweep by sweep.

use super::{BlockSums, Job};
use crate::candidate_attention::first_layer::{Correction, FirstLayer, FirstLayerGradient};
use crate::candidate_attention::forward::GroupSums;
use crate::candidate_attention::layout::{Block, Layout};
use crate::candidate_attention::rows;
use crate::candidate_attention::{Inputs, Sizes};
use crate::hidden;
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, padded, split};
use crate::layers::parts;
use crate::normalisation::NormalisationGradient;
use crate::output::{self, Output, SecondGradient};
use crate::product::{Left, Right, Start, multiply};

/// What the forward pass kept and what is written to, of all blocks.
pub(super) struct Saved<'a> {
    pub(super) pooled_gradient: &'a [f32],
    pub(super) keys: &'a [f32],
    pub(super) grams: &'a [f32],
    pub(super) first_values: &'a [f32],
    pub(super) second_products: &'a [f32],
    pub(super) weights: &'a [f32],
    pub(super) logit_gradients: &'a mut Buffer,
    pub(super) key_gradients: &'a mut Buffer,
    pub(super) sums: &'a mut Vec<BlockSums>,
}

/// Both layers as the sweep over their gradients needs them.
pub(super) struct HiddenLayers<'a> {
    pub(super) first: &'a FirstLayer,
    pub(super) output: &'a Output<'a>,
    pub(super) second_gradient: &'a NormalisationGradient,
    /// The second layer's weight, transposed, `[K, padded J]`.
    pub(super) second_weight: &'a [f32],
}

/// What a thread needs for one candidate at a time.
pub(super) struct Scratch {
    /// Gradient behind the second layer's product, `[rows, padded K]`.
    second: Buffer,
    /// Gradient behind the first layer's normalisation, `[rows, padded J]`.
    first: Buffer,
    /// Its sums over the positions, `[C, padded J]`.
    sums: Buffer,
    /// aᵀ · dy, `[D, padded J]`.
    products: Buffer,
    /// The first layer's transposed weight of one candidate, `[J, padded D]`.
    weight: Buffer,
    query: Buffer,
}

impl Scratch {
    pub(super) fn new(sizes: &Sizes, inputs: &Inputs<'_>) -> Self {
        let (widths, target) = (sizes.layers.map(padded), padded(sizes.target));
        let rows = inputs.histories.slots;
        Self {
            second: Buffer::zeros(rows * widths[1]),
            first: Buffer::zeros(rows * widths[0]),
            sums: Buffer::zeros(inputs.candidates * widths[0]),
            products: Buffer::zeros(sizes.target * widths[0]),
            weight: Buffer::zeros(sizes.layers[0] * target),
            query: Buffer::zeros(target),
        }
    }
}

/// What all blocks of a backward pass share.
pub(super) struct Pass<'a> {
    pub(super) set: InstructionSet,
    pub(super) sizes: Sizes,
    pub(super) layout: &'a Layout,
    pub(super) inputs: &'a Inputs<'a>,
}

impl<'a> Pass<'a> {
    pub(super) fn jobs(&self, saved: Saved<'a>, (states, queries): (&'a mut [f32], &'a mut [f32])) -> Vec<Job<'a>> {
        let Sizes { hidden, target, layers } = self.sizes;
        let candidates = self.inputs.candidates;
        let positions = self.layout.each(|block| block.positions);
        let rows = self.layout.each(|block| block.rows);
        let groups = self.layout.each(|block| block.groups.len());
        let pairs = self.layout.each(|block| block.pairs);
        let of = |counts: &[usize], width: usize| counts.iter().map(|count| count * width).collect::<Vec<_>>();
        let read = |values, counts: &[usize], width| parts(values, of(counts, width));
        let write = |values, counts: &[usize], width| split(values, of(counts, width)).into_iter();
        let total = |counts: &[usize]| counts.iter().sum::<usize>();
        let mut own_states = read(self.inputs.states, &positions, hidden);
        let mut own_queries = read(self.inputs.queries, &groups, candidates * target);
        let mut pooled_gradient = read(saved.pooled_gradient, &groups, candidates * hidden);
        let mut keys = read(saved.keys, &positions, target);
        let mut grams = read(saved.grams, &groups, target * padded(target));
        let mut first_values = read(saved.first_values, &rows, padded(layers[0]));
        let mut second_products = read(saved.second_products, &rows, padded(layers[1]));
        let mut weights = read(saved.weights, &pairs, 1);
        let mut logit_gradients = write(saved.logit_gradients.resize(total(&pairs)), &pairs, 1);
        let mut key_gradients = write(saved.key_gradients.resize(total(&positions) * target), &positions, target);
        let mut state_gradients = write(states, &positions, hidden);
        let mut query_gradients = write(queries, &groups, candidates * target);
        saved.sums.resize_with(self.layout.blocks.len(), || BlockSums::new(&self.sizes));
        let mut sums = saved.sums.iter_mut();
        let mut next = |block: &'a Block| {
            Some(Job {
                block,
                states: own_states.next()?,
                queries: own_queries.next()?,
                pooled_gradient: pooled_gradient.next()?,
                keys: keys.next()?,
                grams: grams.next()?,
                first_values: first_values.next()?,
                second_products: second_products.next()?,
                weights: weights.next()?,
                logit_gradients: logit_gradients.next()?,
                key_gradients: key_gradients.next()?,
                state_gradients: state_gradients.next()?,
                query_gradients: query_gradients.next()?,
                sums: sums.next()?,
            })
        };
        self.layout.blocks.iter().filter_map(&mut next).collect()
    }

    /// Gradients of the logits, the states' share as values of the pooling, and the second layer's sums.
    pub(super) fn pool(&self, job: &mut Job<'_>, output: &Output<'_>) {
        let Sizes { hidden, layers, .. } = self.sizes;
        let (candidates, width) = (self.inputs.candidates, padded(layers[1]));
        let stride = padded(candidates);
        let mut of_weights = Buffer::zeros(self.layout.slots * stride);
        let mut sums = [0, 1, 2].map(|_| Buffer::zeros(width));
        for (number, group) in job.block.groups.iter().enumerate() {
            let states = &job.states[group.first_position * hidden..][..group.length * hidden];
            let gradient = &job.pooled_gradient[number * candidates * hidden..][..candidates * hidden];
            let transposed = Buffer::padded_transpose(gradient, (candidates, hidden), hidden);
            let left = Left::new(states, group.length, hidden);
            let right = Right::strided(&transposed, candidates, stride);
            multiply(self.set, left, right, Start::Zero, &mut of_weights, stride);
            let weights = &job.weights[group.first_pair..][..candidates * group.length];
            let target = &mut job.state_gradients[group.first_position * hidden..][..group.length * hidden];
            let left = Left::new(weights, candidates, group.length).transposed();
            multiply(self.set, left, Right::new(gradient, hidden), Start::Zero, target, hidden);

            for (candidate, weights) in weights.chunks_exact(group.length).enumerate() {
                let of_weights = of_weights.iter().skip(candidate).step_by(stride);
                let pair = group.first_pair + candidate * group.length;
                let logits = &mut job.logit_gradients[pair..pair + group.length];
                softmax_gradient(weights, of_weights, logits);
                let first_row = group.first_row + candidate * group.rows();
                let products = &job.second_products[first_row * width..][..group.length * width];
                let row = self.layout.dropout_row(group, candidate, 0);
                output::output_sums(self.set, products, logits, output, row, &mut sums);
            }
        }
        for (block, sums) in job.sums.second.iter_mut().zip(&sums) {
            block.iter_mut().zip(&**sums).for_each(|(block, sum)| *block = f64::from(*sum));
        }
    }

    /// Gradients of the second layer's weight and, but for what is linear in them, of keys and candidates.
    pub(super) fn hidden_layers(&self, job: &mut Job<'_>, layer: &HiddenLayers<'_>, scratch: &mut Scratch) {
        let Sizes { target, layers, .. } = self.sizes;
        let (candidates, width) = (self.inputs.candidates, padded(layers[0]));
        job.key_gradients.fill(0.0);
        job.sums.clear();
        for number in 0..job.block.groups.len() {
            let queries = &job.queries[number * candidates * target..][..candidates * target];
            for candidate in 0..candidates {
                self.candidate(job, number, candidate, layer, scratch);
            }
            let query_gradients = &mut job.query_gradients[number * candidates * target..][..candidates * target];
            let sums = Left::strided(&scratch.sums, candidates, layers[0], width);
            let right = Right::strided(&layer.first.transposed[2], target, padded(target));
            multiply(self.set, sums, right, Start::Result, query_gradients, target);
            let [_, _, features] = &mut job.sums.features;
            let left = Left::new(queries, candidates, target).transposed();
            multiply(self.set, left, Right::new(&scratch.sums, width), Start::Result, features, width);
            for sums in scratch.sums.chunks_exact(width) {
                job.sums.first.iter_mut().zip(sums).for_each(|(block, sum)| *block += sum);
            }
        }
    }

    /// All rows of a candidate, from the gradients of its logits to those of the keys.
    fn candidate(
        &self,
        job: &mut Job<'_>,
        number: usize,
        candidate: usize,
        layer: &HiddenLayers<'_>,
        scratch: &mut Scratch,
    ) {
        let Sizes { target, layers, .. } = self.sizes;
        let (candidates, widths) = (self.inputs.candidates, layers.map(padded));
        let group = &job.block.groups[number];
        let query = &job.queries[(number * candidates + candidate) * target..][..target];
        let keys = Left::new(&job.keys[group.first_position * target..], group.length, target);
        let first_row = group.first_row + candidate * group.rows();
        let products = &job.second_products[first_row * widths[1]..][..group.rows() * widths[1]];
        let values = &job.first_values[first_row * widths[0]..][..group.rows() * widths[0]];
        let pair = group.first_pair + candidate * group.length;
        let logits = &job.logit_gradients[pair..pair + group.length];

        let from = SecondGradient { output: layer.output, gradient: layer.second_gradient, empty: group.last_weight() };
        let row = self.layout.dropout_row(group, candidate, 0);
        let second = &mut scratch.second[..group.rows() * widths[1]];
        output::second_gradient(self.set, products, logits, &from, row, second);
        let second = Left::strided(second, group.rows(), layers[1], widths[1]);
        let right = Right::new(values, widths[0]);
        multiply(self.set, second.transposed(), right, Start::Result, &mut job.sums.second_weight, widths[0]);

        let first = &mut scratch.first[..group.rows() * widths[0]];
        multiply(self.set, second, Right::new(layer.second_weight, widths[0]), Start::Zero, first, widths[0]);
        let sums = &mut scratch.sums[candidate * widths[0]..][..widths[0]];
        hidden::keep_active(self.set, values, self.inputs.dropout[0].factor(), first, sums);

        let right = Right::new(first, widths[0]);
        multiply(self.set, keys.transposed(), right, Start::Zero, &mut scratch.products, widths[0]);
        let [of_product, of_key, _] = &mut job.sums.features;
        let query_gradient = &mut job.query_gradients[(number * candidates + candidate) * target..][..target];
        let product_weight = &layer.first.folded[0];
        rows::add_products(self.set, query, &scratch.products, product_weight, (of_product, of_key), query_gradient);

        scratch.query[..target].copy_from_slice(query);
        let [product_weight, key_weight, _] = &layer.first.transposed;
        rows::transposed_weight(self.set, &scratch.query, product_weight, key_weight, &mut scratch.weight);
        let left = Left::strided(first, group.length, layers[0], widths[0]);
        let right = Right::strided(&scratch.weight, target, padded(target));
        let key_gradients = &mut job.key_gradients[group.first_position * target..][..group.length * target];
        multiply(self.set, left, right, Start::Result, key_gradients, target);
    }

    /// Adds what is linear in keys and candidates to their gradients; then those of the states and of B.
    pub(super) fn corrections(&self, job: &mut Job<'_>, first: &FirstLayerGradient, matrix: &[f32]) {
        let Sizes { hidden, target, .. } = self.sizes;
        let (candidates, width) = (self.inputs.candidates, padded(target));
        let mut sums = GroupSums::new(target);
        let mut correction = Correction::new(target);
        for (number, group) in job.block.groups.iter().enumerate() {
            let keys = &job.keys[group.first_position * target..][..group.length * target];
            let queries = &job.queries[number * candidates * target..][..candidates * target];
            sums.replace(self.set, keys, queries);
            let gram = &job.grams[number * target * width..][..target * width];
            let features = sums.features(gram, candidates, self.layout.slots);
            first.linear.of_queries(self.set, &features, &mut correction);
            let gradients = &mut job.query_gradients[number * candidates * target..][..candidates * target];
            self.correct(queries, &correction, gradients);
            first.linear.of_keys(self.set, &features, &mut correction);
            let gradients = &mut job.key_gradients[group.first_position * target..][..group.length * target];
            self.correct(keys, &correction, gradients);
        }
        let gradients = Left::new(job.key_gradients, job.block.positions, target);
        let right = Right::strided(matrix, hidden, padded(hidden));
        multiply(self.set, gradients, right, Start::Result, job.state_gradients, hidden);
        let left = Left::new(job.states, job.block.positions, hidden).transposed();
        multiply(self.set, left, Right::new(job.key_gradients, target), Start::Zero, &mut job.sums.matrix, target);
    }

    fn correct(&self, rows: &[f32], correction: &Correction, gradients: &mut [f32]) {
        let target = self.sizes.target;
        rows::add_row(&correction.vector, target, gradients);
        let left = Left::new(rows, rows.len() / target, target);
        let right = Right::strided(&correction.matrix, target, padded(target));
        multiply(self.set, left, right, Start::Result, gradients, target);
    }
}

/// dlogit = weight · (dweight - Σ weight · dweight).
fn softmax_gradient<'a>(weights: &[f32], of_weights: impl Iterator<Item = &'a f32> + Clone, logits: &mut [f32]) {
    let mean: f32 = weights.iter().zip(of_weights.clone()).map(|(weight, gradient)| weight * gradient).sum();
    for ((logit, weight), gradient) in logits.iter_mut().zip(weights).zip(of_weights) {
        *logit = weight * (gradient - mean);
    }
}
