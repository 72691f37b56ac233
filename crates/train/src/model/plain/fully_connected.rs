//! A fully connected network with two hidden layers: rows enter, one logit a row leaves.
//!
//! Each hidden layer is x · W + b, batch normalisation, ReLU.

use candle_core::{Result, Tensor};

use super::{Network, Statistics};

/// Added to a variance before the square root.
const EPSILON: f64 = 1e-4;

/// A network by the name of its weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct FullyConnected<'a> {
    pub(super) network: &'a Network,
    pub(super) name: &'a str,
    pub(super) statistics: &'a Statistics,
}

impl FullyConnected<'_> {
    /// Logits `[rows, 1]` of inputs `[rows, width]`.
    pub(super) fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        let first = inputs.matmul(self.weight(1, "weight")?)?.broadcast_add(self.weight(1, "bias")?)?;
        self.after_first_product(&first)
    }

    /// The rest of the network behind the first layer's product and bias, `[rows, first layer]`.
    pub(super) fn after_first_product(&self, first: &Tensor) -> Result<Tensor> {
        let first = self.activate(1, first)?;
        let second = first.matmul(self.weight(2, "weight")?)?.broadcast_add(self.weight(2, "bias")?)?;
        let second = self.activate(2, &second)?;
        let output = |part: &str| self.network.weight(&format!("{}.output.{part}", self.name));
        second.matmul(output("weight")?)?.broadcast_add(output("bias")?)
    }

    pub(super) fn weight(&self, layer: usize, part: &str) -> Result<&Tensor> {
        self.network.weight(&format!("{}.layer{layer}.{part}", self.name))
    }

    fn activate(&self, layer: usize, rows: &Tensor) -> Result<Tensor> {
        self.normalise(layer, rows)?.relu()
    }

    fn normalise(&self, layer: usize, rows: &Tensor) -> Result<Tensor> {
        let (centred, variance) = match self.statistics {
            Statistics::Batch(statistics) => {
                let mean = rows.mean_keepdim(0)?;
                let centred = rows.broadcast_sub(&mean)?;
                let variance = centred.sqr()?.mean_keepdim(0)?;
                let mut statistics = statistics.borrow_mut();
                for (part, value) in [("moving_mean", &mean), ("moving_variance", &variance)] {
                    let name = format!("{}.layer{layer}.{part}", self.name);
                    statistics.push((name, value.squeeze(0)?.to_vec1()?));
                }
                (centred, variance)
            }
            Statistics::Moving => {
                let centred = rows.broadcast_sub(self.weight(layer, "moving_mean")?)?;
                (centred, self.weight(layer, "moving_variance")?.unsqueeze(0)?)
            }
        };
        let deviation = variance.affine(1.0, EPSILON)?.sqrt()?;
        let scale = self.weight(layer, "gamma")?.unsqueeze(0)?.div(&deviation)?;
        centred.broadcast_mul(&scale)?.broadcast_add(self.weight(layer, "beta")?)
    }
}
