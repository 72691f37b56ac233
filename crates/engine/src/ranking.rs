//! From scores to the best products: scores enter, the first N in falling order leave.

use std::cmp::Ordering;

use crate::ScoredProduct;

/// The best `limit` of `scored`: falling scores, equal scores in order of `tie`, so that answers are stable. Scores
/// that are not finite are left out. Selects first and sorts only what it selected.
pub(crate) fn best(
    mut scored: Vec<ScoredProduct>,
    limit: usize,
    tie: impl Fn(usize, usize) -> Ordering,
) -> Vec<ScoredProduct> {
    scored.retain(|candidate| candidate.score.is_finite());
    let order = |left: &ScoredProduct, right: &ScoredProduct| {
        right.score.total_cmp(&left.score).then_with(|| tie(left.product, right.product))
    };
    if limit == 0 {
        return Vec::new();
    }
    if scored.len() > limit {
        scored.select_nth_unstable_by(limit - 1, order);
        scored.truncate(limit);
    }
    scored.sort_unstable_by(order);
    scored
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(scores: &[f32], limit: usize) -> Vec<usize> {
        let scored =
            scores.iter().enumerate().map(|(product, score)| ScoredProduct { product, score: *score }).collect();
        best(scored, limit, |left, right| left.cmp(&right)).into_iter().map(|candidate| candidate.product).collect()
    }

    #[test]
    fn the_best_come_first_and_equal_scores_keep_their_order() {
        assert_eq!(ranked(&[0.2, 0.9, 0.5, 0.9, 0.1], 3), [1, 3, 2]);
        assert_eq!(ranked(&[0.5; 10], 4), [0, 1, 2, 3]);
        assert_eq!(ranked(&[0.2, 0.9], 16), [1, 0]);
        assert_eq!(ranked(&[0.2, 0.9], 0), [] as [usize; 0]);
    }

    #[test]
    fn scores_that_are_not_finite_never_leave() {
        assert_eq!(ranked(&[f32::NAN, 0.3, f32::INFINITY, 0.4], 16), [3, 1]);
    }
}
