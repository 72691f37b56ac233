//! Evaluation: groups and something that scores enter, metrics leave. The network, an engine and the baselines are
//! all measured by the same code.

use std::collections::{HashMap, HashSet};

use slirec_core::history::EncodedHistory;

use crate::dataset::evaluation::{Candidate, EvaluationGroup};
use crate::metrics::{RankingMetrics, SampledMetrics, ScoredGroup, rank_among};

/// Why something could not score.
pub type ScoreError = Box<dyn std::error::Error + Send + Sync>;

/// A history whose candidates are to be scored.
#[derive(Debug, Clone, Copy)]
pub struct ScoreRequest<'a> {
    /// The history.
    pub history: &'a EncodedHistory,
    /// Its candidates.
    pub candidates: &'a [Candidate],
}

/// Whatever gives candidates scores.
pub trait Scorer {
    /// A score for every candidate of every request, higher for better.
    ///
    /// # Errors
    /// When the scorer fails; evaluation then stops.
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError>;

    /// Whether the scores are probabilities, so that a log loss makes sense.
    fn gives_probabilities(&self) -> bool {
        true
    }
}

/// How many groups are scored in one call.
const GROUPS_AT_ONCE: usize = 64;

/// Scores of each group's own candidates, the positive's first.
///
/// # Errors
/// What the scorer answers.
pub fn score_groups(scorer: &mut dyn Scorer, groups: &[EvaluationGroup]) -> Result<Vec<Vec<f32>>, ScoreError> {
    let mut scores = Vec::with_capacity(groups.len());
    for chunk in groups.chunks(GROUPS_AT_ONCE) {
        let requests: Vec<ScoreRequest<'_>> =
            chunk.iter().map(|group| ScoreRequest { history: &group.history, candidates: &group.candidates }).collect();
        scores.extend(scorer.score(&requests)?);
    }
    Ok(scores)
}

/// Metrics over each group's own candidates.
///
/// # Errors
/// What the scorer answers.
pub fn evaluate_sampled(scorer: &mut dyn Scorer, groups: &[EvaluationGroup]) -> Result<SampledMetrics, ScoreError> {
    let scores = score_groups(scorer, groups)?;
    Ok(sampled_metrics(groups.iter().zip(scores.iter().map(Vec::as_slice)), scorer.gives_probabilities()))
}

/// The metrics of groups with the scores that [`score_groups`] gave them.
pub fn sampled_metrics<'a>(
    scored: impl Iterator<Item = (&'a EvaluationGroup, &'a [f32])>,
    probabilities: bool,
) -> SampledMetrics {
    let scored: Vec<ScoredGroup<'_>> = scored
        .filter_map(|(group, scores)| {
            let (positive, negatives) = scores.split_first()?;
            Some(ScoredGroup { positive: *positive, negatives, seen: group.seen() })
        })
        .collect();
    SampledMetrics::of(&scored, probabilities)
}

/// How one history's positive fared among all candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedGroup {
    /// Rank of the positive; equal scores count as half a rank. Infinite for a positive that is no candidate.
    pub rank: f64,
    /// Indices of the best [`RECOMMENDED`] candidates.
    pub recommended: Vec<usize>,
}

/// How many candidates count as recommended.
pub const RECOMMENDED: usize = 10;

/// Ranks each group's positive among all of `candidates`. A positive that is not among them, since training has not seen
/// it, is never found.
///
/// # Errors
/// What the scorer answers.
pub fn rank_groups(
    scorer: &mut dyn Scorer,
    groups: &[EvaluationGroup],
    candidates: &[Candidate],
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<RankedGroup>, ScoreError> {
    let places: HashMap<u32, usize> =
        candidates.iter().enumerate().map(|(place, candidate)| (candidate.item, place)).collect();
    let mut ranked = Vec::with_capacity(groups.len());
    for group in groups {
        let scored = scorer.score(&[ScoreRequest { history: &group.history, candidates }])?;
        let scores = scored.into_iter().next().unwrap_or_default();
        let positive = group.candidates.first().and_then(|positive| places.get(&positive.item));
        let rank = positive.and_then(|place| Some(rank_among(*scores.get(*place)?, &scores, *place)));
        ranked.push(RankedGroup { rank: rank.unwrap_or(f64::INFINITY), recommended: best(&scores, RECOMMENDED) });
        progress(ranked.len());
    }
    Ok(ranked)
}

/// Metrics over all of `candidates`, as [`rank_groups`] ranks them.
///
/// # Errors
/// What the scorer answers.
pub fn evaluate_ranking(
    scorer: &mut dyn Scorer,
    groups: &[EvaluationGroup],
    candidates: &[Candidate],
    progress: &mut dyn FnMut(usize),
) -> Result<RankingMetrics, ScoreError> {
    Ok(ranking_metrics(&rank_groups(scorer, groups, candidates, progress)?, candidates.len()))
}

/// The metrics of ranked groups over so many candidates.
pub fn ranking_metrics(ranked: &[RankedGroup], candidates: usize) -> RankingMetrics {
    let ranks: Vec<f64> = ranked.iter().map(|group| group.rank).collect();
    let recommended = ranked.iter().flat_map(|group| &group.recommended);
    let covered = recommended.collect::<HashSet<_>>().len() as f64 / candidates.max(1) as f64;
    RankingMetrics::of(&ranks, covered)
}

/// Indices of the highest scores, best first, equal scores in their order.
fn best(scores: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    order.sort_by(|left, right| right.1.total_cmp(&left.1));
    order.into_iter().take(count).map(|(index, _)| index).collect()
}
