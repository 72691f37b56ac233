//! The pace of refusals: the moment of one enters, how long it is kept before it is sent leaves.
//!
//! Refusing takes a fifteenth of the processor time of answering. Clients that ask again at once, against their
//! `Retry-After`, would make the service refuse instead of answer: 512 of them leave a quarter of its answers. So up to
//! three refusals for each answer that the service could give are sent at once, which an open loop at four times the
//! capacity does not exceed; further ones leave at that pace. Nothing is remembered of a client or a connection, as the
//! connections of a pool carry the requests of many.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Refusals for each answer that the service could give.
const FOR_AN_ANSWER: f64 = 3.0;
/// Refusals that came together may leave together for so long, as schedulers and networks bunch them.
const BUNCHED: Duration = Duration::from_millis(20);
/// A refusal is never kept for longer: half of what `Retry-After` asks for.
const LONGEST: Duration = Duration::from_millis(500);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct RefusalPace {
    begun: Instant,
    /// Nanoseconds from `begun` to the moment of the next refusal.
    next: AtomicU64,
}

impl RefusalPace {
    /// Nothing was refused yet.
    pub(super) fn new(begun: Instant) -> Self {
        Self { begun, next: AtomicU64::new(0) }
    }

    /// How long the refusal of this moment is kept; `capacity`: answers that the service can give a second.
    pub(super) fn delay(&self, now: Instant, capacity: f64) -> Duration {
        let now = nanoseconds(now.saturating_duration_since(self.begun));
        let apart = Duration::try_from_secs_f64(1.0 / (FOR_AN_ANSWER * capacity)).unwrap_or_default();
        let moment = |next: u64| next.max(now.saturating_sub(nanoseconds(BUNCHED)));
        let latest = now.saturating_add(nanoseconds(LONGEST));
        let following = |next: u64| Some(moment(next).saturating_add(nanoseconds(apart)).min(latest));
        // The closure never gives up, and nothing else is published by this number.
        let (Ok(next) | Err(next)) = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, following);
        Duration::from_nanos(moment(next).saturating_sub(now))
    }
}

/// Five centuries fit.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: f64 = 1_000.0;
    const SECOND: Duration = Duration::from_secs(1);

    /// What an open loop of so many refusals a second is kept for at most, from the `from`th second to the `to`th.
    fn longest_delay(pace: &RefusalPace, start: Instant, rate: u32, from: u32, to: u32) -> Duration {
        (from * rate..to * rate)
            .map(|turn| pace.delay(start + SECOND / rate * turn, CAPACITY))
            .max()
            .unwrap_or_default()
    }

    #[test]
    fn refusals_of_an_open_loop_leave_at_once_up_to_three_for_each_answer() {
        let start = Instant::now();
        let pace = RefusalPace::new(start);
        assert_eq!(longest_delay(&pace, start, 2_900, 0, 10), Duration::ZERO);
        let longest = longest_delay(&pace, start, 6_000, 10, 20);
        assert!(longest <= LONGEST && longest.as_millis() >= 499, "{longest:?}");
        // What is over leaves nothing behind.
        assert_eq!(pace.delay(start + 21 * SECOND, CAPACITY), Duration::ZERO);
    }

    #[test]
    fn clients_that_ask_again_at_once_are_refused_at_the_pace() {
        for (clients, refusals, wait) in [(64, 3_000, 15), (512, 3_000, 185), (3_000, 6_000, 500)] {
            let start = Instant::now();
            let pace = RefusalPace::new(start);
            let mut asks = vec![start; clients];
            let mut refused = 0;
            let mut longest = Duration::ZERO;
            while let Some(ask) = asks.iter_mut().min().filter(|ask| **ask < start + SECOND) {
                let delay = pace.delay(*ask, CAPACITY);
                longest = longest.max(delay);
                *ask += delay + Duration::from_micros(100);
                refused += 1;
            }
            let expected = refusals..refusals + clients + 100;
            assert!(expected.contains(&refused), "{clients}: {refused} refused");
            assert!(longest.as_millis().abs_diff(wait) < 20, "{clients}: {longest:?}");
        }
    }

    #[test]
    fn nothing_is_kept_while_the_capacity_is_unknown() {
        let start = Instant::now();
        let pace = RefusalPace::new(start);
        for capacity in [f64::INFINITY, 0.0, f64::NAN, -1.0] {
            let delays = (0..10_000).map(|_| pace.delay(start + SECOND, capacity));
            assert_eq!(delays.max(), Some(Duration::ZERO), "{capacity}");
        }
    }
}
