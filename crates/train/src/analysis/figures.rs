//! The figures of an analysis, as `analysis.json` has them, and what follows from them: which baselines are not beaten.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use slirec_core::files::{self, FileError};

use super::breakdown::Slice;
use super::calibration::CalibrationBin;
use super::comparison::{Difference, Interval};
use super::lists::Lists;
use super::popularity::PopularityBand;
use super::samples::Sample;
use crate::evaluation::Seen;
use crate::metrics::{RankingMetrics, SampledMetrics};

/// Name of the file that keeps an analysis in a run directory.
pub const ANALYSIS: &str = "analysis.json";

/// Name of the model among the measured scorers.
pub const MODEL: &str = "model";

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
    /// Metrics by what is known of the shopper; empty where the model reads nothing of that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_user: Vec<Slice>,
    /// Scores of the products in the model's lists against what happened; empty where the history's items are no
    /// candidates, as the scores are over all items.
    pub calibration: Vec<CalibrationBin>,
    /// Expected calibration error over those bins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration_error: Option<f64>,
    /// Whom the model recommends, by popularity.
    pub popularity: Vec<PopularityBand>,
    /// Where the attention lies; empty when the scorer gives none.
    pub attention: Vec<PositionAttention>,
    /// Some rows with what the model recommends.
    pub samples: Vec<Sample>,
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
                metrics.extend(self.calibration_error.map(|error| ("calibration_error@10".to_owned(), error)));
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
