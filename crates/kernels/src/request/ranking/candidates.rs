//! Candidates of the ranking network: ids enter, or what a query meets of each row by row, and stands in blocks; likewise
//! the sample that the scores are normalised over.

use super::RankingNetwork;
use super::weights::{Sample, row};
use crate::lanes::Buffer;
use crate::request::blocks::Blocks;
use crate::request::history::UnknownId;
use crate::request::{BLOCK, Row};

/// Candidates that are ready to be scored.
#[derive(Debug, Clone)]
pub struct RankingCandidates {
    items: Vec<u32>,
    /// Embedding and transitions' factors, then the bias.
    blocks: Blocks,
}

impl RankingCandidates {
    /// Room for candidates of these ids, whose rows have `width` values, all of them 0.
    pub fn zeros(width: usize, items: &[u32]) -> Self {
        Self { items: items.to_vec(), blocks: Blocks::zeros(width + 1, items.len()) }
    }

    /// Sets rows `[n, width]` and biases `[n]` of some candidates from `first` on.
    ///
    /// # Panics
    /// When there are more candidates than room, or other rows than biases.
    pub fn set(&mut self, first: usize, rows: &[f32], bias: &[f32]) {
        let width = self.width();
        assert_eq!(rows.len(), bias.len() * width, "length of the rows");
        self.blocks.set(first, 0..width, rows);
        self.blocks.set(first, width..width + 1, bias);
    }

    fn width(&self) -> usize {
        self.blocks.stride() - 1
    }

    /// Number of candidates.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True without candidates.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// False when a value is infinite or not a number.
    pub fn is_finite(&self) -> bool {
        self.blocks.is_finite()
    }

    /// The given candidates, in their order.
    ///
    /// # Panics
    /// When there is no such candidate.
    pub fn select(&self, candidates: &[usize]) -> Self {
        let items = candidates.iter().map(|candidate| self.items[*candidate]).collect();
        Self { items, blocks: self.blocks.select(candidates) }
    }

    /// Embeddings of the given candidates, row by row, and their width.
    ///
    /// # Panics
    /// When there is no such candidate.
    pub fn embeddings(&self, candidates: &[usize]) -> (Vec<f32>, usize) {
        // The other half of a row are the transitions' factors.
        let width = self.width() / 2;
        (self.blocks.columns(candidates, &(0..width)), width)
    }

    /// Id of a candidate and what a query meets of it, the bias last.
    pub(super) fn row(&self, candidate: usize) -> (u32, Vec<f32>) {
        let rows = self.blocks.rows(candidate / BLOCK).iter();
        (self.items[candidate], rows.map(|row| row.as_flattened()[candidate % BLOCK]).collect())
    }

    /// Ids and rows of a block, the bias last.
    pub(super) fn block(&self, number: usize) -> (&[u32], &[Row]) {
        let items = &self.items[number * BLOCK..];
        (&items[..items.len().min(BLOCK)], self.blocks.rows(number))
    }
}

impl RankingNetwork {
    /// Candidates of these items `[n]` with these features `[n, F]`.
    ///
    /// # Errors
    /// [`UnknownId`] when a table has no such row.
    ///
    /// # Panics
    /// When there are fewer features than the items need.
    pub fn candidates(&self, items: &[u32], features: &[u32]) -> Result<RankingCandidates, UnknownId> {
        let (width, count) = (self.candidate_width(), self.weights.features.len());
        let mut candidates = RankingCandidates::zeros(width, items);
        let mut row = vec![0.0; width];
        for (place, item) in items.iter().enumerate() {
            let bias = self.candidate_row(*item, &features[place * count..][..count], &mut row)?;
            candidates.set(place, &row, &[bias]);
        }
        Ok(candidates)
    }

    /// Replaces `values` by what a query meets of an item with these features; its bias leaves.
    ///
    /// # Errors
    /// [`UnknownId`] when a table has no such row.
    pub fn candidate_row(&self, item: u32, features: &[u32], values: &mut [f32]) -> Result<f32, UnknownId> {
        let (embedded, to) = values.split_at_mut(self.width);
        self.weights.embed(self.set, item, features, embedded)?;
        to.copy_from_slice(row(&self.weights.to, self.width, item)?);
        self.weights.bias.get(item as usize).copied().ok_or(UnknownId(item))
    }
}

/// The sample as candidates.
#[derive(Debug)]
pub(super) struct Normaliser {
    pub(super) candidates: RankingCandidates,
    /// What is added to each logit, for all lanes of all blocks.
    pub(super) corrections: Buffer,
}

impl Normaliser {
    pub(super) fn new(width: usize, sample: &Sample) -> Self {
        let mut candidates = RankingCandidates::zeros(2 * width, &sample.items);
        candidates.set(0, &sample.rows, &sample.bias);
        let mut corrections = Buffer::zeros(sample.items.len().next_multiple_of(BLOCK));
        // A lane without an item has no share.
        corrections.fill(f32::MIN / 4.0);
        corrections[..sample.correction.len()].copy_from_slice(&sample.correction);
        Self { candidates, corrections }
    }
}
