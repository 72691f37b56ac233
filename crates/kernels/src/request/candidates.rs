//! Candidates in blocks: what depends on each of them alone enters row by row and stands in lanes, block by block.

use super::{BLOCK, Row, rows_of};
use crate::lanes::{Buffer, LANES};

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
    count: usize,
    sizes: CandidateSizes,
    /// `[blocks, rows, BLOCK]`; lanes behind the last candidate are 0.
    values: Buffer,
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
        Self { count, sizes, values: Buffer::zeros(count.div_ceil(BLOCK) * sizes.total() * BLOCK) }
    }

    /// Sets the values of some candidates from `first` on: `columns` are `[n, size]` each, in the order of the sizes.
    ///
    /// # Panics
    /// When a column has another length than its size asks for, or there are more candidates than room.
    pub fn set(&mut self, first: usize, columns: [&[f32]; 5]) {
        let count = columns[0].len() / self.sizes.query;
        assert!(first + count <= self.count, "more candidates than there is room for");
        let stride = self.sizes.total();
        let mut before = 0;
        for (column, size) in columns.into_iter().zip(self.sizes.all()) {
            assert_eq!(column.len(), count * size, "length of a column of candidates");
            for (candidate, values) in (first..).zip(column.chunks_exact(size.max(1))) {
                let (block, lane) = (candidate / BLOCK, candidate % BLOCK);
                for (row, value) in (before..).zip(values) {
                    self.values[(block * stride + row) * BLOCK + lane] = *value;
                }
            }
            before += size;
        }
    }

    /// Number of candidates.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without candidates.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What is known of each candidate.
    pub fn sizes(&self) -> CandidateSizes {
        self.sizes
    }

    /// False when a value is infinite or not a number.
    pub fn is_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }

    /// The given candidates, in their order.
    ///
    /// # Panics
    /// When there is no such candidate.
    pub fn select(&self, candidates: &[usize]) -> Self {
        let stride = self.sizes.total();
        let mut selected = Self::zeros(self.sizes, candidates.len());
        for (to, from) in candidates.iter().enumerate() {
            assert!(*from < self.count, "there is no such candidate");
            for row in 0..stride {
                let place = |candidate: usize| (candidate / BLOCK * stride + row) * BLOCK + candidate % BLOCK;
                selected.values[place(to)] = self.values[place(*from)];
            }
        }
        selected
    }

    pub(super) fn block(&self, number: usize) -> Block<'_> {
        let stride = self.sizes.total();
        let rows = &rows_of(&self.values)[number * stride..][..stride];
        let [query, attention, mixing, score, transition] = columns(rows, self.sizes.all());
        let next = self.values.get((number + 1) * stride * BLOCK..(number + 2) * stride * BLOCK).unwrap_or_default();
        let vectors = (self.count - number * BLOCK).min(BLOCK).div_ceil(LANES);
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
