//! What an export begins with: a run with its dataset, or weights from elsewhere, and the program that scores with a bundle.

use std::path::Path;

use slirec_core::bundle::{Bundle, TrainingRecord};
use slirec_core::vocabulary::{KnownUsers, Vocabulary};

use super::ExportError;
use crate::analysis::{Analysis, Subject};
use crate::baselines::Fitted;
use crate::dataset::Dataset;
use crate::evaluation::{ScoreError, Scorer};
use crate::hyperparameters::ModelHyperparameters;
use crate::run::{Run, RunState};
use crate::weights::Weights;

/// Everything a bundle is made of.
#[derive(Debug)]
pub struct Source {
    /// Sizes of the network.
    pub sizes: ModelHyperparameters,
    /// Its weights.
    pub weights: Weights,
    /// Names and ids.
    pub vocabulary: Vocabulary,
    /// How it was trained.
    pub training: TrainingRecord,
    /// What it was trained on: its rows check the bundle and give its metrics.
    pub dataset: Option<Dataset>,
    /// Users that requests need only name; a bundle need not have them.
    pub known_users: Option<KnownUsers>,
    /// Unix seconds of the data's last interaction.
    pub created: f64,
    /// How the run ended, where it was stopped before its end, and the epoch of its weights.
    pub stopped: Option<(RunState, usize)>,
}

/// What a bundle is measured with and this crate does not have: an engine, and someone who watches the progress.
pub trait Host {
    /// Scores by the graphs of a bundle, as every user of its files does.
    ///
    /// # Errors
    /// When the graphs cannot be used.
    fn graphs(&self, bundle: &Bundle) -> Result<Box<dyn Scorer>, ScoreError>;

    /// Scores by what will serve the bundle.
    ///
    /// # Errors
    /// As for [`Host::graphs`].
    fn served(&self, bundle: &Bundle) -> Result<Box<dyn Scorer>, ScoreError>;

    /// Fits the baselines.
    ///
    /// # Errors
    /// When the dataset does not fit together.
    fn fit(&self, dataset: &Dataset) -> Result<Vec<Fitted>, ScoreError>;

    /// Measures a model beside the baselines.
    ///
    /// # Errors
    /// When the model fails.
    fn judge(
        &self,
        model: &mut dyn Scorer,
        subject: &Subject<'_>,
        baselines: &[Fitted],
    ) -> Result<Analysis, ScoreError>;

    /// Hears that the graphs have scored like the trained network.
    fn checked(&self, parity: Parity);

    /// Does what is left to be done with a bundle that has its manifest and not yet its name, such as signing it.
    ///
    /// # Errors
    /// When that fails; there is no bundle then.
    fn sealed(&self, _directory: &Path) -> Result<(), ScoreError> {
        Ok(())
    }

    /// Hears what a person should know before the bundle is served.
    fn warn(&self, warning: &str);
}

/// How far the graphs of a bundle are from the trained network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parity {
    /// Histories that both scored.
    pub histories: usize,
    /// Candidates of each.
    pub candidates: usize,
    /// The greatest difference.
    pub worst: f32,
}

impl Source {
    /// A run and the dataset that it was trained on.
    ///
    /// # Errors
    /// [`ExportError::Foreign`] for another dataset.
    pub fn of_run(run: Run, dataset: Dataset) -> Result<Self, ExportError> {
        if dataset.sha256 != run.record.dataset_sha256 {
            return Err(ExportError::Foreign { found: dataset.sha256, expected: run.record.dataset_sha256 });
        }
        let dataset = dataset.with_vocabulary(&run.vocabulary)?;
        let stopped = match run.record.state {
            RunState::Interrupted | RunState::Diverged => Some((run.record.state, run.record.best_epoch)),
            RunState::Running | RunState::Finished => None,
        };
        let training = TrainingRecord {
            source_sha256: run.record.dataset_sha256.clone(),
            seed: run.record.seed,
            epochs: run.record.epochs,
            best_epoch: run.record.best_epoch,
            interactions: run.record.train_rows,
            hyperparameters: serde_json::to_value(&run.hyperparameters)?,
        };
        Ok(Self {
            sizes: run.hyperparameters.model,
            weights: run.weights,
            vocabulary: run.vocabulary,
            training,
            created: run.record.last_time,
            dataset: Some(dataset),
            known_users: None,
            stopped,
        })
    }

    /// Says that the run was stopped, if it was.
    pub(super) fn warning(&self) -> Option<String> {
        let (state, epoch) = self.stopped?;
        let early = if state == RunState::Diverged { "diverged" } else { "was interrupted" };
        Some(format!("the run {early}; exporting its best weights, of epoch {epoch}"))
    }

    /// The dataset, if its ids are the weights': one of others would count and show nothing.
    pub(super) fn dataset_of_same_ids(&self) -> Option<&Dataset> {
        self.dataset.as_ref().filter(|dataset| dataset.vocabulary.same_items(&self.vocabulary))
    }
}
