//! What a history is to the kernels.

/// What a history is made of, oldest position first.
#[derive(Debug, Clone, Copy)]
pub struct RankingInputs<'a> {
    /// Rows of the items' table, `[L]`.
    pub items: &'a [u32],
    /// Rows of the features' tables, `[L, F]`.
    pub features: &'a [u32],
    /// Bucket of the time since the view before, `[L]`.
    pub gaps: &'a [u8],
    /// Bucket of the time since the last view.
    pub age: u8,
    /// Rows of the tables of the shopper's attributes; empty where nothing is known.
    pub user: &'a [u32],
}
