//! The attention without training: the normalisations are folded into the weights, nothing is dropped and nothing is
//! kept. The states of one history and any number of candidates enter, the weighted states leave.
//!
//! The first layer is a plain product for a fixed candidate, over the positions, as for a fixed position, over the
//! candidates: `h = q · (diag(a) · Wp + Wq - Wd) + a · (Wa + Wd) + bias`. The side with fewer elements is the fixed one.

use super::Sizes;
use super::rows::weight_of_candidate;
use crate::fully_connected::inference::{FoldedNetwork, relu_logits};
use crate::functions::softmax;
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, padded};
use crate::layers::{Network, parts};
use crate::normalisation::Statistics;
use crate::product::{Left, Right, Start, multiply};

/// Rows of a product: their hidden values fit the nearest cache.
const ROWS_AT_ONCE: usize = 64;

/// A trained attention, ready to score.
#[derive(Debug)]
pub struct FoldedAttention {
    set: InstructionSet,
    sizes: Sizes,
    /// B `[H, D]`
    matrix: Vec<f32>,
    /// Wp, Wa + Wd and Wq - Wd with the normalisation folded in, `[D, padded J]` each.
    products: Buffer,
    keys: Buffer,
    queries: Buffer,
    network: FoldedNetwork,
}

impl FoldedAttention {
    /// From all parameters, in the order of [`Sizes::lengths`], and the statistics that the normalisations use.
    pub fn new(set: InstructionSet, sizes: Sizes, parameters: &[f32], statistics: &[Statistics; 2]) -> Self {
        let mut all = parts(parameters, sizes.lengths());
        let matrix = all.next().unwrap_or_default().to_vec();
        let network = FoldedNetwork::new(set, sizes.network(), &Network::from_parts(&mut all), statistics);
        let length = sizes.target * padded(sizes.layers[0]);
        let part = |number: usize| &network.first.weight[number * length..][..length];
        let [key, query, difference, product] = [part(0), part(1), part(2), part(3)];
        let combine = |left: &[f32], right: &[f32], sign: f32| {
            let mut result = Buffer::zeros(length);
            for (result, (left, right)) in result.iter_mut().zip(left.iter().zip(right)) {
                *result = left + sign * right;
            }
            result
        };
        let products = combine(product, product, 0.0);
        let (keys, queries) = (combine(key, difference, 1.0), combine(query, difference, -1.0));
        Self { set, sizes, matrix, products, keys, queries, network }
    }

    /// Replaces `pooled` `[N, H]`, for the states `[L, H]` of a history and candidates `[N, D]`.
    ///
    /// # Panics
    /// When there is no state or a slice has another length than the sizes ask for.
    pub fn pool(&self, states: &[f32], queries: &[f32], pooled: &mut [f32]) {
        let hidden = self.sizes.hidden;
        let weights = self.weights(states, queries);
        let candidates = queries.len() / self.sizes.target;
        assert_eq!(pooled.len(), candidates * hidden, "length of the result");
        let left = Left::new(&weights, candidates, states.len() / hidden);
        multiply(self.set, left, Right::new(states, hidden), Start::Zero, pooled, hidden);
    }

    /// The attention of candidates `[N, D]` to the states `[L, H]` of a history, `[N, L]`; each row sums to 1.
    ///
    /// # Panics
    /// When there is no state or a slice has another length than the sizes ask for.
    pub fn weights(&self, states: &[f32], queries: &[f32]) -> Vec<f32> {
        let Sizes { hidden, target, .. } = self.sizes;
        let (length, candidates) = (states.len() / hidden, queries.len() / target);
        assert!(length > 0 && states.len() == length * hidden, "length of the states");
        assert_eq!(queries.len(), candidates * target, "length of the queries");
        let mut keys = vec![0.0; length * target];
        let left = Left::new(states, length, hidden);
        multiply(self.set, left, Right::new(&self.matrix, target), Start::Zero, &mut keys, target);
        let mut weights = vec![0.0; candidates * length];
        if candidates < length {
            self.logits((queries, &self.queries), (&keys, &self.keys), (length, 1), &mut weights);
        } else {
            self.logits((&keys, &self.keys), (queries, &self.queries), (1, length), &mut weights);
        }
        weights.chunks_exact_mut(length).for_each(|weights| softmax(self.set, weights));
        weights
    }

    /// Logits of all pairs of a fixed element and a row; each side comes with its own weight. The strides say where the
    /// logit of a pair goes.
    fn logits(&self, fixed: (&[f32], &[f32]), rows: (&[f32], &[f32]), strides: (usize, usize), logits: &mut [f32]) {
        let Sizes { target, layers, .. } = self.sizes;
        let width = padded(layers[0]);
        let count = fixed.0.len() / target;
        let mut of_fixed = Buffer::zeros(count * width);
        let (left, bias) = (Left::new(fixed.0, count, target), Start::Row(&self.network.first.bias));
        multiply(self.set, left, Right::new(fixed.1, width), bias, &mut of_fixed, width);
        let mut weight = Buffer::zeros(target * width);
        let mut scratch = self.network.scratch(ROWS_AT_ONCE);
        let mut of_rows = [0.0; ROWS_AT_ONCE];
        for (number, element) in fixed.0.chunks_exact(target).enumerate() {
            weight_of_candidate(self.set, element, &self.products, rows.1, &mut weight);
            let start = Start::Row(&of_fixed[number * width..][..width]);
            for (chunk, rows) in rows.0.chunks(ROWS_AT_ONCE * target).enumerate() {
                let of_rows = &mut of_rows[..rows.len() / target];
                let left = Left::new(rows, of_rows.len(), target);
                multiply(self.set, left, Right::new(&weight, width), start, &mut scratch.first, width);
                relu_logits(self.set, &self.network, &mut scratch, of_rows);
                for (row, logit) in of_rows.iter().enumerate() {
                    logits[number * strides.0 + (chunk * ROWS_AT_ONCE + row) * strides.1] = *logit;
                }
            }
        }
    }
}
