//! Which products are scored, in the numbers of a vocabulary.

/// Ids of candidates, as columns.
#[derive(Debug, Clone, Default)]
pub struct CandidateIds {
    /// Vocabulary ids of the items, `[N]`.
    pub items: Vec<u32>,
    /// Vocabulary ids of the features, `[N, F]` row by row.
    pub features: Vec<u32>,
}
