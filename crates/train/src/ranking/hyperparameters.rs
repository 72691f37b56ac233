//! What a ranking network is told: sizes, objective, optimiser.

use serde::{Deserialize, Serialize};

/// Sizes and training of a ranking network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RankingHyperparameters {
    /// Width of an embedding and of every state.
    pub width: usize,
    /// Last views of a history that are used.
    pub longest_history: usize,
    /// Passes over the training interactions.
    pub epochs: usize,
    /// Positions of a step, about.
    pub batch_positions: usize,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// Share of the weights that each step takes away, times the learning rate.
    pub weight_decay: f64,
    /// Share of embeddings, states and queries that is dropped.
    pub dropout: f64,
    /// What each step keeps of the average of the weights; 0 for none.
    pub weight_average: f64,
    /// Sampled items that all positions of a step share as negatives; 0 for all items of the vocabulary.
    pub negatives: usize,
    /// Stop after so many epochs without a better one.
    pub early_stop_epochs: usize,
    /// Largest norm of all gradients together.
    pub largest_gradient_norm: f64,
}

impl Default for RankingHyperparameters {
    fn default() -> Self {
        Self {
            width: 64,
            longest_history: 50,
            epochs: 20,
            batch_positions: 2048,
            learning_rate: 0.002,
            weight_decay: 0.01,
            dropout: 0.2,
            weight_average: 0.99,
            negatives: 0,
            early_stop_epochs: 3,
            largest_gradient_norm: 1.0,
        }
    }
}
