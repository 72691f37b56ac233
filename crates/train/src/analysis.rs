//! What a person wants to know of a model before it is published: a scorer, its baselines and evaluation rows enter, an
//! [`Analysis`] leaves, which `evaluate` prints, the report draws and `analysis.json` keeps.

mod breakdown;
mod calibration;
mod comparison;
mod lists;
mod popularity;
mod samples;
mod subject;
mod variation;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use slirec_core::files::{self, FileError};
use slirec_core::history::EncodedHistory;
use slirec_core::vocabulary::Vocabulary;

use crate::baselines::Fitted;
use crate::dataset::evaluation::{Candidate, EvaluationGroup, Sampling, unseen};
use crate::evaluation::{
    RankedGroup, ScoreError, Scorer, Seen, rank_by_baseline, rank_groups, ranking_metrics, sampled_metrics,
    score_groups,
};
use crate::metrics::{RankingMetrics, SampledMetrics, gain_at_10};

pub use breakdown::Slice;
pub use calibration::CalibrationBin;
pub use comparison::{Difference, Interval};
pub use lists::Lists;
pub use popularity::PopularityBand;
pub use samples::Sample;
pub use subject::Subject;

use comparison::{Bootstrap, mean};

/// Name of the file that keeps an analysis in a run directory.
pub const ANALYSIS: &str = "analysis.json";

/// Name of the model among the measured scorers.
pub const MODEL: &str = "model";

/// Last views that histories are cut to.
const SHORTENED: [usize; 3] = [1, 3, 10];

/// Rows that changed histories are ranked for, at most.
const CHANGED_ROWS: usize = 1_000;

/// Metrics of one scorer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// [`MODEL`] or a baseline.
    pub name: String,
    /// The options that the validation rows chose, for people; empty for the model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub options: String,
    /// Over all items of the vocabulary.
    pub ranking: RankingMetrics,
    /// Where NDCG@10 lies.
    pub interval: Interval,
    /// What the lists hold.
    pub lists: Lists,
    /// NDCG@10 of the model less that of this baseline; none for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_less_this: Option<Difference>,
    /// Over a positive and its sampled negatives; of the model only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<SampledMetrics>,
}

impl Measured {
    /// All metrics by name, for manifests and metric files.
    pub fn by_name(&self) -> BTreeMap<String, f64> {
        let mut metrics = self.sampled.as_ref().map(SampledMetrics::by_name).unwrap_or_default();
        metrics.extend(self.ranking.by_name());
        let more = [
            ("ndcg@10_low", self.interval.low),
            ("ndcg@10_high", self.interval.high),
            ("novelty@10", self.lists.novelty),
            ("gini@10", self.lists.gini),
            ("variety@10", self.lists.variety),
        ];
        metrics.extend(more.map(|(name, value)| (name.to_owned(), value)));
        metrics
    }
}

/// What the order of the views is worth to a model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// NDCG@10 with the views in their order.
    pub kept: f64,
    /// With the views of each history permuted while the times stay.
    pub shuffled: f64,
    /// The first less the second.
    pub difference: Difference,
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
    /// `valid`, `test` or a file.
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
    /// Whether items of the history were ranked.
    pub seen: Seen,
    /// Rows that were left out since their item is one of the history's.
    pub left_out: usize,
    /// The model first, then the baselines.
    pub measured: Vec<Measured>,
    /// Apart: rows whose item the history holds, and rows whose item it does not.
    pub by_kind: Vec<Slice>,
    /// Metrics by length of the whole history.
    pub by_history_length: Vec<Slice>,
    /// The same rows with their histories cut to the last views.
    pub shortened: Vec<Slice>,
    /// What the order is worth.
    pub order: Option<Order>,
    /// Metrics by category of the positive.
    pub by_category: Vec<Slice>,
    /// Scores of the model against what happened.
    pub calibration: Vec<CalibrationBin>,
    /// Whom the model recommends, by popularity.
    pub popularity: Vec<PopularityBand>,
    /// Where the attention lies; empty when the scorer gives none.
    pub attention: Vec<PositionAttention>,
    /// Some rows with what the model recommends.
    pub samples: Vec<Sample>,
}

