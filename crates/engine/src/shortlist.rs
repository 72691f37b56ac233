//! Which candidates can be among the best: what the logit of each lies between enters, in any order and on any number of
//! threads; the few whose upper bound reaches what so many others certainly have leave. None of the best is missing.

use std::collections::{BinaryHeap, HashMap};

/// How scores follow logits: a score is e to the power of a logit times the temperature, less what all logits have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// What logits are multiplied with.
    pub(crate) temperature: f32,
    /// From here on scores may be 1 and the same.
    pub(crate) ceiling: f32,
    /// Below, scores may have become the same.
    pub(crate) floor: f32,
}

/// What is known of a candidate's logit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    pub(crate) row: usize,
    pub(crate) logit: f32,
    /// How far off that is at most.
    pub(crate) error: f32,
    /// What is added to the exact logit, where the request arranges candidates otherwise than by their scores; the lowest
    /// number for those that stand behind all others.
    pub(crate) raise: f32,
    /// The group of candidates that have the very same logit, and which of them goes first: the one with the least number.
    pub(crate) equals: Option<(u32, u32)>,
}

/// A candidate whose logit lies between two bounds.
#[derive(Debug, Clone, Copy)]
struct Bounded {
    row: usize,
    lower: f32,
    upper: f32,
}

/// By how much of itself a raise may be off.
const RAISE_ERROR: f32 = 8.0 * f32::EPSILON;

/// Beyond how many candidates, one in so many of all, a shortlist is given up: exact scores of all take less time.
const LARGEST_SHARE: usize = 16;

/// Candidates that can be among the best so far.
#[derive(Debug)]
pub(crate) struct Shortlist {
    /// How many best ones there are to be.
    count: usize,
    /// Candidates at most; it is given up beyond.
    most: usize,
    kept: Vec<Bounded>,
    /// When so many are kept, those that cannot be among the best are left out.
    room: usize,
    /// What an upper bound must reach: as many lower bounds as there are to be best ones do.
    least: f32,
    limits: Limits,
    /// No candidate's logit is raised by more.
    greatest_raise: f32,
    /// Of each group of equal candidates, those that go first.
    firsts: HashMap<u32, BinaryHeap<u32>>,
    given_up: bool,
}

impl Shortlist {
    /// For the best `count`, at least 1, of so many candidates.
    pub(crate) fn new(limits: Limits, greatest_raise: f32, count: usize, candidates: usize) -> Self {
        Self {
            count,
            most: (candidates / LARGEST_SHARE).max(4 * count),
            kept: Vec::new(),
            room: (2 * count).max(64),
            least: f32::NEG_INFINITY,
            limits,
            greatest_raise,
            firsts: HashMap::new(),
            given_up: false,
        }
    }

    /// Whether logits, of which this is the greatest and which are so far off at most, cannot be among the best.
    pub(crate) fn misses_all(&self, greatest: f32, error: f32) -> bool {
        self.misses(greatest, error, self.greatest_raise)
    }

    /// Whether none of these logits, each of which is so far off at most, can be among the best, once they are raised.
    pub(crate) fn misses_each(&self, logits: &[f32], error: f32, raises: &[f32]) -> bool {
        // Without an end before the last one, so that many are compared in one instruction.
        let reaches = |reaches, (logit, raise): (&f32, &f32)| reaches | !self.misses(*logit, error, *raise);
        !logits.iter().zip(raises).fold(false, reaches)
    }

    /// Whether a logit that is so far off at most cannot be among the best, once it is raised.
    #[inline]
    pub(crate) fn misses(&self, logit: f32, error: f32, raise: f32) -> bool {
        self.upper(logit, error, raise) < self.least
    }

    /// The raised logit is no greater. Below the floor a score says little of its logit, also once it is raised.
    #[inline]
    fn upper(&self, logit: f32, error: f32, raise: f32) -> f32 {
        match error.is_finite() {
            true => (logit + error).max(self.limits.floor) + raise + RAISE_ERROR * raise.abs(),
            false => f32::INFINITY,
        }
    }

    /// The raised logit is no less, as far as its score tells.
    fn lower(&self, logit: f32, error: f32, raise: f32) -> f32 {
        let lower = (logit - error).min(self.limits.ceiling);
        let is_told = lower >= self.limits.floor && error.is_finite() && raise.is_finite();
        if is_told { lower + raise - RAISE_ERROR * raise.abs() } else { f32::NEG_INFINITY }
    }

    /// Takes a candidate in, if its logit can be high enough.
    pub(crate) fn offer(&mut self, Offer { row, logit, error, raise, equals }: Offer) {
        let (lower, upper) = (self.lower(logit, error, raise), self.upper(logit, error, raise));
        if upper < self.least || self.given_up {
            return;
        }
        // Factors may tell equal ones apart.
        if raise == 0.0 && equals.is_some_and(|(group, number)| !self.goes_first(group, number)) {
            return;
        }
        self.kept.push(Bounded { row, lower, upper });
        if self.kept.len() >= self.room {
            self.narrow();
        }
    }

