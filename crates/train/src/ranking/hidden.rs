//! Items whose own rows a step does not see: a seed and a share enter; the row that an item has leaves. So content learns
//! to carry a product alone, and the default item's row becomes what products have in common of which nothing else is known
//! (DropoutNet: Volkovs, Yu, Poutanen 2017).

use slirec_core::vocabulary::DEFAULT_ID;

use crate::random::mix;

/// Which items of a step have the default item's row in place of their own.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hidden {
    seed: u64,
    /// Of 2^64 possible numbers, so many hide an item.
    below: u64,
}

impl Hidden {
    /// Hides a share of `rate` of all items.
    pub(super) fn new(seed: u64, rate: f64) -> Self {
        Self { seed, below: (rate.clamp(0.0, 1.0) * 2.0_f64.powi(64)) as u64 }
    }

    /// The row that an item has.
    pub(super) fn row(self, item: u32) -> u32 {
        let is_hidden = self.below > 0 && mix(self.seed ^ u64::from(item)) < self.below;
        if is_hidden { DEFAULT_ID } else { item }
    }

    /// The rows of items.
    pub(super) fn rows(self, items: &[u32]) -> Vec<u32> {
        items.iter().map(|item| self.row(*item)).collect()
    }
}
