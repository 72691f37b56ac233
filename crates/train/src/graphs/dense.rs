//! Fully connected layers as nodes of a graph.

use slirec_onnx::builder::Body;

use crate::folded::{Dense, Matrix, hidden_layer, output_layer};
use crate::weights::{Weights, WeightsError};

impl Matrix {
    /// Adds the matrix to a graph under a name.
    pub(super) fn add_to(&self, body: &mut Body, name: &str) -> String {
        body.floats(name, &[self.rows(), self.columns], &self.values)
    }
}

/// `ReLU(first)`, the second hidden layer and the output: logits `[rows, 1]` of first-layer values `[rows, width]`.
pub(super) fn rest_of_network(
    body: &mut Body,
    weights: &Weights,
    network: &str,
    first: &str,
) -> Result<String, WeightsError> {
    let second = hidden_layer(weights, network, 2)?;
    let output = output_layer(weights, network)?;
    let hidden = body.node("Relu", &[first]);
    let hidden = dense(body, &format!("{network}.layer2"), &second, &hidden);
    let hidden = body.node("Relu", &[&hidden]);
    Ok(dense(body, &format!("{network}.output"), &output, &hidden))
}

/// `inputs · weight + bias`.
pub(super) fn dense(body: &mut Body, name: &str, layer: &Dense, inputs: &str) -> String {
    let weight = layer.weight.add_to(body, &format!("{name}.weight"));
    let bias = body.floats(&format!("{name}.bias"), &[layer.bias.len()], &layer.bias);
    body.node("Gemm", &[inputs, &weight, &bias])
}
