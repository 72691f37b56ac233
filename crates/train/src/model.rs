//! SLi-Rec as a network of tensors that differentiates itself: a [`Batch`] enters, a logit for every candidate leaves.
//!
//! `docs/MODEL.md` has every formula. Here the parts meet in order; each part is a file of its own.

mod candidate_attention;
mod fully_connected;
mod long_term;
mod time_lstm;

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::{D, Device, Error, Result, Tensor, Var};
use rand::Rng;

use crate::batch::Batch;
use crate::hyperparameters::{Hyperparameters, ModelHyperparameters};
use crate::random::{self, Purpose};
use crate::weights::{Array, Specification, Start, TableRows, Weights, specifications};
use fully_connected::FullyConnected;

/// Momentum of the moving statistics of a batch normalisation.
const MOVING_MOMENTUM: f32 = 0.95;

/// What one pass through the network needs besides the batch.
#[derive(Debug)]
pub enum Pass {
    /// With batch statistics and dropout; the statistics are collected for the moving averages.
    Training {
        /// Share of hidden values that are dropped, by layer.
        dropout: [f64; 2],
        /// Seed of this step's dropout.
        seed: u64,
        /// Mean and variance by the name of the moving weight.
        statistics: RefCell<Vec<(String, Vec<f32>)>>,
    },
    /// With the moving statistics and without dropout.
    Inference,
}

/// The network with its weights.
#[derive(Debug)]
pub struct Network {
    sizes: ModelHyperparameters,
    specifications: Vec<Specification>,
    trained: BTreeMap<String, Var>,
    moving: BTreeMap<String, Tensor>,
}

impl Network {
    /// A network with random starting weights.
    pub fn start(hyperparameters: &Hyperparameters, rows: &TableRows, seed: u64) -> Result<Self> {
        let deviation = hyperparameters.training.initial_deviation;
        let mut weights = Weights::default();
        for (position, specification) in (0..).zip(specifications(&hyperparameters.model, rows)) {
            let values = starting_values(&specification, deviation, seed, position);
            weights.insert(specification.name, Array { shape: specification.shape, values });
        }
        Self::from_weights(&hyperparameters.model, rows, &weights)
    }

    /// A network with given weights.
    ///
    /// # Errors
    /// When a weight is missing, misshapen or not finite.
    pub fn from_weights(sizes: &ModelHyperparameters, rows: &TableRows, weights: &Weights) -> Result<Self> {
        weights.check(sizes, rows).map_err(Error::wrap)?;
        let specifications = specifications(sizes, rows);
        let (mut trained, mut moving) = (BTreeMap::new(), BTreeMap::new());
        for specification in &specifications {
            let name = specification.name.clone();
            let Some(array) = weights.get(&name) else { continue };
            let tensor = Tensor::from_slice(&array.values, array.shape.as_slice(), &Device::Cpu)?;
            if specification.trained {
                trained.insert(name, Var::from_tensor(&tensor)?);
            } else {
                moving.insert(name, tensor);
            }
        }
        Ok(Self { sizes: sizes.clone(), specifications, trained, moving })
    }

    /// A copy of all weights.
    pub fn weights(&self) -> Result<Weights> {
        let mut weights = Weights::default();
        for specification in &self.specifications {
            let tensor = self.weight(&specification.name)?;
            let values = tensor.flatten_all()?.to_vec1()?;
            weights.insert(&specification.name, Array { shape: specification.shape.clone(), values });
        }
        Ok(weights)
    }

    /// Sizes of the network.
    pub fn sizes(&self) -> &ModelHyperparameters {
        &self.sizes
    }

    /// The weights that gradients move, by name.
    pub fn trained(&self) -> &BTreeMap<String, Var> {
        &self.trained
    }

    fn weight(&self, name: &str) -> Result<&Tensor> {
        let trained = self.trained.get(name).map(Var::as_tensor);
        trained.or_else(|| self.moving.get(name)).ok_or_else(|| Error::msg(format!("there is no weight `{name}`")))
    }

