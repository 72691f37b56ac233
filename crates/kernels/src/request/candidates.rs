//! Candidates of SLi-Rec: what depends on each of them alone enters column by column and stands in blocks.

use super::Row;
use super::blocks::Blocks;

/// What a model computes of every candidate alone, in the order in which it stands in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandidateSizes {
    /// Embedding of item and features, D.
    pub query: usize,
    /// Share of the attention's first layer, its bias included.
    pub attention: usize,
    /// Share of the mixing gate's first layer, its bias included.
    pub mixing: usize,
    /// Share of the score's first layer, its bias included.
    pub score: usize,
    /// Factors of transitions and their bias; 0 without transitions.
    pub transition: usize,
}

impl CandidateSizes {
    /// The sizes in their order.
    pub fn all(&self) -> [usize; 5] {
        [self.query, self.attention, self.mixing, self.score, self.transition]
    }

    fn total(&self) -> usize {
        self.all().iter().sum()
    }
}

/// Candidates that are ready to be scored.
#[derive(Debug, Clone)]
pub struct Candidates {
    sizes: CandidateSizes,
    blocks: Blocks,
}

/// The rows of one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) query: &'a [Row],
    pub(super) attention: &'a [Row],
    pub(super) mixing: &'a [Row],
    pub(super) score: &'a [Row],
    pub(super) transition: &'a [Row],
    /// Vectors that hold candidates.
    pub(super) vectors: usize,
    /// All values of the block behind this one.
    pub(super) next: &'a [f32],
}

impl Candidates {
    /// Room for candidates whose values are 0.
    pub fn zeros(sizes: CandidateSizes, count: usize) -> Self {
        Self { sizes, blocks: Blocks::zeros(sizes.total(), count) }
    }

    /// Sets the values of some candidates from `first` on: `columns` are `[n, size]` each, in the order of the sizes.
    ///
    /// # Panics
    /// When a column has another length than its size asks for, or there are more candidates than room.
    pub fn set(&mut self, first: usize, columns: [&[f32]; 5]) {
        let count = columns[0].len() / self.sizes.query;
        let mut before = 0;
        for (column, size) in columns.into_iter().zip(self.sizes.all()) {
            assert_eq!(column.len(), count * size, "length of a column of candidates");
            self.blocks.set(first, before..before + size, column);
            before += size;
        }
    }

    /// Number of candidates.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// True without candidates.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of each candidate.
    pub fn sizes(&self) -> CandidateSizes {
        self.sizes
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
        Self { sizes: self.sizes, blocks: self.blocks.select(candidates) }
    }

    /// Queries of the given candidates, row by row, and their width.
    ///
    /// # Panics
    /// When there is no such candidate.
    pub fn queries(&self, candidates: &[usize]) -> (Vec<f32>, usize) {
        (self.blocks.columns(candidates, &(0..self.sizes.query)), self.sizes.query)
    }

    pub(super) fn block(&self, number: usize) -> Block<'_> {
        let [query, attention, mixing, score, transition] = columns(self.blocks.rows(number), self.sizes.all());
        let (vectors, next) = (self.blocks.vectors(number), self.blocks.following(number));
        Block { query, attention, mixing, score, transition, vectors, next }
    }
}

/// The rows of each column of a block, which stand behind one another.
pub(super) fn columns<T>(mut rows: &[T], counts: [usize; 5]) -> [&[T]; 5] {
    counts.map(|count| {
        let (column, rest) = rows.split_at(count);
        rows = rest;
        column
    })
}
