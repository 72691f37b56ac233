//! Bundles of the golden weights, for the tests of the engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use slirec_connect::original::OriginalVocabulary;
use slirec_core::bundle::{self, Bundle, GoldenRequest, GoldenScore, Manifest, TrainingRecord};
use slirec_core::catalog::{Catalog, Product};
use slirec_core::lookup::ItemLookup;
use slirec_engine::{BundleScorer, CandidateIds};
use slirec_train::export::write_files;
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

/// What the graphs answer to a single view, as no bundle goes without a golden request.
fn golden_request(folder: &Path, manifest: &Manifest) -> GoldenRequest {
    let files = bundle::record_files(folder).unwrap();
    let unsealed = Bundle::read_unsealed(folder, Manifest { files, ..manifest.clone() }).unwrap();
    let mut scorer = BundleScorer::from_bundle(&unsealed, None).unwrap();
    let lookup = ItemLookup::new(&unsealed.catalog, &unsealed.vocabulary);
    let product = unsealed.catalog.products().iter().find(|product| product.available);
    let scored = product.unwrap_or(&unsealed.catalog.products()[0]).handle.clone();
    let ids = lookup.ids(&scored).unwrap();
    let candidate = CandidateIds { items: vec![ids.item], features: ids.features.clone() };
    let prepared = scorer.prepare(&candidate).unwrap();
    let (viewed, time, now) = (unsealed.vocabulary.items()[0].handle.clone(), 1_794_900_000.0, 1_794_990_000.0);
    let history = lookup.encode(&[(viewed.as_str(), time)], now, manifest.model.longest_history).unwrap().unwrap();
    let score = scorer.score(&history.encoded, &prepared).unwrap()[0];
    let top = vec![GoldenScore { handle: scored, score }];
    GoldenRequest { items: vec![viewed], timestamps: vec![time], now, top }
}
