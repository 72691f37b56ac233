//! Trained layers for inference: weights enter; layers leave with their batch normalisation folded in, and first layers split
//! by what each part depends on. The graphs and the kernels of a request are both made of them.

use slirec_kernels::normalisation::EPSILON;

use crate::weights::{Weights, WeightsError};

/// A matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) columns: usize,
    pub(crate) values: Vec<f32>,
}

impl Matrix {
    pub(crate) fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }

    /// Rows `start .. start + count`.
    pub(crate) fn slice(&self, start: usize, count: usize) -> Self {
        let values = self.values.iter().skip(start * self.columns).take(count * self.columns).copied().collect();
        Self { columns: self.columns, values }
    }

    /// `self + factor * other`, both of the same shape.
    fn plus(&self, factor: f32, other: &Self) -> Self {
        let values = self.values.iter().zip(&other.values).map(|(left, right)| left + factor * right).collect();
        Self { columns: self.columns, values }
    }
}

/// A matrix with a bias, `[inputs, outputs]` and `[outputs]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dense {
    pub(crate) weight: Matrix,
    pub(crate) bias: Vec<f32>,
}

/// A hidden layer with its normalisation folded in: W' = W · s and b' = (b - mean) · s + beta with
/// s = gamma / sqrt(variance + epsilon), column by column.
pub(crate) fn hidden_layer(weights: &Weights, network: &str, layer: usize) -> Result<Dense, WeightsError> {
    let part = |part: &str| weights.required(&format!("{network}.layer{layer}.{part}")).map(|array| &array.values);
    let (weight, bias) = (part("weight")?, part("bias")?);
    let (gamma, beta, mean, variance) = (part("gamma")?, part("beta")?, part("moving_mean")?, part("moving_variance")?);
    let scale: Vec<f32> =
        gamma.iter().zip(variance).map(|(gamma, variance)| gamma / (variance + EPSILON as f32).sqrt()).collect();
    let columns = bias.len();
    let values = weight.iter().zip(scale.iter().cycle()).map(|(value, scale)| value * scale).collect();
    let bias = bias.iter().zip(mean).zip(scale.iter().zip(beta));
    let bias = bias.map(|((bias, mean), (scale, beta))| (bias - mean) * scale + beta).collect();
    Ok(Dense { weight: Matrix { columns, values }, bias })
}

/// The layer that gives one logit.
pub(crate) fn output_layer(weights: &Weights, network: &str) -> Result<Dense, WeightsError> {
    let values = weights.required(&format!("{network}.output.weight"))?.values.clone();
    let bias = weights.required(&format!("{network}.output.bias"))?.values.clone();
    Ok(Dense { weight: Matrix { columns: 1, values }, bias })
}

/// A first layer, split.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FirstLayer {
    /// What the candidate `[D]` alone decides, and the bias.
    pub(crate) candidate: Dense,
    /// What the history alone decides: of the attention a key `[D]`, of the mixing gate the long-term interest `[D]` and
    /// the gate's time, of the score nothing.
    pub(crate) history: Matrix,
    /// What both decide: of the attention the product of key and candidate `[D]`, of the mixing gate the short-term
    /// interest, of the score the user.
    pub(crate) pair: Matrix,
}

impl FirstLayer {
    /// Of the candidate attention, for vectors of `target` values: its rows are those of key, candidate, difference and
    /// product.
    pub(crate) fn attention(weights: &Weights, target: usize) -> Result<Self, WeightsError> {
        let Dense { weight, bias } = hidden_layer(weights, "candidate_attention", 1)?;
        let [key, query, difference, product] = [0, 1, 2, 3].map(|part| weight.slice(part * target, target));
        let candidate = Dense { weight: query.plus(-1.0, &difference), bias };
        Ok(Self { candidate, history: key.plus(1.0, &difference), pair: product })
    }

    /// Of the mixing gate: its rows are those of candidate, long-term interest, short-term interest and time.
    pub(crate) fn mixing(weights: &Weights, target: usize) -> Result<Self, WeightsError> {
        let Dense { weight, bias } = hidden_layer(weights, "mixing", 1)?;
        let candidate = Dense { weight: weight.slice(0, target), bias };
        let mut history = weight.slice(target, target);
        history.values.extend(weight.slice(3 * target, 1).values);
        Ok(Self { candidate, history, pair: weight.slice(2 * target, target) })
    }

    /// Of the score: its rows are those of user and candidate.
    pub(crate) fn score(weights: &Weights, target: usize) -> Result<Self, WeightsError> {
        let Dense { weight, bias } = hidden_layer(weights, "score", 1)?;
        let candidate = Dense { weight: weight.slice(target, target), bias };
        Ok(Self { candidate, history: weight.slice(0, 0), pair: weight.slice(0, target) })
    }
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
