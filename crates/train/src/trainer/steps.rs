//! A run under way: epochs of steps, each epoch followed by the validation metrics and a checkpoint.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::learner::{Learner, StepDone};
use super::rows::Rows;
use super::summaries::SummaryWriter;
use super::{TrainError, TrainEvent, TrainOptions};
use crate::checkpoint::{self, Progress};
use crate::dataset::evaluation::Sampling;
use crate::evaluation::{evaluate_ranking, evaluate_sampled};
use crate::hyperparameters::BestBy;
use crate::inference::InferenceNetwork;
use crate::metrics::RankingMetrics;
use crate::run::{EpochMetrics, RunRecord, RunState, RunWriter};

/// A loss that only divergence reaches, in nats: guessing among 5 candidates costs 1.6, among a million 13.8. Adam's steps are
/// bounded, so too high a learning rate may leave a dead network with a finite loss instead of one that is infinite.
const LARGEST_LOSS: f32 = 50.0;

/// A learner and its run.
pub(super) struct Trainer<'a, L> {
    pub(super) learner: L,
    pub(super) run: UnderWay<'a>,
}

/// Everything of a run but what learns.
pub(super) struct UnderWay<'a> {
    pub(super) options: TrainOptions<'a>,
    pub(super) rows: Rows,
    pub(super) writer: RunWriter,
    pub(super) progress: Progress,
    pub(super) summaries: SummaryWriter,
    /// When the last checkpoint was written.
    pub(super) saved: Instant,
}

