//! From scores to the best products: scores enter in any order, products leave in falling order, one at a time, so that
//! only as many are sorted as somebody takes.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::ScoredProduct;

/// A product that takes part in a ranking; the greatest is the best.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contender {
    pub(crate) product: usize,
    pub(crate) score: f32,
    /// Equal scores stand in rising order of this, so that answers are stable.
    pub(crate) tie: u32,
}

impl Ord for Contender {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.tie.cmp(&self.tie))
    }
}

impl PartialOrd for Contender {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Contender {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Contender {}

/// Products by falling score. Scores that are not finite never leave.
#[derive(Debug)]
pub(crate) struct Ranking {
    rest: BinaryHeap<Contender>,
    /// Number of scores that were not finite.
    pub(crate) spoiled: usize,
}

impl Ranking {
    pub(crate) fn new(contenders: impl Iterator<Item = Contender>) -> Self {
        let mut spoiled = 0;
        let most = contenders.size_hint().1.unwrap_or_default();
        let finite = contenders.filter(|contender| {
            let finite = contender.score.is_finite();
            spoiled += usize::from(!finite);
            finite
        });
        // A filter does not know how many it lets through; nearly always it is all of them.
        let mut rest = Vec::with_capacity(most);
        rest.extend(finite);
        Self { rest: rest.into(), spoiled }
    }
}

impl Iterator for Ranking {
    type Item = ScoredProduct;

    fn next(&mut self) -> Option<ScoredProduct> {
        self.rest.pop().map(|Contender { product, score, .. }| ScoredProduct { product, score })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(scores: &[f32]) -> Ranking {
        let contenders = (0..).zip(scores).enumerate();
        Ranking::new(contenders.map(|(product, (tie, score))| Contender { product, score: *score, tie }))
    }

    fn ranked(scores: &[f32], limit: usize) -> Vec<usize> {
        ranking(scores).take(limit).map(|scored| scored.product).collect()
    }

    #[test]
    fn the_best_come_first_and_equal_scores_keep_their_order() {
        assert_eq!(ranked(&[0.2, 0.9, 0.5, 0.9, 0.1], 3), [1, 3, 2]);
        assert_eq!(ranked(&[0.5; 10], 4), [0, 1, 2, 3]);
        assert_eq!(ranked(&[0.2, 0.9], 16), [1, 0]);
        assert_eq!(ranked(&[0.2, 0.9], 0), [] as [usize; 0]);
    }

    #[test]
    fn scores_that_are_not_finite_never_leave_and_are_counted() {
        let scores = [f32::NAN, 0.3, f32::INFINITY, 0.4];
        assert_eq!(ranked(&scores, 16), [3, 1]);
        assert_eq!(ranking(&scores).spoiled, 2);
    }
}
