//! SLi-Rec as a network that is trained: a [`Batch`] enters, a logit for every candidate leaves; and the way back, the
//! gradients of all weights.
//!
//! `docs/MODEL.md` has every formula. Between the embeddings and the logits work fused kernels (`slirec_kernels`), which
//! are tested on their own against finite differences. Here the embeddings are looked up and their gradients summed.

mod embeddings;
mod names;
mod parts;
mod start;
#[cfg(test)]
mod tests;
mod transitions;

use std::collections::BTreeMap;
use std::time::Duration;

use slirec_kernels::dropout::Dropout;
use slirec_kernels::normalisation::Statistics;
use slirec_kernels::{candidate_attention, scoring, time_lstm};

use crate::batch::Batch;
use crate::hyperparameters::{Hyperparameters, ModelHyperparameters};
use crate::random;
use crate::weights::{Array, TableRows, Weights, WeightsError, specifications};
use names::{ATTENTION, MIXING, SCORE};
use parts::{DropoutMasks, FusedNetwork};

/// Momentum of the moving statistics of a batch normalisation.
const MOVING_MOMENTUM: f32 = 0.95;

/// Gradients of the loss by the weights' names.
pub type Gradients = BTreeMap<String, Vec<f32>>;

/// Mean and variance of a batch, by the name of the moving weight that follows them.
pub type BatchStatistics = Vec<(String, Vec<f32>)>;

/// The dropout of one step.
#[derive(Debug, Clone, Copy)]
pub struct StepDropout {
    /// Share of hidden values that are dropped, by layer.
    pub shares: [f64; 2],
    /// Seed of this step.
    pub seed: u64,
}

impl StepDropout {
    /// Dropout of both hidden layers of a fully connected network.
    fn of(self, network: &str) -> [Dropout; 2] {
        let of = |layer: u64, share: f64| {
            let seed = network.bytes().fold(self.seed ^ layer, |seed, byte| random::mix(seed ^ u64::from(byte)));
            Dropout::new(seed, share)
        };
        let [first, second] = self.shares;
        [of(1, first), of(2, second)]
    }
}

/// The network with its weights.
#[derive(Debug)]
pub struct Network {
    sizes: ModelHyperparameters,
    weights: Weights,
    /// Names of the weights that gradients move.
    trained: Vec<String>,
    fused: FusedNetwork,
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
pub(crate) fn lstm_parameters(weights: &Weights) -> Result<Vec<f32>, WeightsError> {
    joined(weights, &names::lstm())
}

/// Some weights as one row of values.
fn joined(weights: &Weights, names: &[String]) -> Result<Vec<f32>, WeightsError> {
    let mut values = Vec::new();
    for name in names {
        values.extend_from_slice(&weights.required(name)?.values);
    }
    Ok(values)
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
    ///
    /// # Errors
    /// As [`Network::from_weights`].
    pub fn start(hyperparameters: &Hyperparameters, rows: &TableRows, seed: u64) -> Result<Self, WeightsError> {
        let deviation = hyperparameters.training.initial_deviation;
        let mut weights = Weights::default();
        for (position, specification) in (0..).zip(specifications(&hyperparameters.model, rows)) {
            let values = start::values(&specification, deviation, seed, position);
            weights.insert(specification.name, Array { shape: specification.shape, values });
        }
        Self::from_weights(&hyperparameters.model, rows, &weights)
    }

    /// A network with given weights.
    ///
    /// # Errors
    /// When a weight is missing, misshapen or not finite.
    pub fn from_weights(sizes: &ModelHyperparameters, rows: &TableRows, given: &Weights) -> Result<Self, WeightsError> {
        given.check(sizes, rows)?;
        let (mut weights, mut trained) = (Weights::default(), Vec::new());
        for specification in specifications(sizes, rows) {
            let array = given.required(&specification.name)?.clone();
            weights.insert(&specification.name, array);
            if specification.trained {
                trained.push(specification.name);
            }
        }
        Ok(Self { sizes: sizes.clone(), weights, trained, fused: FusedNetwork::new(sizes) })
    }

    /// All weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// All weights, for the optimiser to move.
    pub fn weights_mut(&mut self) -> &mut Weights {
        &mut self.weights
    }

    /// Sizes of the network.
    pub fn sizes(&self) -> &ModelHyperparameters {
        &self.sizes
    }

    /// The weights that gradients move.
    pub fn trained(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.trained.iter().filter_map(|name| self.weights.get(name).map(|array| (name.as_str(), array)))
    }

    /// Time that the fused parts have taken in training so far.
    pub fn part_times(&self) -> [PartTime; 4] {
        self.fused.times()
    }

    /// Logits of all candidates with batch statistics and dropout.
    ///
    /// # Errors
    /// [`WeightsError::Missing`], which [`Network::from_weights`] rules out.
    pub fn forward<'n>(&'n mut self, batch: &'n Batch, dropout: StepDropout) -> Result<Pass<'n>, WeightsError> {
        let targets = embeddings::gather(&self.weights, &self.sizes, batch)?;
        let short_term = joined(&self.weights, &short_term_names())?;
        let others = joined(&self.weights, &other_names())?;
        let masks = DropoutMasks { attention: dropout.of(ATTENTION), scoring: [dropout.of(MIXING), dropout.of(SCORE)] };
        let mut logits = vec![0.0; batch.candidate_targets.len()];
        let arguments = [targets, short_term, others];
        self.fused.forward(batch, arguments.each_ref().map(Vec::as_slice), masks, &mut logits);
        transitions::add(&self.weights, &self.sizes, batch, &mut logits)?;
        Ok(Pass { network: self, batch, arguments, masks, logits })
    }

    /// Moves the moving statistics towards those of a batch.
    pub fn move_statistics(&mut self, statistics: &BatchStatistics) {
        for (name, batch) in statistics {
            let moving = self.weights.get_mut(name).map(|array| array.values.as_mut_slice()).unwrap_or_default();
            for (moving, new) in moving.iter_mut().zip(batch) {
                *moving = MOVING_MOMENTUM * *moving + (1.0 - MOVING_MOMENTUM) * new;
            }
        }
    }
}

/// Names of the parameters of LSTM and candidate attention, in their kernels' order.
fn short_term_names() -> Vec<String> {
    [names::lstm(), names::attention()].concat()
}

/// Names of the parameters of the long-term part, mixing and score, in their kernels' order.
fn other_names() -> Vec<String> {
    [names::long_term(), names::scoring()].concat()
}

/// A forward pass, which keeps what the way back needs: the network is lent to it until then.
#[derive(Debug)]
pub struct Pass<'n> {
    network: &'n mut Network,
    batch: &'n Batch,
    /// What the fused network read.
    arguments: [Vec<f32>; 3],
    masks: DropoutMasks,
    /// Logits of the candidates, `[B * C]`.
    pub logits: Vec<f32>,
}

