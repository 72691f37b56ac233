//! `manifest.json` of a bundle: what the model is, how it came to be and what every other file must be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::unique;
use crate::vocabulary::UserValue;

/// What the manifest records of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// SHA-256, lowercase hexadecimal.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// An item feature of the model, or an attribute of shoppers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureShape {
    /// Its name: `category`, an attribute of the catalogue, or one of shoppers.
    pub name: String,
    /// Size of its embedding.
    pub embedding_size: usize,
}

/// What computes the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// SLi-Rec: each candidate attends to the history.
    #[default]
    SliRec,
    /// The ranking network: a history becomes one vector, which every item meets by a dot product.
    Ranking,
}

impl Network {
    /// Whether a manifest need not name it.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The sizes of a model that its users must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelShape {
    /// Which network it is.
    #[serde(default, skip_serializing_if = "Network::is_default")]
    pub network: Network,
    /// Positions of a history that are used; older ones only move the time features.
    pub longest_history: usize,
    /// Size of the item embedding.
    pub item_embedding_size: usize,
    /// The item features, in the order of the feature ids.
    pub features: Vec<FeatureShape>,
    /// The attributes of shoppers, in the order of their ids; the ranking network's alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_features: Vec<FeatureShape>,
}

/// How the model came to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// SHA-256 of the dataset's manifest, or of the weights file for imported weights.
    pub source_sha256: String,
    /// Seed of the run.
    pub seed: u64,
    /// Epochs that were completed.
    pub epochs: usize,
    /// The epoch whose weights were exported.
    pub best_epoch: usize,
    /// Training interactions.
    pub interactions: u64,
    /// All hyperparameters as they ran.
    pub hyperparameters: serde_json::Value,
}

/// One recommended product of a golden request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenScore {
    /// The product's handle.
    pub handle: String,
    /// Its score.
    pub score: f32,
}

/// A request with the scores that the training network gave it: an engine that differs must not serve the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenRequest {
    /// Handles, oldest first.
    pub items: Vec<String>,
    /// Unix seconds, one for each item.
    pub timestamps: Vec<f64>,
    /// Time of the prediction, Unix seconds.
    pub now: f64,
    /// What is known of the shopper.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
    pub user: BTreeMap<String, UserValue>,
    /// The best candidates with their scores.
    pub top: Vec<GoldenScore>,
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name and version of the format.
    pub format: String,
    /// Name of the model.
    pub name: String,
    /// Version of the model.
    pub version: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// Sizes.
    pub model: ModelShape,
    /// How it was trained.
    pub training: TrainingRecord,
    /// Metrics by set (`valid`, `test`; those of a baseline as `test co-occurrence`) and name.
    #[serde(deserialize_with = "unique")]
    pub metrics: BTreeMap<String, BTreeMap<String, f64>>,
    /// Baselines that rank the test rows at least as well (NDCG@10 over all items): such a model should not be served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loses_to: Vec<String>,
    /// Every other file of the bundle.
    #[serde(deserialize_with = "unique")]
    pub files: BTreeMap<String, FileRecord>,
    /// Requests with their answers.
    pub golden_requests: Vec<GoldenRequest>,
}

impl Manifest {
    /// Names of the files beside the manifest: those of every bundle, and of the optional ones those that it has.
    pub fn file_names(&self) -> impl Iterator<Item = &'static str> {
        super::file_names(|name| self.files.contains_key(name))
    }
}
