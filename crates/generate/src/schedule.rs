//! When sessions take place: their lengths and the rules enter, rising times within the recorded period leave.

use rand_chacha::ChaCha8Rng;

use crate::rules::Rules;
use rand::Rng;

const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;

/// Seconds between two sessions, at least.
const PAUSE: u64 = HOUR;

/// Starts of the sessions of one shopper.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// First second of the period.
    origin: u64,
    /// Seconds from the origin.
    starts: Vec<u64>,
    /// Where more is to be done than the period has seconds: all times are scaled by the first over the second.
    squeeze: Option<(u64, u64)>,
}

impl Schedule {
    /// Places sessions of these lengths (seconds from the first to the last view) one after another, on any day, at
    /// hours of the day as likely as the rules say, at least an hour apart. If they do not fit into the period, they
    /// follow each other directly and everything goes faster.
    pub(crate) fn new(lengths: &[u64], rules: &Rules, random: &mut ChaCha8Rng) -> Self {
        let origin = rules.population.start.seconds();
        // The last second of the period.
        let last = u64::from(rules.population.days.count()) * DAY - 1;
        let total = lengths.iter().map(|length| length + PAUSE).sum::<u64>().saturating_sub(PAUSE);
        if total > last {
            let starts = lengths.iter().scan(0, |end, length| {
                let start = *end;
                *end += length + PAUSE;
                Some(start)
            });
            return Self { origin, starts: starts.collect(), squeeze: Some((last, total)) };
        }
        let mut starts: Vec<u64> = lengths.iter().map(|_| wished(rules, random)).collect();
        starts.sort_unstable();
        spread(&mut starts, lengths, last);
        Self { origin, starts, squeeze: None }
    }

    /// Unix time of a view: a number of seconds after the start of a session.
    pub(crate) fn time(&self, session: usize, offset: u64) -> u64 {
        let start = self.starts.get(session).copied().unwrap_or_default();
        let Some((numerator, denominator)) = self.squeeze else { return self.origin + start + offset };
        let scaled = |seconds: u64| u128::from(seconds) * u128::from(numerator) / u128::from(denominator.max(1));
        // At most the length of the period.
        self.origin + (scaled(start) + scaled(offset)) as u64
    }
}

/// Seconds from the origin to any day, at an hour drawn by the rules.
fn wished(rules: &Rules, random: &mut ChaCha8Rng) -> u64 {
    let day = u64::from(random.random_range(0..rules.population.days.count()));
    let time_of_day = u64::from(rules.sessions.hours.draw(random)) * HOUR + random.random_range(0..HOUR);
    let first = rules.population.start.seconds() % DAY;
    day * DAY + (time_of_day + DAY - first) % DAY
}

/// Moves starts apart: first later, so that no session begins before a pause after the one before it; then, from the
/// end, earlier, so that the last one ends in the period. The lengths and pauses together fit into the period.
fn spread(starts: &mut [u64], lengths: &[u64], last: u64) {
    let mut earliest = 0;
    for (start, length) in starts.iter_mut().zip(lengths) {
        *start = (*start).max(earliest);
        earliest = *start + length + PAUSE;
    }
    let mut latest_end = last;
    for (start, length) in starts.iter_mut().zip(lengths).rev() {
        *start = (*start).min(latest_end.saturating_sub(*length));
        latest_end = start.saturating_sub(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;
    use crate::rules::Days;

    fn schedule(lengths: &[u64], days: u32, seed: u64) -> Schedule {
        let mut rules = Rules::default();
        rules.population.days = Days::try_from(days).unwrap();
        Schedule::new(lengths, &rules, &mut ChaCha8Rng::seed_from_u64(seed))
    }

    proptest! {
        #[test]
        fn sessions_never_overlap_and_never_leave_the_period(
            lengths in prop::collection::vec(0_u64..20_000, 1..60), days in 1_u32..40, seed: u64,
        ) {
            let schedule = schedule(&lengths, days, seed);
            let mut before = schedule.origin;
            for (session, length) in lengths.iter().enumerate() {
                let (first, last) = (schedule.time(session, 0), schedule.time(session, *length));
                prop_assert!(before <= first && first <= last);
                before = last + if session + 1 < lengths.len() && schedule.squeeze.is_none() { PAUSE } else { 0 };
            }
            prop_assert!(before < schedule.origin + u64::from(days) * DAY);
        }
    }

    #[test]
    fn sessions_are_more_likely_in_the_evening_than_at_night() {
        let hours: Vec<u64> = (0..400).map(|seed| schedule(&[60], 30, seed).time(0, 0) % DAY / HOUR).collect();
        let between = |from, to| hours.iter().filter(|hour| (from..to).contains(*hour)).count();
        assert!(between(18, 22) > 5 * between(1, 5), "{} {}", between(18, 22), between(1, 5));
    }
}
