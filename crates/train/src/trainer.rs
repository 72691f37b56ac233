//! Training: a dataset and hyperparameters enter, a run directory with the best weights leaves.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use rand::seq::SliceRandom;
use thiserror::Error;

use crate::batch::Batch;
use crate::batches::{BatchSource, NumberedBatch};
use crate::dataset::evaluation::EvaluationGroup;
use crate::dataset::{Dataset, DatasetError, Split};
use crate::evaluation::{ScoreError, evaluate_sampled};
use crate::hyperparameters::{HyperparameterError, Hyperparameters, SMALLEST_BATCH};
use crate::metrics::SampledMetrics;
use crate::model::{Network, TrainingPass, loss};
use crate::optimizer::Adam;
use crate::random::{self, Purpose};
use crate::run::{EpochMetrics, RunError, RunRecord, RunState, RunWriter, table_rows};

/// Why training stopped without finishing.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The dataset cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The hyperparameters cannot be used.
    #[error(transparent)]
    Hyperparameters(#[from] HyperparameterError),
    /// The run directory cannot be written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A tensor operation failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
    /// Evaluation failed.
    #[error("evaluation: {0}")]
    Evaluation(ScoreError),
    /// The data cannot teach anything.
    #[error("{0}")]
    Unusable(String),
    /// The loss is NaN or infinite.
    #[error(
        "the loss is {loss} at step {step} of epoch {epoch}: training diverged, try a learning rate below {learning_rate}; \
         the best weights so far (epoch {best_epoch}) are kept"
    )]
    Diverged {
        /// The loss.
        loss: f32,
        /// Step of the epoch, from 1.
        step: usize,
        /// Epoch, from 1.
        epoch: usize,
        /// Epoch of the weights that were kept.
        best_epoch: usize,
        /// The learning rate that was too high.
        learning_rate: f64,
    },
}

/// What happens while training.
#[derive(Debug)]
pub enum TrainEvent<'a> {
    /// An epoch begins with so many steps.
    EpochStarts {
        /// Epoch, from 1.
        epoch: usize,
        /// Training rows of the epoch.
        rows: usize,
    },
    /// A step is done.
    Step {
        /// Its loss.
        loss: f32,
        /// Its positives.
        positives: usize,
    },
    /// The network was evaluated on the validation rows.
    Evaluated {
        /// Epoch and metrics.
        metrics: &'a EpochMetrics,
        /// Whether these are the best weights so far.
        best: bool,
    },
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
    /// Set from outside to stop after the current step.
    pub interrupted: &'a AtomicBool,
}

/// Trains a network. Returns the final record; its state tells whether the run was interrupted.
///
/// # Errors
/// [`TrainError`]; the run directory then keeps the best weights of earlier epochs.
pub fn train(options: TrainOptions<'_>, events: &mut dyn FnMut(TrainEvent<'_>)) -> Result<RunRecord, TrainError> {
    let TrainOptions { dataset, hyperparameters, seed, .. } = options;
    hyperparameters.check()?;
    let rows = dataset.train_rows();
    check_rows(dataset, &rows)?;
    let valid = dataset.groups(Split::Valid, hyperparameters.model.longest_history)?;
    if valid.is_empty() {
        return Err(TrainError::Unusable(
            "the dataset has no validation rows: expected a user with at least 3 interactions".to_owned(),
        ));
    }
    let record = RunRecord {
        format: String::new(),
        state: RunState::Running,
        dataset_sha256: dataset.sha256.clone(),
        seed,
        train_rows: rows.len() as u64,
        interactions: dataset.manifest.interactions,
        last_time: dataset.manifest.last_time,
        epochs: 0,
        best_epoch: 0,
        best_group_auc: 0.0,
    };
    let network = Network::start(hyperparameters, &table_rows(&dataset.vocabulary), seed)?;
    let run = RunWriter::create(options.output, options.replace, hyperparameters, &dataset.vocabulary, record)?;
    Trainer { options, rows, valid, network, optimizer: Adam::default(), run, steps: 0 }.run(events)
}

fn check_rows(dataset: &Dataset, rows: &[u32]) -> Result<(), TrainError> {
    if rows.len() < SMALLEST_BATCH {
        return Err(TrainError::Unusable(format!(
            "the dataset has {} training rows: expected at least {SMALLEST_BATCH}",
            rows.len()
        )));
    }
    let target = |row: &u32| dataset.candidate(*row as usize).map(|candidate| candidate.item);
    let first = rows.first().and_then(target);
    if rows.iter().all(|row| target(row) == first) {
        return Err(TrainError::Unusable(
            "all training rows have the same item: expected at least two, to draw negatives from".to_owned(),
        ));
    }
    Ok(())
}

