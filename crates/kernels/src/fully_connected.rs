//! A fully connected network with two hidden layers, trained: rows `[N, inputs]` enter, a logit a row leaves; and back.
//!
//! Each hidden layer is x · W + b, batch normalisation over all rows, ReLU, dropout. The biases in front of the
//! normalisations cancel: they take no part in the products and their gradients are 0.

mod backward;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

use crate::dropout::{self, Dropout};
use crate::hidden;
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, padded};
use crate::layers::{Network, NetworkSizes, parts};
use crate::normalisation::{Moments, Normalisation, Statistics};
use crate::output::{self, Output};
use crate::product::{Left, Right, Start, multiply};

/// Rows that a thread works on at once.
const ROWS_OF_BLOCK: usize = 64;

/// What enters; the same for the forward and the backward pass.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// `[N, inputs]`
    pub rows: &'a [f32],
    /// All parameters, in the order of [`NetworkSizes::lengths`].
    pub parameters: &'a [f32],
    /// Dropout of both hidden layers.
    pub dropout: [Dropout; 2],
}

/// Where the gradients go; all of them are replaced.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[N, inputs]`
    pub rows: &'a mut [f32],
    /// In the order of [`NetworkSizes::lengths`].
    pub parameters: &'a mut [f32],
}

/// The network with what its backward pass needs to know of the forward pass; reused from step to step.
#[derive(Debug)]
pub struct FullyConnected {
    set: InstructionSet,
    sizes: NetworkSizes,
    /// The first layer's products without its bias, `[N, padded J]`.
    first_products: Buffer,
    /// Values behind the first layer's dropout, `[N, padded J]`.
    first_values: Buffer,
    /// The second layer's products without its bias, `[N, padded K]`.
    second_products: Buffer,
    first: Normalisation,
    second: Normalisation,
}

impl FullyConnected {
    /// A network of these sizes.
    pub fn new(set: InstructionSet, sizes: NetworkSizes) -> Self {
        Self {
            set,
            sizes,
            first_products: Buffer::default(),
            first_values: Buffer::default(),
            second_products: Buffer::default(),
            first: Normalisation::default(),
            second: Normalisation::default(),
        }
    }

    /// Sizes of the network.
    pub fn sizes(&self) -> NetworkSizes {
        self.sizes
    }

    /// Batch statistics of both hidden layers in the last forward pass, their biases included.
    pub fn statistics(&self, parameters: &[f32]) -> [Statistics; 2] {
        let network = self.network(parameters);
        [self.first.statistics(network.first.bias), self.second.statistics(network.second.bias)]
    }

    fn network<'a>(&self, parameters: &'a [f32]) -> Network<&'a [f32]> {
        Network::from_parts(&mut parts(parameters, self.sizes.lengths()))
    }

    fn check(&self, inputs: &Inputs<'_>, logits: usize) {
        assert_eq!(inputs.rows.len(), logits * self.sizes.inputs, "length of the rows");
        assert_eq!(inputs.parameters.len(), self.sizes.parameters(), "length of the parameters");
    }

    /// Replaces `logits` `[N]`.
    ///
    /// # Panics
    /// When a slice has another length than the sizes ask for.
    pub fn forward(&mut self, inputs: &Inputs<'_>, logits: &mut [f32]) {
        self.check(inputs, logits.len());
        let (set, NetworkSizes { inputs: columns, hidden: [first_columns, second_columns] }) = (self.set, self.sizes);
        let (first_width, second_width) = (padded(first_columns), padded(second_columns));
        let network = self.network(inputs.parameters);
        let first_weight = Buffer::padded_rows(network.first.weight, first_columns);
        let second_weight = Buffer::padded_rows(network.second.weight, second_columns);
        let output_weight = Buffer::padded_rows(network.output_weight, second_columns);
        let output_bias = network.output_bias.first().copied().unwrap_or_default();

        let products = self.first_products.resize(logits.len() * first_width);
        let moments: Vec<Moments> = products
            .par_chunks_mut(ROWS_OF_BLOCK * first_width)
            .zip(inputs.rows.par_chunks(ROWS_OF_BLOCK * columns))
            .map(|(products, rows)| {
                let left = Left::new(rows, rows.len() / columns, columns);
                multiply(set, left, Right::new(&first_weight, first_width), Start::Zero, products, first_width);
                Moments::of_rows(set, products, first_width)
            })
            .collect();
        let first =
            Normalisation::of(Moments::of_blocks(first_width, &moments), network.first.gamma, network.first.beta);

        let values = self.first_values.resize(logits.len() * first_width);
        let products = self.second_products.resize(logits.len() * second_width);
        let moments: Vec<Moments> = products
            .par_chunks_mut(ROWS_OF_BLOCK * second_width)
            .zip(values.par_chunks_mut(ROWS_OF_BLOCK * first_width))
            .zip(self.first_products.par_chunks(ROWS_OF_BLOCK * first_width))
            .enumerate()
            .map(|(block, ((products, values), first_products))| {
                hidden::normalise(set, first_products, &first, values);
                dropout::activate(set, values, first_width, &inputs.dropout[0], first_row(block));
                let left = Left::strided(values, values.len() / first_width, first_columns, first_width);
                multiply(set, left, Right::new(&second_weight, second_width), Start::Zero, products, second_width);
                Moments::of_rows(set, products, second_width)
            })
            .collect();
        let second =
            Normalisation::of(Moments::of_blocks(second_width, &moments), network.second.gamma, network.second.beta);

        let output = Output { normalisation: &second, weight: &output_weight, dropout: inputs.dropout[1] };
        logits
            .par_chunks_mut(ROWS_OF_BLOCK)
            .zip(self.second_products.par_chunks(ROWS_OF_BLOCK * second_width))
            .enumerate()
            .for_each(|(block, (logits, products))| {
                output::logits(set, products, &output, first_row(block), logits);
                logits.iter_mut().for_each(|logit| *logit += output_bias);
            });
        (self.first, self.second) = (first, second);
    }
}

/// Number of a block's first row in the layer.
fn first_row(block: usize) -> u64 {
    (block * ROWS_OF_BLOCK) as u64
}
