//! The memory that requests may take together: bytes of bodies and of what is made of them are counted before they are
//! allocated, and refused beyond the budget. Large requests leave a quarter of it to small ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Reservations up to this size may take the whole budget, larger ones three quarters of it.
const SMALL: usize = 512 * 1024;

/// Bytes that may be reserved, and those that are.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    most: usize,
    reserved: AtomicUsize,
}

/// The budget does not hold what is asked for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfMemory;

/// Bytes that one request has reserved, until this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<MemoryBudget>,
    bytes: usize,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, reserved: AtomicUsize::new(0) }
    }

    /// Bytes that are reserved now.
    pub(crate) fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Relaxed)
    }

    /// The largest reservation that the budget ever holds.
    pub(crate) fn largest(most: usize) -> usize {
        most / 4 * 3
    }

    fn take(&self, bytes: usize, most: usize) -> Result<(), OutOfMemory> {
        let more = |reserved: usize| reserved.checked_add(bytes).filter(|total| *total <= most);
        // Nothing else is published by this number.
        let taken = self.reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(|_| ()).map_err(|_| OutOfMemory)
    }
}

impl Reservation {
    /// Of nothing.
    pub(crate) fn new(budget: &Arc<MemoryBudget>) -> Self {
        Self { budget: Arc::clone(budget), bytes: 0 }
    }

    /// Reserves more.
    ///
    /// # Errors
    /// When the budget does not hold it; the reservation stays as it is.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        let most = self.budget.most;
        let small = self.bytes.saturating_add(bytes) <= SMALL;
        self.budget.take(bytes, if small { most } else { MemoryBudget::largest(most) })?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives back what exceeds so many bytes.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        self.budget.reserved.fetch_sub(surplus, Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEBIBYTE: usize = 1 << 20;

    #[test]
    fn what_the_budget_does_not_hold_is_refused_and_what_is_dropped_is_given_back() {
        let budget = Arc::new(MemoryBudget::new(4 * MEBIBYTE));
        let mut large = Reservation::new(&budget);
        assert_eq!(large.grow(2 * MEBIBYTE), Ok(()));
        assert_eq!(large.grow(2 * MEBIBYTE), Err(OutOfMemory));
        assert_eq!(large.grow(MEBIBYTE), Ok(()));
        assert_eq!(budget.reserved(), 3 * MEBIBYTE);
        large.shrink_to(MEBIBYTE);
        assert_eq!(budget.reserved(), MEBIBYTE);
        drop(large);
        assert_eq!(budget.reserved(), 0);
    }

    #[test]
    fn large_requests_leave_room_for_small_ones() {
        let budget = Arc::new(MemoryBudget::new(4 * MEBIBYTE));
        let mut large = Reservation::new(&budget);
        assert_eq!(large.grow(3 * MEBIBYTE), Ok(()));
        let mut small = Reservation::new(&budget);
        assert_eq!(small.grow(1_000), Ok(()));
        assert_eq!(small.grow(MEBIBYTE - 1_000), Err(OutOfMemory));
        assert_eq!(Reservation::new(&budget).grow(usize::MAX), Err(OutOfMemory));
    }
}
