//! Long-term interest, trained: the distinct history vectors of a batch `[V, D]` enter, their weighted mean for every
//! history `[B, D]` leaves; and back.
//!
//! `softmax((e · A) · query) · e` over all slots of a history, where every empty one counts with the vector of the
//! padding: that is one term with their number as its factor. The logit belongs to the vector alone, as
//! `e · (A · query)`, and is computed once for each distinct one.

#[cfg(test)]
mod tests;

use std::ops::Range;

use rayon::prelude::*;

use crate::functions::softmax;
use crate::histories::Histories;
use crate::instruction_set::InstructionSet;
use crate::lanes::split;
use crate::occurrences::Occurrences;
use crate::sums::{sum_blocks, write};

/// Histories that a thread works on at once.
const HISTORIES_OF_BLOCK: usize = 16;
/// Distinct vectors whose gradients a thread sums at once.
const VECTORS_AT_ONCE: usize = 64;

/// What enters; the same for the forward and the backward pass.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The histories.
    pub histories: Histories<'a>,
    /// Width of a vector, D.
    pub target: usize,
    /// The distinct vectors, `[V, D]`.
    pub vectors: &'a [f32],
    /// Which of them stands at a position, `[positions]`.
    pub items: &'a [u32],
    /// Which of them stands in empty slots; none leaves them out.
    pub padding: Option<u32>,
    /// A `[D, D]`, then the query `[D]`.
    pub parameters: &'a [f32],
}

/// Where the gradients go; all of them are replaced.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[V, D]`
    pub vectors: &'a mut [f32],
    /// A `[D, D]`, then the query `[D]`.
    pub parameters: &'a mut [f32],
}

impl Inputs<'_> {
    fn check(&self, pooled: usize) {
        self.histories.check();
        let target = self.target;
        let distinct = self.vectors.len() / target;
        assert_eq!(self.vectors.len(), distinct * target, "length of the vectors");
        assert_eq!(self.items.len(), self.histories.positions(), "length of the items");
        let mut used = self.items.iter().chain(self.padding.as_ref().filter(|_| self.histories.has_padding()));
        assert!(used.all(|item| (*item as usize) < distinct), "an item has no vector");
        assert_eq!(self.parameters.len(), (target + 1) * target, "length of the parameters");
        assert_eq!(pooled, self.histories.count() * target, "length of the result");
    }

    /// A · query
    fn direction(&self) -> Vec<f32> {
        let (matrix, query) = self.parameters.split_at(self.target * self.target);
        matrix.chunks_exact(self.target).map(|row| dot(row, query)).collect()
    }

    /// Terms of each history: its positions and one more for all its empty slots, if there are any and they count.
    fn ranges(&self) -> Vec<Range<usize>> {
        let mut end = 0;
        let term = |length: &u32| {
            let (start, length) = (end, *length as usize);
            end += length + usize::from(self.padding.is_some() && length < self.histories.slots);
            start..end
        };
        self.histories.lengths.iter().map(term).collect()
    }

    fn vector(&self, item: u32) -> &[f32] {
        &self.vectors[item as usize * self.target..][..self.target]
    }

    /// Empty slots that count.
    fn empty(&self, history: usize) -> usize {
        self.padding.map_or(0, |_| self.histories.slots - self.histories.lengths[history] as usize)
    }

    /// What each term of a history's softmax stands for: its positions' items, then the padding's.
    fn terms(&self, history: usize, first: usize) -> impl Iterator<Item = u32> {
        let length = self.histories.lengths[history] as usize;
        let padding = self.padding.filter(|_| length < self.histories.slots);
        self.items[first..first + length].iter().copied().chain(padding)
    }
}

/// The long-term part with what its backward pass needs to know of the forward pass.
#[derive(Debug)]
pub struct LongTerm {
    set: InstructionSet,
    /// A · query
    direction: Vec<f32>,
    /// Weights of the terms of all histories, one history behind the other.
    weights: Vec<f32>,
    /// Gradients of their logits.
    logit_gradients: Vec<f32>,
}

impl LongTerm {
    /// A long-term part; its sizes come with the inputs.
    pub fn new(set: InstructionSet) -> Self {
        Self { set, direction: Vec::new(), weights: Vec::new(), logit_gradients: Vec::new() }
    }

