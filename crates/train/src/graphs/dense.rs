//! Fully connected layers for inference: the batch normalisation is folded into weight and bias.

use slirec_onnx::builder::Body;

use super::{MissingWeight, array};
use crate::weights::Weights;

/// Added to a variance before the square root, as in training.
const EPSILON: f32 = 1e-4;

/// A matrix with a bias, `[inputs, outputs]` and `[outputs]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dense {
    pub(super) weight: Matrix,
    pub(super) bias: Vec<f32>,
}

/// A matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    pub(super) columns: usize,
    pub(super) values: Vec<f32>,
}

impl Matrix {
    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }

    /// Rows `start .. start + count`.
    pub(super) fn slice(&self, start: usize, count: usize) -> Self {
        let values = self.values.iter().skip(start * self.columns).take(count * self.columns).copied().collect();
        Self { columns: self.columns, values }
    }

    /// `self + factor * other`, both of the same shape.
    pub(super) fn plus(&self, factor: f32, other: &Self) -> Self {
        let values = self.values.iter().zip(&other.values).map(|(left, right)| left + factor * right).collect();
        Self { columns: self.columns, values }
    }

    /// Adds the matrix to a graph under a name.
    pub(super) fn add_to(&self, body: &mut Body, name: &str) -> String {
        body.floats(name, &[self.rows(), self.columns], &self.values)
    }
}

/// A hidden layer with its normalisation folded in: W' = W · s and b' = (b - mean) · s + beta with
/// s = gamma / sqrt(variance + epsilon), column by column.
pub(super) fn hidden_layer(weights: &Weights, network: &str, layer: usize) -> Result<Dense, MissingWeight> {
    let part = |part: &str| Ok(&array(weights, &format!("{network}.layer{layer}.{part}"))?.values);
    let (weight, bias) = (part("weight")?, part("bias")?);
    let (gamma, beta, mean, variance) = (part("gamma")?, part("beta")?, part("moving_mean")?, part("moving_variance")?);
    let scale: Vec<f32> =
        gamma.iter().zip(variance).map(|(gamma, variance)| gamma / (variance + EPSILON).sqrt()).collect();
    let columns = bias.len();
    let values = weight.iter().zip(scale.iter().cycle()).map(|(value, scale)| value * scale).collect();
    let bias = bias.iter().zip(mean).zip(scale.iter().zip(beta));
    let bias = bias.map(|((bias, mean), (scale, beta))| (bias - mean) * scale + beta).collect();
    Ok(Dense { weight: Matrix { columns, values }, bias })
}

/// The layer that gives one logit.
pub(super) fn output_layer(weights: &Weights, network: &str) -> Result<Dense, MissingWeight> {
    let values = array(weights, &format!("{network}.output.weight"))?.values.clone();
    let bias = array(weights, &format!("{network}.output.bias"))?.values.clone();
    Ok(Dense { weight: Matrix { columns: 1, values }, bias })
}

/// `ReLU(first)`, the second hidden layer and the output: logits `[rows, 1]` of first-layer values `[rows, width]`.
pub(super) fn rest_of_network(
    body: &mut Body,
    weights: &Weights,
    network: &str,
    first: &str,
) -> Result<String, MissingWeight> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Array;

    #[test]
    fn a_folded_layer_computes_the_layer_and_its_normalisation() {
        let mut weights = Weights::default();
        let mut insert = |part: &str, shape: &[usize], values: &[f32]| {
            weights.insert(format!("n.layer1.{part}"), Array { shape: shape.to_vec(), values: values.to_vec() });
        };
        insert("weight", &[1, 2], &[2.0, -1.0]);
        insert("bias", &[2], &[0.5, 0.25]);
        insert("gamma", &[2], &[3.0, 0.5]);
        insert("beta", &[2], &[-1.0, 2.0]);
        insert("moving_mean", &[2], &[0.75, -0.5]);
        insert("moving_variance", &[2], &[4.0, 0.09]);
        let folded = hidden_layer(&weights, "n", 1).unwrap();
        for (column, (expected_scale, bias, mean, beta)) in
            [(3.0 / 4.0001_f32.sqrt(), 0.5, 0.75, -1.0), (0.5 / 0.0901_f32.sqrt(), 0.25, -0.5, 2.0)].iter().enumerate()
        {
            let weight: f32 = [2.0, -1.0][column];
            assert!((folded.weight.values[column] - weight * expected_scale).abs() < 1e-6);
            assert!((folded.bias[column] - ((bias - mean) * expected_scale + beta)).abs() < 1e-6);
        }
    }
}
