//! SLi-Rec as a network that is trained: a [`Batch`] enters, a logit for every candidate leaves.
//!
//! `docs/MODEL.md` has every formula. Between the embeddings and the logits work fused kernels (`slirec_kernels`), which
//! the tensor library takes for one operation of its own; embeddings, weights, loss and the way back are the library's.
//! The tests hold the same network in plain tensor operations against it.

mod names;
mod operation;
mod parts;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod tests;
mod transitions;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use candle_core::{D, Device, Error, Result, Tensor, Var};
use rand::Rng;
use slirec_kernels::dropout::Dropout;
use slirec_kernels::normalisation::Statistics;
use slirec_kernels::{candidate_attention, scoring, time_lstm};

use crate::batch::Batch;
use crate::hyperparameters::{Hyperparameters, ModelHyperparameters};
use crate::random::{self, Purpose};
use crate::weights::{Array, Specification, Start, TableRows, Weights, WeightsError, specifications};
use names::{ATTENTION, MIXING, SCORE};
use operation::{Operation, SharedNetwork};
use parts::{DropoutMasks, FusedNetwork};

/// Deviation of the transitions' factors at the start: products of two of them must be worth learning from.
const FACTOR_DEVIATION: f64 = 0.1;

/// Momentum of the moving statistics of a batch normalisation.
const MOVING_MOMENTUM: f32 = 0.95;

/// What a training pass through the network needs besides the batch.
#[derive(Debug)]
pub struct TrainingPass {
    /// Share of hidden values that are dropped, by layer.
    pub dropout: [f64; 2],
    /// Seed of this step's dropout.
    pub seed: u64,
    /// Mean and variance of the batch, by the name of the moving weight; the pass fills them in.
    pub statistics: RefCell<Vec<(String, Vec<f32>)>>,
}

impl TrainingPass {
    /// Dropout of both hidden layers of a fully connected network.
    fn dropout_of(&self, network: &str) -> [Dropout; 2] {
        let of = |layer: u64, rate: f64| {
            let seed = network.bytes().fold(self.seed ^ layer, |seed, byte| random::mix(seed ^ u64::from(byte)));
            Dropout::new(seed, rate)
        };
        let [first, second] = self.dropout;
        [of(1, first), of(2, second)]
    }

    /// Keeps the statistics of both hidden layers of a fully connected network.
    fn keep(&self, network: &str, statistics: [Statistics; 2]) {
        let mut kept = self.statistics.borrow_mut();
        for (layer, Statistics { mean, variance }) in (1..).zip(statistics) {
            kept.push((names::layer(network, layer, "moving_mean"), mean));
            kept.push((names::layer(network, layer, "moving_variance"), variance));
        }
    }
}

/// The network with its weights.
#[derive(Debug)]
pub struct Network {
    sizes: ModelHyperparameters,
    specifications: Vec<Specification>,
    trained: BTreeMap<String, Var>,
    moving: BTreeMap<String, Tensor>,
    fused: SharedNetwork,
}

/// How long a fused part has taken in training.
#[derive(Debug, Clone, Copy)]
pub struct PartTime {
    /// The part.
    pub name: &'static str,
    /// In all forward passes.
    pub forward: Duration,
    /// In all backward passes.
    pub backward: Duration,
}

pub(crate) fn lstm_sizes(sizes: &ModelHyperparameters) -> time_lstm::Sizes {
    time_lstm::Sizes { input: sizes.item_embedding_size, hidden: sizes.target_size() }
}

/// The LSTM's weights in the order of its kernel's parameters.
pub(crate) fn lstm_parameters(weights: &Weights) -> std::result::Result<Vec<f32>, WeightsError> {
    let mut parameters = Vec::new();
    for name in names::lstm() {
        parameters.extend_from_slice(&weights.required(&name)?.values);
    }
    Ok(parameters)
}

fn attention_sizes(sizes: &ModelHyperparameters) -> candidate_attention::Sizes {
    let target = sizes.target_size();
    candidate_attention::Sizes { hidden: target, target, layers: sizes.attention_layers }
}