    /// Replaces `pooled` `[B, D]`.
    ///
    /// # Panics
    /// When a slice has another length than the sizes ask for.
    pub fn forward(&mut self, inputs: &Inputs<'_>, pooled: &mut [f32]) {
        inputs.check(pooled.len());
        let (set, target) = (self.set, inputs.target);
        self.direction = inputs.direction();
        let logits: Vec<f32> = inputs.vectors.par_chunks(target).map(|vector| dot(vector, &self.direction)).collect();
        let terms = inputs.ranges();
        self.weights.resize(terms.last().map_or(0, |terms| terms.end), 0.0);
        let weights = split(&mut self.weights, terms.iter().map(ExactSizeIterator::len));
        let positions: Vec<usize> = inputs.histories.ranges().map(|positions| positions.start).collect();
        pooled
            .par_chunks_mut(target)
            .zip(weights)
            .zip(positions)
            .enumerate()
            .with_min_len(HISTORIES_OF_BLOCK)
            .for_each(|(history, ((pooled, weights), first))| {
                let empty = inputs.empty(history);
                for (weight, item) in weights.iter_mut().zip(inputs.terms(history, first)) {
                    *weight = logits[item as usize];
                }
                if let Some(padding) = weights.last_mut().filter(|_| empty > 0) {
                    // So many equal terms are one whose logit is greater by the logarithm of their number.
                    *padding += (empty as f32).ln();
                }
                softmax(set, weights);
                pooled.fill(0.0);
                for (weight, item) in weights.iter().zip(inputs.terms(history, first)) {
                    add_scaled(*weight, inputs.vector(item), pooled);
                }
            });
    }

    /// Replaces all gradients; `pooled_gradient` `[B, D]` is that of the last forward pass's result, whose inputs must
    /// come again.
    ///
    /// # Panics
    /// When a slice has another length than in that pass.
    pub fn backward(&mut self, inputs: &Inputs<'_>, pooled_gradient: &[f32], gradients: Gradients<'_>) {
        inputs.check(pooled_gradient.len());
        let target = inputs.target;
        let terms = inputs.ranges();
        let positions: Vec<usize> = inputs.histories.ranges().map(|positions| positions.start).collect();
        self.logit_gradients.resize(self.weights.len(), 0.0);
        let weights = &self.weights;
        split(&mut self.logit_gradients, terms.iter().map(ExactSizeIterator::len))
            .into_par_iter()
            .zip(pooled_gradient.par_chunks(target))
            .enumerate()
            .with_min_len(HISTORIES_OF_BLOCK)
            .for_each(|(history, (logits, gradient))| {
                let weights = &weights[terms[history].clone()];
                for (logit, item) in logits.iter_mut().zip(inputs.terms(history, positions[history])) {
                    *logit = dot(inputs.vector(item), gradient);
                }
                let mean = dot(weights, logits);
                logits.iter_mut().zip(weights).for_each(|(logit, weight)| *logit = weight * (*logit - mean));
            });

        let things: Vec<u32> = (0..terms.len()).flat_map(|history| inputs.terms(history, positions[history])).collect();
        let occurrences = Occurrences::new(&things, inputs.vectors.len() / target);
        let histories: Vec<u32> =
            (0..).zip(&terms).flat_map(|(history, terms)| terms.clone().map(move |_| history)).collect();
        let directions: Vec<Vec<f32>> = gradients
            .vectors
            .par_chunks_mut(VECTORS_AT_ONCE * target)
            .enumerate()
            .map(|(chunk, gradients)| {
                let mut direction = vec![0.0; target];
                for (index, gradient) in gradients.chunks_exact_mut(target).enumerate() {
                    let thing = chunk * VECTORS_AT_ONCE + index;
                    let mut of_logit = 0.0;
                    gradient.fill(0.0);
                    for term in occurrences.of(thing) {
                        of_logit += self.logit_gradients[term];
                        let of_history = &pooled_gradient[histories[term] as usize * target..][..target];
                        add_scaled(self.weights[term], of_history, gradient);
                    }
                    add_scaled(of_logit, &self.direction, gradient);
                    add_scaled(of_logit, &inputs.vectors[thing * target..][..target], &mut direction);
                }
                direction
            })
            .collect();
        let direction = sum_blocks(directions.iter().map(Vec::as_slice));
        self.write(inputs, &direction, gradients.parameters);
    }

    /// With direction = A · query: dA = ddirection · queryᵀ and dquery = Aᵀ · ddirection.
    fn write(&self, inputs: &Inputs<'_>, direction: &[f64], gradients: &mut [f32]) {
        let target = inputs.target;
        let (matrix, query) = inputs.parameters.split_at(target * target);
        let (of_matrix, of_query) = gradients.split_at_mut(target * target);
        let mut query_sum = vec![0.0; target];
        let rows = of_matrix.chunks_exact_mut(target).zip(matrix.chunks_exact(target)).zip(direction);
        for ((gradients, matrix), direction) in rows {
            for (column, gradient) in gradients.iter_mut().enumerate() {
                *gradient = (direction * f64::from(query[column])) as f32;
                query_sum[column] += direction * f64::from(matrix[column]);
            }
        }
        write(&query_sum, of_query);
    }
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    // Eight sums side by side, so that an addition need not wait for the one before.
    let (left_chunks, left_rest) = left.as_chunks::<8>();
    let (right_chunks, right_rest) = right.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (left, right) in left_chunks.iter().zip(right_chunks) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f32>() + rest
}

fn add_scaled(factor: f32, values: &[f32], sum: &mut [f32]) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
}
