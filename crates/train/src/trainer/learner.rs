//! A network that learns, whatever network it is: epochs of steps enter, weights and checkpoints leave.

use std::ops::ControlFlow;

use super::TrainError;
use crate::checkpoint::State;
pub(super) use crate::ranking::StepDone;
use crate::weights::Weights;

/// What happens after each step, and whether the epoch goes on.
pub(super) type Visit<'a, L> = dyn FnMut(&L, StepDone) -> Result<ControlFlow<()>, TrainError> + 'a;

/// A network that learns.
pub(super) trait Learner: Sized {
    /// Positives of an epoch, and those of so many steps of it.
    fn positives(&self, steps: u32) -> (usize, usize);

    /// Trains an epoch, from 1, behind the steps that were done before.
    fn epoch(&mut self, epoch: u32, done: u32, visit: &mut Visit<'_, Self>) -> Result<(), TrainError>;

    /// The weights that are measured and kept: their average, or else the last step's.
    fn measured(&self) -> Result<Weights, TrainError>;

    /// Everything that a checkpoint holds.
    fn state(&self) -> Result<State<'_>, TrainError>;

    /// What the penalties add to the loss.
    fn penalty(&self) -> Result<f32, TrainError>;

    /// The weights of a run that is over, with what the validation rows say on top.
    fn finished(self, best: Weights) -> Result<Weights, TrainError>;
}