/// One scorer's answers to all groups.
struct Scored {
    scores: Vec<Vec<f32>>,
    ranked: Vec<RankedGroup>,
}

/// The attention of a candidate over a history's positions, oldest first.
pub type Attention<'a> = dyn FnMut(&EncodedHistory, &Candidate) -> Result<Vec<f32>, ScoreError> + 'a;

/// Hears of each scorer by name how many groups of how many are ranked.
pub type Progress<'a> = dyn FnMut(&str, usize, usize) + 'a;

/// Measures a model and its baselines on the rows of a subject.
///
/// # Errors
/// What the model answers when it fails.
pub fn analyse(
    model: &mut dyn Scorer,
    attention: Option<&mut Attention<'_>>,
    subject: &Subject<'_>,
    baselines: &[Fitted],
    progress: &mut Progress<'_>,
) -> Result<Analysis, ScoreError> {
    let Subject { groups, vocabulary, seen, longest_history, .. } = subject;
    let candidates = vocabulary_candidates(vocabulary);
    let bootstrap = Bootstrap::of(groups.iter());
    let ranked = rank_groups(model, groups, &candidates, *seen, &mut |done| progress(MODEL, done, groups.len()))?;
    let of_model = Scored { scores: score_groups(model, groups)?, ranked };
    let gains_of_model = gains(&of_model.ranked);
    let mut measured = vec![Measured {
        sampled: Some(sampled(groups, &of_model, model.gives_probabilities())),
        ..measure((MODEL, ""), &of_model.ranked, vocabulary, &bootstrap)
    }];
    let mut best: Option<(&Fitted, Vec<RankedGroup>)> = None;
    for fitted in baselines {
        let ranked = subject.ranked_by(fitted, &mut |done| progress(&fitted.name, done, groups.len()));
        measured.push(Measured {
            model_less_this: Some(bootstrap.difference(&gains_of_model, &gains(&ranked))),
            ..measure((&fitted.name, &fitted.options), &ranked, vocabulary, &bootstrap)
        });
        if best.as_ref().is_none_or(|(_, known)| mean(&gains(&ranked)) > mean(&gains(known))) {
            best = Some((fitted, ranked));
        }
    }
    let of_best = best.as_ref().map(|(_, ranked)| ranked.as_slice());
    let changed = changed(model, subject, &candidates, best.as_ref().map(|(fitted, _)| *fitted), progress)?;
    let attention = attention.map(|attention| mean_attention(attention, groups, *longest_history)).transpose()?;
    Ok(Analysis {
        set: subject.set.clone(),
        rows: subject.rows,
        groups: groups.len(),
        sample_seed: subject.sample_seed,
        unseen: unseen(groups),
        candidates: candidates.len(),
        seen: *seen,
        left_out: subject.left_out,
        measured,
        by_kind: breakdown::by_kind(groups, &of_model.ranked, of_best),
        by_history_length: breakdown::by_history_length(groups, &of_model.ranked, of_best),
        shortened: changed.0,
        order: changed.1,
        by_category: breakdown::by_category(groups, vocabulary, &of_model.ranked, of_best),
        calibration: if model.gives_probabilities() { calibration::bins(&of_model.scores) } else { Vec::new() },
        popularity: popularity::bands(&of_model.ranked, groups, &candidates, vocabulary),
        attention: attention.unwrap_or_default(),
        samples: samples::of(subject, &of_model.ranked),
    })
}

fn gains(ranked: &[RankedGroup]) -> Vec<f64> {
    ranked.iter().map(|group| gain_at_10(group.rank)).collect()
}

fn sampled(groups: &[EvaluationGroup], scored: &Scored, probabilities: bool) -> SampledMetrics {
    sampled_metrics(groups.iter().zip(scored.scores.iter().map(Vec::as_slice)), probabilities)
}

