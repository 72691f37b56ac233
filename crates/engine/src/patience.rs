//! How long interactive requests may wait: what the queue does enters, who is refused leaves.
//!
//! A burst may wait its turn. A queue that stands is another thing: there whoever waited longer than the target is refused, so
//! that those who are answered are answered in time (the idea of CoDel, as servers use it: Maurer, "Fail at Scale", ACM Queue
//! 13(8), 2015). And as a place in such a queue is worth nothing beyond what can be worked off within the target, whoever comes
//! later is refused at once: a refusal must not cost what it is to save.
//!
//! Whether a queue stands is told by the work that was done without ever emptying it, not by the clock: a machine that paused
//! for a moment has a burst to work off, no overload. It ends with the refusals: few of them tell of a load that can be answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Priority;

/// A queue that was never empty while every worker worked for this long is a standing one: not a burst that the next moments
/// work off.
const BURST: Duration = Duration::from_millis(10);
/// As [`BURST`], in requests: the time that one of a large catalogue takes makes no overload.
const BURST_REQUESTS: u64 = 16;
/// A queue counts as standing for this long after that, and after every refusal while [many](MANY) are refused.
const CALM: Duration = Duration::from_millis(40);
/// How much the newest request counts in the mean of what they take, as a power of two: an eighth.
const NEWEST: u32 = 3;
/// A request that took this many times the mean was held up by something else.
const HELD_UP: u64 = 4;
/// How much the newest request counts in the share that is refused and in the time between requests, as a power of two.
const NEWEST_DECISION: u32 = 6;
/// Requests that are farther apart count as if they were this far; also before there were any.
const LONGEST_APART: Duration = Duration::from_secs(10);
/// All of them.
const WHOLE: u64 = 1 << 32;
/// With fewer refusals than this the load is about what the workers can do. Whoever is refused then may not make the queue stand
/// on: it would refuse for ever what it could answer, once an overload has been.
const MANY: u64 = WHOLE / 4;

/// Who is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Who has waited longest.
    Oldest,
    /// Who came last: the oldest will be late whatever happens.
    Newest,
    /// Who has waited longest, too long to be answered.
    Refused,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Patience {
    target: Option<Duration>,
    workers: u64,
    /// In place of [`CALM`] in tests.
    calm: Duration,
    /// What the other times are counted from.
    began: Instant,
    /// Work that was done since the queue was last empty, nanoseconds.
    busy: AtomicU64,
    /// Until when the queue counts as standing, nanoseconds.
    stands_until: AtomicU64,
    /// Mean of what a request takes a worker, nanoseconds.
    work: AtomicU64,
    /// Requests that are refused, of [`WHOLE`].
    refused: AtomicU64,
    /// When the last request was decided about, nanoseconds.
    decided: AtomicU64,
    /// Mean time from one request to the next, nanoseconds.
    apart: AtomicU64,
}

impl Patience {
    pub(crate) fn new(target: Option<Duration>, workers: usize) -> Self {
        Self {
            target,
            workers: workers as u64,
            calm: CALM,
            began: Instant::now(),
            busy: AtomicU64::new(0),
            stands_until: AtomicU64::new(0),
            work: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            decided: AtomicU64::new(0),
            apart: AtomicU64::new(nanoseconds(LONGEST_APART)),
        }
    }

    /// With another time in place of [`CALM`], for tests on machines that pause.
    #[cfg(test)]
    pub(crate) fn with_calm(self, calm: Duration) -> Self {
        Self { calm, ..self }
    }

    /// Whose turn it is when the oldest that waits was queued then; called whenever one is taken from the queue.
    pub(crate) fn turn(&self, oldest: Instant, is_last: bool) -> Turn {
        if is_last {
            self.busy.store(0, Ordering::Relaxed);
        }
        let Some(target) = self.target() else { return Turn::Oldest };
        let turn = match oldest.elapsed() > target {
            false => Turn::Oldest,
            true if self.stands() => Turn::Refused,
            true => Turn::Newest,
        };
        self.decided(turn != Turn::Refused);
        turn
    }

    /// Whether one more, behind so many others, would wait in vain.
    pub(crate) fn refuses(&self, queued: usize) -> bool {
        let Some(target) = self.target() else { return false };
        if !self.stands() {
            return false;
        }
        let workers = self.workers - u64::from(self.one_rests());
        let refused = queued as u64 >= (nanoseconds(target) / self.work().max(1)).max(1) * workers;
        if refused {
            self.decided(false);
        }
        refused
    }

