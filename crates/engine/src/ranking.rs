//! From scores to the best products: scores enter in any order, on any number of threads, and the best of them leave in
//! the order of their keys, one at a time, so that only as many are kept and sorted as are taken.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A candidate that takes part in a ranking; the greatest is the best.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// Row of the candidate.
    pub(crate) row: usize,
    pub(crate) score: f32,
    /// What decides the order: the score, unless the request arranges products otherwise.
    pub(crate) key: f32,
    /// Equal keys stand in rising order of this, so that answers are stable.
    pub(crate) tie: u32,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.total_cmp(&other.key).then_with(|| other.tie.cmp(&self.tie))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// Candidates that are kept for the best of them: a narrowing takes as long as it has candidates, half of which are new.
fn kept_at_most(count: usize) -> usize {
    count.saturating_mul(2).max(64)
}

/// The best of the candidates that were offered. Scores that are not finite never are among them.
#[derive(Debug, Default)]
pub(crate) struct Best {
    /// How many to keep.
    count: usize,
    /// At least the best so far, with some that were not yet told from them.
    kept: Vec<Candidate>,
    /// What a candidate must exceed.
    least: Option<Candidate>,
    /// Number of scores that were not finite.
    pub(crate) spoiled: usize,
}

impl Best {
    /// Of none yet.
    pub(crate) fn new(count: usize) -> Self {
        // More than a page of the usual size grows as it is filled: how many will be offered is unknown.
        let room = kept_at_most(count).min(256);
        Self { count, kept: Vec::with_capacity(room), ..Self::default() }
    }

    pub(crate) fn offer(&mut self, candidate: Candidate) {
        if !candidate.score.is_finite() {
            self.spoiled += 1;
            return;
        }
        if self.least.is_some_and(|least| candidate <= least) {
            return;
        }
        self.kept.push(candidate);
        if self.kept.len() >= kept_at_most(self.count) {
            self.narrow();
        }
    }

    fn narrow(&mut self) {
        let Some(last) = self.count.checked_sub(1) else {
            self.kept.clear();
            return;
        };
        if self.kept.len() > self.count {
            let (_, least, _) = self.kept.select_nth_unstable_by(last, |left, right| right.cmp(left));
            self.least = Some(*least);
            self.kept.truncate(self.count);
        }
    }

    /// Takes in what another found.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.spoiled += other.spoiled;
        other.kept.iter().for_each(|candidate| self.offer(*candidate));
    }

    /// The best, in no order.
    pub(crate) fn candidates(&mut self) -> &[Candidate] {
        self.narrow();
        &self.kept
    }

    /// The best by falling score.
    pub(crate) fn ranking(mut self) -> Ranking {
        self.narrow();
        Ranking { rest: self.kept.into() }
    }
}

/// Candidates by falling score.
#[derive(Debug)]
pub(crate) struct Ranking {
    rest: BinaryHeap<Candidate>,
}

impl Iterator for Ranking {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        self.rest.pop()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest.len(), Some(self.rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(scores: &[f32], count: usize) -> Best {
        let mut best = Best::new(count);
        for ((tie, score), row) in (0..).zip(scores).zip(0..) {
            best.offer(Candidate { row, score: *score, key: *score, tie });
        }
        best
    }

    fn ranked(scores: &[f32], count: usize) -> Vec<usize> {
        best(scores, count).ranking().map(|candidate| candidate.row).collect()
    }

    #[test]
    fn the_best_come_first_and_equal_scores_keep_their_order() {
        assert_eq!(ranked(&[0.2, 0.9, 0.5, 0.9, 0.1], 3), [1, 3, 2]);
        assert_eq!(ranked(&[0.5; 200], 4), [0, 1, 2, 3]);
        assert_eq!(ranked(&[0.2, 0.9], 16), [1, 0]);
        assert_eq!(ranked(&[0.2, 0.9], usize::MAX), [1, 0]);
        assert_eq!(ranked(&[0.2; 100], 0), [] as [usize; 0]);
    }

    #[test]
    fn scores_that_are_not_finite_never_leave_and_are_counted() {
        let scores = [f32::NAN, 0.3, f32::INFINITY, 0.4];
        assert_eq!(ranked(&scores, 16), [3, 1]);
        assert_eq!(best(&scores, 1).spoiled, 2);
    }

    #[test]
    fn parts_that_are_merged_in_any_order_have_the_best_of_all() {
        let mut state = 1_u64;
        let scores: Vec<f32> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few values, so that many are equal.
            (state >> 58) as f32
        })
        .take(5_000)
        .collect();
        let expected = ranked(&scores, 40);
        for parts in [2, 3, 7] {
            let mut of_parts: Vec<Best> = (0..parts).map(|_| Best::new(40)).collect();
            for ((tie, score), row) in (0..).zip(&scores).zip(0..) {
                of_parts[row / 100 % parts].offer(Candidate { row, score: *score, key: *score, tie });
            }
            let mut merged = Best::new(40);
            of_parts.iter().rev().for_each(|part| merged.merge(part));
            assert_eq!(merged.ranking().map(|candidate| candidate.row).collect::<Vec<_>>(), expected);
        }
        let mut all: Vec<Candidate> = best(&scores, usize::MAX).ranking().collect();
        assert_eq!(all.len(), scores.len());
        all.truncate(40);
        assert_eq!(all.iter().map(|candidate| candidate.row).collect::<Vec<_>>(), expected);
    }
}