/// What is the same for a model and a baseline.
fn measure(
    (name, options): (&str, &str),
    ranked: &[RankedGroup],
    vocabulary: &Vocabulary,
    bootstrap: &Bootstrap,
) -> Measured {
    Measured {
        name: name.to_owned(),
        options: options.to_owned(),
        ranking: ranking_metrics(ranked, vocabulary.items().len()),
        interval: bootstrap.interval(&gains(ranked)),
        lists: Lists::of(ranked, vocabulary),
        model_less_this: None,
        sampled: None,
    }
}

/// Ranks changed histories: cut to their last views, and in another order.
fn changed(
    model: &mut dyn Scorer,
    subject: &Subject<'_>,
    candidates: &[Candidate],
    best: Option<&Fitted>,
    progress: &mut Progress<'_>,
) -> Result<(Vec<Slice>, Option<Order>), ScoreError> {
    let groups: Vec<EvaluationGroup> = Sampling { most: CHANGED_ROWS, ..Sampling::default() }
        .of(subject.groups.iter().collect::<Vec<_>>())
        .into_iter()
        .cloned()
        .collect();
    let mut rank = |name: &str, groups: &[EvaluationGroup]| {
        rank_groups(model, groups, candidates, subject.seen, &mut |done| progress(name, done, groups.len()))
    };
    let by_best = |groups: &[EvaluationGroup]| {
        let rows = candidates.len() + 1;
        best.map(|fitted| rank_by_baseline(fitted.baseline.as_ref(), groups, rows, subject.seen, &mut |_| ()))
    };
    let mut slices = Vec::new();
    for views in SHORTENED {
        let name = format!("cut to last {views}");
        let short = groups.iter().map(|group| variation::shortened(group, views, subject.longest_history));
        let short = short.collect::<Result<Vec<_>, _>>()?;
        let ranked = rank(&format!("{MODEL}, histories {name}"), &short)?;
        slices.push(breakdown::slice(name, &ranked, by_best(&short).as_deref()));
    }
    let shuffled: Vec<EvaluationGroup> =
        groups.iter().enumerate().map(|(number, group)| variation::shuffled(group, number)).collect();
    let kept = gains(&rank(MODEL, &groups)?);
    let other = gains(&rank(&format!("{MODEL}, histories shuffled"), &shuffled)?);
    let difference = Bootstrap::of(groups.iter()).difference(&kept, &other);
    let order = Order { kept: mean(&kept), shuffled: mean(&other), difference };
    Ok((slices, (!groups.is_empty()).then_some(order)))
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

    /// Baselines that the model does not beat: the interval of the paired difference does not lie above 0. Such a model
    /// should not be deployed.
    pub fn losing_to(&self) -> Vec<&Measured> {
        let unbeaten = |measured: &&Measured| measured.model_less_this.is_some_and(|difference| !difference.wins());
        self.measured.iter().filter(unbeaten).collect()
    }

    /// Metrics by set and name, for manifests: the model's under the name of the set, a baseline's under both names.
    pub fn by_set(&self) -> impl Iterator<Item = (String, BTreeMap<String, f64>)> + '_ {
        self.measured.iter().map(|measured| {
            let mut metrics = measured.by_name();
            let Some(Difference { mean, interval, p }) = measured.model_less_this else {
                metrics.insert("measured_rows".to_owned(), self.groups as f64);
                metrics.insert("unseen_rows".to_owned(), self.unseen as f64);
                return (self.set.clone(), metrics);
            };
            let less = [
                ("model_less_this", mean),
                ("model_less_this_low", interval.low),
                ("model_less_this_high", interval.high),
                ("model_less_this_p", p),
            ];
            metrics.extend(less.map(|(name, value)| (name.to_owned(), value)));
            (format!("{} {}", self.set, measured.name), metrics)
        })
    }

    /// The baseline with the highest NDCG@10.
    pub fn best_baseline(&self) -> Option<&Measured> {
        let baselines = self.measured.iter().filter(|measured| measured.model_less_this.is_some());
        baselines.max_by(|one, other| one.ranking.ndcg_10.total_cmp(&other.ranking.ndcg_10))
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