    /// Whether a candidate can be among so many of the best of its group, of which some were offered.
    fn goes_first(&mut self, group: u32, number: u32) -> bool {
        let firsts = self.firsts.entry(group).or_default();
        if firsts.len() < self.count {
            firsts.push(number);
            return true;
        }
        let Some(mut last) = firsts.peek_mut().filter(|last| number < **last) else { return false };
        *last = number;
        true
    }

    /// Leaves out those that cannot be among the best.
    fn narrow(&mut self) {
        let Some(last) = self.count.checked_sub(1).filter(|last| *last < self.kept.len()) else { return };
        let (_, least, _) = self.kept.select_nth_unstable_by(last, |left, right| right.lower.total_cmp(&left.lower));
        self.least = self.least.max(least.lower);
        self.kept.retain(|candidate| candidate.upper >= self.least);
        self.room = self.room.max(2 * self.kept.len());
        if self.kept.len() > self.most {
            self.given_up = true;
            self.kept = Vec::new();
        }
    }

    /// Takes in what another found.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.given_up |= other.given_up;
        self.least = self.least.max(other.least);
        for Bounded { row, lower, upper } in &other.kept {
            if *upper >= self.least {
                self.kept.push(Bounded { row: *row, lower: *lower, upper: *upper });
            }
        }
        self.narrow();
    }

    /// Rows of the candidates, in no order; none when they are too many or equal scores cannot be told from their bounds.
    pub(crate) fn rows(mut self) -> Option<Vec<usize>> {
        self.narrow();
        let told = !self.given_up && self.least >= self.limits.floor;
        told.then(|| self.kept.iter().map(|candidate| candidate.row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { temperature: 1.0, ceiling: 100.0, floor: -100.0 };

    /// Numbers from 0 to 1 that look random.
    fn random() -> impl FnMut() -> f32 {
        let mut state = 1_u32;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0
        }
    }

    /// Logits, what is said of them, and how far off that is at most.
    fn candidates(count: usize, error: f32) -> Vec<(f32, f32, f32)> {
        let mut random = random();
        let mut one = || {
            let (logit, error) = (random(), error * random());
            (logit, logit + error * (2.0 * random() - 1.0), error)
        };
        (0..count).map(|_| one()).collect()
    }

    fn of_parts(candidates: &[(f32, f32, f32)], limits: Limits, count: usize, parts: usize) -> Option<Vec<usize>> {
        let start = || Shortlist::new(limits, 0.0, count, candidates.len());
        let mut of_parts: Vec<_> = (0..parts).map(|_| start()).collect();
        for (row, (_, logit, error)) in candidates.iter().enumerate() {
            let part = &mut of_parts[row / 50 % parts];
            if !part.misses(*logit, *error, 0.0) {
                part.offer(Offer { row, logit: *logit, error: *error, raise: 0.0, equals: None });
            }
        }
        let mut all = start();
        of_parts.iter().rev().for_each(|part| all.merge(part));
        let mut rows = all.rows()?;
        rows.sort_unstable();
        Some(rows)
    }

    #[test]
    fn the_best_are_all_there_with_few_others_and_the_same_for_any_parts() {
        let candidates = candidates(8_000, 0.001);
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_by(|left, right| candidates[*right].0.total_cmp(&candidates[*left].0));
        for count in [1, 16, 100] {
            let rows = of_parts(&candidates, LIMITS, count, 1).unwrap();
            assert!(order[..count].iter().all(|row| rows.binary_search(row).is_ok()));
            assert!(rows.len() <= count + 20, "{} rows for {count}", rows.len());
            for parts in [2, 3, 7] {
                assert_eq!(of_parts(&candidates, LIMITS, count, parts).unwrap(), rows);
            }
        }
    }

    #[test]
    fn bounds_that_tell_little_or_scores_that_may_be_equal_give_no_shortlist() {
        assert_eq!(of_parts(&candidates(8_000, 2.0), LIMITS, 16, 2), None);
        let candidates = candidates(8_000, 0.001);
        assert_eq!(of_parts(&candidates, Limits { floor: 2.0, ..LIMITS }, 16, 2), None);
        // Whatever lies above the ceiling has the same score.
        let rows = of_parts(&candidates, Limits { ceiling: 0.99, ..LIMITS }, 16, 2).unwrap();
        let above = |row: &usize| candidates[*row].0 >= 0.99;
        assert_eq!(rows.iter().filter(|row| above(row)).count(), (0..8_000).filter(|row| above(row)).count());
    }

    #[test]
    fn a_logit_of_which_nothing_is_known_is_there_and_counts_for_none_of_the_best() {
        let mut candidates = candidates(8_000, 0.001);
        let rows = of_parts(&candidates, LIMITS, 16, 2).unwrap();
        let unknown = (0..8_000).find(|row| !rows.contains(row)).unwrap();
        candidates[unknown] = (0.0, f32::NAN, f32::INFINITY);
        let with_unknown = of_parts(&candidates, LIMITS, 16, 2).unwrap();
        assert!(with_unknown.contains(&unknown) && with_unknown.len() == rows.len() + 1);
    }

    #[test]
    fn fewer_candidates_than_are_asked_for_are_all_there() {
        let none = Limits { floor: f32::NEG_INFINITY, ..LIMITS };
        assert_eq!(of_parts(&candidates(10, 0.1), none, 16, 1).unwrap(), (0..10).collect::<Vec<_>>());
    }
}
