//! Evaluation: groups and something that scores enter, metrics leave. The network, an engine and the baselines are
//! all measured by the same code.

use std::collections::HashSet;

use slirec_core::history::EncodedHistory;

use crate::batch::Batch;
use crate::dataset::evaluation::{Candidate, EvaluationGroup};
use crate::metrics::{RankingMetrics, SampledMetrics, ScoredGroup, rank_among};
use crate::model::Network;

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

/// Candidates that a network scores at once.
const CANDIDATES_AT_ONCE: usize = 2000;

impl Scorer for Network {
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let mut scores = Vec::with_capacity(requests.len());
        let same_width = requests.chunk_by(|left, right| left.candidates.len() == right.candidates.len());
        for alike in same_width {
            let width = alike.first().map_or(1, |request| request.candidates.len()).max(1);
            for chunk in alike.chunks((CANDIDATES_AT_ONCE / width).max(1)) {
                let mut batch = Batch::new(self.sizes(), width);
                for request in chunk {
                    batch.push_history(request.history);
                    request.candidates.iter().for_each(|candidate| batch.push_candidate(candidate));
                }
                scores.extend(self.scores(&batch)?.chunks(width).map(<[f32]>::to_vec));
            }
        }
        Ok(scores)
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
    Ok(sampled_metrics(scores.iter().map(Vec::as_slice), scorer.gives_probabilities()))
}

/// The metrics of groups that [`score_groups`] scored.
pub fn sampled_metrics<'a>(scores: impl Iterator<Item = &'a [f32]>, probabilities: bool) -> SampledMetrics {
    let scored: Vec<ScoredGroup<'_>> = scores
        .filter_map(|scores| {
            let (positive, negatives) = scores.split_first()?;
            Some(ScoredGroup { positive: *positive, negatives })
        })
        .collect();
    SampledMetrics::of(&scored, probabilities)
}

/// How one history's positive fared among all candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedGroup {
    /// Rank of the positive; equal scores count as half a rank.
    pub rank: f64,
    /// Indices of the best [`RECOMMENDED`] candidates; the index behind the last one is a positive that is no candidate.
    pub recommended: Vec<usize>,
}

/// How many candidates count as recommended.
pub const RECOMMENDED: usize = 10;

/// Ranks each group's positive among all of `candidates`. A positive that is not among them (training has not seen it) is
/// ranked as one more candidate.
///
/// # Errors
/// What the scorer answers.
pub fn rank_groups(
    scorer: &mut dyn Scorer,
    groups: &[EvaluationGroup],
    candidates: &[Candidate],
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<RankedGroup>, ScoreError> {
    let mut ranked = Vec::with_capacity(groups.len());
    for group in groups {
        let Some(positive) = group.candidates.first() else { continue };
        let known = candidates.iter().position(|candidate| candidate.item == positive.item);
        let mut all = candidates.to_vec();
        let own = known.unwrap_or_else(|| {
            all.push(positive.clone());
            candidates.len()
        });
        let scored = scorer.score(&[ScoreRequest { history: &group.history, candidates: &all }])?;
        let scores = scored.into_iter().next().unwrap_or_default();
        if let Some(score) = scores.get(own) {
            ranked
                .push(RankedGroup { rank: rank_among(*score, &scores, own), recommended: best(&scores, RECOMMENDED) });
        }
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
    let recommended = ranked.iter().flat_map(|group| &group.recommended).filter(|index| **index < candidates);
    let covered = recommended.collect::<HashSet<_>>().len() as f64 / candidates.max(1) as f64;
    RankingMetrics::of(&ranks, covered)
}

/// Indices of the highest scores, best first, equal scores in their order.
fn best(scores: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    order.sort_by(|left, right| right.1.total_cmp(&left.1));
    order.into_iter().take(count).map(|(index, _)| index).collect()
}