fn scoring_sizes(sizes: &ModelHyperparameters) -> scoring::Sizes {
    scoring::Sizes { target: sizes.target_size(), mixing: sizes.attention_layers, score: sizes.score_layers }
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
        Ok(Self {
            sizes: sizes.clone(),
            specifications,
            trained,
            moving,
            fused: SharedNetwork::new(FusedNetwork::new(sizes)),
        })
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

    /// Time that the fused parts have taken in training so far.
    pub fn part_times(&self) -> [PartTime; 4] {
        self.fused.lock().network.times()
    }

    fn weight(&self, name: &str) -> Result<&Tensor> {
        let trained = self.trained.get(name).map(Var::as_tensor);
        trained.or_else(|| self.moving.get(name)).ok_or_else(|| Error::msg(format!("there is no weight `{name}`")))
    }

    /// Some weights as one row of values.
    fn parameters(&self, names: &[String]) -> Result<Tensor> {
        let parts: Vec<Tensor> = names.iter().map(|name| self.weight(name)?.flatten_all()).collect::<Result<_>>()?;
        Tensor::cat(&parts, 0)
    }

    /// Item embeddings of the batch's targets, `[V, X]`.
    fn items(&self, batch: &Batch) -> Result<Tensor> {
        rows(self.weight("embedding.item")?, &batch.target_items)
    }

    /// Embeddings of the items and features of the batch's targets, joined, `[V, D]`.
    fn targets(&self, batch: &Batch) -> Result<Tensor> {
        let mut parts = vec![self.items(batch)?];
        for (position, feature) in self.sizes.features.iter().enumerate() {
            let ids: Vec<u32> = batch.target_features.iter().skip(position).step_by(batch.features).copied().collect();
            parts.push(rows(self.weight(&format!("embedding.{}", feature.name))?, &ids)?);
        }
        Tensor::cat(&parts, 1)
    }

    /// Logits of all candidates, `[B, C]`, with batch statistics and dropout.
    pub fn forward(&self, batch: &Arc<Batch>, pass: &TrainingPass) -> Result<Tensor> {
        let targets = self.targets(batch)?;
        let short_term = self.parameters(&[names::lstm(), names::attention()].concat())?;
        let others = self.parameters(&[names::long_term(), names::scoring()].concat())?;
        let masks = DropoutMasks {
            attention: pass.dropout_of(ATTENTION),
            scoring: [pass.dropout_of(MIXING), pass.dropout_of(SCORE)],
        };
        let logits = targets.apply_op3(&short_term, &others, Operation::new(batch, masks, &self.fused))?;
        let parameters = [short_term.to_vec1()?, others.to_vec1()?];
        let [attention, mixing, score] = self.fused.lock().network.statistics([&[], &parameters[0], &parameters[1]]);
        pass.keep(ATTENTION, attention);
        pass.keep(MIXING, mixing);
        pass.keep(SCORE, score);
        match transitions::logits(self, batch)? {
            Some(transitions) => logits + transitions,
            None => Ok(logits),
        }
    }

    /// Moves the moving statistics towards those of a batch.
    pub fn move_statistics(&mut self, pass: TrainingPass) -> Result<()> {
        for (name, batch) in pass.statistics.into_inner() {
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

/// Mean over the groups of `-ln softmax(logits)[positive]`; the positive is each group's first candidate.
pub fn loss(logits: &Tensor) -> Result<Tensor> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    let normaliser = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    (normaliser - shifted.narrow(D::Minus1, 0, 1)?)?.mean_all()
}

/// Rows of a matrix by their numbers.
fn rows(matrix: &Tensor, numbers: &[u32]) -> Result<Tensor> {
    matrix.index_select(&Tensor::from_slice(numbers, numbers.len(), &Device::Cpu)?, 0)
}

fn starting_values(specification: &Specification, deviation: f64, seed: u64, position: u32) -> Vec<f32> {
    let count = specification.shape.iter().product();
    let mut random = random::generator(seed, Purpose::Weight(position));
    match specification.start {
        Start::Constant(value) => vec![value; count],
        Start::Factors => {
            // The default item leads nowhere: its row stays 0, as no row of the training data moves it.
            let width = specification.shape.last().copied().unwrap_or(1);
            let mut values = vec![0.0; count];
            for value in values.iter_mut().skip(width) {
                *value = (truncated_normal(&mut random) * FACTOR_DEVIATION) as f32;
            }
            values
        }
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