    /// A request took a worker so long. Sessions of batches are only scored when no single request waits: their work lets no
    /// queue stand.
    pub(crate) fn worked(&self, took: Duration, priority: Priority) {
        let (mean, took) = (self.work(), nanoseconds(took));
        // Two workers at once may lose one of their values: it is a mean.
        let took = if mean == 0 { took } else { took.min(HELD_UP * mean) };
        let mean = if mean == 0 { took } else { mean - (mean >> NEWEST) + (took >> NEWEST) };
        self.work.store(mean, Ordering::Relaxed);
        if priority == Priority::Batch {
            return;
        }
        let busy = self.busy.fetch_add(took, Ordering::Relaxed) + took;
        let burst = nanoseconds(BURST).max(BURST_REQUESTS.saturating_mul(self.work()));
        if self.target.is_some() && busy > burst.saturating_mul(self.workers) {
            self.stand();
        }
    }

    /// Whether workers should give way to the threads that read, refuse and answer: when a quarter more requests come than all
    /// workers could answer if they had cores of their own, and none takes long, those have more to do than the workers, and
    /// whoever is answered would wait for them. Told by what comes, not by what is refused: workers that give way make more
    /// refusals.
    pub(crate) fn give_way(&self) -> bool {
        let work = self.work();
        let answerable = self.workers.saturating_mul(self.apart.load(Ordering::Relaxed));
        let short = self.target.is_some_and(|target| work < nanoseconds(target));
        short && work > answerable + answerable / 4 && self.stands()
    }

    /// Whether one of several workers should then leave its core to them altogether.
    pub(crate) fn one_rests(&self) -> bool {
        self.workers > 1 && self.give_way()
    }

    /// A wait of one request's length is always worth it: large catalogues take longer than any target for small ones.
    fn target(&self) -> Option<Duration> {
        self.target.map(|target| target.max(Duration::from_nanos(self.work())))
    }

    fn work(&self) -> u64 {
        self.work.load(Ordering::Relaxed)
    }

    fn stands(&self) -> bool {
        nanoseconds(self.began.elapsed()) < self.stands_until.load(Ordering::Relaxed)
    }

    fn stand(&self) {
        self.stands_until.store(nanoseconds(self.began.elapsed() + self.calm), Ordering::Relaxed);
    }

    /// What was decided about a request.
    fn decided(&self, allowed: bool) {
        let now = nanoseconds(self.began.elapsed());
        let apart = now.saturating_sub(self.decided.swap(now, Ordering::Relaxed)).min(nanoseconds(LONGEST_APART));
        let mean = self.apart.load(Ordering::Relaxed);
        self.apart.store(mean - (mean >> NEWEST_DECISION) + (apart >> NEWEST_DECISION), Ordering::Relaxed);
        let share = self.refused.load(Ordering::Relaxed);
        // Two threads at once may lose one of their decisions: it is a mean.
        let newest = if allowed { 0 } else { WHOLE >> NEWEST_DECISION };
        self.refused.store(share - (share >> NEWEST_DECISION) + newest, Ordering::Relaxed);
        if !allowed && share > MANY {
            self.stand();
        }
    }
}

