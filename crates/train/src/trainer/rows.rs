//! What a run learns from and is measured on: a dataset enters, its training rows and validation groups leave, or why they
//! cannot teach anything.

use super::TrainError;
use crate::dataset::evaluation::{Candidate, EvaluationGroup};
use crate::dataset::findings::LEAST_TO_TRAIN;
use crate::dataset::{Dataset, Split};
use crate::hyperparameters::{Hyperparameters, SMALLEST_BATCH};

/// Rows of a run.
#[derive(Debug)]
pub(super) struct Rows {
    /// Number of training interactions with a history.
    pub(super) train: usize,
    /// Validation rows with their negatives.
    pub(super) valid: Vec<EvaluationGroup>,
    /// All items, for full ranking.
    pub(super) candidates: Vec<Candidate>,
}

impl Rows {
    /// Checks that there is something to learn and to measure.
    pub(super) fn of(dataset: &Dataset, hyperparameters: &Hyperparameters) -> Result<Self, TrainError> {
        let train = dataset.train_rows();
        if train.len() < SMALLEST_BATCH {
            let count = train.len();
            return Err(TrainError::Unusable(format!(
                "the dataset has {count} training rows: expected at least {SMALLEST_BATCH}; a user needs at least \
                 {LEAST_TO_TRAIN} interactions to give one"
            )));
        }
        let target = |row: &u32| dataset.candidate(*row as usize).map(|candidate| candidate.item);
        let first = train.first().and_then(target);
        if train.iter().all(|row| target(row) == first) {
            return Err(TrainError::Unusable(
                "all training rows have the same item: expected at least two, to draw negatives from".to_owned(),
            ));
        }
        let valid = dataset.groups(Split::Valid, hyperparameters.model.longest_history)?;
        if valid.is_empty() {
            return Err(TrainError::Unusable(
                "the dataset has no validation rows: expected a user with at least 3 interactions".to_owned(),
            ));
        }
        Ok(Self { train: train.len(), valid, candidates: crate::analysis::vocabulary_candidates(&dataset.vocabulary) })
    }
}
