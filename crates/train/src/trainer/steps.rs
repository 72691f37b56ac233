//! A run under way: epochs of steps, each epoch followed by the validation metrics and a checkpoint.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use candle_core::{Device, Tensor};
use rand::seq::SliceRandom;

use super::rows::Rows;
use super::summaries::SummaryWriter;
use super::{TrainError, TrainEvent, TrainOptions};
use crate::average::Average;
use crate::batch::Batch;
use crate::batches::{BatchSource, NumberedBatch};
use crate::checkpoint::{self, Progress};
use crate::dataset::DatasetError;
use crate::dataset::evaluation::Sampling;
use crate::evaluation::{evaluate_ranking, evaluate_sampled};
use crate::hyperparameters::BestBy;
use crate::inference::InferenceNetwork;
use crate::metrics::RankingMetrics;
use crate::model::{Network, TrainingPass, loss};
use crate::negatives::NegativeSampler;
use crate::optimizer::Adam;
use crate::random::{self, Purpose};
use crate::run::{EpochMetrics, RunRecord, RunState, RunWriter, table_rows};
use crate::weights::Weights;

/// A loss that only divergence reaches, in nats: guessing among 5 candidates costs 1.6, among 1,000 costs 6.9. Adam's steps are
/// bounded, so too high a learning rate may leave a dead network with a finite loss instead of one that is infinite.
const LARGEST_LOSS: f32 = 50.0;

pub(super) struct Trainer<'a> {
    pub(super) options: TrainOptions<'a>,
    pub(super) rows: Rows,
    pub(super) negatives: NegativeSampler,
    pub(super) network: Network,
    /// The average of its weights, for runs that keep one.
    pub(super) average: Option<Average>,
    pub(super) optimizer: Adam,
    pub(super) run: RunWriter,
    pub(super) progress: Progress,
    pub(super) summaries: SummaryWriter,
}

