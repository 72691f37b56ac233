//! A budget of bytes and what of it is reserved: reservations grow and shrink from all threads at once, and together never
//! exceed it. Large ones leave a quarter of it to small ones.

use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering};

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

/// Bytes that one request has reserved, until this is dropped: the handler has it, and whatever else holds what was
/// made of the request.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<MemoryBudget>,
    bytes: AtomicUsize,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, reserved: AtomicUsize::new(0) }
    }

    /// Bytes that are reserved now.
    #[cfg(test)]
    fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Relaxed)
    }

    /// What large reservations may take together of a budget.
    fn for_large(most: usize) -> usize {
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
        Self { budget: Arc::clone(budget), bytes: AtomicUsize::new(0) }
    }

    /// Reserves more.
    ///
    /// # Errors
    /// When the budget does not hold it; the reservation stays as it is.
    pub(crate) fn grow(&self, bytes: usize) -> Result<(), OutOfMemory> {
        let most = self.budget.most;
        let small = self.bytes.load(Ordering::Relaxed).saturating_add(bytes) <= SMALL;
        self.budget.take(bytes, if small { most } else { MemoryBudget::for_large(most) })?;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Gives back what exceeds so many bytes.
    pub(crate) fn shrink_to(&self, bytes: usize) {
        let reserved = self.bytes.fetch_min(bytes, Ordering::Relaxed);
        self.budget.reserved.fetch_sub(reserved.saturating_sub(bytes), Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEBIBYTE: usize = 1 << 20;

    /// What one of several requests does.
    #[derive(Debug, Clone)]
    enum Step {
        Grow(usize),
        ShrinkTo(usize),
        End,
    }

    fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
        let bytes = prop_oneof![0..10_000_usize, 0..3 * MEBIBYTE];
        let step = prop_oneof![
            4 => bytes.clone().prop_map(Step::Grow),
            1 => bytes.prop_map(Step::ShrinkTo),
            1 => Just(Step::End),
        ];
        prop::collection::vec((0..6_usize, step), 0..200)
    }

    proptest! {
        #[test]
        fn whatever_requests_do_they_hold_what_was_reserved_and_never_more_than_the_budget(steps in steps()) {
            let budget = Arc::new(MemoryBudget::new(4 * MEBIBYTE));
            let mut requests: [(Reservation, usize); 6] = std::array::from_fn(|_| (Reservation::new(&budget), 0));
            for (request, step) in steps {
                let all: usize = requests.iter().map(|(_, held)| held).sum();
                let (reservation, held) = &mut requests[request];
                match step {
                    Step::Grow(bytes) => {
                        let most = if *held + bytes <= SMALL { 4 * MEBIBYTE } else { 3 * MEBIBYTE };
                        prop_assert_eq!(reservation.grow(bytes).is_ok(), all + bytes <= most);
                        *held += if all + bytes <= most { bytes } else { 0 };
                    }
                    Step::ShrinkTo(bytes) => {
                        reservation.shrink_to(bytes);
                        *held = bytes.min(*held);
                    }
                    Step::End => requests[request] = (Reservation::new(&budget), 0),
                }
                prop_assert_eq!(budget.reserved(), requests.iter().map(|(_, held)| held).sum::<usize>());
            }
            drop(requests);
            prop_assert_eq!(budget.reserved(), 0);
        }
    }

    #[test]
    fn what_the_budget_does_not_hold_is_refused_and_what_is_dropped_is_given_back() {
        let budget = Arc::new(MemoryBudget::new(4 * MEBIBYTE));
        let large = Reservation::new(&budget);
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
        let large = Reservation::new(&budget);
        assert_eq!(large.grow(3 * MEBIBYTE), Ok(()));
        let small = Reservation::new(&budget);
        assert_eq!(small.grow(1_000), Ok(()));
        assert_eq!(small.grow(MEBIBYTE - 1_000), Err(OutOfMemory));
        assert_eq!(Reservation::new(&budget).grow(usize::MAX), Err(OutOfMemory));
    }
}
