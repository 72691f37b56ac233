//! What evaluation runs on: a history and its candidates, the positive one first.

use slirec_core::history::EncodedHistory;

/// A candidate as the model sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Vocabulary id of the item.
    pub item: u32,
    /// Vocabulary ids of its features.
    pub features: Vec<u32>,
}

/// One positive with the history before it and its negatives.
#[derive(Debug, Clone)]
pub struct EvaluationGroup {
    /// The history at the time of the positive.
    pub history: EncodedHistory,
    /// Length of the whole history, before it was cut.
    pub history_length: usize,
    /// The positive, then the negatives.
    pub candidates: Vec<Candidate>,
}
