//! The blocks of a pass over all candidates: given out one after another to the workers that come, and counted when they are
//! done. What each worker found in its blocks enters; the call with which the last block is done returns true, and the merged
//! result leaves.

use std::ops::Range;

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, PoisonError};

/// See the [module](self); `T` is what is found.
#[derive(Debug)]
pub(crate) struct Blocks<T> {
    /// Rows of all blocks.
    rows: usize,
    /// Rows of a block; the last one may have fewer.
    size: usize,
    next: AtomicUsize,
    /// Locked once by each worker, when it has no more blocks to take.
    done: Mutex<Done<T>>,
}

/// What the workers found that are done.
#[derive(Debug)]
struct Done<T> {
    found: T,
    /// Blocks that it is of.
    blocks: usize,
}

impl<T> Blocks<T> {
    /// Blocks of so many rows, of at least one, none of which was given out; `found` is what there is in none.
    pub(crate) fn new(rows: usize, size: usize, found: T) -> Self {
        Self { rows, size: size.max(1), next: AtomicUsize::new(0), done: Mutex::new(Done { found, blocks: 0 }) }
    }

    /// The rows of the next block; none when all were given out.
    pub(crate) fn take(&self) -> Option<Range<usize>> {
        // Nothing else is published by this number: what was found is, under the lock.
        let start = self.next.fetch_add(1, Ordering::Relaxed).saturating_mul(self.size);
        (start < self.rows).then(|| start..start.saturating_add(self.size).min(self.rows))
    }

    /// Merges what a worker found in the blocks that it took, so many. True in the call with which all blocks are done.
    pub(crate) fn merge(&self, blocks: usize, merge: impl FnOnce(&mut T)) -> bool {
        if blocks == 0 {
            return false;
        }
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        merge(&mut done.found);
        done.blocks += blocks;
        done.blocks == self.rows.div_ceil(self.size)
    }

    /// What was found; `nothing` stays in its place.
    pub(crate) fn found(&self, nothing: T) -> T {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut done.found, nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_block_and_the_call_that_completes_them_returns_true() {
        for (rows, size, expected) in [(10, 4, 3), (8, 4, 2), (1, 4, 1), (3, 0, 3)] {
            let blocks = Blocks::new(rows, size, Vec::new());
            let taken: Vec<_> = std::iter::from_fn(|| blocks.take()).collect();
            assert_eq!(taken.len(), expected);
            assert!(!blocks.merge(0, |_| unreachable!()));
            for (number, block) in taken.into_iter().enumerate() {
                assert_eq!(blocks.merge(1, |found| found.extend(block)), number + 1 == expected);
            }
            assert_eq!(blocks.found(Vec::new()), Vec::from_iter(0..rows));
            assert!(blocks.found(Vec::new()).is_empty() && blocks.take().is_none());
        }
    }
}
