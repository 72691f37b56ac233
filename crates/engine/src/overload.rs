//! Which requests the engine takes on: the work that waits enters, whether one more can be answered in time leaves.
//!
//! The whole rule: a request is admitted while the work ahead of it, divided by the workers, fits the objective
//! (`limits.queue_wait_ms`, but never less than [`FEW`] requests of this catalogue) and the request's own deadline; otherwise it
//! is refused at once. Admitted requests are answered first come, first served. A request that waited for twice the objective
//! all the same, because the estimate was wrong or the machine paused, is refused when its turn comes and others wait behind it;
//! so is one that would be answered after its deadline: under an overload all those would be that wait just as long as they may.
//!
//! Nothing is remembered but the mean work of a request, so an overload leaves nothing behind when it ends.

use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering};

/// So many requests may wait however long each takes: a large catalogue is no overload.
const FEW: u64 = 8;
/// How much the newest request counts in the mean of what they take, as a power of two: a 64th, so that the slices of a busy
/// scheduler even out.
const NEWEST: u32 = 6;
/// A request that took this many times the mean was held up by something else.
const HELD_UP: u64 = 4;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Overload {
    /// How long a request may wait; none: until its deadline.
    queue_wait: Option<Duration>,
    workers: u64,
    /// Mean of what a request takes a worker, nanoseconds.
    work: AtomicU64,
}

impl Overload {
    /// `work` is a first estimate of what a request takes a worker.
    pub(crate) fn new(queue_wait: Option<Duration>, workers: usize, work: Duration) -> Self {
        Self { queue_wait, workers: (workers as u64).max(1), work: AtomicU64::new(nanoseconds(work)) }
    }

    /// Whether a request is answered in time behind so many others, when `left` remains until its deadline.
    pub(crate) fn admits(&self, ahead: usize, left: Duration) -> bool {
        let work = self.work();
        let wait = Duration::from_nanos((ahead as u64).saturating_mul(work) / self.workers);
        // Where others wait, the workers are at work: the first of them is free within the work of one more request.
        let took = Duration::from_nanos(work.saturating_mul(if ahead == 0 { 1 } else { 2 }));
        self.objective().is_none_or(|objective| wait <= objective) && wait.saturating_add(took) <= left
    }

    /// Whether a request has waited for so long that it is refused.
    pub(crate) fn is_late(&self, waited: Duration) -> bool {
        self.objective().is_some_and(|objective| waited > 2 * objective)
    }

    /// Whether a request whose turn has come, with so much time `left`, would be worked on in vain.
    pub(crate) fn is_hopeless(&self, left: Duration) -> bool {
        left < Duration::from_nanos(self.work())
    }

    /// How long requests may wait; none: until their deadlines.
    pub(crate) fn objective(&self) -> Option<Duration> {
        let few = Duration::from_nanos(FEW.max(self.workers).saturating_mul(self.work()) / self.workers);
        self.queue_wait.map(|queue_wait| queue_wait.max(few))
    }

    /// Answers that the workers can give a second; infinite while nothing is known.
    pub(crate) fn capacity(&self) -> f64 {
        1e9 * self.workers as f64 / self.work() as f64
    }

    /// A request took a worker so long.
    pub(crate) fn worked(&self, took: Duration) {
        let (mean, took) = (self.work(), nanoseconds(took));
        // Two workers at once may lose one of their values: it is a mean.
        let mean = match mean {
            0 => took,
            mean => mean - (mean >> NEWEST) + (took.min(HELD_UP.saturating_mul(mean)) >> NEWEST),
        };
        self.work.store(mean, Ordering::Relaxed);
    }

    fn work(&self) -> u64 {
        self.work.load(Ordering::Relaxed)
    }
}

/// Half a millennium fits.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod simulation;

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(10);

    fn overload(work: Duration) -> Overload {
        Overload::new(Some(50 * MILLISECOND), 2, work)
    }

    #[test]
    fn requests_are_admitted_while_the_work_ahead_fits_the_objective() {
        let overload = overload(MILLISECOND);
        assert!(overload.admits(0, LONG) && overload.admits(100, LONG));
        assert!(!overload.admits(101, LONG));
    }

    #[test]
    fn a_request_that_would_miss_its_own_deadline_is_refused_at_once() {
        let overload = overload(MILLISECOND);
        assert!(overload.admits(0, MILLISECOND) && overload.admits(18, 11 * MILLISECOND));
        assert!(!overload.admits(19, 11 * MILLISECOND));
        let unlimited = Overload::new(None, 2, MILLISECOND);
        assert!(unlimited.admits(10_000, LONG) && !unlimited.admits(20_000, LONG));
        assert!(!unlimited.is_late(LONG));
    }

    #[test]
    fn a_few_requests_of_a_large_catalogue_may_wait_however_long_they_take() {
        let overload = overload(100 * MILLISECOND);
        assert!(overload.admits(8, LONG) && !overload.admits(9, LONG));
        assert!(!overload.is_late(800 * MILLISECOND) && overload.is_late(801 * MILLISECOND));
    }

    #[test]
    fn a_request_that_waited_for_twice_the_objective_is_refused_when_its_turn_comes() {
        let overload = overload(MILLISECOND);
        assert!(!overload.is_late(100 * MILLISECOND) && overload.is_late(101 * MILLISECOND));
    }

    #[test]
    fn a_request_with_less_time_than_it_takes_is_hopeless() {
        let overload = overload(MILLISECOND);
        assert!(!overload.is_hopeless(MILLISECOND) && overload.is_hopeless(MILLISECOND - Duration::from_nanos(1)));
    }

    #[test]
    fn the_estimate_follows_the_work_and_one_request_that_was_held_up_hardly_moves_it() {
        let overload = overload(MILLISECOND);
        overload.worked(LONG);
        assert!(overload.admits(70, LONG));
        (0..1_000).for_each(|_| overload.worked(10 * MILLISECOND));
        assert!(overload.admits(10, LONG) && !overload.admits(12, LONG));
        (0..1_000).for_each(|_| overload.worked(MILLISECOND));
        assert!(overload.admits(90, LONG));
    }
}
