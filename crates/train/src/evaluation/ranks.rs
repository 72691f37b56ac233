//! Ranks among all items: groups and scores of all items enter; the rank of each group's positive and its list leave.

use rayon::prelude::*;
use slirec_core::vocabulary::DEFAULT_ID;

use super::{Baseline, GROUPS_AT_ONCE, ScoreError, Scorer, Seen};
use crate::dataset::evaluation::{Candidate, EvaluationGroup};
use crate::metrics::rank_among;

/// Scores of so many candidates are in memory at once, at least those of one group.
const SCORES_AT_ONCE: usize = 1 << 22;

/// How one history's positive fared among all candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedGroup {
    /// Rank of the positive; equal scores count as half a rank. Infinite for a positive that training has not seen.
    pub rank: f64,
    /// Indices of the best [`RECOMMENDED`] candidates: ids less 1.
    pub recommended: Vec<usize>,
    /// Their scores.
    pub scores: Vec<f32>,
}

/// Called with the number of groups that are ranked; an error ends the work.
pub type RowProgress<'a> = dyn FnMut(usize) -> Result<(), ScoreError> + 'a;

/// How many candidates count as recommended.
pub const RECOMMENDED: usize = 10;

/// Ranks each group's positive among `candidates`, all items of the vocabulary in the order of their ids.
///
/// # Errors
/// What the scorer, or the progress, answers.
pub fn rank_groups(
    scorer: &mut dyn Scorer,
    groups: &[EvaluationGroup],
    candidates: &[Candidate],
    seen: Seen,
    progress: &mut RowProgress<'_>,
) -> Result<Vec<RankedGroup>, ScoreError> {
    let mut ranked = Vec::with_capacity(groups.len());
    for chunk in groups.chunks(groups_at_once(candidates.len())) {
        let scores = scorer.score_all(chunk, candidates)?;
        ranked.extend(chunk.iter().zip(scores).map(|(group, mut scores)| rank_items(&mut scores, group, seen)));
        progress(ranked.len())?;
    }
    Ok(ranked)
}

/// Groups whose scores of so many candidates are in memory at once.
pub(crate) fn groups_at_once(candidates: usize) -> usize {
    (SCORES_AT_ONCE / candidates.max(1)).clamp(1, GROUPS_AT_ONCE)
}

/// Ranks each group's positive by a baseline among the items of a vocabulary with `rows` ids.
///
/// # Errors
/// What the progress answers.
pub fn rank_by_baseline(
    baseline: &dyn Baseline,
    groups: &[EvaluationGroup],
    rows: usize,
    seen: Seen,
    progress: &mut RowProgress<'_>,
) -> Result<Vec<RankedGroup>, ScoreError> {
    let mut ranked = Vec::with_capacity(groups.len());
    let rank = |(scores, items): &mut (Vec<f64>, Vec<f32>), group: &EvaluationGroup| {
        baseline.score_all(group, scores);
        items.clear();
        // Ranks are those of f32, as a service would keep the scores.
        items.extend(scores.iter().skip(1).map(|score| *score as f32));
        rank_items(items, group, seen)
    };
    for chunk in groups.chunks(GROUPS_AT_ONCE) {
        let answers = chunk.par_iter().map_init(|| (vec![0.0; rows], Vec::new()), rank);
        ranked.par_extend(answers);
        progress(ranked.len())?;
    }
    Ok(ranked)
}

/// Ranks by the scores of all items, those of id 1 first. What is no candidate loses its score.
fn rank_items(scores: &mut [f32], group: &EvaluationGroup, seen: Seen) -> RankedGroup {
    if seen == Seen::Remove {
        for item in &group.history_items {
            if let Some(score) = (*item as usize).checked_sub(1).and_then(|index| scores.get_mut(index)) {
                *score = f32::NEG_INFINITY;
            }
        }
    }
    let place = (group.target() as usize).checked_sub(1);
    let rank = place.and_then(|place| Some(rank_among(*scores.get(place)?, scores, place)));
    let best = best(scores, RECOMMENDED);
    RankedGroup {
        rank: rank.unwrap_or(f64::INFINITY),
        scores: best.iter().map(|(_, score)| *score).collect(),
        recommended: best.into_iter().map(|(index, _)| index).collect(),
    }
}

