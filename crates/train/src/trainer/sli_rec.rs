//! The original's network as a learner: every positive is a row of its own, with negatives of its own.

use rand::seq::SliceRandom;

use super::learner::{Learner, StepDone, Visit};
use super::{TrainError, TrainOptions};
use crate::average::Average;
use crate::batch::Batch;
use crate::batches::BatchSource;
use crate::checkpoint::{Checkpoint, State};
use crate::model::{Network, StepDropout, loss};
use crate::negatives::NegativeSampler;
use crate::optimizer::{self, Adam};
use crate::random::{self, Purpose};
use crate::run::table_rows;
use crate::weights::Weights;

/// The network, its optimiser and what they learn from.
pub(super) struct SliRecLearner<'a> {
    options: TrainOptions<'a>,
    /// Training interactions.
    rows: Vec<u32>,
    negatives: NegativeSampler,
    network: Network,
    /// The average of its weights, for runs that keep one.
    average: Option<Average>,
    optimizer: Adam,
    /// Steps of the whole run.
    steps: usize,
}

impl<'a> SliRecLearner<'a> {
    /// A network that begins, or goes on at a checkpoint.
    pub(super) fn new(options: TrainOptions<'a>, checkpoint: Option<Checkpoint>) -> Result<Self, TrainError> {
        let TrainOptions { dataset, hyperparameters, seed, .. } = options;
        let tables = table_rows(&dataset.vocabulary);
        let network = match &checkpoint {
            Some(checkpoint) => Network::from_weights(&hyperparameters.model, &tables, &checkpoint.weights)?,
            None => Network::start(hyperparameters, &tables, seed)?,
        };
        let steps = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.progress.steps);
        let decay = hyperparameters.training.weight_average;
        let (average, optimizer) =
            checkpoint.map_or_else(Default::default, |checkpoint| (checkpoint.average, checkpoint.optimizer));
        let average = match average {
            _ if decay == 0.0 => None,
            Some(weights) => Some(Average::restored(decay, steps, weights)),
            None => Some(Average::new(decay, network.weights().clone())),
        };
        Ok(Self {
            rows: dataset.train_rows(),
            negatives: NegativeSampler::new(hyperparameters.training.negative_source, &dataset.vocabulary),
            network,
            average,
            optimizer,
            steps,
            options,
        })
    }

    fn step(&mut self, batch: &Batch, epoch: u32, step: u32) -> Result<StepDone, TrainError> {
        let settings = &self.options.hyperparameters.training;
        let seed = random::number(self.options.seed, Purpose::Dropout(epoch, step));
        let learning_rate = settings.learning_rate_at(self.steps + 1, self.steps_of_run());
        let mut pass = self.network.forward(batch, StepDropout { shares: settings.dropout, seed })?;
        if settings.popularity_correction {
            let log_probabilities = log_probabilities(&self.negatives, batch);
            pass.logits.iter_mut().zip(log_probabilities).for_each(|(logit, drawn)| *logit -= drawn);
        }
        let (value, logit_gradients) = loss(&pass.logits, batch.candidates);
        let done = StepDone { number: step, loss: value, positives: batch.groups(), learning_rate };
        if !value.is_finite() {
            // The gradients would spoil the weights.
            return Ok(done);
        }
        let statistics = pass.statistics();
        let gradients = pass.backward(&logit_gradients)?;
        self.optimizer.step(self.network.weights_mut(), gradients, settings, learning_rate)?;
        self.network.move_statistics(&statistics);
        if let Some(average) = &mut self.average {
            average.add(self.network.weights());
        }
        self.steps += 1;
        Ok(done)
    }

    /// Steps of a run that is not stopped early.
    fn steps_of_run(&self) -> usize {
        let settings = &self.options.hyperparameters.training;
        self.rows.len().div_ceil(settings.batch_size) * settings.epochs
    }
}

/// ln of the probability that each candidate is drawn, `[B * C]`.
fn log_probabilities(negatives: &NegativeSampler, batch: &Batch) -> impl Iterator<Item = f32> {
    let item = |target: &u32| batch.target_items.get(*target as usize).copied().unwrap_or_default();
    batch.candidate_targets.iter().map(move |target| negatives.log_probability(item(target)))
}

impl Learner for SliRecLearner<'_> {
    fn positives(&self, steps: u32) -> (usize, usize) {
        let batch = self.options.hyperparameters.training.batch_size;
        (self.rows.len(), (steps as usize * batch).min(self.rows.len()))
    }

    fn epoch(&mut self, epoch: u32, done: u32, visit: &mut Visit<'_, Self>) -> Result<(), TrainError> {
        let mut order = self.rows.clone();
        order.shuffle(&mut random::generator(self.options.seed, Purpose::Order(epoch)));
        let TrainOptions { dataset, hyperparameters, seed, .. } = self.options;
        let negatives = self.negatives.clone();
        let source = BatchSource { dataset, hyperparameters, negatives: &negatives, seed };
        source.ahead(&order, epoch, done, |batches| {
            for batch in batches {
                let (step, batch) = batch?;
                let done = self.step(&batch, epoch, step)?;
                if visit(self, done)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn measured(&self) -> Result<Weights, TrainError> {
        Ok(match &self.average {
            Some(average) => average.weights().clone(),
            None => self.network.weights().clone(),
        })
    }

    fn state(&self) -> Result<State<'_>, TrainError> {
        Ok(State {
            weights: self.network.weights().into(),
            average: self.average.as_ref().map(|average| average.weights().into()),
            optimizer_steps: self.optimizer.steps(),
            moments: self.optimizer.state(),
        })
    }

    fn penalty(&self) -> Result<f32, TrainError> {
        Ok(optimizer::penalty(self.network.trained(), &self.options.hyperparameters.training))
    }

    fn finished(self, best: Weights) -> Result<Weights, TrainError> {
        Ok(best)
    }
}
