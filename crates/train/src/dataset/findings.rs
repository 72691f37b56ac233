//! What `prepare` found in the interactions that a person must know before training on them: counts leave, in the
//! manifest.

use serde::{Deserialize, Serialize};

use super::Split;

/// Fewest interactions of a user that give a training row: the first one has no history, the last two are measured.
pub const LEAST_TO_TRAIN: usize = 4;

/// Unix seconds of 1995-01-01: earlier times are hardly those of a clickstream.
pub(crate) const YEAR_1995: f64 = 788_918_400.0;

/// Counts of what was read, left out and is doubtful. Rows read are the dataset's interactions, its skipped lines and
/// [`Findings::short_user_interactions`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    /// Rows of the input.
    pub rows_read: u64,
    /// Users with fewer interactions were left out.
    pub min_interactions: u64,
    /// How many they were.
    pub short_users: u64,
    /// Their interactions.
    pub short_user_interactions: u64,
    /// Users in the dataset with fewer than [`LEAST_TO_TRAIN`] interactions.
    pub users_without_training_rows: u64,
    /// Their interactions.
    pub interactions_without_training_rows: u64,
    /// Validation rows with an item that no training interaction holds.
    pub unseen_valid_rows: u64,
    /// Test rows with such an item.
    pub unseen_test_rows: u64,
    /// Interactions that repeat another one: the same user, item and time.
    pub duplicates: u64,
    /// Interactions with the time of the interaction before them, of the same user.
    pub equal_times: u64,
    /// Validation rows among them.
    pub equal_time_valid_rows: u64,
    /// Test rows among them.
    pub equal_time_test_rows: u64,
    /// Interactions before 1995.
    pub before_1995: u64,
}

impl Findings {
    /// Rows of a split with an item that training has not seen.
    pub fn unseen_rows(&self, split: Split) -> u64 {
        match split {
            Split::Valid => self.unseen_valid_rows,
            Split::Test => self.unseen_test_rows,
        }
    }

    /// Rows of a split with the time of the interaction before them.
    pub fn equal_time_rows(&self, split: Split) -> u64 {
        match split {
            Split::Valid => self.equal_time_valid_rows,
            Split::Test => self.equal_time_test_rows,
        }
    }
}