    fn fully_connected<'a>(&'a self, name: &'a str, pass: &'a Pass) -> FullyConnected<'a> {
        FullyConnected { network: self, name, pass }
    }

    /// Embeddings of items and of their features, `features` being a row of ids for each item: joined, `[n, D]`, and those
    /// of the items alone.
    fn targets(&self, items: &[u32], features: &[u32]) -> Result<(Tensor, Tensor)> {
        let lookup = |table: &str, ids: &[u32]| {
            self.weight(table)?.index_select(&Tensor::from_slice(ids, ids.len(), &Device::Cpu)?, 0)
        };
        let items = lookup("embedding.item", items)?;
        let mut parts = vec![items.clone()];
        let count = self.sizes.features.len();
        for (position, feature) in self.sizes.features.iter().enumerate() {
            let ids: Vec<u32> = features.iter().skip(position).step_by(count).copied().collect();
            parts.push(lookup(&format!("embedding.{}", feature.name), &ids)?);
        }
        Ok((Tensor::cat(&parts, 1)?, items))
    }

    /// Logits of all candidates, `[B, C]`.
    pub fn forward(&self, batch: &Batch, pass: &Pass) -> Result<Tensor> {
        let (groups, slots, candidates) = (batch.groups, batch.slots, batch.candidates);
        let target = self.sizes.target_size();
        let (history, history_items) = self.targets(&batch.history_items, &batch.history_features)?;
        let history = history.reshape((groups, slots, target))?;
        let history_items = history_items.reshape((groups, slots, self.sizes.item_embedding_size))?;
        let (query, _) = self.targets(&batch.candidate_items, &batch.candidate_features)?;

        let long_term = long_term::forward(self, &history)?;
        let recurrent = time_lstm::forward(self, &history_items, batch)?;
        let short_term = candidate_attention::forward(self, &recurrent, &query, batch, pass)?;

        // Every candidate of a group meets the same long-term interest and the same last slot.
        let repeat = |tensor: Tensor, width: usize| {
            tensor.reshape((groups, 1, width))?.broadcast_as((groups, candidates, width))?.reshape(((), width))
        };
        let long_term = repeat(long_term, target)?;
        let last_slot = repeat(Tensor::from_slice(&batch.last_slot_time_to_now, groups, &Device::Cpu)?, 1)?;
        let gate_input = Tensor::cat(&[&query, &long_term, &short_term, &last_slot], 1)?;
        let alpha = sigmoid(&self.fully_connected("mixing", pass).forward(&gate_input)?)?;
        let user = (&short_term + (long_term - &short_term)?.broadcast_mul(&alpha)?)?;
        let logits = self.fully_connected("score", pass).forward(&Tensor::cat(&[&user, &query], 1)?)?;
        logits.reshape((groups, candidates))
    }

    /// Scores of all candidates, `[B * C]` row by row: the sigmoid of the logits, without training's statistics.
    pub fn scores(&self, batch: &Batch) -> Result<Vec<f32>> {
        sigmoid(&self.forward(batch, &Pass::Inference)?)?.flatten_all()?.to_vec1()
    }

    /// Moves the moving statistics towards those of a batch.
    pub fn move_statistics(&mut self, pass: Pass) -> Result<()> {
        let Pass::Training { statistics, .. } = pass else { return Ok(()) };
        for (name, batch) in statistics.into_inner() {
            if let Some(moving) = self.moving.get_mut(&name) {
                let values: Vec<f32> = moving.to_vec1()?;
                let moved: Vec<f32> = values
                    .iter()
                    .zip(&batch)
                    .map(|(old, new)| MOVING_MOMENTUM * old + (1.0 - MOVING_MOMENTUM) * new)
                    .collect();
                *moving = Tensor::from_vec(moved, values.len(), &Device::Cpu)?;
            }
        }
        Ok(())
    }
}

/// Mean over the groups of -ln softmax(logits)[positive]; the positive is each group's first candidate.
pub fn loss(logits: &Tensor) -> Result<Tensor> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    let normaliser = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    (normaliser - shifted.narrow(D::Minus1, 0, 1)?)?.mean_all()
}

/// 1 / (1 + exp(-x)), written with tanh so that no exponential overflows.
fn sigmoid(logits: &Tensor) -> Result<Tensor> {
    (logits * 0.5)?.tanh()?.affine(0.5, 0.5)
}

/// Softmax over the last dimension.
fn softmax(logits: &Tensor) -> Result<Tensor> {
    let powers = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?.exp()?;
    powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)
}

fn starting_values(specification: &Specification, deviation: f64, seed: u64, position: u32) -> Vec<f32> {
    let count = specification.shape.iter().product();
    let mut random = random::generator(seed, Purpose::Weight(position));
    match specification.start {
        Start::Constant(value) => vec![value; count],
        Start::Normal => (0..count).map(|_| (truncated_normal(&mut random) * deviation) as f32).collect(),
        Start::Glorot => {
            // TensorFlow takes the one dimension of a vector for both its inputs and its outputs.
            let inputs = specification.shape.first().copied().unwrap_or(1);
            let outputs = specification.shape.last().copied().unwrap_or(1);
            let limit = (6.0 / (inputs + outputs) as f64).sqrt();
            (0..count).map(|_| ((random.random::<f64>() * 2.0 - 1.0) * limit) as f32).collect()
        }
    }
}

/// A standard normal number within ±2 (Box and Muller; others are drawn again, as TensorFlow does).
fn truncated_normal(random: &mut impl Rng) -> f64 {
    loop {
        let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
        let value = radius * (std::f64::consts::TAU * random.random::<f64>()).cos();
        if value.abs() <= 2.0 {
            return value;
        }
    }
}
