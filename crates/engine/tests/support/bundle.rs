//! Bundles of the golden weights and the golden requests, for the tests of the engine.
#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;
use slirec_connect::original::OriginalVocabulary;
use slirec_core::bundle::{self, Bundle, GoldenRequest, GoldenScore, Manifest, ModelShape, TrainingRecord};
use slirec_core::catalog::{Catalog, Product};
use slirec_core::history::{self, EncodedHistory, History};
use slirec_core::lookup::ItemLookup;
use slirec_core::parity::made_up_histories;
use slirec_core::timestamp;
use slirec_engine::{BundleScorer, CandidateIds};
use slirec_train::export::{self, catalog_candidates, write_files};
use slirec_train::hyperparameters::{GateTime, ModelHyperparameters};
use slirec_train::weights::Weights;
use tempfile::TempDir;

pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden").join(name)
}

/// A network of the original's kind with everything that training can add to it.
pub(crate) fn extended_sizes() -> ModelHyperparameters {
    ModelHyperparameters {
        long_term_padding: false,
        gate_time: GateTime::LastView,
        transition_size: 64,
        transition_positions: 5,
        ..ModelHyperparameters::default()
    }
}

/// What the original was asked.
#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) items: Vec<String>,
    pub(crate) timestamps: Vec<String>,
}

impl Request {
    pub(crate) fn times(&self) -> Vec<f64> {
        self.timestamps.iter().map(|time| timestamp::from_text(time).unwrap()).collect()
    }
}

/// One of its best products.
#[derive(Deserialize)]
pub(crate) struct Top {
    pub(crate) handle: String,
    pub(crate) gid: String,
    pub(crate) pred: f32,
}

/// What it was asked and what it answered.
#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) request: Request,
    pub(crate) now: f64,
    pub(crate) scores: BTreeMap<String, f32>,
    pub(crate) top16: Vec<Top>,
}

impl Golden {
    /// The history, and the candidates in the order of the scores. The original has no answer to unknown handles; its
    /// golden scores count them as id 0.
    pub(crate) fn encoded(&self, bundle: &Bundle, lookup: &ItemLookup) -> (EncodedHistory, CandidateIds) {
        let ids = |handle: &String| lookup.ids(handle).map_or((0, 0), |ids| (ids.item, ids.features[0]));
        let (item_ids, feature_ids): (Vec<u32>, Vec<u32>) = self.request.items.iter().map(ids).unzip();
        let times = self.request.times();
        let whole = History { item_ids: &item_ids, feature_ids: &feature_ids, feature_count: 1, times: &times };
        let encoded = history::encode(whole, self.now, bundle.manifest.model.longest_history).unwrap();
        let (items, features) = self.scores.keys().map(ids).unzip();
        (encoded, CandidateIds { items, features })
    }
}

pub(crate) fn golden_requests() -> Vec<Golden> {
    let file = GzDecoder::new(File::open(golden("requests.json.gz")).unwrap());
    let requests: Vec<Golden> = serde_json::from_reader(file).unwrap();
    assert_eq!(requests.len(), 45);
    requests
}

/// A bundle of the golden weights, with the catalogue that `change` makes of the golden one.
pub(crate) fn bundle(change: impl FnOnce(&mut Vec<Product>)) -> TempDir {
    let weights = Weights::read(&golden("weights.safetensors")).unwrap();
    bundle_of(&ModelHyperparameters::default(), &weights, change)
}

/// A bundle of any weights for the golden vocabulary.
pub(crate) fn bundle_of(
    sizes: &ModelHyperparameters,
    weights: &Weights,
    change: impl FnOnce(&mut Vec<Product>),
) -> TempDir {
    let [items, categories, item_categories] = ["item_vocab.json", "cate_vocab.json", "item_category.json"].map(golden);
    let vocabulary = OriginalVocabulary { items: &items, categories: &categories, item_categories: &item_categories };
    let vocabulary = vocabulary.read(&|_| 0).unwrap();
    let mut products = Catalog::read(&golden("catalog.json")).unwrap().products().to_vec();
    change(&mut products);
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::new(products).unwrap();
    write_files(folder.path(), sizes, weights, &vocabulary, &catalog).unwrap();
    seal(folder.path(), sizes.shape());
    folder
}

/// Makes a bundle of the files in a folder.
pub(crate) fn seal(folder: &Path, model: ModelShape) {
    let manifest = Manifest {
        format: bundle::FORMAT.into(),
        name: "golden".into(),
        version: "7".into(),
        created: "2026-11-24T00:00:00Z".into(),
        model,
        training: TrainingRecord {
            source_sha256: String::new(),
            seed: 0,
            epochs: 0,
            best_epoch: 0,
            interactions: 0,
            hyperparameters: serde_json::Value::Null,
        },
        metrics: BTreeMap::new(),
        files: BTreeMap::new(),
        golden_requests: Vec::new(),
        loses_to: Vec::new(),
    };
    let golden_requests = vec![golden_request(folder, &manifest)];
    bundle::seal(folder, Manifest { golden_requests, ..manifest }).unwrap();
}

/// What the graphs answer to a short history, as no bundle goes without a golden request.
fn golden_request(folder: &Path, manifest: &Manifest) -> GoldenRequest {
    let files = bundle::record_files(folder).unwrap();
    let unsealed = Bundle::read_unsealed(folder, Manifest { files, ..manifest.clone() }).unwrap();
    let lookup = ItemLookup::new(&unsealed.catalog, &unsealed.vocabulary, manifest.model.network);
    let longest = manifest.model.longest_history;
    let history = made_up_histories(&unsealed.vocabulary, &lookup, longest).next().unwrap();
    let candidates = catalog_candidates(&unsealed.catalog, &lookup);
    let items = candidates.iter().map(|(_, candidate)| candidate.item).collect();
    let features = candidates.iter().flat_map(|(_, candidate)| candidate.features.clone()).collect();
    let mut scorer = BundleScorer::from_bundle(&unsealed, None).unwrap();
    let scores = scorer.score(&history.encoded, &CandidateIds { items, features }).unwrap();
    let mut golden = export::golden_request(&history, &unsealed.vocabulary, &candidates, &scores);
    if golden.top.is_empty() {
        // Nothing is sold: such a bundle can be read, but not be served.
        let handle = unsealed.catalog.products()[0].handle.clone();
        golden.top.push(GoldenScore { handle, score: 0.5 });
    }
    golden
}
