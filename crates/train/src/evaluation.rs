//! Evaluation: groups and something that scores enter, metrics leave. The network, an engine and the baselines are
//! all measured by the same code.

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
                let mut batch = Batch::new(self.sizes().longest_history, width);
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

/// How many groups are scored before progress is told.
const GROUPS_AT_ONCE: usize = 64;

/// Metrics over each group's own candidates.
///
/// # Errors
/// What the scorer answers.
pub fn evaluate_sampled(scorer: &mut dyn Scorer, groups: &[EvaluationGroup]) -> Result<SampledMetrics, ScoreError> {
    let mut scores = Vec::with_capacity(groups.len());
    for chunk in groups.chunks(GROUPS_AT_ONCE) {
        let requests: Vec<ScoreRequest<'_>> =
            chunk.iter().map(|group| ScoreRequest { history: &group.history, candidates: &group.candidates }).collect();
        scores.extend(scorer.score(&requests)?);
    }
    let scored: Vec<ScoredGroup<'_>> = scores
        .iter()
        .filter_map(|scores| {
            let (positive, negatives) = scores.split_first()?;
            Some(ScoredGroup { positive: *positive, negatives })
        })
        .collect();
    Ok(SampledMetrics::of(&scored, scorer.gives_probabilities()))
}

/// Metrics over all of `candidates`. A positive that is not among them (training has not seen it) is ranked as one
/// more candidate.
///
/// # Errors
/// What the scorer answers.
pub fn evaluate_ranking(
    scorer: &mut dyn Scorer,
    groups: &[EvaluationGroup],
    candidates: &[Candidate],
    progress: &mut dyn FnMut(usize),
) -> Result<RankingMetrics, ScoreError> {
    let mut ranks = Vec::with_capacity(groups.len());
    let mut recommended = vec![false; candidates.len()];
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
            ranks.push(rank_among(*score, &scores, own));
        }
        for index in best(&scores, 10) {
            if let Some(seen) = recommended.get_mut(index) {
                *seen = true;
            }
        }
        progress(ranks.len());
    }
    let covered = recommended.iter().filter(|seen| **seen).count() as f64 / candidates.len().max(1) as f64;
    Ok(RankingMetrics::of(&ranks, covered))
}

/// Indices of the highest scores, best first, equal scores in their order.
fn best(scores: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    order.sort_by(|left, right| right.1.total_cmp(&left.1));
    order.into_iter().take(count).map(|(index, _)| index).collect()
}