impl Trainer<'_> {
    pub(super) fn run(mut self, events: &mut dyn FnMut(TrainEvent<'_>)) -> Result<RunRecord, TrainError> {
        let settings = &self.options.hyperparameters.training;
        if self.progress.epoch == 0 {
            self.evaluate(0, events)?;
            self.progress.start_epoch(1);
            self.checkpoint()?;
        }
        let mut state = RunState::Finished;
        while self.progress.epoch <= settings.epochs && !self.stalled() {
            if let Err(error) = self.epoch(events) {
                if matches!(error, TrainError::Diverged { .. }) {
                    self.run.record.state = RunState::Diverged;
                    self.run.write_record()?;
                }
                return Err(error);
            }
            if self.interrupted() {
                self.checkpoint()?;
                state = RunState::Interrupted;
                break;
            }
            let epoch = self.progress.epoch;
            self.progress.epochs = epoch;
            self.evaluate(epoch, events)?;
            self.progress.start_epoch(epoch + 1);
            self.checkpoint()?;
        }
        self.run.record.state = state;
        self.run.write_record()?;
        Ok(self.run.record)
    }

    /// Whether it is too long since there was a better epoch.
    fn stalled(&self) -> bool {
        self.progress.epochs - self.progress.best_epoch >= self.options.hyperparameters.training.early_stop_epochs
    }

    fn interrupted(&self) -> bool {
        self.options.interrupted.load(Ordering::Relaxed)
    }

    /// One pass over the training rows in a new order, or the rest of it.
    fn epoch(&mut self, events: &mut dyn FnMut(TrainEvent<'_>)) -> Result<(), TrainError> {
        let (epoch, done) = (self.progress.epoch, self.progress.steps_of_epoch);
        // Epochs and steps are bounded far below 2^32 by the hyperparameters and the 32-bit rows.
        let number = epoch as u32;
        let mut order = self.rows.train.clone();
        order.shuffle(&mut random::generator(self.options.seed, Purpose::Order(number)));
        let TrainOptions { dataset, hyperparameters, seed, .. } = self.options;
        let done_rows = (done as usize * hyperparameters.training.batch_size).min(order.len());
        events(TrainEvent::EpochStarts { epoch, rows: order.len(), done: done_rows });
        let negatives = self.negatives.clone();
        let source = BatchSource { dataset, hyperparameters, negatives: &negatives, seed };
        source.ahead(&order, number, done, |batches| self.steps_of_epoch(batches, events))
    }

    /// A step for every batch.
    fn steps_of_epoch(
        &mut self,
        batches: Receiver<Result<NumberedBatch, DatasetError>>,
        events: &mut dyn FnMut(TrainEvent<'_>),
    ) -> Result<(), TrainError> {
        let mut saved = Instant::now();
        for batch in batches {
            if self.interrupted() {
                break;
            }
            let (step, batch) = batch?;
            let positives = batch.groups();
            let loss = self.step(&Arc::new(batch), step)?;
            self.progress.steps_of_epoch = step;
            events(TrainEvent::Step { loss, positives });
            if saved.elapsed() >= self.options.checkpoint_every {
                self.checkpoint()?;
                saved = Instant::now();
            }
        }
        Ok(())
    }

    fn step(&mut self, batch: &Arc<Batch>, step: u32) -> Result<f32, TrainError> {
        let hyperparameters = self.options.hyperparameters;
        let settings = &hyperparameters.training;
        let epoch = self.progress.epoch;
        let seed = random::number(self.options.seed, Purpose::Dropout(epoch as u32, step));
        let pass = TrainingPass { dropout: settings.dropout, seed, statistics: RefCell::default() };
        let mut logits = self.network.forward(batch, &pass)?;
        if settings.popularity_correction {
            logits = (logits - self.log_probabilities(batch)?)?;
        }
        let loss = loss(&logits)?;
        let value = loss.to_scalar::<f32>()?;
        let learning_rate = settings.learning_rate_at(self.progress.steps + 1, self.steps_of_run());
        if !value.is_finite() || value > LARGEST_LOSS {
            let best_epoch = self.progress.best_epoch;
            return Err(TrainError::Diverged { loss: value, step, epoch, best_epoch, learning_rate });
        }
        let gradients = loss.backward()?;
        self.optimizer.step(self.network.trained(), &gradients, settings, learning_rate)?;
        self.network.move_statistics(pass)?;
        if let Some(average) = &mut self.average {
            average.add(&self.network.weights()?);
        }
        self.progress.steps += 1;
        self.progress.add_loss(value);
        self.summaries.step(self.progress.steps, value, learning_rate, &self.network, settings)?;
        Ok(value)
    }

    /// Steps of a run that is not stopped early.
    fn steps_of_run(&self) -> usize {
        let settings = &self.options.hyperparameters.training;
        self.rows.train.len().div_ceil(settings.batch_size) * settings.epochs
    }

    /// ln of the probability that each candidate is drawn, `[B, C]`.
    fn log_probabilities(&self, batch: &Batch) -> candle_core::Result<Tensor> {
        let item = |target: &u32| batch.target_items.get(*target as usize).copied().unwrap_or_default();
        let of = |target: &u32| self.negatives.log_probability(item(target));
        let values: Vec<f32> = batch.candidate_targets.iter().map(of).collect();
        Tensor::from_vec(values, (batch.groups(), batch.candidates), &Device::Cpu)
    }

    fn evaluate(&mut self, epoch: usize, events: &mut dyn FnMut(TrainEvent<'_>)) -> Result<(), TrainError> {
        events(TrainEvent::Evaluating { rows: self.rows.valid.len() });
        let (weights, mut network) = self.measured()?;
        let valid = evaluate_sampled(&mut network, &self.rows.valid).map_err(TrainError::Evaluation)?;
        let best_by = self.options.hyperparameters.training.best_by;
        let ranking = match best_by {
            BestBy::GroupAuc => None,
            BestBy::Ndcg10 => Some(self.ranking(&mut network)?),
        };
        let metric = ranking.as_ref().map_or(valid.group_auc, |ranking| ranking.ndcg_10);
        let best = epoch == 0 || metric > self.progress.best().0;
        if best {
            self.progress.set_best(epoch, metric, valid.group_auc);
            self.run.write_best(&weights)?;
        }
        let metrics =
            EpochMetrics { epoch, steps: self.progress.steps, loss: self.progress.mean_loss(), valid, ranking };
        self.run.append_metrics(&metrics)?;
        self.progress.metrics_lines += 1;
        self.summaries.epoch(&metrics, &weights, &network, &self.rows.valid)?;
        events(TrainEvent::Evaluated { metrics: &metrics, best });
        Ok(())
    }

    /// The weights that are measured and kept, and a network with them: the average, or else the last step's.
    fn measured(&self) -> Result<(Weights, InferenceNetwork), TrainError> {
        let weights = match &self.average {
            Some(average) => average.weights().clone(),
            None => self.network.weights()?,
        };
        let tables = table_rows(&self.options.dataset.vocabulary);
        let network = InferenceNetwork::new(&self.options.hyperparameters.model, &tables, &weights)?;
        Ok((weights, network))
    }

    /// Full ranking of the validation rows, or of a sample of them.
    fn ranking(&self, network: &mut InferenceNetwork) -> Result<RankingMetrics, TrainError> {
        let valid = &self.rows.valid;
        let chosen = Sampling::default().choose(valid.len()).into_iter();
        let sample: Vec<_> = chosen.filter_map(|row| valid.get(row)).cloned().collect();
        evaluate_ranking(network, &sample, &self.rows.candidates, &mut |_| ()).map_err(TrainError::Evaluation)
    }

    fn checkpoint(&mut self) -> Result<(), TrainError> {
        let average = self.average.as_ref().map(Average::weights);
        checkpoint::write(&self.run.last(), self.network.weights()?, average, &self.optimizer, &self.progress)?;
        let progress = &self.progress;
        let record = &mut self.run.record;
        (record.epochs, record.best_epoch, record.best_group_auc) =
            (progress.epochs, progress.best_epoch, progress.best().1);
        Ok(self.run.write_record()?)
    }
}
