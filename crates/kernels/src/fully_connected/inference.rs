//! A fully connected network without training: the normalisations are folded into the weights and nothing is dropped.

use crate::instruction_set::{InstructionSet, vectorised};
use crate::lanes::{Buffer, padded, vectors, vectors_mut};
use crate::layers::{Layer, Network, NetworkSizes, parts};
use crate::normalisation::{Normalisation, Statistics};
use crate::product::{Left, Right, Start, multiply};
use crate::simd::Vector;

/// Rows whose hidden values fit the nearest cache.
const ROWS_AT_ONCE: usize = 64;

/// A trained network, ready to score.
#[derive(Debug)]
pub struct FoldedNetwork {
    set: InstructionSet,
    sizes: NetworkSizes,
    pub(crate) first: FoldedLayer,
    second: FoldedLayer,
    /// `[padded K]`
    output_weight: Buffer,
    output_bias: f32,
}

/// Weight `[inputs, padded width]` and bias of a layer, its normalisation included.
#[derive(Debug)]
pub(crate) struct FoldedLayer {
    pub(crate) weight: Buffer,
    pub(crate) bias: Vec<f32>,
}

impl FoldedLayer {
    fn new(layer: &Layer<&[f32]>, statistics: &Statistics) -> Self {
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
        let variance = wide(&statistics.variance);
        // The statistics count the bias, the product comes without it.
        let mean = statistics.mean.iter().zip(layer.bias).map(|(mean, bias)| f64::from(*mean) - f64::from(*bias));
        let normalisation = Normalisation::new(1.0, mean.collect(), variance, layer.gamma, layer.beta);
        let mut weight = Buffer::padded_rows(layer.weight, layer.bias.len());
        for row in weight.chunks_exact_mut(padded(layer.bias.len())) {
            row.iter_mut().zip(&normalisation.scale).for_each(|(weight, scale)| *weight *= scale);
        }
        Self { weight, bias: normalisation.shift }
    }
}

/// Hidden values of some rows.
pub(crate) struct Scratch {
    /// `[rows, padded J]`
    pub(crate) first: Buffer,
    /// `[rows, padded K]`
    second: Buffer,
}

impl FoldedNetwork {
    /// From all parameters, in the order of [`NetworkSizes::lengths`], and the statistics that the normalisations use.
    pub fn from_parameters(
        set: InstructionSet,
        sizes: NetworkSizes,
        parameters: &[f32],
        statistics: &[Statistics; 2],
    ) -> Self {
        Self::new(set, sizes, &Network::from_parts(&mut parts(parameters, sizes.lengths())), statistics)
    }

    pub(crate) fn new(
        set: InstructionSet,
        sizes: NetworkSizes,
        network: &Network<&[f32]>,
        statistics: &[Statistics; 2],
    ) -> Self {
        Self {
            set,
            sizes,
            first: FoldedLayer::new(&network.first, &statistics[0]),
            second: FoldedLayer::new(&network.second, &statistics[1]),
            output_weight: Buffer::padded_rows(network.output_weight, sizes.hidden[1]),
            output_bias: network.output_bias.first().copied().unwrap_or_default(),
        }
    }

    pub(crate) fn scratch(&self, rows: usize) -> Scratch {
        let [first, second] = self.sizes.hidden.map(|width| Buffer::zeros(rows * padded(width)));
        Scratch { first, second }
    }

    /// Replaces `logits` `[N]`, for rows `[N, inputs]`.
    ///
    /// # Panics
    /// When a slice has another length than the sizes ask for.
    pub fn logits(&self, rows: &[f32], logits: &mut [f32]) {
        let NetworkSizes { inputs, hidden } = self.sizes;
        assert_eq!(rows.len(), logits.len() * inputs, "length of the rows");
        let width = padded(hidden[0]);
        let mut scratch = self.scratch(ROWS_AT_ONCE);
        for (rows, logits) in rows.chunks(ROWS_AT_ONCE * inputs).zip(logits.chunks_mut(ROWS_AT_ONCE)) {
            let (left, bias) = (Left::new(rows, logits.len(), inputs), Start::Row(&self.first.bias));
            multiply(self.set, left, Right::new(&self.first.weight, width), bias, &mut scratch.first, width);
            relu_logits(self.set, self, &mut scratch, logits);
        }
    }
}

/// Logits of the rows whose first hidden values, before the ReLU, stand in `scratch`.
pub(crate) fn relu_logits(set: InstructionSet, network: &FoldedNetwork, scratch: &mut Scratch, logits: &mut [f32]) {
    let layers = network.sizes.hidden;
    let widths = layers.map(padded);
    let first = &mut scratch.first[..logits.len() * widths[0]];
    relu(set, first);
    let (left, bias) = (Left::strided(first, logits.len(), layers[0], widths[0]), Start::Row(&network.second.bias));
    multiply(set, left, Right::new(&network.second.weight, widths[1]), bias, &mut scratch.second, widths[1]);
    relu_dot(set, &scratch.second, &network.output_weight, logits);
    logits.iter_mut().for_each(|logit| *logit += network.output_bias);
}

vectorised! {
    /// max(x, 0) of padded rows; NaN stays NaN.
    fn relu(simd, values: &mut [f32]) {
        for lanes in vectors_mut(values) {
            Vector::load(simd, lanes).at_least(0.0).store(lanes);
        }
    }

    /// max(x, 0) · weight, row by row.
    fn relu_dot(simd, rows: &[f32], weight: &[f32], results: &mut [f32]) {
        for (row, result) in rows.chunks_exact(weight.len()).zip(results) {
            let mut sum = Vector::zero(simd);
            for (values, weight) in vectors(row).iter().zip(vectors(weight)) {
                sum = Vector::load(simd, values).at_least(0.0).mul_add(Vector::load(simd, weight), sum);
            }
            *result = sum.total();
        }
    }
}