impl Pass<'_> {
    /// Statistics of the batch in front of every normalisation.
    pub fn statistics(&self) -> BatchStatistics {
        let of_networks = self.network.fused.statistics(self.arguments.each_ref().map(Vec::as_slice));
        let mut all = Vec::new();
        for (network, layers) in [ATTENTION, MIXING, SCORE].into_iter().zip(of_networks) {
            for (layer, Statistics { mean, variance }) in (1..).zip(layers) {
                all.push((names::layer(network, layer, "moving_mean"), mean));
                all.push((names::layer(network, layer, "moving_variance"), variance));
            }
        }
        all
    }

    /// The gradients of all weights that are trained, from those of the logits `[B * C]`.
    ///
    /// # Errors
    /// [`WeightsError::Missing`], which [`Network::from_weights`] rules out.
    pub fn backward(self, logit_gradients: &[f32]) -> Result<Gradients, WeightsError> {
        let Self { network, batch, arguments, masks, .. } = self;
        let Network { sizes, weights, fused, .. } = network;
        let mut gradients = arguments.each_ref().map(|values| vec![0.0; values.len()]);
        let into = gradients.each_mut().map(Vec::as_mut_slice);
        fused.backward(batch, arguments.each_ref().map(Vec::as_slice), masks, logit_gradients, into);
        let [of_targets, of_short_term, of_others] = gradients;
        let mut named = embeddings::scatter(weights, sizes, batch, &of_targets)?;
        for (names, values) in [(short_term_names(), of_short_term), (other_names(), of_others)] {
            let mut rest = values.as_slice();
            for name in names {
                let (values, others) = rest.split_at(weights.required(&name)?.values.len().min(rest.len()));
                rest = others;
                named.insert(name, values.to_vec());
            }
        }
        transitions::backward(weights, sizes, batch, logit_gradients, &mut named)?;
        Ok(named)
    }
}

/// Mean over the groups of `-ln softmax(logits)[positive]`, and its gradients `[B * C]`. The positive is the first of a
/// group's candidates.
pub fn loss(logits: &[f32], candidates: usize) -> (f32, Vec<f32>) {
    let groups = logits.chunks_exact(candidates.max(1));
    let share = 1.0 / groups.len().max(1) as f32;
    let (mut sum, mut gradients) = (0.0, Vec::with_capacity(logits.len()));
    for group in groups {
        let greatest = group.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let normaliser: f32 = group.iter().map(|logit| (logit - greatest).exp()).sum();
        let positive = group.first().copied().unwrap_or_default();
        sum += normaliser.ln() - (positive - greatest);
        let probability = |logit: &f32| (logit - greatest).exp() / normaliser;
        let of_group = group.iter().enumerate();
        gradients
            .extend(of_group.map(|(place, logit)| share * (probability(logit) - if place == 0 { 1.0 } else { 0.0 })));
    }
    (sum * share, gradients)
}
