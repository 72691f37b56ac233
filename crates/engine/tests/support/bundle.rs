//! Bundles of the golden weights, for the tests of the engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use slirec_connect::original::OriginalVocabulary;
use slirec_core::bundle::{self, Bundle, GoldenRequest, GoldenScore, Manifest, TrainingRecord};
use slirec_core::catalog::{Catalog, Product};
use slirec_core::lookup::ItemLookup;
use slirec_engine::{BundleScorer, CandidateIds};
use slirec_train::export::{self, catalog_candidates, made_up_histories, write_files};
use slirec_train::hyperparameters::ModelHyperparameters;
use slirec_train::weights::Weights;
use tempfile::TempDir;

pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden").join(name)
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
    let manifest = Manifest {
        format: bundle::FORMAT.into(),
        name: "golden".into(),
        version: "7".into(),
        created: "2026-11-24T00:00:00Z".into(),
        model: sizes.shape(),
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
    let golden_requests = vec![golden_request(folder.path(), &manifest)];
    bundle::seal(folder.path(), Manifest { golden_requests, ..manifest }).unwrap();
    folder
}

/// What the graphs answer to a short history, as no bundle goes without a golden request.
fn golden_request(folder: &Path, manifest: &Manifest) -> GoldenRequest {
    let files = bundle::record_files(folder).unwrap();
    let unsealed = Bundle::read_unsealed(folder, Manifest { files, ..manifest.clone() }).unwrap();
    let lookup = ItemLookup::new(&unsealed.catalog, &unsealed.vocabulary);
    let history = made_up_histories(&unsealed.vocabulary, &lookup, manifest.model.longest_history).remove(0);
    let candidates = catalog_candidates(&unsealed.catalog, &lookup);
    let items = candidates.iter().map(|(_, candidate)| candidate.item).collect();
    let features = candidates.iter().flat_map(|(_, candidate)| candidate.features.clone()).collect();
    let mut scorer = BundleScorer::from_bundle(&unsealed, None).unwrap();
    let prepared = scorer.prepare(&CandidateIds { items, features }).unwrap();
    let scores = scorer.score(&history.encoded, &prepared).unwrap();
    let mut golden = export::golden_request(&history, &candidates, &scores);
    if golden.top.is_empty() {
        // Nothing is sold: such a bundle can be read, but not be served.
        let handle = unsealed.catalog.products()[0].handle.clone();
        golden.top.push(GoldenScore { handle, score: 0.5 });
    }
    golden
}
