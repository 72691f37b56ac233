//! The backward pass, in three sweeps over the blocks with a stop for each layer's sums between them.

mod sweeps;

use rayon::prelude::*;

use super::layout::Block;
use super::{CandidateAttention, Gradients, Inputs, Sizes};
use crate::lanes::{Buffer, padded, split};
use crate::layers::Network;
use crate::output::{self, Output};
use crate::sums::{sum_blocks, write};
use sweeps::{HiddenLayers, Pass, Saved, Scratch};

/// What a thread reads and writes of one block.
struct Job<'a> {
    block: &'a Block,
    states: &'a [f32],
    queries: &'a [f32],
    pooled_gradient: &'a [f32],
    keys: &'a [f32],
    grams: &'a [f32],
    first_values: &'a [f32],
    second_products: &'a [f32],
    weights: &'a [f32],
    logit_gradients: &'a mut [f32],
    key_gradients: &'a mut [f32],
    state_gradients: &'a mut [f32],
    query_gradients: &'a mut [f32],
    sums: &'a mut BlockSums,
}

/// Sums over the rows of a block.
#[derive(Debug)]
pub(super) struct BlockSums {
    /// Of the second layer, as `output::output_sums` takes them, `[padded K]` each.
    second: [Vec<f64>; 3],
    /// `Σ x · dyᵀ` of the first layer, by parts of x, `[D, padded J]` each.
    features: [Buffer; 3],
    /// Σ dy of the first layer, `[padded J]`.
    first: Buffer,
    /// The second layer's weight, transposed, `[K, padded J]`.
    second_weight: Buffer,
    /// B, `[H, D]`.
    matrix: Buffer,
}

impl BlockSums {
    fn new(sizes: &Sizes) -> Self {
        let widths = sizes.layers.map(padded);
        Self {
            second: std::array::from_fn(|_| vec![0.0; widths[1]]),
            features: std::array::from_fn(|_| Buffer::zeros(sizes.target * widths[0])),
            first: Buffer::zeros(widths[0]),
            second_weight: Buffer::zeros(sizes.layers[1] * widths[0]),
            matrix: Buffer::zeros(sizes.hidden * sizes.target),
        }
    }

    /// Forgets what is added to; the rest is replaced anyway.
    fn clear(&mut self) {
        let Self { features, first, second_weight, .. } = self;
        features.iter_mut().chain([first, second_weight]).for_each(|sums| sums.fill(0.0));
    }
}

impl CandidateAttention {
    /// Replaces all gradients; `pooled_gradient` `[B * C, H]` is that of the last forward pass's result, whose inputs
    /// must come again.
    ///
    /// # Panics
    /// When a slice has another length than in that pass.
    pub fn backward(&mut self, inputs: &Inputs<'_>, pooled_gradient: &[f32], gradients: Gradients<'_>) {
        self.check(inputs);
        let Sizes { hidden, target, layers } = self.sizes;
        assert_eq!(pooled_gradient.len(), inputs.queries.len() / target * hidden, "length of the result's gradient");
        let (matrix, network) = self.parameters(inputs.parameters);
        let pass = Pass { set: self.set, sizes: self.sizes, layout: &self.layout, inputs };
        let mut jobs = pass.jobs(
            Saved {
                pooled_gradient,
                keys: &self.keys,
                grams: &self.grams,
                first_values: &self.first_values,
                second_products: &self.second_products,
                weights: &self.weights,
                logit_gradients: &mut self.logit_gradients,
                key_gradients: &mut self.key_gradients,
                sums: &mut self.gradients,
            },
            (gradients.states, gradients.queries),
        );
        let output_weight = Buffer::padded_rows(network.output_weight, layers[1]);
        let output = Output { normalisation: &self.second, weight: &output_weight, dropout: inputs.dropout[1] };
        jobs.par_iter_mut().for_each(|job| pass.pool(job, &output));
        let [plain, centred, of_weight] =
            [0, 1, 2].map(|part: usize| sum_blocks(jobs.iter().map(|job| job.sums.second[part].as_slice())));
        let second = output.normalisation_gradient(&plain, &centred, network.output_weight);

        let layer = HiddenLayers {
            first: &self.first,
            output: &output,
            second_gradient: &second,
            second_weight: &Buffer::padded_transpose(network.second.weight, (layers[0], layers[1]), layers[1]),
        };
        jobs.par_iter_mut().for_each_init(
            || Scratch::new(&self.sizes, inputs),
            |scratch, job| pass.hidden_layers(job, &layer, scratch),
        );
        let features: Vec<f64> = [0, 1, 2]
            .into_iter()
            .flat_map(|part: usize| sum_blocks(jobs.iter().map(|job| &*job.sums.features[part])))
            .collect();
        let first_sums = sum_blocks(jobs.iter().map(|job| &*job.sums.first));
        let first = self.first.backward(self.set, &features, &first_sums[..layers[0]]);

        let matrix = Buffer::padded_transpose(matrix, (hidden, target), target);
        jobs.par_iter_mut().for_each(|job| pass.corrections(job, &first, &matrix));

        let mut parts = split(gradients.parameters, self.sizes.lengths()).into_iter();
        let matrix_gradient = parts.next().unwrap_or_default();
        write(&sum_blocks(jobs.iter().map(|job| &*job.sums.matrix)), matrix_gradient);
        let network: Network<&mut [f32]> = Network::from_parts(&mut parts);
        first.write_weight(target, layers[0], network.first.weight);
        first.normalisation.write(network.first.gamma, network.first.beta);
        let second_weight = sum_blocks(jobs.iter().map(|job| &*job.sums.second_weight));
        output::write_second_weight(&second_weight, layers, network.second.weight);
        second.write(network.second.gamma, network.second.beta);
        write(&of_weight, network.output_weight);
        // The normalisations take out the biases in front of them, the softmax that of the output.
        for bias in [network.first.bias, network.second.bias, network.output_bias] {
            bias.fill(0.0);
        }
    }
}
