//! The order of an answer's products: an arrangement and scores enter, the keys by which products are put in order leave.

use std::sync::Arc;

use slirec_core::arrangement::Arrangement;

/// A product in the order of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranked {
    pub(crate) product: usize,
    pub(crate) score: f32,
    /// What decides the order, falling.
    pub(crate) key: f32,
}

/// The keys of candidates, by their rows.
#[derive(Debug)]
pub(crate) struct Order {
    arrangement: Arrangement,
    /// The product of each row.
    candidates: Arc<[usize]>,
}

impl Order {
    /// Of an arrangement that puts products into another order than that of their scores; none of others.
    pub(crate) fn new(arrangement: &Arrangement, candidates: &Arc<[usize]>) -> Option<Self> {
        let order = || Self { arrangement: arrangement.clone(), candidates: Arc::clone(candidates) };
        arrangement.reorders().then(order)
    }

    /// What decides the place of a candidate with this score.
    pub(crate) fn key(&self, row: usize, score: f32) -> f32 {
        self.candidates.get(row).map_or(score, |product| self.arrangement.key(*product, score))
    }
}
