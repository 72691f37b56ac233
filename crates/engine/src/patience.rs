//! How long interactive requests may wait: what the queue does enters, who is refused leaves.
//!
//! A burst may wait its turn. A queue that stands is another thing: there whoever waited longer than the target is refused, so
//! that those who are answered are answered in time (the idea of CoDel, as servers use it: Maurer, "Fail at Scale", ACM Queue
//! 13(8), 2015). And as a place in such a queue is worth nothing beyond what can be worked off within the target, whoever comes
//! later is refused at once: a refusal must not cost what it is to save.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A queue that has not been empty for this long is a standing one: not a burst that the next moments work off. It stands
/// until nobody was refused for as long.
const STANDING: Duration = Duration::from_millis(40);
/// How much the newest request counts in the mean of what they take, as a power of two: an eighth.
const NEWEST: u32 = 3;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Patience {
    target: Option<Duration>,
    workers: u64,
    /// What the other times are counted from.
    began: Instant,
    /// Since when the queue has not been empty; none while it is. Held for one comparison.
    waiting_since: Mutex<Option<Instant>>,
    /// Until when the queue counts as standing, nanoseconds.
    stands_until: AtomicU64,
    /// Mean of what a request takes a worker, nanoseconds.
    work: AtomicU64,
}

impl Patience {
    pub(crate) fn new(target: Option<Duration>, workers: usize) -> Self {
        Self {
            target,
            workers: workers as u64,
            began: Instant::now(),
            waiting_since: Mutex::new(None),
            stands_until: AtomicU64::new(0),
            work: AtomicU64::new(0),
        }
    }

    /// Whether a job that was queued then is still worth an answer; called whenever one is taken from the queue.
    pub(crate) fn allows(&self, queued: Instant, queue_is_empty: bool) -> bool {
        let Some(target) = self.target() else { return true };
        let mut waiting_since = self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting_since.get_or_insert(queued).elapsed() > STANDING {
            self.stand();
        }
        if queue_is_empty {
            *waiting_since = None;
        }
        drop(waiting_since);
        let allowed = queued.elapsed() <= if self.stands() { target } else { STANDING.max(target) };
        if !allowed {
            self.stand();
        }
        allowed
    }

    /// Whether one more, behind so many others, would wait in vain.
    pub(crate) fn refuses(&self, queued: usize) -> bool {
        let Some(target) = self.target() else { return false };
        if !self.stands() {
            return false;
        }
        let work = self.work.load(Ordering::Relaxed).max(1);
        let in_time = (nanoseconds(target) / work).max(1) * self.workers;
        let refused = queued as u64 >= in_time;
        if refused {
            self.stand();
        }
        refused
    }

    /// A request took a worker so long.
    pub(crate) fn worked(&self, took: Duration) {
        let (took, mean) = (nanoseconds(took), self.work.load(Ordering::Relaxed));
        // Two workers at once may lose one of their values: it is a mean.
        let mean = if mean == 0 { took } else { mean - (mean >> NEWEST) + (took >> NEWEST) };
        self.work.store(mean, Ordering::Relaxed);
    }

    /// A wait of one request's length is always worth it: large catalogues take longer than any target for small ones.
    fn target(&self) -> Option<Duration> {
        self.target.map(|target| target.max(Duration::from_nanos(self.work.load(Ordering::Relaxed))))
    }

    fn stands(&self) -> bool {
        nanoseconds(self.began.elapsed()) < self.stands_until.load(Ordering::Relaxed)
    }

    fn stand(&self) {
        self.stands_until.store(nanoseconds(self.began.elapsed() + STANDING), Ordering::Relaxed);
    }
}

/// Half a millennium fits.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(20);

    fn ago(milliseconds: u64) -> Instant {
        Instant::now() - Duration::from_millis(milliseconds)
    }

    fn patience() -> Patience {
        Patience::new(Some(TARGET), 2)
    }

    /// One whose queue has stood for a second.
    fn standing() -> Patience {
        let patience = patience();
        *patience.waiting_since.lock().unwrap() = Some(ago(1_000));
        assert!(patience.allows(Instant::now(), false));
        patience
    }

    #[test]
    fn without_a_target_everybody_may_wait() {
        let patience = Patience::new(None, 2);
        assert!(patience.allows(ago(60_000), false) && !patience.refuses(1_000_000));
    }

    #[test]
    fn a_burst_may_wait_and_so_may_whoever_comes_after_a_pause() {
        let patience = patience();
        assert!(patience.allows(ago(30), true) && !patience.refuses(1_000));
        assert!(patience.allows(ago(30), false));
    }

    #[test]
    fn in_a_standing_queue_only_short_waits_are_answered() {
        let patience = standing();
        assert!(!patience.allows(ago(30), true));
        assert!(patience.allows(Instant::now(), false));
        // That it was empty once does not end it: those who were refused did that.
        assert!(!patience.allows(ago(30), false));
    }

    #[test]
    fn a_standing_queue_takes_no_more_than_can_be_worked_off_in_time() {
        let patience = standing();
        patience.worked(Duration::from_millis(5));
        assert!(!patience.refuses(7));
        assert!(patience.refuses(8));
        (0..100).for_each(|_| patience.worked(Duration::from_millis(10)));
        assert!(!patience.refuses(3) && patience.refuses(4));
    }

    #[test]
    fn a_queue_stands_no_longer_once_nobody_was_refused_for_a_while() {
        let patience = standing();
        patience.worked(Duration::from_millis(5));
        assert!(patience.allows(Instant::now(), true) && patience.refuses(1_000_000));
        std::thread::sleep(STANDING + Duration::from_millis(20));
        assert!(!patience.refuses(1_000_000) && patience.allows(ago(30), false));
    }

    #[test]
    fn requests_that_take_longer_than_the_target_may_wait_for_one_another() {
        let patience = standing();
        (0..100).for_each(|_| patience.worked(Duration::from_millis(80)));
        assert!(!patience.refuses(1) && patience.refuses(2));
        assert!(patience.allows(ago(60), false) && !patience.allows(ago(95), false));
    }
}
