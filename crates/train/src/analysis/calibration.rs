//! Calibration: lists with their scores enter; bins of equally many products leave, with what was promised and what
//! happened, and the expected calibration error over them.

use serde::{Deserialize, Serialize};

use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::RankedGroup;

/// Bins, as far as there are products.
const BINS: usize = 10;

/// Products of lists with neighbouring scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Mean score.
    pub score: f64,
    /// Share of them that was viewed next.
    pub positives: f64,
    /// How many there are.
    pub rows: usize,
}

/// Sorts the products of all lists by score and cuts them into bins.
pub(super) fn bins(ranked: &[RankedGroup], groups: &[EvaluationGroup]) -> Vec<CalibrationBin> {
    let of_group = |(ranked, group): (&RankedGroup, &EvaluationGroup)| -> Vec<(f32, bool)> {
        // Indices are ids less 1.
        let target = (group.target() as usize).checked_sub(1);
        let products = ranked.recommended.iter().zip(&ranked.scores);
        products.map(|(product, score)| (*score, Some(*product) == target)).collect()
    };
    let mut products: Vec<(f32, bool)> = ranked.iter().zip(groups).flat_map(of_group).collect();
    products.sort_by(|left, right| left.0.total_cmp(&right.0));
    let bin = |products: &[(f32, bool)]| {
        let count = products.len() as f64;
        CalibrationBin {
            score: products.iter().map(|(score, _)| f64::from(*score)).sum::<f64>() / count,
            positives: products.iter().filter(|(_, positive)| *positive).count() as f64 / count,
            rows: products.len(),
        }
    };
    products.chunks(products.len().div_ceil(BINS).max(1)).map(bin).collect()
}

/// The expected calibration error: the mean over all products of how far their bin's mean score lies from the share that
/// was viewed next. None without bins.
pub(super) fn expected_error(bins: &[CalibrationBin]) -> Option<f64> {
    let count = bins.iter().map(|bin| bin.rows).sum::<usize>();
    let sum: f64 = bins.iter().map(|bin| bin.rows as f64 * (bin.score - bin.positives).abs()).sum();
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use slirec_core::history::{History, encode};

    use super::*;
    use crate::dataset::evaluation::Candidate;

    /// A list of items, best first, before the view of another one.
    fn row(list: &[(usize, f32)], next: u32) -> (RankedGroup, EvaluationGroup) {
        let history = History { item_ids: &[1], feature_ids: &[], feature_count: 0, times: &[0.0] };
        let group = EvaluationGroup {
            history: encode(history, 1.0, 1).unwrap(),
            user: 0,
            now: 1.0,
            history_items: vec![1],
            history_times: vec![0.0],
            candidates: vec![Candidate { item: next, features: Vec::new() }],
        };
        let (recommended, scores) = list.iter().copied().unzip();
        (RankedGroup { rank: 1.0, recommended, scores }, group)
    }

    fn bins_of(rows: Vec<(RankedGroup, EvaluationGroup)>) -> Vec<CalibrationBin> {
        let (ranked, groups): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        bins(&ranked, &groups)
    }

    #[test]
    fn products_are_binned_by_their_scores_and_the_error_is_the_mean_distance() {
        // Each list's first product is viewed next in four rows of ten, its second one never.
        let bins = bins_of((0..10).map(|number| row(&[(4, 0.5), (7, 0.1)], if number < 4 { 5 } else { 1 })).collect());
        assert_eq!((bins.len(), bins.iter().map(|bin| bin.rows).sum::<usize>()), (10, 20));
        let (first, last) = (&bins[0], &bins[9]);
        assert!((first.score - 0.1).abs() < 1e-6 && (last.score - 0.5).abs() < 1e-6);
        assert_eq!(first.positives, 0.0);
        // Equal scores keep the order of their rows: of the last five bins two hold positives alone.
        let of_second: f64 = bins[..5].iter().map(|bin| bin.score - bin.positives).sum();
        assert!((of_second - 0.5).abs() < 1e-6);
        let error = expected_error(&bins).unwrap();
        assert!((error - (5.0 * 0.1 + 2.0 * 0.5 + 3.0 * 0.5) / 10.0).abs() < 1e-6, "{error}");
    }

    #[test]
    fn scores_that_keep_their_promise_have_no_error() {
        let rows = (0..1_000).map(|number| row(&[(4, 0.25)], if number % 4 == 0 { 5 } else { 1 }));
        assert!(expected_error(&bins_of(rows.collect())).unwrap() < 1e-6);
    }

    #[test]
    fn an_item_that_training_has_not_seen_is_in_no_list() {
        assert_eq!(bins_of(vec![row(&[(0, 0.5)], 0)])[0].positives, 0.0);
    }

    #[test]
    fn no_lists_have_no_error() {
        assert_eq!((bins(&[], &[]), expected_error(&[])), (Vec::new(), None));
    }
}
