//! The pace of refusals: the moment of one enters, how long it is kept before it is sent leaves.
//!
//! Refusing takes a tenth of the processor time of answering. Clients that ask again at once, against their `Retry-After`,
//! would make the service refuse instead of answer: with 512 of them it gave a quarter of its answers. Refusals of such
//! clients leave at a pace, two for five answers that the service could give. Others leave at once, also those of a pool
//! whose connections carry the requests of many: there it is rare that request after request comes on one connection.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A client that asks again so soon after an answer has not waited.
const AT_ONCE: Duration = Duration::from_millis(30);
/// So many refusals on a connection whose client never waits are sent at once.
const UNPACED: u32 = 3;
/// Paced refusals for each answer that the service could give.
const FOR_AN_ANSWER: f64 = 0.4;
/// Refusals that came together may leave together for so long, as schedulers and networks bunch them.
const BUNCHED: Duration = Duration::from_millis(5);
/// A refusal is never kept for longer: what `Retry-After` asks for.
const LONGEST: Duration = Duration::from_secs(1);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct RefusalPace {
    begun: Instant,
    /// Nanoseconds from `begun` to the moment of the next refusal.
    next: AtomicU64,
}

/// How a connection's client takes refusals.
#[derive(Debug, Default)]
pub(super) struct Impatience {
    /// When its last answer left, in nanoseconds of the pace's clock.
    answered: AtomicU64,
    /// Refusals since it last waited before it asked.
    refusals: AtomicU32,
}

impl RefusalPace {
    /// Nothing was refused yet.
    pub(super) fn new(begun: Instant) -> Self {
        Self { begun, next: AtomicU64::new(0) }
    }

    /// A request comes on a connection.
    pub(super) fn asked(&self, client: &Impatience, now: Instant) {
        let since = self.clock(now).saturating_sub(client.answered.load(Ordering::Relaxed));
        if since >= nanoseconds(AT_ONCE) {
            client.refusals.store(0, Ordering::Relaxed);
        }
    }

    /// How long the refusal of this moment is kept; `capacity`: answers that the service can give a second.
    pub(super) fn delay(&self, client: &Impatience, now: Instant, capacity: f64) -> Duration {
        if client.refusals.fetch_add(1, Ordering::Relaxed) < UNPACED {
            return Duration::ZERO;
        }
        let now = self.clock(now);
        let apart = Duration::try_from_secs_f64(1.0 / (FOR_AN_ANSWER * capacity)).unwrap_or_default();
        let moment = |next: u64| next.max(now.saturating_sub(nanoseconds(BUNCHED)));
        let latest = now.saturating_add(nanoseconds(LONGEST));
        let following = |next: u64| Some(moment(next).saturating_add(nanoseconds(apart)).min(latest));
        // The closure never gives up, and nothing else is published by this number.
        let (Ok(next) | Err(next)) = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, following);
        Duration::from_nanos(moment(next).saturating_sub(now))
    }

    /// An answer of whatever kind leaves.
    pub(super) fn answered(&self, client: &Impatience, now: Instant) {
        client.answered.store(self.clock(now), Ordering::Relaxed);
    }

    fn clock(&self, now: Instant) -> u64 {
        nanoseconds(now.saturating_duration_since(self.begun))
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
    const MILLISECOND: Duration = Duration::from_millis(1);

    /// Refuses a request on a connection: the moment at which the refusal leaves.
    fn refuse(pace: &RefusalPace, client: &Impatience, asked: Instant, capacity: f64) -> Instant {
        pace.asked(client, asked);
        let left = asked + pace.delay(client, asked, capacity);
        pace.answered(client, left);
        left
    }

    #[test]
    fn clients_that_ask_again_at_once_are_refused_at_the_pace() {
        for (clients, refusals, wait) in [(16, 400, 40), (256, 400, 640), (1_000, 1_000, 1_000)] {
            let start = Instant::now();
            let pace = RefusalPace::new(start - SECOND);
            let connections: Vec<_> = (0..clients).map(|_| Impatience::default()).collect();
            let mut asks = vec![start; clients];
            let (mut refused, mut longest) = (0, Duration::ZERO);
            while let Some((asked, client)) = asks.iter_mut().zip(&connections).min_by_key(|(asked, _)| **asked)
                && *asked < start + SECOND
            {
                let left = refuse(&pace, client, *asked, CAPACITY);
                longest = longest.max(left - *asked);
                *asked = left + MILLISECOND;
                refused += 1;
            }
            let unpaced = clients * UNPACED as usize;
            let expected = refusals + unpaced - 20..refusals + unpaced + clients + 20;
            assert!(expected.contains(&refused), "{clients}: {refused} refused");
            assert!(longest.as_millis().abs_diff(wait) < 20, "{clients}: {longest:?}");
        }
    }

    #[test]
    fn an_answer_in_between_does_not_make_a_client_patient() {
        let start = Instant::now();
        let (pace, client) = (RefusalPace::new(start), Impatience::default());
        let mut asked = start;
        for _ in 0..10 {
            asked = refuse(&pace, &client, asked, CAPACITY);
            pace.asked(&client, asked);
            pace.answered(&client, asked + MILLISECOND);
            asked += MILLISECOND;
        }
        assert!(refuse(&pace, &client, asked, CAPACITY) > asked);
        assert_eq!(refuse(&pace, &client, asked + SECOND, CAPACITY), asked + SECOND);
    }

    #[test]
    fn clients_that_wait_and_connections_of_a_pool_are_refused_at_once() {
        let start = Instant::now();
        let pace = RefusalPace::new(start);
        let pool: Vec<_> = (0..256).map(|_| Impatience::default()).collect();
        for (turn, client) in (0_u32..10_000).zip(pool.iter().cycle()) {
            let asked = start + MILLISECOND * turn / 5;
            assert_eq!(refuse(&pace, client, asked, CAPACITY), asked, "{turn}");
        }
    }

    #[test]
    fn what_is_over_leaves_nothing_behind() {
        let start = Instant::now();
        let (pace, client) = (RefusalPace::new(start), Impatience::default());
        let mut asked = start;
        for _ in 0..1_000 {
            asked = refuse(&pace, &client, asked, CAPACITY);
        }
        assert_eq!(refuse(&pace, &client, asked + SECOND, CAPACITY), asked + SECOND);
        assert_eq!(refuse(&pace, &Impatience::default(), asked, CAPACITY), asked);
    }

    #[test]
    fn nothing_is_kept_while_the_capacity_is_unknown() {
        for capacity in [f64::INFINITY, 0.0, f64::NAN, -1.0] {
            let start = Instant::now();
            let (pace, client) = (RefusalPace::new(start), Impatience::default());
            let now = start + SECOND;
            assert!((0..10_000).all(|_| refuse(&pace, &client, now, capacity) == now), "{capacity}");
        }
    }
}
