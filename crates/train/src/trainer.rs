//! Training: a dataset and hyperparameters enter, a run directory with the best weights leaves.

mod learner;
mod ranking;
mod rows;
mod sli_rec;
mod steps;
mod summaries;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::checkpoint::{self, Checkpoint};
use crate::dataset::{Dataset, DatasetError};
use crate::evaluation::ScoreError;
use crate::hyperparameters::{HyperparameterError, Hyperparameters, NetworkKind};
use crate::run::{EpochMetrics, RunError, RunRecord, RunState, RunWriter};
use crate::weights::WeightsError;
use ranking::RankingLearner;
use rows::Rows;
use sli_rec::SliRecLearner;
use steps::{Trainer, UnderWay};
use summaries::SummaryWriter;

/// Why training stopped without finishing.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The dataset cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The hyperparameters cannot be used.
    #[error(transparent)]
    Hyperparameters(#[from] HyperparameterError),
    /// The run directory cannot be read or written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Evaluation failed.
    #[error("evaluation: {0}")]
    Evaluation(ScoreError),
    /// The data cannot teach anything.
    #[error("{0}")]
    Unusable(String),
    /// A run cannot be continued with this dataset or these hyperparameters.
    #[error("the run cannot be continued: {0}")]
    Continue(String),
    /// The loss is NaN, infinite or beyond reason.
    #[error(
        "the loss is {loss} at step {step} of epoch {epoch}: training diverged, try a learning rate below {learning_rate}; \
         the best weights so far (epoch {best_epoch}) are kept"
    )]
    Diverged {
        /// The loss.
        loss: f32,
        /// Step of the epoch, from 1.
        step: u32,
        /// Epoch, from 1.
        epoch: usize,
        /// Epoch of the weights that were kept.
        best_epoch: usize,
        /// The learning rate that was too high.
        learning_rate: f64,
    },
}

impl From<WeightsError> for TrainError {
    fn from(error: WeightsError) -> Self {
        Self::Run(error.into())
    }
}

/// What happens while training.
#[derive(Debug)]
pub enum TrainEvent<'a> {
    /// An epoch begins, or goes on behind the rows that were done before.
    EpochStarts {
        /// Epoch, from 1.
        epoch: usize,
        /// Training rows of the epoch.
        rows: usize,
        /// Of them, done before.
        done: usize,
    },
    /// A step is done.
    Step {
        /// Its loss.
        loss: f32,
        /// Its positives.
        positives: usize,
    },
    /// The network is going to be measured on so many validation rows.
    Evaluating {
        /// Validation rows.
        rows: usize,
    },
    /// The network was evaluated on the validation rows.
    Evaluated {
        /// Epoch and metrics.
        metrics: &'a EpochMetrics,
        /// Whether these are the best weights so far.
        best: bool,
    },
}

/// What goes into TensorBoard's event files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summaries {
    /// Nothing; there is no event file.
    Off,
    /// Losses of each step, metrics of each epoch, hyperparameters.
    #[default]
    Scalars,
    /// Also distributions of weights and activations after each epoch.
    Full,
}

/// What to train and where to.
#[derive(Debug, Clone, Copy)]
pub struct TrainOptions<'a> {
    /// The data.
    pub dataset: &'a Dataset,
    /// How.
    pub hyperparameters: &'a Hyperparameters,
    /// Seed of everything random.
    pub seed: u64,
    /// The run directory.
    pub output: &'a Path,
    /// Replace an earlier run.
    pub replace: bool,
    /// Go on from the last checkpoint of the run directory.
    pub resume: bool,
    /// What goes into event files.
    pub summaries: Summaries,
    /// Write a checkpoint this often within an epoch; each epoch ends with one.
    pub checkpoint_every: Duration,
    /// Set from outside to stop after the current step.
    pub interrupted: &'a AtomicBool,
}

impl<'a> TrainOptions<'a> {
    /// A new run without event files, with a checkpoint every minute.
    pub fn new(
        dataset: &'a Dataset,
        hyperparameters: &'a Hyperparameters,
        seed: u64,
        output: &'a Path,
        interrupted: &'a AtomicBool,
    ) -> Self {
        let checkpoint_every = Duration::from_secs(60);
        let (replace, resume, summaries) = (false, false, Summaries::Off);
        Self { dataset, hyperparameters, seed, output, replace, resume, summaries, checkpoint_every, interrupted }
    }
}

/// Trains a network. Returns the final record; its state tells whether the run was interrupted.
///
/// # Errors
/// [`TrainError`]; the run directory then keeps the best weights of earlier epochs.
pub fn train(options: TrainOptions<'_>, events: &mut dyn FnMut(TrainEvent<'_>)) -> Result<RunRecord, TrainError> {
    let TrainOptions { dataset, hyperparameters, output, .. } = options;
    hyperparameters.check()?;
    let rows = Rows::of(dataset, hyperparameters)?;
    let (writer, start) = if options.resume { continued(&options)? } else { (started(&options, &rows)?, None) };
    let progress = start.as_ref().map(|checkpoint| checkpoint.progress.clone()).unwrap_or_default();
    let continued_from = options.resume.then_some(progress.steps as u64);
    let summaries = SummaryWriter::create(options.summaries, output, continued_from, hyperparameters)?;
    let run = UnderWay { options, rows, writer, progress, summaries, saved: Instant::now() };
    match hyperparameters.model.network {
        NetworkKind::SliRec => Trainer { learner: SliRecLearner::new(options, start)?, run }.run(events),
        NetworkKind::Ranking => Trainer { learner: RankingLearner::new(options, start)?, run }.run(events),
    }
}

/// A new run directory.
fn started(options: &TrainOptions<'_>, rows: &Rows) -> Result<RunWriter, TrainError> {
    let dataset = options.dataset;
    let record = RunRecord {
        format: String::new(),
        state: RunState::Running,
        dataset_sha256: dataset.sha256.clone(),
        seed: options.seed,
        train_rows: rows.train as u64,
        interactions: dataset.manifest.interactions,
        last_time: dataset.manifest.last_time,
        findings: dataset.manifest.findings.clone(),
        epochs: 0,
        best_epoch: 0,
        best_group_auc: 0.0,
    };
    Ok(RunWriter::create(options.output, options.replace, options.hyperparameters, &dataset.vocabulary, record)?)
}

/// The run of the directory at its last checkpoint; none when it was stopped before the first one.
fn continued(options: &TrainOptions<'_>) -> Result<(RunWriter, Option<Checkpoint>), TrainError> {
    let mut run = RunWriter::reopen(options.output, options.hyperparameters)?;
    let record = &run.record;
    let (trained, given) = (&record.dataset_sha256, &options.dataset.sha256);
    if trained != given {
        return Err(TrainError::Continue(format!("it was trained on dataset {trained}: found {given}")));
    }
    if record.seed != options.seed {
        return Err(TrainError::Continue(format!("it has seed {}: found {}", record.seed, options.seed)));
    }
    let path = run.last();
    let checkpoint = path.exists().then(|| checkpoint::read(&path)).transpose()?;
    let progress = checkpoint.as_ref().map(|checkpoint| checkpoint.progress.clone()).unwrap_or_default();
    run.keep_metrics(progress.metrics_lines)?;
    run.record.state = RunState::Running;
    run.record.epochs = progress.epochs;
    run.record.best_epoch = progress.best_epoch;
    run.record.best_group_auc = progress.best().1;
    run.write_record()?;
    Ok((run, checkpoint))
}