struct Trainer<'a> {
    options: TrainOptions<'a>,
    rows: Vec<u32>,
    valid: Vec<EvaluationGroup>,
    network: Network,
    optimizer: Adam,
    run: RunWriter,
    steps: usize,
}

impl Trainer<'_> {
    fn run(mut self, events: &mut dyn FnMut(TrainEvent<'_>)) -> Result<RunRecord, TrainError> {
        let settings = self.options.hyperparameters.training.clone();
        self.evaluate(0, None, events)?;
        let mut state = RunState::Finished;
        for epoch in 1..=settings.epochs {
            let loss = self.epoch(epoch, events)?;
            if self.interrupted() {
                // Part of an epoch counts if it is better than what there was.
                self.evaluate(epoch, loss, events)?;
                state = RunState::Interrupted;
                break;
            }
            self.run.record.epochs = epoch;
            self.evaluate(epoch, loss, events)?;
            if epoch - self.run.record.best_epoch >= settings.early_stop_epochs {
                break;
            }
        }
        self.run.record.state = state;
        self.run.write_record()?;
        Ok(self.run.record)
    }

    fn interrupted(&self) -> bool {
        self.options.interrupted.load(Ordering::Relaxed)
    }

    /// One pass over the training rows in a new order. Answers the mean loss.
    fn epoch(&mut self, epoch: usize, events: &mut dyn FnMut(TrainEvent<'_>)) -> Result<Option<f64>, TrainError> {
        // Epochs and steps are bounded far below 2^32 by the hyperparameters and the 32-bit rows.
        let number = epoch as u32;
        let mut order = self.rows.clone();
        order.shuffle(&mut random::generator(self.options.seed, Purpose::Order(number)));
        events(TrainEvent::EpochStarts { epoch, rows: order.len() });
        let TrainOptions { dataset, hyperparameters, seed, .. } = self.options;
        let source = BatchSource { dataset, hyperparameters, seed };
        source.ahead(&order, number, |batches| self.steps_of_epoch(batches, epoch, events))
    }

    /// A step for every batch. Answers the mean loss.
    fn steps_of_epoch(
        &mut self,
        batches: Receiver<Result<NumberedBatch, DatasetError>>,
        epoch: usize,
        events: &mut dyn FnMut(TrainEvent<'_>),
    ) -> Result<Option<f64>, TrainError> {
        let (mut sum, mut count) = (0.0, 0);
        for batch in batches {
            if self.interrupted() {
                break;
            }
            let (step, batch) = batch?;
            let positives = batch.groups();
            let loss = self.step(&Arc::new(batch), (epoch as u32, step))?;
            if !loss.is_finite() {
                return Err(TrainError::Diverged {
                    loss,
                    step: step as usize,
                    epoch,
                    best_epoch: self.run.record.best_epoch,
                    learning_rate: self.options.hyperparameters.training.learning_rate,
                });
            }
            sum += f64::from(loss);
            count += 1;
            events(TrainEvent::Step { loss, positives });
        }
        Ok((count > 0).then(|| sum / f64::from(count)))
    }

    fn step(&mut self, batch: &Arc<Batch>, (epoch, step): (u32, u32)) -> Result<f32, TrainError> {
        let settings = &self.options.hyperparameters.training;
        let pass = TrainingPass {
            dropout: settings.dropout,
            seed: random::number(self.options.seed, Purpose::Dropout(epoch, step)),
            statistics: RefCell::default(),
        };
        let loss = loss(&self.network.forward(batch, &pass)?)?;
        let value = loss.to_scalar::<f32>()?;
        if value.is_finite() {
            let gradients = loss.backward()?;
            self.optimizer.step(self.network.trained(), &gradients, settings)?;
            self.network.move_statistics(pass)?;
            self.steps += 1;
        }
        Ok(value)
    }

    fn evaluate(
        &mut self,
        epoch: usize,
        loss: Option<f64>,
        events: &mut dyn FnMut(TrainEvent<'_>),
    ) -> Result<(), TrainError> {
        let valid: SampledMetrics = evaluate_sampled(&mut self.network, &self.valid).map_err(TrainError::Evaluation)?;
        let best = epoch == 0 || valid.group_auc > self.run.record.best_group_auc;
        let weights = self.network.weights()?;
        if best {
            self.run.record.best_group_auc = valid.group_auc;
            self.run.record.best_epoch = epoch;
            self.run.write_best(&weights)?;
        }
        self.run.write_last(&weights)?;
        let metrics = EpochMetrics { epoch, steps: self.steps, loss, valid };
        self.run.append_metrics(&metrics)?;
        self.run.write_record()?;
        events(TrainEvent::Evaluated { metrics: &metrics, best });
        Ok(())
    }
}
