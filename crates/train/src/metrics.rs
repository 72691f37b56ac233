//! The metrics, defined once for training and evaluation: scores enter, figures leave. Formulas in `docs/MODEL.md`.

use std::collections::BTreeMap;

/// Scores of an evaluation group: the positive's and its negatives'.
#[derive(Debug, Clone, Copy)]
pub struct ScoredGroup<'a> {
    /// Score of the positive.
    pub positive: f32,
    /// Scores of the negatives.
    pub negatives: &'a [f32],
    /// Whether training has seen the positive; otherwise it counts as found by no metric, whatever its score.
    pub seen: bool,
}

impl ScoredGroup<'_> {
    /// The positive's score as ranking has it: one that training has not seen is below everything.
    fn found(&self) -> f32 {
        if self.seen { self.positive } else { f32::NEG_INFINITY }
    }
}

/// Metrics over a positive and its sampled negatives.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SampledMetrics {
    /// Area under the curve over all rows; ties count half.
    pub auc: f64,
    /// Mean negative log-likelihood; none for scores that are no probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logloss: Option<f64>,
    /// Mean of 1 / rank of the positive.
    pub mean_mrr: f64,
    /// Normalised discounted cumulative gain at 2.
    #[serde(rename = "ndcg@2")]
    pub ndcg_2: f64,
    /// At 4.
    #[serde(rename = "ndcg@4")]
    pub ndcg_4: f64,
    /// At 6.
    #[serde(rename = "ndcg@6")]
    pub ndcg_6: f64,
    /// Mean of the groups' AUC; ties count half.
    pub group_auc: f64,
}

impl SampledMetrics {
    /// Computes all metrics; `probabilities` says whether the scores have a log loss.
    pub fn of(groups: &[ScoredGroup<'_>], probabilities: bool) -> Self {
        let mean = |metric: &dyn Fn(&ScoredGroup<'_>) -> f64| {
            groups.iter().map(metric).sum::<f64>() / groups.len().max(1) as f64
        };
        let ndcg = |cut: usize| {
            mean(&move |group: &ScoredGroup<'_>| {
                stable_rank(group).filter(|rank| *rank <= cut).map_or(0.0, |rank| discount(rank as f64))
            })
        };
        Self {
            auc: area_under_curve(groups),
            logloss: probabilities.then(|| log_loss(groups)),
            mean_mrr: mean(&|group| stable_rank(group).map_or(0.0, |rank| 1.0 / rank as f64)),
            ndcg_2: ndcg(2),
            ndcg_4: ndcg(4),
            ndcg_6: ndcg(6),
            group_auc: mean(&|group| {
                let below: f64 = group.negatives.iter().map(|negative| wins(group.found(), *negative)).sum();
                below / group.negatives.len().max(1) as f64
            }),
        }
    }

    /// The metrics by name, for manifests and metric files.
    pub fn by_name(&self) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::from(
            [
                ("auc", self.auc),
                ("mean_mrr", self.mean_mrr),
                ("ndcg@2", self.ndcg_2),
                ("ndcg@4", self.ndcg_4),
                ("ndcg@6", self.ndcg_6),
                ("group_auc", self.group_auc),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        if let Some(logloss) = self.logloss {
            metrics.insert("logloss".to_owned(), logloss);
        }
        metrics
    }
}

/// Metrics over the whole catalogue: nothing is excluded, not even what the history holds.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RankingMetrics {
    /// Share of positives among the first ten.
    #[serde(rename = "hr@10")]
    pub hit_rate_10: f64,
    /// Normalised discounted cumulative gain at 10.
    #[serde(rename = "ndcg@10")]
    pub ndcg_10: f64,
    /// Mean of 1 / rank.
    pub mrr: f64,
    /// Share of the candidates that are among the first ten of any history.
    #[serde(rename = "coverage@10")]
    pub coverage_10: f64,
}

