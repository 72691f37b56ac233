//! The manifest of a dataset: what was prepared, its counts and hashes, and what was found on the way.

use serde::{Deserialize, Serialize};

use super::Split;
use super::findings::Findings;

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
    /// Rows by set.
    pub rows: Rows,
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
}
