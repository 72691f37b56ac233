//! Candidates in blocks: the values of each enter row by row and stand in lanes, block by block.

use std::ops::Range;

use super::{BLOCK, Row, rows_of};
use crate::lanes::{Buffer, LANES};

/// Values of candidates, the same number of each.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    count: usize,
    /// Values of a candidate.
    stride: usize,
    /// `[blocks, stride, BLOCK]`; lanes behind the last candidate are 0.
    values: Buffer,
}

impl Blocks {
    /// Room for candidates whose values are 0.
    pub(super) fn zeros(stride: usize, count: usize) -> Self {
        Self { count, stride, values: Buffer::zeros(count.div_ceil(BLOCK) * stride * BLOCK) }
    }

    /// Sets the values in `range` of some candidates from `first` on; `column` has them row by row.
    ///
    /// # Panics
    /// When there are more candidates than room.
    pub(super) fn set(&mut self, first: usize, range: Range<usize>, column: &[f32]) {
        let size = range.len().max(1);
        assert!(first + column.len() / size <= self.count, "more candidates than there is room for");
        for (candidate, values) in (first..).zip(column.chunks_exact(size)) {
            let first = self.place(candidate, range.start);
            let rows = self.values[first..].iter_mut().step_by(BLOCK);
            rows.zip(values).for_each(|(place, value)| *place = *value);
        }
    }

    fn place(&self, candidate: usize, row: usize) -> usize {
        (candidate / BLOCK * self.stride + row) * BLOCK + candidate % BLOCK
    }

    /// Values of a candidate.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Number of candidates.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// False when a value is infinite or not a number.
    pub(super) fn is_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }

    /// The given candidates, in their order.
    ///
    /// # Panics
    /// When there is no such candidate.
    pub(super) fn select(&self, candidates: &[usize]) -> Self {
        let mut selected = Self::zeros(self.stride, candidates.len());
        for (to, from) in candidates.iter().enumerate() {
            assert!(*from < self.count, "there is no such candidate");
            for row in 0..self.stride {
                let place = selected.place(to, row);
                selected.values[place] = self.values[self.place(*from, row)];
            }
        }
        selected
    }

    /// The values in `range` of the given candidates, row by row.
    ///
    /// # Panics
    /// When there is no such candidate.
    pub(super) fn columns(&self, candidates: &[usize], range: &Range<usize>) -> Vec<f32> {
        let values = candidates.iter().flat_map(|candidate| {
            assert!(*candidate < self.count, "there is no such candidate");
            range.clone().map(|row| self.values[self.place(*candidate, row)])
        });
        values.collect()
    }

    /// The rows of a block.
    pub(super) fn rows(&self, number: usize) -> &[Row] {
        &rows_of(&self.values)[number * self.stride..][..self.stride]
    }

    /// All values of the block behind this one.
    pub(super) fn following(&self, number: usize) -> &[f32] {
        let size = self.stride * BLOCK;
        self.values.get((number + 1) * size..(number + 2) * size).unwrap_or_default()
    }

    /// Vectors of a block that hold candidates.
    pub(super) fn vectors(&self, number: usize) -> usize {
        (self.count - number * BLOCK).min(BLOCK).div_ceil(LANES)
    }
}
