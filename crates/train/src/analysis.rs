//! What a person wants to know of a model before it is published: a scorer, its baselines and evaluation rows enter, an
//! [`Analysis`] leaves, which the report draws and `evaluation.json` keeps.

mod breakdown;
mod calibration;
mod popularity;

use std::path::Path;

use serde::{Deserialize, Serialize};
use slirec_core::files::{self, FileError};
use slirec_core::history::EncodedHistory;
use slirec_core::vocabulary::Vocabulary;

use crate::baselines::{CoOccurrence, Popularity};
use crate::dataset::evaluation::{Candidate, EvaluationGroup, Sampling, unseen};
use crate::dataset::{Dataset, DatasetError, Split};
use crate::evaluation::{RankedGroup, ScoreError, Scorer, rank_groups, ranking_metrics, sampled_metrics, score_groups};
use crate::metrics::{RankingMetrics, SampledMetrics};

pub use breakdown::Slice;
pub use calibration::CalibrationBin;
pub use popularity::PopularityBand;

/// Name of the file that keeps an analysis in a run directory.
pub const ANALYSIS: &str = "analysis.json";

/// Name of the model among the measured scorers.
pub const MODEL: &str = "model";
/// Name of the last-item co-occurrence baseline.
pub const CO_OCCURRENCE: &str = "co-occurrence";
/// Name of the popularity baseline.
pub const POPULARITY: &str = "popularity";

/// Metrics of one scorer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// [`MODEL`] or a baseline.
    pub name: String,
    /// Over a positive and its sampled negatives.
    pub sampled: SampledMetrics,
    /// Over all items of the vocabulary.
    pub ranking: RankingMetrics,
}

/// Attention of the recommended product to the positions of the histories.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PositionAttention {
    /// 1 for the last position, 2 for the one before it, …
    pub from_end: usize,
    /// Mean weight, over the histories that have this position.
    pub weight: f64,
    /// Histories that have it.
    pub histories: usize,
}

/// Everything that was measured of a model on one set of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// `valid` or `test`.
    pub set: String,
    /// Rows of the set.
    pub rows: usize,
    /// Rows that were measured: all, or a sample drawn by [`Analysis::sample_seed`].
    pub groups: usize,
    /// Seed of the sample, where not all rows were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_seed: Option<u64>,
    /// Measured rows with an item that training has not seen: they count as not found.
    #[serde(default)]
    pub unseen: usize,
    /// Items that were ranked.
    pub candidates: usize,
    /// The model first, then the baselines.
    pub measured: Vec<Measured>,
    /// Scores of the model against what happened.
    pub calibration: Vec<CalibrationBin>,
    /// Whom the model recommends, by popularity.
    pub popularity: Vec<PopularityBand>,
    /// Metrics by length of the whole history.
    pub by_history_length: Vec<Slice>,
    /// Metrics by category of the positive.
    pub by_category: Vec<Slice>,
    /// Where the attention lies; empty when the scorer gives none.
    pub attention: Vec<PositionAttention>,
}

/// One scorer's answers to all groups.
struct Scored {
    scores: Vec<Vec<f32>>,
    ranked: Vec<RankedGroup>,
}

/// The attention of a candidate over a history's positions, oldest first.
pub type Attention<'a> = dyn FnMut(&EncodedHistory, &Candidate) -> Result<Vec<f32>, ScoreError> + 'a;

/// Why a model could not be analysed.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The dataset cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A scorer failed.
    #[error("scoring: {0}")]
    Score(ScoreError),
}