/// Rank of a group's positive by the scores of all ids, the default item's first.
pub(crate) fn rank_of_target(scores: &[f64], group: &EvaluationGroup, seen: Seen) -> f64 {
    let target = group.target();
    let Some(own) = scores.get(target as usize).filter(|_| target != DEFAULT_ID) else { return f64::INFINITY };
    let own = *own as f32;
    let count = |score: f64| {
        let score = score as f32;
        (usize::from(score > own), usize::from(score == own))
    };
    let (mut higher, mut equal) = (0, 0);
    for score in scores.iter().skip(1) {
        let (is_higher, is_equal) = count(*score);
        higher += is_higher;
        equal += is_equal;
    }
    if seen == Seen::Remove {
        let mut viewed = group.history_items.clone();
        viewed.sort_unstable();
        viewed.dedup();
        for item in viewed.iter().filter(|item| **item != DEFAULT_ID && **item != target) {
            let (is_higher, is_equal) = scores.get(*item as usize).map_or((0, 0), |score| count(*score));
            higher -= is_higher;
            equal -= is_equal;
        }
    }
    1.0 + higher as f64 + (equal.saturating_sub(1)) as f64 / 2.0
}

/// Indices and scores of the highest, best first, equal scores in their order; what is no candidate is left out.
fn best(scores: &[f32], count: usize) -> Vec<(usize, f32)> {
    let mut best: Vec<(usize, f32)> = Vec::with_capacity(count + 1);
    for (index, score) in scores.iter().copied().enumerate().filter(|(_, score)| *score > f32::NEG_INFINITY) {
        let full = best.len() >= count;
        if full && best.last().is_some_and(|(_, least)| score <= *least) {
            continue;
        }
        best.insert(best.partition_point(|(_, other)| *other >= score), (index, score));
        best.truncate(count);
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(target: u32, viewed: &[u32]) -> EvaluationGroup {
        let history = slirec_core::history::History {
            item_ids: viewed,
            feature_ids: &[],
            feature_count: 0,
            times: &vec![0.0; viewed.len()],
        };
        EvaluationGroup {
            history: slirec_core::history::encode(history, 1.0, 9).unwrap(),
            user: 0,
            now: 1.0,
            history_items: viewed.to_vec(),
            history_times: vec![0.0; viewed.len()],
            candidates: vec![Candidate { item: target, features: Vec::new() }],
        }
    }

    #[test]
    fn what_was_viewed_is_no_candidate_when_it_is_removed() {
        let group = group(2, &[1, 3]);
        let scores = [0.9, 0.5, 0.8, 0.6];
        let of = |seen| rank_items(&mut scores.to_vec(), &group, seen);
        assert_eq!((of(Seen::Keep).rank, of(Seen::Keep).recommended), (4.0, vec![0, 2, 3, 1]));
        assert_eq!((of(Seen::Remove).rank, of(Seen::Remove).recommended), (2.0, vec![3, 1]));
    }

    #[test]
    fn a_row_whose_item_was_viewed_is_not_measured_without_seen_items() {
        assert!(Seen::Keep.measures(&group(2, &[2, 3])) && !Seen::Remove.measures(&group(2, &[2, 3])));
        // An item that training has not seen is no repeat of another one.
        assert!(Seen::Remove.measures(&group(0, &[0])));
    }

    proptest! {
        #[test]
        fn both_ways_of_ranking_agree(
            scores in prop::collection::vec(0_u8..6, 2..40),
            viewed in prop::collection::vec(0_usize..40, 1..6),
            target in 0_usize..40,
            remove in any::<bool>(),
        ) {
            let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
            let id = |number: usize| (number % scores.len()) as u32;
            let viewed: Vec<u32> = viewed.into_iter().map(id).collect();
            let group = group(id(target), &viewed);
            let seen = if remove { Seen::Remove } else { Seen::Keep };
            prop_assume!(seen.measures(&group));
            let mut items: Vec<f32> = scores.iter().skip(1).map(|score| *score as f32).collect();
            let ranked = rank_items(&mut items, &group, seen);
            prop_assert_eq!(ranked.rank, rank_of_target(&scores, &group, seen));
            let mut sorted: Vec<(usize, f32)> =
                items.into_iter().enumerate().filter(|(_, score)| score.is_finite()).collect();
            sorted.sort_by(|left, right| right.1.total_cmp(&left.1));
            sorted.truncate(RECOMMENDED);
            prop_assert_eq!(ranked.recommended, sorted.into_iter().map(|(index, _)| index).collect::<Vec<_>>());
        }
    }
}