impl<L: Learner> Trainer<'_, L> {
    pub(super) fn run(mut self, events: &mut dyn FnMut(TrainEvent<'_>)) -> Result<RunRecord, TrainError> {
        let epochs = self.run.options.hyperparameters.training.epochs;
        if self.run.progress.epoch == 0 {
            self.run.evaluate(0, &self.learner, events)?;
            self.run.progress.start_epoch(1);
            self.run.checkpoint(&self.learner)?;
        }
        let (mut state, mut diverged) = (RunState::Finished, None);
        while self.run.progress.epoch <= epochs && !self.run.stalled() {
            match self.epoch(events) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => {
                    state = RunState::Interrupted;
                    break;
                }
                Err(error @ TrainError::Diverged { .. }) => {
                    (state, diverged) = (RunState::Diverged, Some(error));
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let Self { learner, mut run } = self;
        let best = learner.finished(run.writer.read_best()?)?;
        run.writer.write_best(&best)?;
        run.writer.record.state = state;
        run.writer.write_record()?;
        diverged.map_or(Ok(run.writer.record), Err)
    }

    /// One pass over the training rows in a new order, or the rest of it, then the validation rows; breaks when it was
    /// interrupted.
    fn epoch(&mut self, events: &mut dyn FnMut(TrainEvent<'_>)) -> Result<ControlFlow<()>, TrainError> {
        let Self { learner, run } = self;
        let (epoch, done) = (run.progress.epoch, run.progress.steps_of_epoch);
        let (rows, before) = learner.positives(done);
        events(TrainEvent::EpochStarts { epoch, rows, done: before });
        run.saved = Instant::now();
        // Epochs and steps are bounded far below 2^32 by the hyperparameters and the 32-bit rows.
        learner.epoch(epoch as u32, done, &mut |learner, step| run.step(learner, step, events))?;
        if run.interrupted() {
            run.checkpoint(learner)?;
            return Ok(ControlFlow::Break(()));
        }
        run.progress.epochs = epoch;
        run.evaluate(epoch, learner, events)?;
        run.progress.start_epoch(epoch + 1);
        run.checkpoint(learner)?;
        Ok(ControlFlow::Continue(()))
    }
}

impl UnderWay<'_> {
    /// Whether it is too long since there was a better epoch.
    fn stalled(&self) -> bool {
        self.progress.epochs - self.progress.best_epoch >= self.options.hyperparameters.training.early_stop_epochs
    }

    fn interrupted(&self) -> bool {
        self.options.interrupted.load(Ordering::Relaxed)
    }

    /// After a step.
    fn step<L: Learner>(
        &mut self,
        learner: &L,
        step: StepDone,
        events: &mut dyn FnMut(TrainEvent<'_>),
    ) -> Result<ControlFlow<()>, TrainError> {
        let StepDone { number, loss, positives, learning_rate } = step;
        if !loss.is_finite() || loss > LARGEST_LOSS {
            let (epoch, best_epoch) = (self.progress.epoch, self.progress.best_epoch);
            return Err(TrainError::Diverged { loss, step: number, epoch, best_epoch, learning_rate });
        }
        self.progress.steps += 1;
        self.progress.add_loss(loss);
        self.progress.steps_of_epoch = number;
        self.summaries.step(self.progress.steps, loss, learning_rate, learner)?;
        events(TrainEvent::Step { loss, positives });
        if self.saved.elapsed() >= self.options.checkpoint_every {
            self.checkpoint(learner)?;
            self.saved = Instant::now();
        }
        Ok(if self.interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn evaluate<L: Learner>(
        &mut self,
        epoch: usize,
        learner: &L,
        events: &mut dyn FnMut(TrainEvent<'_>),
    ) -> Result<(), TrainError> {
        events(TrainEvent::Evaluating { rows: self.rows.valid.len() });
        let weights = learner.measured()?;
        if !weights.are_finite() {
            // What the last step made of them.
            let (step, learning_rate) =
                (self.progress.steps_of_epoch, self.options.hyperparameters.training.learning_rate);
            let best_epoch = self.progress.best_epoch;
            return Err(TrainError::Diverged { loss: f32::NAN, step, epoch, best_epoch, learning_rate });
        }
        let (hyperparameters, vocabulary) = (self.options.hyperparameters, &self.options.dataset.vocabulary);
        let mut network = InferenceNetwork::new(&hyperparameters.model, vocabulary, &weights)?;
        let valid = evaluate_sampled(&mut network, &self.rows.valid).map_err(TrainError::Evaluation)?;
        let ranking = match hyperparameters.training.best_by {
            BestBy::GroupAuc => None,
            BestBy::Ndcg10 => Some(self.ranking(&mut network)?),
        };
        let metric = ranking.as_ref().map_or(valid.group_auc, |ranking| ranking.ndcg_10);
        let best = epoch == 0 || metric > self.progress.best().0;
        if best {
            self.progress.set_best(epoch, metric, valid.group_auc);
            self.writer.write_best(&weights)?;
        }
        let metrics =
            EpochMetrics { epoch, steps: self.progress.steps, loss: self.progress.mean_loss(), valid, ranking };
        self.writer.append_metrics(&metrics)?;
        self.progress.metrics_lines += 1;
        self.summaries.epoch(&metrics, &weights, &network, &self.rows.valid)?;
        events(TrainEvent::Evaluated { metrics: &metrics, best });
        Ok(())
    }

    /// Full ranking of the validation rows, or of a sample of them.
    fn ranking(&self, network: &mut InferenceNetwork) -> Result<RankingMetrics, TrainError> {
        let valid = &self.rows.valid;
        let chosen = Sampling::for_items(self.rows.candidates.len()).choose(valid.len()).into_iter();
        let sample: Vec<_> = chosen.filter_map(|row| valid.get(row)).cloned().collect();
        evaluate_ranking(network, &sample, &self.rows.candidates, &mut |_| Ok(())).map_err(TrainError::Evaluation)
    }

    fn checkpoint<L: Learner>(&mut self, learner: &L) -> Result<(), TrainError> {
        checkpoint::write(&self.writer.last(), learner.state()?, &self.progress)?;
        let progress = &self.progress;
        let record = &mut self.writer.record;
        (record.epochs, record.best_epoch, record.best_group_auc) =
            (progress.epochs, progress.best_epoch, progress.best().1);
        Ok(self.writer.write_record()?)
    }
}
