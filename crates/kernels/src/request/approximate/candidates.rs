//! Candidates in pairs: blocks of floats enter, blocks of half their size leave.

use super::{PairRow, pair_rows, pair_rows_mut};
use crate::bf16::pair;
use crate::lanes::{Buffer, LANES};
use crate::request::candidates::{CandidateSizes, Candidates, columns};
use crate::request::layer::padded;
use crate::request::{BLOCK, Row, VECTORS};

/// Candidates that are ready for an approximate logit.
#[derive(Debug, Clone)]
pub struct ApproximateCandidates {
    count: usize,
    sizes: CandidateSizes,
    /// `[blocks, rows, BLOCK]`; lanes behind the last candidate are 0.
    values: Buffer<u32>,
}

/// The rows of one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) query: &'a [PairRow],
    pub(super) attention: &'a [PairRow],
    pub(super) mixing: &'a [PairRow],
    pub(super) score: &'a [PairRow],
    pub(super) transition: &'a [PairRow],
    /// Vectors that hold candidates.
    pub(super) vectors: usize,
    /// All values of the block behind this one.
    pub(super) next: &'a [u32],
}

/// Rows of pairs: of what layers begin with, whole groups.
fn pair_counts(sizes: CandidateSizes) -> [usize; 5] {
    let CandidateSizes { query, attention, mixing, score, transition } = sizes;
    let [attention, mixing, score] = [attention, mixing, score].map(|size| padded(size) / 2);
    [query.div_ceil(2), attention, mixing, score, transition.div_ceil(2)]
}

impl ApproximateCandidates {
    /// The same candidates, rounded.
    pub fn new(candidates: &Candidates) -> Self {
        let (count, sizes) = (candidates.len(), candidates.sizes());
        let counts = pair_counts(sizes);
        let stride: usize = counts.iter().sum();
        let mut values = Buffer::zeros(count.div_ceil(BLOCK) * stride * BLOCK);
        for (number, mut rows) in pair_rows_mut(&mut values).chunks_exact_mut(stride).enumerate() {
            let block = candidates.block(number);
            let columns = [block.query, block.attention, block.mixing, block.score, block.transition];
            for (column, count) in columns.into_iter().zip(counts) {
                let (targets, rest) = rows.split_at_mut(count);
                column.chunks(2).zip(targets).for_each(|(rows, target)| round(rows, target));
                rows = rest;
            }
        }
        Self { count, sizes, values }
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

    pub(super) fn block(&self, number: usize) -> Block<'_> {
        let counts = pair_counts(self.sizes);
        let stride: usize = counts.iter().sum();
        let rows = &pair_rows(&self.values)[number * stride..][..stride];
        let [query, attention, mixing, score, transition] = columns(rows, counts);
        let next = self.values.get((number + 1) * stride * BLOCK..(number + 2) * stride * BLOCK).unwrap_or_default();
        let vectors = (self.count - number * BLOCK).min(BLOCK).div_ceil(LANES);
        Block { query, attention, mixing, score, transition, vectors, next }
    }
}

/// One or two rows as pairs; the one that is missing is 0.
fn round(rows: &[Row], target: &mut PairRow) {
    for vector in 0..VECTORS {
        for lane in 0..LANES {
            let value = |row: usize| rows.get(row).map_or(0.0, |row| row[vector][lane]);
            target[vector][lane] = pair(value(0), value(1));
        }
    }
}
