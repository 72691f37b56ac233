//! What `prepare` found in the interactions that a person must know before training on them: counts leave, in the
//! manifest, and the warnings that they call for.

use serde::{Deserialize, Serialize};

use super::{Manifest, Split};

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

impl Manifest {
    /// A sentence for everything in the data that a person must know before training on it.
    pub fn warnings(&self) -> Vec<String> {
        let Some(found) = &self.findings else { return Vec::new() };
        let mut warnings = Vec::new();
        if found.users_without_training_rows > 0 {
            warnings.push(format!(
                "{} users with {} interactions give no training row, which takes at least {LEAST_TO_TRAIN} interactions \
                 of a user; --min-interactions {LEAST_TO_TRAIN} leaves them out",
                of(found.users_without_training_rows, self.users),
                of(found.interactions_without_training_rows, self.interactions),
            ));
        }
        warnings.extend([Split::Valid, Split::Test].into_iter().filter_map(|split| self.unseen_warning(split)));
        if found.duplicates > 0 {
            let duplicates = of(found.duplicates, self.interactions);
            warnings.push(format!("{duplicates} interactions repeat another one: the same user, item and time"));
        }
        warnings.extend([Split::Valid, Split::Test].into_iter().filter_map(|split| self.equal_time_warning(split)));
        warnings.extend(self.time_warning());
        warnings
    }

    fn unseen_warning(&self, split: Split) -> Option<String> {
        let unseen = self.findings.as_ref()?.unseen_rows(split);
        (unseen > 0).then(|| {
            format!(
                "{} {} rows have an item that was never seen in training: every metric counts them as not found",
                of(unseen, self.rows.of(split)),
                split.name(),
            )
        })
    }

    /// Says that many rows of a split follow their view before in the order of the file, not of time.
    pub fn equal_time_warning(&self, split: Split) -> Option<String> {
        let equal = self.findings.as_ref()?.equal_time_rows(split);
        (equal > 0 && self.order == super::BY_TIME).then(|| {
            format!(
                "{} {} rows have the same time as the view before: the order among equal times is the file's",
                of(equal, self.rows.of(split)),
                split.name(),
            )
        })
    }

    fn time_warning(&self) -> Option<String> {
        let before = self.findings.as_ref()?.before_1995;
        if self.first_time == self.last_time {
            return Some(format!("all interactions have the time {}: their order is the file's", self.first_time));
        }
        (before > 0).then(|| {
            let before = of(before, self.interactions);
            format!("{before} interactions lie before 1995: are their times Unix seconds or milliseconds?")
        })
    }
}

/// `66 of 309 (21.4 %)`
fn of(part: u64, whole: u64) -> String {
    format!("{part} of {whole} ({:.1} %)", 100.0 * part as f64 / whole.max(1) as f64)
}