/// Half a millennium fits.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long times, that no pause of the machine is like them.
    const TARGET: Duration = Duration::from_secs(2);
    const WORK: Duration = Duration::from_millis(500);

    /// Whether somebody who has waited for so many seconds is answered.
    fn allows(patience: &Patience, waited: u64, is_last: bool) -> bool {
        patience.turn(Instant::now() - Duration::from_secs(waited), is_last) != Turn::Refused
    }

    fn of_workers(workers: usize) -> Patience {
        Patience::new(Some(TARGET), workers).with_calm(Duration::from_secs(60))
    }

    fn patience() -> Patience {
        of_workers(2)
    }

    /// One whose queue was not emptied by 33 requests of half a second, of two workers.
    fn standing() -> Patience {
        let patience = patience();
        (0..33).for_each(|_| patience.worked(WORK, Priority::Interactive));
        patience
    }

    #[test]
    fn batches_let_no_queue_stand() {
        let patience = patience();
        (0..1_000).for_each(|_| patience.worked(WORK, Priority::Batch));
        assert!(allows(&patience, 1_000, true) && !patience.refuses(1_000));
        patience.worked(WORK, Priority::Interactive);
        assert!(allows(&patience, 1_000, true));
    }

    #[test]
    fn without_a_target_everybody_may_wait() {
        let patience = Patience::new(None, 2);
        (0..1_000).for_each(|_| patience.worked(WORK, Priority::Interactive));
        assert!(allows(&patience, 1_000, false) && !patience.refuses(1_000_000) && !patience.one_rests());
    }

    #[test]
    fn a_burst_may_wait_however_long_a_pause_made_it() {
        let patience = patience();
        (0..32).for_each(|_| patience.worked(WORK, Priority::Interactive));
        assert!(allows(&patience, 1_000, false) && !patience.refuses(1_000));
        assert!(allows(&patience, 1_000, true));
        (0..32).for_each(|_| patience.worked(WORK, Priority::Interactive));
        assert!(allows(&patience, 3, false));
    }

    #[test]
    fn one_request_that_was_held_up_makes_no_overload() {
        let patience = patience();
        (0..4).for_each(|_| patience.worked(Duration::from_millis(100), Priority::Interactive));
        patience.worked(Duration::from_secs(1_000), Priority::Interactive);
        assert!(allows(&patience, 3, false) && !patience.refuses(1_000));
    }

    #[test]
    fn in_a_standing_queue_only_short_waits_are_answered() {
        let patience = standing();
        assert!(!allows(&patience, 3, true));
        assert!(allows(&patience, 0, false));
        // That it was empty once does not end it: those who were refused did that.
        assert!(!allows(&patience, 3, false));
    }

    #[test]
    fn a_standing_queue_takes_no_more_than_can_be_worked_off_in_time() {
        let patience = standing();
        assert!(!patience.refuses(7));
        assert!(patience.refuses(8));
        (0..100).for_each(|_| patience.worked(2 * WORK, Priority::Interactive));
        assert!(!patience.refuses(3) && patience.refuses(4));
    }

    #[test]
    fn a_queue_stands_no_longer_once_nobody_was_refused_for_a_while() {
        let patience = standing();
        assert!(allows(&patience, 0, true) && patience.refuses(1_000_000));
        let patience = patience.with_calm(Duration::ZERO);
        patience.stand();
        assert!(!patience.refuses(1_000_000) && allows(&patience, 3, false));
    }

    #[test]
    fn few_refusals_do_not_make_a_queue_stand_on_and_many_do() {
        let patience = standing();
        let until = || patience.stands_until.load(Ordering::Relaxed);
        let first = until();
        (0..10).for_each(|_| assert!(!allows(&patience, 3, false)));
        assert_eq!(until(), first);
        (0..100).for_each(|_| assert!(patience.refuses(8)));
        assert!(until() > first);
    }

    #[test]
    fn requests_that_take_longer_than_the_target_may_wait_for_one_another() {
        let patience = patience();
        (0..33).for_each(|_| patience.worked(4 * TARGET, Priority::Interactive));
        assert!(!patience.refuses(1) && patience.refuses(2));
        assert!(allows(&patience, 6, false) && !allows(&patience, 10, false));
    }

    #[test]
    fn one_worker_rests_while_far_too_many_requests_come_and_fewer_may_wait() {
        let patience = standing();
        assert!(!patience.one_rests());
        (0..2_000).for_each(|_| assert!(patience.refuses(8)));
        assert!(patience.give_way() && patience.one_rests());
        // The other works off half as much in time.
        assert!(!patience.refuses(3) && patience.refuses(4));
        // However many are refused: that no more come than could be answered is what counts.
        patience.apart.store(nanoseconds(WORK / 2), Ordering::Relaxed);
        assert!(!patience.give_way() && !patience.one_rests() && !patience.refuses(7));
    }

    #[test]
    fn no_worker_rests_when_there_is_only_one_or_when_requests_take_long() {
        let (alone, slow) = (of_workers(1), patience());
        (0..33).for_each(|_| alone.worked(WORK, Priority::Interactive));
        (0..33).for_each(|_| slow.worked(2 * TARGET, Priority::Interactive));
        for patience in [&alone, &slow] {
            (0..2_000).for_each(|_| assert!(patience.refuses(1_000)));
            assert!(!patience.one_rests());
        }
        assert!(alone.give_way() && !slow.give_way());
    }
}
