//! How the histories of a batch lie in memory and how they are shared out between threads.

use std::ops::Range;

/// The histories of a batch: their used positions stand one behind the other, without padding.
#[derive(Debug, Clone, Copy)]
pub struct Histories<'a> {
    /// Slots of a history, L.
    pub slots: usize,
    /// Used positions of each history, `[B]`, each from 1 to `slots`.
    pub lengths: &'a [u32],
}

impl Histories<'_> {
    /// Number of histories, B.
    pub fn count(&self) -> usize {
        self.lengths.len()
    }

    /// Used positions of all histories.
    pub fn positions(&self) -> usize {
        self.lengths.iter().map(|length| *length as usize).sum()
    }

    /// The positions of each history.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut end = 0;
        self.lengths.iter().map(move |length| {
            let start = end;
            end += *length as usize;
            start..end
        })
    }

    /// Whether any slot is empty.
    pub(crate) fn has_padding(&self) -> bool {
        self.lengths.iter().any(|length| (*length as usize) < self.slots)
    }

    /// # Panics
    /// When a length is 0 or above the slots.
    pub(crate) fn check(&self) {
        let slots = self.slots;
        assert!(
            self.lengths.iter().all(|length| (1..=slots).contains(&(*length as usize))),
            "a length is out of range"
        );
    }
}
