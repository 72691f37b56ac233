//! The memory that requests may take together: bytes of bodies and of what is made of them are counted before they are
//! allocated, and refused beyond the budget. Large requests leave a quarter of it to small ones.

mod budget;

use std::mem::size_of;
use std::sync::Arc;

use slirec_core::vocabulary::KnownUser;
use slirec_engine::{RecommendationRequest, Selection, Texts, ViewHistory};

pub(crate) use budget::{MemoryBudget, OutOfMemory, Reservation};

/// Bytes that a request takes at most for each byte of its body, the body and what is made of it together, in every
/// protocol; `make test-attack` measures it.
pub(crate) const HELD_PER_BYTE: usize = 8;

/// Something that takes memory in proportion to a request.
pub(crate) trait Held {
    /// Bytes that it takes, about.
    fn held_bytes(&self) -> usize;
}

impl MemoryBudget {
    /// The smallest budget that holds a request with a body of so many bytes.
    pub(crate) fn needed(body: usize) -> usize {
        body.saturating_mul(HELD_PER_BYTE).div_ceil(3).saturating_mul(4)
    }
}

impl<T: Held, E> Held for Result<T, E> {
    fn held_bytes(&self) -> usize {
        self.as_ref().map_or(0, Held::held_bytes)
    }
}

impl<T: Held> Held for Vec<T> {
    fn held_bytes(&self) -> usize {
        let unused = self.capacity() - self.len();
        unused * size_of::<T>() + self.iter().map(Held::held_bytes).sum::<usize>()
    }
}

impl<A: Held, B: Held> Held for (A, B) {
    fn held_bytes(&self) -> usize {
        self.0.held_bytes() + self.1.held_bytes()
    }
}

impl Held for String {
    fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.capacity()
    }
}

impl Held for ViewHistory {
    fn held_bytes(&self) -> usize {
        size_of::<Self>() + Self::held_bytes(self)
    }
}

impl Held for KnownUser {
    fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.ids.capacity() * size_of::<u32>()
    }
}

impl Held for Arc<ViewHistory> {
    /// A part, as all that share the history are counted.
    fn held_bytes(&self) -> usize {
        ViewHistory::held_bytes(self) / Self::strong_count(self)
    }
}

impl Held for RecommendationRequest {
    fn held_bytes(&self) -> usize {
        let Selection { exclude, include_only, categories, exclude_categories, .. } = &self.selection;
        let names = [Some(exclude), include_only.as_ref(), categories.as_ref(), Some(exclude_categories)];
        let names = names.into_iter().flatten().map(Texts::held_bytes).sum::<usize>();
        size_of::<Self>() + self.history.held_bytes() + names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_share_a_history_are_counted_with_one() {
        let history = ViewHistory::from_iter((0..100_000).map(|view| ("novel", f64::from(view))));
        let (bytes, history) = (history.held_bytes(), Arc::new(history));
        let request = || RecommendationRequest {
            history: Arc::clone(&history),
            ..RecommendationRequest::new(ViewHistory::new(), 1e9, 16)
        };
        let requests: Vec<RecommendationRequest> = (0..20).map(|_| request()).collect();
        let held: usize = requests.iter().map(Held::held_bytes).sum();
        assert!(held < bytes + 20 * 1_000, "{held} for a history of {bytes}");
    }
}
