//! The manifest of a dataset: what was prepared, its counts and hashes, what was found on the way, and the warnings that
//! this calls for.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use slirec_core::event::Event;
use slirec_core::files;

use super::error::DatasetError;
use super::findings::{Findings, LEAST_TO_TRAIN};
use super::user_attributes::UserAttributes;
use super::{Division, Split};

/// Name of the manifest; it stands last when a dataset is written.
pub const MANIFEST: &str = "manifest.json";
/// Format of the manifest that this version writes and reads.
pub const FORMAT: &str = "slirec-dataset/1";

/// Orders of a user's interactions, as the manifest names them.
pub(crate) const BY_TIME: &str = "time";
pub(crate) const IN_FILE_ORDER: &str = "file";

/// Number of rows with a history before them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// Training rows.
    pub train: u64,
    /// Validation rows.
    pub valid: u64,
    /// Test rows.
    pub test: u64,
}

impl Rows {
    /// Rows of a split.
    pub fn of(&self, split: Split) -> u64 {
        match split {
            Split::Valid => self.valid,
            Split::Test => self.test,
        }
    }
}

/// Interactions by what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventCounts {
    /// Views.
    pub view: u64,
    /// What was put into carts.
    pub cart: u64,
    /// Purchases.
    pub purchase: u64,
}

impl EventCounts {
    /// Counts one.
    pub fn count(&mut self, event: Event) {
        match event {
            Event::View => self.view += 1,
            Event::Cart => self.cart += 1,
            Event::Purchase => self.purchase += 1,
        }
    }

    /// The counts, unless all are views.
    pub fn are_told(self) -> Option<Self> {
        (self.cart > 0 || self.purchase > 0).then_some(self)
    }
}

impl fmt::Display for EventCounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} views, {} into carts, {} purchases", self.view, self.cart, self.purchase)
    }
}

/// `manifest.json` of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `slirec-dataset/1`
    pub format: String,
    /// Interactions of all users.
    pub interactions: u64,
    /// Users.
    pub users: u64,
    /// Items of the training rows; others count as the default item.
    pub items: usize,
    /// Categories of the training rows.
    pub categories: usize,
    /// How the interactions are divided; in older datasets the last one of each user is left out.
    #[serde(default)]
    pub split: Division,
    /// Rows by set.
    pub rows: Rows,
    /// Interactions by what happened; none where all of them are views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventCounts>,
    /// What was left out and what is doubtful; none in datasets of the first release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Findings>,
    /// Negatives of each validation row.
    pub valid_negatives: usize,
    /// Negatives of each test row.
    pub test_negatives: usize,
    /// Seed of the negatives.
    pub seed: u64,
    /// `time` or `file`: what the interactions of a user are ordered by.
    pub order: String,
    /// Unix seconds of the earliest interaction.
    pub first_time: f64,
    /// Unix seconds of the latest interaction.
    pub last_time: f64,
    /// Lines that were left out because they could not be read.
    pub skipped_lines: u64,
    /// SHA-256 of `interactions.safetensors`.
    pub interactions_sha256: String,
    /// SHA-256 of `evaluation.safetensors`.
    pub evaluation_sha256: String,
    /// SHA-256 of `vocabulary.json`.
    pub vocabulary_sha256: String,
    /// What is known of the users; none of datasets that were prepared without a table of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_attributes: Option<UserAttributes>,
}

impl Manifest {
    /// Reads the manifest of a dataset directory, and nothing else of it.
    ///
    /// # Errors
    /// [`DatasetError`] when there is none, or one of another format.
    pub fn read(directory: &Path) -> Result<Self, DatasetError> {
        let path = directory.join(MANIFEST);
        let manifest: Self = files::read_json(&path)?;
        if manifest.format != FORMAT {
            let problem = format!("format is `{}`: expected `{FORMAT}`", manifest.format);
            return Err(DatasetError::Invalid { path, problem });
        }
        Ok(manifest)
    }

    /// A sentence for everything in the data that a person must know before training on it.
    pub fn warnings(&self) -> Vec<String> {
        let Some(found) = &self.findings else { return Vec::new() };
        let mut warnings = Vec::new();
        if found.users_without_training_rows > 0 {
            let takes = match self.split {
                Division::Last => format!(
                    "{LEAST_TO_TRAIN} interactions of a user; --min-interactions {LEAST_TO_TRAIN} leaves them out"
                ),
                Division::Time { .. } => "3 interactions of a user before the cut".to_owned(),
            };
            warnings.push(format!(
                "{} users with {} interactions give no training row, which takes at least {takes}",
                of(found.users_without_training_rows, self.users),
                of(found.interactions_without_training_rows, self.interactions),
            ));
        }
        if self.rows.test == 0 {
            let hint = match self.split {
                Division::Last => "",
                Division::Time { .. } => {
                    ": no user with two interactions before the cut has one from it on; try another --split-share"
                }
            };
            warnings.push(format!("there are no test rows, so that nothing can be measured{hint}"));
        }
        warnings.extend([Split::Valid, Split::Test].into_iter().filter_map(|split| self.unseen_warning(split)));
        if found.duplicates > 0 {
            let duplicates = of(found.duplicates, self.interactions);
            warnings.push(format!("{duplicates} interactions repeat another one: the same user, item and time"));
        }
        warnings.extend([Split::Valid, Split::Test].into_iter().filter_map(|split| self.equal_time_warning(split)));
        warnings.extend(self.time_warning());
        warnings.extend(self.user_attributes.iter().flat_map(UserAttributes::warnings));
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
        (equal > 0 && self.order == BY_TIME).then(|| {
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
