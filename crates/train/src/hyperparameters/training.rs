//! How training runs: batches, negatives, the optimiser, the choice of the best epoch.

use serde::{Deserialize, Serialize};

use super::{HyperparameterError, NetworkKind, ensure};
use crate::negatives::NegativeSource;

/// Training passes over batches with fewer positives, as the original does: they have hardly any negatives to draw.
pub const SMALLEST_BATCH: usize = 5;

/// How the learning rate moves over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Not at all, as in the original.
    #[default]
    Constant,
    /// Down to 0 along half a cosine.
    Cosine,
}

/// What the best epoch is chosen by, on the validation rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BestBy {
    /// Group AUC over the sampled negatives, as in the original.
    #[default]
    #[serde(rename = "group_auc")]
    GroupAuc,
    /// NDCG@10 over all items.
    #[serde(rename = "ndcg@10")]
    Ndcg10,
}

impl BestBy {
    /// The metric's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::GroupAuc => "group_auc",
            Self::Ndcg10 => "ndcg@10",
        }
    }
}

/// How training runs; the defaults are the original's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingHyperparameters {
    /// Passes over the training rows.
    pub epochs: usize,
    /// Positives of a step; of the ranking network about so many positions, as sequences are not cut.
    pub batch_size: usize,
    /// Negatives of a positive; of the ranking network those that all positions of a step share, 0 for all items.
    pub negatives: usize,
    /// Where negatives come from.
    pub negative_source: NegativeSource,
    /// Whether a candidate's logit is corrected by the probability that it is drawn as a negative.
    pub popularity_correction: bool,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// How the learning rate moves over a run.
    pub schedule: Schedule,
    /// Steps over which the learning rate rises at the start of a run.
    pub warmup_steps: usize,
    /// Share of the weights that each step takes away, times the learning rate (AdamW); biases and normalisations are
    /// left alone.
    pub weight_decay: f64,
    /// What each step keeps of the average of the weights, which is then measured and kept instead of the last step's; 0
    /// for none.
    pub weight_average: f64,
    /// Share of hidden values that are dropped, by layer; the ranking network has the first for all.
    pub dropout: [f64; 2],
    /// Share of the items whose own embeddings, factors and bias a step does not see, so that their content carries them;
    /// the ranking network's alone. Left out: 0.1 where the network reads more of an item than its category, else 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_dropout: Option<f64>,
    /// Standard deviation of the truncated normal that weights and embeddings start from.
    pub initial_deviation: f64,
    /// What the best epoch is chosen by, on the validation rows.
    pub best_by: BestBy,
    /// Stop after so many epochs without a better one.
    pub early_stop_epochs: usize,
    /// L1 penalty of the embeddings.
    pub embedding_l1: f64,
    /// L2 penalty of the embeddings.
    pub embedding_l2: f64,
    /// L1 penalty of all other weights.
    pub layer_l1: f64,
    /// L2 penalty of all other weights.
    pub layer_l2: f64,
    /// Largest norm of all gradients together; 0 for no limit.
    pub largest_gradient_norm: f64,
}

impl Default for TrainingHyperparameters {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 400,
            negatives: 4,
            negative_source: NegativeSource::InBatch,
            popularity_correction: false,
            learning_rate: 0.001,
            schedule: Schedule::Constant,
            warmup_steps: 0,
            weight_decay: 0.0,
            weight_average: 0.0,
            dropout: [0.3, 0.3],
            id_dropout: None,
            initial_deviation: 0.01,
            best_by: BestBy::GroupAuc,
            early_stop_epochs: 10,
            embedding_l1: 0.0,
            embedding_l2: 0.0,
            layer_l1: 0.0,
            layer_l2: 0.0,
            largest_gradient_norm: 0.0,
        }
    }
}

impl TrainingHyperparameters {
    /// Learning rate of a step, from 1, of a run of so many steps.
    pub fn learning_rate_at(&self, step: usize, steps: usize) -> f64 {
        let (step, warmup) = (step as f64, self.warmup_steps as f64);
        if step < warmup {
            return self.learning_rate * step / warmup;
        }
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine => {
                let done = ((step - warmup) / (steps as f64 - warmup).max(1.0)).clamp(0.0, 1.0);
                self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
        }
    }

    pub(super) fn check(&self, network: NetworkKind) -> Result<(), HyperparameterError> {
        for (key, value) in [("training.epochs", self.epochs), ("training.early_stop_epochs", self.early_stop_epochs)] {
            ensure((1..=100_000).contains(&value), key, value, "1 to 100,000")?;
        }
        match network {
            NetworkKind::SliRec => {
                let found = self.negatives;
                ensure((1..=100_000).contains(&found), "training.negatives", found, "1 to 100,000")?;
            }
            NetworkKind::Ranking => {
                let found = self.negatives;
                ensure(found <= 100_000, "training.negatives", found, "0 to 100,000")?;
                let best_by = self.best_by;
                ensure(
                    best_by == BestBy::Ndcg10,
                    "training.best_by",
                    best_by.name(),
                    "ndcg@10 for the ranking network",
                )?;
            }
        }
        let batch = self.batch_size;
        ensure((SMALLEST_BATCH..=100_000).contains(&batch), "training.batch_size", batch, "5 to 100,000")?;
        let warmup = self.warmup_steps;
        ensure(warmup <= 1_000_000, "training.warmup_steps", warmup, "0 to 1,000,000")?;
        let average = self.weight_average;
        ensure((0.0..1.0).contains(&average), "training.weight_average", average, "0 up to below 1")?;
        let hidden = self.id_dropout.unwrap_or_default();
        ensure((0.0..1.0).contains(&hidden), "training.id_dropout", hidden, "0 up to below 1")?;
        let can_hide = hidden == 0.0 || network == NetworkKind::Ranking;
        ensure(can_hide, "training.id_dropout", hidden, "0 for the network sli-rec")?;
        for rate in self.dropout {
            ensure((0.0..1.0).contains(&rate), "training.dropout", rate, "0 up to below 1")?;
        }
        for (key, value) in
            [("training.learning_rate", self.learning_rate), ("training.initial_deviation", self.initial_deviation)]
        {
            ensure(value.is_finite() && value > 0.0, key, value, "a finite number above 0")?;
        }
        for (key, value) in [
            ("training.weight_decay", self.weight_decay),
            ("training.embedding_l1", self.embedding_l1),
            ("training.embedding_l2", self.embedding_l2),
            ("training.layer_l1", self.layer_l1),
            ("training.layer_l2", self.layer_l2),
            ("training.largest_gradient_norm", self.largest_gradient_norm),
        ] {
            ensure(value.is_finite() && value >= 0.0, key, value, "a finite number, 0 or more")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_and_falls_as_it_is_told() {
        let constant = TrainingHyperparameters::default();
        assert_eq!([1, 50, 100].map(|step| constant.learning_rate_at(step, 100)), [0.001; 3]);
        let cosine = TrainingHyperparameters { schedule: Schedule::Cosine, warmup_steps: 10, ..constant };
        assert_eq!(cosine.learning_rate_at(5, 110), 0.0005);
        assert_eq!(cosine.learning_rate_at(10, 110), 0.001);
        assert!((cosine.learning_rate_at(60, 110) - 0.0005).abs() < 1e-12);
        assert!(cosine.learning_rate_at(110, 110).abs() < 1e-12);
        assert!(cosine.learning_rate_at(500, 110).abs() < 1e-12, "a run that goes on does not turn round");
    }
}
