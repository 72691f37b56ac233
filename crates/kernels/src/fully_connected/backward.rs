//! The backward pass, in three sweeps over blocks of rows with a stop for each normalisation's sums between them.

use rayon::prelude::*;

use super::{FullyConnected, Gradients, Inputs, ROWS_OF_BLOCK, first_row};
use crate::hidden;
use crate::lanes::{Buffer, padded, split};
use crate::layers::{Network, NetworkSizes};
use crate::output::{self, Output, SecondGradient};
use crate::product::{Left, Right, Start, multiply};
use crate::sums::{sum_blocks, write};

/// What the second sweep leaves of a block.
struct FirstSums {
    /// Gradients behind the first normalisation, `[rows, padded J]`.
    gradients: Buffer,
    /// Their sums and those of their products with h - mean, `[padded J]`.
    plain: Buffer,
    centred: Buffer,
    /// The second layer's weight, transposed, `[K, padded J]`.
    second_weight: Buffer,
}

impl FullyConnected {
    /// Replaces all gradients; `logit_gradients` `[N]` are those of the last forward pass's result, whose inputs must come
    /// again.
    ///
    /// # Panics
    /// When a slice has another length than in that pass.
    pub fn backward(&mut self, inputs: &Inputs<'_>, logit_gradients: &[f32], gradients: Gradients<'_>) {
        self.check(inputs, logit_gradients.len());
        let (set, NetworkSizes { inputs: columns, hidden: layers }) = (self.set, self.sizes);
        let widths = layers.map(padded);
        let network = self.network(inputs.parameters);
        let output_weight = Buffer::padded_rows(network.output_weight, layers[1]);
        let output = Output { normalisation: &self.second, weight: &output_weight, dropout: inputs.dropout[1] };
        let second_products = || self.second_products.par_chunks(ROWS_OF_BLOCK * widths[1]);
        let logits = || logit_gradients.par_chunks(ROWS_OF_BLOCK);

        let sums: Vec<[Buffer; 3]> = second_products()
            .zip(logits())
            .enumerate()
            .map(|(block, (products, gradients))| {
                let mut sums = [0, 1, 2].map(|_| Buffer::zeros(widths[1]));
                output::output_sums(set, products, gradients, &output, first_row(block), &mut sums);
                sums
            })
            .collect();
        let [plain, centred, of_output] = [0, 1, 2].map(|part: usize| sum_blocks(sums.iter().map(|sums| &*sums[part])));
        let second = output.normalisation_gradient(&plain, &centred, network.output_weight);

        let second_weight = Buffer::padded_transpose(network.second.weight, (layers[0], layers[1]), layers[1]);
        let from = SecondGradient { output: &output, gradient: &second, empty: 0.0 };
        let blocks: Vec<FirstSums> = second_products()
            .zip(logits())
            .zip(self.first_values.par_chunks(ROWS_OF_BLOCK * widths[0]))
            .zip(self.first_products.par_chunks(ROWS_OF_BLOCK * widths[0]))
            .enumerate()
            .map(|(block, (((products, gradients), values), first_products))| {
                let rows = gradients.len();
                let mut of_products = Buffer::zeros(rows * widths[1]);
                output::second_gradient(set, products, gradients, &from, first_row(block), &mut of_products);
                let mut sums = FirstSums {
                    gradients: Buffer::zeros(rows * widths[0]),
                    plain: Buffer::zeros(widths[0]),
                    centred: Buffer::zeros(widths[0]),
                    second_weight: Buffer::zeros(layers[1] * widths[0]),
                };
                let left = Left::strided(&of_products, rows, layers[1], widths[1]);
                let right = Right::new(&second_weight, widths[0]);
                multiply(set, left, right, Start::Zero, &mut sums.gradients, widths[0]);
                let right = Right::new(values, widths[0]);
                multiply(set, left.transposed(), right, Start::Zero, &mut sums.second_weight, widths[0]);
                let factor = inputs.dropout[0].factor();
                hidden::keep_active(set, values, factor, &mut sums.gradients, &mut sums.plain);
                hidden::centred_sums(set, first_products, &sums.gradients, &self.first, &mut sums.centred);
                sums
            })
            .collect();
        let [plain, centred] =
            [sum_blocks(blocks.iter().map(|sums| &*sums.plain)), sum_blocks(blocks.iter().map(|sums| &*sums.centred))];
        let first = self.first.backward(&plain[..layers[0]], &centred[..layers[0]]);

        let first_weight = Buffer::padded_transpose(network.first.weight, (columns, layers[0]), layers[0]);
        let second_weight = sum_blocks(blocks.iter().map(|sums| &*sums.second_weight));
        let first_weights: Vec<Buffer> = blocks
            .into_par_iter()
            .zip(self.first_products.par_chunks(ROWS_OF_BLOCK * widths[0]))
            .zip(inputs.rows.par_chunks(ROWS_OF_BLOCK * columns))
            .zip(gradients.rows.par_chunks_mut(ROWS_OF_BLOCK * columns))
            .map(|(((mut sums, products), rows), row_gradients)| {
                hidden::product_gradient(set, products, &self.first, &first, &mut sums.gradients);
                let count = rows.len() / columns;
                let left = Left::strided(&sums.gradients, count, layers[0], widths[0]);
                let right = Right::strided(&first_weight, columns, padded(columns));
                multiply(set, left, right, Start::Zero, row_gradients, columns);
                let mut weight = Buffer::zeros(columns * widths[0]);
                let left = Left::new(rows, count, columns).transposed();
                multiply(set, left, Right::new(&sums.gradients, widths[0]), Start::Zero, &mut weight, widths[0]);
                weight
            })
            .collect();
        let first_weight = sum_blocks(first_weights.iter().map(|weight| &**weight));

        let parts = split(gradients.parameters, self.sizes.lengths());
        let network: Network<&mut [f32]> = Network::from_parts(&mut parts.into_iter());
        for (target, sum) in network.first.weight.chunks_exact_mut(layers[0]).zip(first_weight.chunks_exact(widths[0]))
        {
            write(sum, target);
        }
        first.write(network.first.gamma, network.first.beta);
        output::write_second_weight(&second_weight, layers, network.second.weight);
        second.write(network.second.gamma, network.second.beta);
        write(&of_output, network.output_weight);
        let sum: f64 = logit_gradients.iter().map(|gradient| f64::from(*gradient)).sum();
        network.output_bias.fill(sum as f32);
        // The normalisations take out the biases in front of them.
        network.first.bias.fill(0.0);
        network.second.bias.fill(0.0);
    }
}
