//! A network behind the products of its first layer: hidden values before the ReLU enter, logits leave.

use crate::fully_connected::inference::{relu, relu_dot};
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, padded};
use crate::product::{Left, Right, Start, multiply};

/// Weights of the second layer and the output.
#[derive(Debug, Clone, Copy)]
pub struct LayersWeights<'a> {
    /// `[J, K]`
    pub weight: &'a [f32],
    /// `[K]`
    pub bias: &'a [f32],
    /// `[K]`
    pub output: &'a [f32],
    /// Added to every logit.
    pub output_bias: f32,
}

/// The second layer and the output, with padded rows.
#[derive(Debug)]
pub(super) struct Layers {
    set: InstructionSet,
    inputs: usize,
    width: usize,
    weight: Buffer,
    bias: Buffer,
    output: Buffer,
    output_bias: f32,
}

impl Layers {
    /// For `inputs` hidden values of the first layer.
    pub(super) fn new(set: InstructionSet, inputs: usize, weights: &LayersWeights<'_>) -> Self {
        let columns = weights.bias.len();
        assert_eq!(weights.weight.len(), inputs * columns, "length of the second layer's weight");
        assert_eq!(weights.output.len(), columns, "length of the output's weight");
        Self {
            set,
            inputs,
            width: padded(columns),
            weight: Buffer::padded_rows(weights.weight, columns),
            bias: Buffer::padded_rows(weights.bias, columns),
            output: Buffer::padded_rows(weights.output, columns),
            output_bias: weights.output_bias,
        }
    }

    /// Replaces `logits` for padded rows of hidden values, which become those behind the ReLU.
    pub(super) fn logits(&self, hidden: &mut [f32], second: &mut Buffer, logits: &mut [f32]) {
        let stride = padded(self.inputs);
        relu(self.set, hidden);
        let left = Left::strided(hidden, logits.len(), self.inputs, stride);
        let second = second.resize(logits.len() * self.width);
        multiply(self.set, left, Right::new(&self.weight, self.width), Start::Row(&self.bias), second, self.width);
        relu_dot(self.set, second, &self.output, logits);
        if self.output_bias != 0.0 {
            logits.iter_mut().for_each(|logit| *logit += self.output_bias);
        }
    }
}
