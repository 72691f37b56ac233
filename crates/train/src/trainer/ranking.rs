//! The ranking network as a learner.

use super::learner::{Learner, Visit};
use super::{TrainError, TrainOptions};
use crate::checkpoint::{Checkpoint, State};
use crate::ranking::{RankingTraining, with_terms};
use crate::weights::Weights;

/// The network with what it learns from.
pub(super) struct RankingLearner<'a> {
    options: TrainOptions<'a>,
    training: RankingTraining<'a>,
}

impl<'a> RankingLearner<'a> {
    /// A network that begins, or goes on at a checkpoint.
    pub(super) fn new(options: TrainOptions<'a>, checkpoint: Option<Checkpoint>) -> Result<Self, TrainError> {
        let TrainOptions { dataset, hyperparameters, seed, .. } = options;
        let training = match checkpoint {
            Some(checkpoint) => RankingTraining::restored(dataset, hyperparameters, seed, &checkpoint)?,
            None => RankingTraining::new(dataset, hyperparameters, seed),
        };
        Ok(Self { options, training })
    }
}

impl Learner for RankingLearner<'_> {
    fn positives(&self, steps: u32) -> (usize, usize) {
        let positions = self.training.positions();
        let batch = self.options.hyperparameters.training.batch_size;
        (positions, (steps as usize * batch).min(positions))
    }

    fn epoch(&mut self, epoch: u32, done: u32, visit: &mut Visit<'_, Self>) -> Result<(), TrainError> {
        let mut number = done;
        // One at a time, so that what is visited can be asked for its state.
        while let Some(step) = self.training.step_of_epoch(epoch, number) {
            number = step.number;
            if visit(self, step)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn measured(&self) -> Result<Weights, TrainError> {
        Ok(self.training.measured())
    }

    fn state(&self) -> Result<State<'_>, TrainError> {
        Ok(self.training.state())
    }

    fn penalty(&self) -> Result<f32, TrainError> {
        Ok(0.0)
    }

    fn finished(self, best: Weights) -> Result<Weights, TrainError> {
        let TrainOptions { dataset, hyperparameters, .. } = self.options;
        // The optimiser's memory is needed for the rows' logits.
        drop(self.training);
        with_terms(hyperparameters, dataset, best).map_err(TrainError::Evaluation)
    }
}
