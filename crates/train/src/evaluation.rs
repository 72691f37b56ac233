//! Evaluation: groups and something that scores enter, ranks and metrics leave. The network, an engine and the baselines
//! are all measured by the same code.

mod ranks;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use slirec_core::history::EncodedHistory;

use crate::dataset::evaluation::{Candidate, EvaluationGroup};
use crate::metrics::{RankingMetrics, SampledMetrics, ScoredGroup};

pub use ranks::{RECOMMENDED, RankedGroup, RowProgress, rank_by_baseline, rank_groups};
pub(crate) use ranks::{groups_at_once, rank_of_target};

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

/// A model that gives candidates scores.
pub trait Scorer {
    /// A score for every candidate of every request, higher for better.
    ///
    /// # Errors
    /// When the scorer fails; evaluation then stops.
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError>;

    /// Scores of the same candidates, all items of the vocabulary, for several groups. A scorer that reads more of a group
    /// than its encoded history, or that is faster on many of them, has its own.
    ///
    /// # Errors
    /// When the scorer fails; evaluation then stops.
    fn score_all(&mut self, groups: &[EvaluationGroup], candidates: &[Candidate]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let one = |group: &EvaluationGroup| {
            let scored = self.score(&[ScoreRequest { history: &group.history, candidates }])?;
            Ok(scored.into_iter().next().unwrap_or_default())
        };
        groups.iter().map(one).collect()
    }

    /// The attention of a candidate to the positions of a history, oldest first; none of a scorer that does not tell it.
    ///
    /// # Errors
    /// When the scorer fails; evaluation then stops.
    fn attention(&self, _history: &EncodedHistory, _candidate: &Candidate) -> Result<Option<Vec<f32>>, ScoreError> {
        Ok(None)
    }

    /// Whether the scores are probabilities, so that a log loss makes sense.
    fn gives_probabilities(&self) -> bool {
        true
    }
}

/// Makes a scorer of a function that takes a history, and items and features of its candidates in columns: of what this
/// crate does not know, such as an engine.
pub struct ColumnScorer<F>(pub F);

impl<F> Scorer for ColumnScorer<F>
where
    F: FnMut(&EncodedHistory, Vec<u32>, Vec<u32>) -> Result<Vec<f32>, ScoreError>,
{
    fn score(&mut self, requests: &[ScoreRequest<'_>]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let score = |request: &ScoreRequest<'_>| {
            let items = request.candidates.iter().map(|candidate| candidate.item).collect();
            let features = request.candidates.iter().flat_map(|candidate| &candidate.features).copied().collect();
            (self.0)(request.history, items, features)
        };
        requests.iter().map(score).collect()
    }
}

/// A baseline: scores all items, and reads whole histories.
pub trait Baseline: Send + Sync {
    /// Writes a score for every id of the vocabulary, the default item's first.
    fn score_all(&self, group: &EvaluationGroup, out: &mut [f64]);
}

/// What becomes of the items that a history holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// They are ranked as all others.
    #[default]
    Keep,
    /// They are no candidates; rows whose item is among them are not measured.
    Remove,
}

impl Seen {
    /// Whether a group is measured.
    pub fn measures(self, group: &EvaluationGroup) -> bool {
        self == Self::Keep || !group.history_items.contains(&group.target()) || !group.seen()
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

/// Metrics over all of `candidates`, as [`rank_groups`] ranks them.
///
/// # Errors
/// What the scorer, or the progress, answers.
pub fn evaluate_ranking(
    scorer: &mut dyn Scorer,
    groups: &[EvaluationGroup],
    candidates: &[Candidate],
    progress: &mut RowProgress<'_>,
) -> Result<RankingMetrics, ScoreError> {
    Ok(ranking_metrics(&rank_groups(scorer, groups, candidates, Seen::Keep, progress)?, candidates.len()))
}

/// The metrics of ranked groups over so many candidates.
pub fn ranking_metrics(ranked: &[RankedGroup], candidates: usize) -> RankingMetrics {
    let ranks: Vec<f64> = ranked.iter().map(|group| group.rank).collect();
    let recommended = ranked.iter().flat_map(|group| &group.recommended);
    let covered = recommended.collect::<HashSet<_>>().len() as f64 / candidates.max(1) as f64;
    RankingMetrics::of(&ranks, covered)
}