impl RankingMetrics {
    /// Metrics of the positives' ranks, which may end in a half and are infinite for what training has not seen, and of the
    /// share of candidates ever recommended.
    pub fn of(ranks: &[f64], coverage_10: f64) -> Self {
        let mean = |metric: &dyn Fn(f64) -> f64| {
            ranks.iter().map(|rank| metric(*rank)).sum::<f64>() / ranks.len().max(1) as f64
        };
        Self {
            hit_rate_10: mean(&|rank| if rank <= 10.0 { 1.0 } else { 0.0 }),
            ndcg_10: mean(&gain_at_10),
            mrr: mean(&|rank| 1.0 / rank),
            coverage_10,
        }
    }

    /// The metrics by name.
    pub fn by_name(&self) -> BTreeMap<String, f64> {
        BTreeMap::from(
            [
                ("hr@10", self.hit_rate_10),
                ("ndcg@10", self.ndcg_10),
                ("mrr", self.mrr),
                ("coverage@10", self.coverage_10),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        )
    }
}

/// Rank of a score among all: 1 + higher ones + half of the other equal ones.
pub fn rank_among(score: f32, all: &[f32], own: usize) -> f64 {
    let mut rank = 1.0;
    for (index, other) in all.iter().enumerate() {
        if index != own {
            rank += wins(*other, score);
        }
    }
    rank
}

/// 1 for a win, a half for a tie.
fn wins(score: f32, other: f32) -> f64 {
    if score > other {
        1.0
    } else if score == other {
        0.5
    } else {
        0.0
    }
}

/// What a rank adds to NDCG@10.
pub fn gain_at_10(rank: f64) -> f64 {
    if rank <= 10.0 { discount(rank) } else { 0.0 }
}

/// Discount of a rank against the ideal rank 1, whose discount is 1.
fn discount(rank: f64) -> f64 {
    1.0 / (rank + 1.0).log2()
}

/// Rank of the positive in a stable descending order: it stands first in its group, so it wins ties. None for one that
/// training has not seen.
fn stable_rank(group: &ScoredGroup<'_>) -> Option<usize> {
    group.seen.then(|| 1 + group.negatives.iter().filter(|negative| **negative > group.positive).count())
}

/// By the sum of the positives' ranks (Mann and Whitney), ties at their mean rank.
fn area_under_curve(groups: &[ScoredGroup<'_>]) -> f64 {
    let mut rows: Vec<(f32, bool)> = Vec::new();
    for group in groups {
        rows.push((group.found(), true));
        rows.extend(group.negatives.iter().map(|negative| (*negative, false)));
    }
    rows.sort_by(|left, right| left.0.total_cmp(&right.0));
    let positives = groups.len() as f64;
    let negatives = rows.len() as f64 - positives;
    let (mut rank_sum, mut before) = (0.0, 0.0);
    for ties in rows.chunk_by(|left, right| left.0 == right.0) {
        let mean_rank = before + (ties.len() as f64 + 1.0) / 2.0;
        rank_sum += mean_rank * ties.iter().filter(|(_, positive)| *positive).count() as f64;
        before += ties.len() as f64;
    }
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives).max(1.0)
}

fn log_loss(groups: &[ScoredGroup<'_>]) -> f64 {
    let clip = |score: f32| f64::from(score).clamp(1e-11, 1.0 - 1e-11);
    let (mut sum, mut rows) = (0.0, 0.0);
    for group in groups {
        sum -= clip(group.positive).ln();
        sum -= group.negatives.iter().map(|negative| (1.0 - clip(*negative)).ln()).sum::<f64>();
        rows += 1.0 + group.negatives.len() as f64;
    }
    sum / f64::max(rows, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn metrics(groups: &[(f32, Vec<f32>)]) -> SampledMetrics {
        let groups: Vec<ScoredGroup<'_>> = groups
            .iter()
            .map(|(positive, negatives)| ScoredGroup { positive: *positive, negatives, seen: true })
            .collect();
        SampledMetrics::of(&groups, true)
    }

    #[test]
    fn a_perfect_order_has_the_best_figures() {
        let perfect = metrics(&[(0.9, vec![0.1, 0.2]), (0.8, vec![0.3, 0.4])]);
        let figures = [perfect.auc, perfect.mean_mrr, perfect.ndcg_2, perfect.group_auc];
        assert_eq!(figures, [1.0; 4]);
        let expected = -(0.9_f64.ln() + 0.9_f64.ln() + 0.8_f64.ln() + 0.8_f64.ln() + 0.7_f64.ln() + 0.6_f64.ln()) / 6.0;
        assert!((perfect.logloss.unwrap() - expected).abs() < 1e-7);
    }

    #[test]
    fn a_positive_in_third_place_counts_a_third_and_half_a_gain() {
        let third = metrics(&[(0.3, vec![0.9, 0.5, 0.2, 0.1])]);
        assert_eq!(third.mean_mrr, 1.0 / 3.0);
        assert_eq!((third.ndcg_2, third.ndcg_4), (0.0, 0.5));
        assert_eq!((third.auc, third.group_auc), (0.5, 0.5));
    }

    #[test]
    fn ties_count_half_in_areas_and_not_in_stable_ranks() {
        let tied = metrics(&[(0.5, vec![0.5, 0.5])]);
        assert_eq!((tied.auc, tied.group_auc, tied.mean_mrr), (0.5, 0.5, 1.0));
        assert_eq!(rank_among(0.5, &[0.5, 0.5, 0.9, 0.1], 0), 2.5);
    }

    #[test]
    fn a_positive_that_training_has_not_seen_is_never_found() {
        let group = |seen| ScoredGroup { positive: 0.9, negatives: &[0.1, 0.9], seen };
        let unseen = SampledMetrics::of(&[group(false), group(false)], true);
        let figures = [unseen.auc, unseen.group_auc, unseen.mean_mrr, unseen.ndcg_2, unseen.ndcg_6];
        assert_eq!(figures, [0.0; 5]);
        let half = SampledMetrics::of(&[group(false), group(true)], true);
        assert_eq!((half.group_auc, half.mean_mrr, half.ndcg_6), (0.375, 0.5, 0.5));
        assert_eq!(RankingMetrics::of(&[f64::INFINITY], 0.0).by_name().values().sum::<f64>(), 0.0);
    }

    #[test]
    fn scores_at_the_ends_keep_the_log_loss_finite() {
        assert!(metrics(&[(0.0, vec![1.0])]).logloss.unwrap().is_finite());
    }

    #[test]
    fn ranking_metrics_follow_their_formulas() {
        let ranking = RankingMetrics::of(&[1.0, 3.0, 11.0], 0.25);
        assert_eq!(ranking.hit_rate_10, 2.0 / 3.0);
        assert_eq!(ranking.ndcg_10, 1.5 / 3.0);
        assert!((ranking.mrr - (1.0 + 1.0 / 3.0 + 1.0 / 11.0) / 3.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_area_by_ranks_is_the_share_of_pairs_in_order(
            groups in prop::collection::vec((0_u8..6, prop::collection::vec(0_u8..6, 1..4)), 1..12),
        ) {
            let groups: Vec<(f32, Vec<f32>)> = groups
                .into_iter()
                .map(|(positive, negatives)| (f32::from(positive), negatives.into_iter().map(f32::from).collect()))
                .collect();
            let negatives: Vec<f32> = groups.iter().flat_map(|(_, negatives)| negatives.clone()).collect();
            let pairs = (groups.len() * negatives.len()) as f64;
            let ordered: f64 =
                groups.iter().flat_map(|(positive, _)| negatives.iter().map(|n| wins(*positive, *n))).sum();
            prop_assert!((metrics(&groups).auc - ordered / pairs).abs() < 1e-12);
        }
    }
}