/// Measures `model` and the baselines of `dataset` on the rows of `split`. `progress` hears of each scorer by name how many
/// groups of how many are ranked.
///
/// # Errors
/// [`AnalysisError`] when the negatives do not fit or a scorer fails.
pub fn analyse(
    model: &mut dyn Scorer,
    attention: Option<&mut Attention<'_>>,
    dataset: &Dataset,
    split: Split,
    longest_history: usize,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<Analysis, AnalysisError> {
    let sampling = Sampling::default();
    let groups = dataset.sampled_groups(split, longest_history, sampling)?;
    let rows = dataset.rows(split);
    let candidates = vocabulary_candidates(&dataset.vocabulary);
    let mut run = |name: &str, scorer: &mut dyn Scorer| -> Result<(Measured, Scored), ScoreError> {
        let scores = score_groups(scorer, &groups)?;
        let ranked = rank_groups(scorer, &groups, &candidates, &mut |done| progress(name, done, groups.len()))?;
        let measured = Measured {
            name: name.to_owned(),
            sampled: sampled_metrics(groups.iter().zip(scores.iter().map(Vec::as_slice)), scorer.gives_probabilities()),
            ranking: ranking_metrics(&ranked, candidates.len()),
        };
        Ok((measured, Scored { scores, ranked }))
    };
    let (of_model, model) = run(MODEL, model).map_err(AnalysisError::Score)?;
    let (of_popularity, _) = run(POPULARITY, &mut Popularity::of(dataset)).map_err(AnalysisError::Score)?;
    let (of_counts, counts) = run(CO_OCCURRENCE, &mut CoOccurrence::of(dataset)).map_err(AnalysisError::Score)?;
    let attention = attention.map(|attention| mean_attention(attention, &groups, longest_history)).transpose();
    Ok(Analysis {
        set: split.name().to_owned(),
        rows,
        groups: groups.len(),
        sample_seed: (groups.len() < rows).then_some(sampling.seed),
        unseen: unseen(&groups),
        candidates: candidates.len(),
        measured: vec![of_model, of_popularity, of_counts],
        calibration: calibration::bins(&model.scores),
        popularity: popularity::bands(&model.ranked, &groups, &candidates, &dataset.vocabulary),
        by_history_length: breakdown::by_history_length(&groups, &model, &counts),
        by_category: breakdown::by_category(&groups, &dataset.vocabulary, &model, &counts),
        attention: attention.map_err(AnalysisError::Score)?.unwrap_or_default(),
    })
}

impl Analysis {
    /// Writes `analysis.json` into a run directory.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), FileError> {
        files::write_json(&directory.join(ANALYSIS), self)
    }

    /// Reads `analysis.json` of a run directory; none for a run that has not been analysed.
    ///
    /// # Errors
    /// [`FileError`] when it is there and cannot be read.
    pub fn read(directory: &Path) -> Result<Option<Self>, FileError> {
        let path = directory.join(ANALYSIS);
        path.exists().then(|| files::read_json(&path)).transpose()
    }

    /// Metrics of a scorer by its name.
    pub fn of(&self, name: &str) -> Option<&Measured> {
        self.measured.iter().find(|measured| measured.name == name)
    }

    /// Baselines that rank at least as well as the model (NDCG@10 over all items): such a model should not be deployed.
    pub fn lost_to(&self) -> Vec<&Measured> {
        let Some(model) = self.of(MODEL) else { return Vec::new() };
        let better = |measured: &&Measured| measured.name != MODEL && measured.ranking.ndcg_10 >= model.ranking.ndcg_10;
        self.measured.iter().filter(better).collect()
    }
}

/// All items of a vocabulary as candidates.
pub fn vocabulary_candidates(vocabulary: &Vocabulary) -> Vec<Candidate> {
    let items = (1..).zip(vocabulary.items());
    items.map(|(item, entry)| Candidate { item, features: entry.features.clone() }).collect()
}

fn mean_attention(
    attention: &mut Attention<'_>,
    groups: &[EvaluationGroup],
    longest_history: usize,
) -> Result<Vec<PositionAttention>, ScoreError> {
    let mut sums = vec![(0.0, 0_usize); longest_history];
    for group in groups {
        let Some(positive) = group.candidates.first() else { continue };
        let weights = attention(&group.history, positive)?;
        for (weight, (sum, histories)) in weights.iter().rev().zip(&mut sums) {
            *sum += f64::from(*weight);
            *histories += 1;
        }
    }
    let positions = (1..).zip(sums).filter(|(_, (_, histories))| *histories > 0);
    let mean = |(from_end, (sum, histories)): (usize, (f64, usize))| PositionAttention {
        from_end,
        weight: sum / histories as f64,
        histories,
    };
    Ok(positions.map(mean).collect())
}
