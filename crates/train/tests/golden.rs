//! The network and the metrics against the original stack: its weights, its requests, its evaluation files.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;
use slirec_connect::original::OriginalVocabulary;
use slirec_core::catalog::Catalog;
use slirec_core::history::{self, History};
use slirec_core::timestamp;
use slirec_core::vocabulary::Vocabulary;
use slirec_train::dataset::evaluation::Candidate;
use slirec_train::dataset::original::read_groups;
use slirec_train::evaluation::{ScoreRequest, Scorer, evaluate_sampled};
use slirec_train::hyperparameters::ModelHyperparameters;
use slirec_train::inference::InferenceNetwork;
use slirec_train::weights::Weights;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden").join(name)
}

fn vocabulary() -> Vocabulary {
    let [items, categories, item_categories] = ["item_vocab.json", "cate_vocab.json", "item_category.json"].map(golden);
    OriginalVocabulary { items: &items, categories: &categories, item_categories: &item_categories }
        .read(&|_| 0)
        .unwrap()
}

fn network(vocabulary: &Vocabulary) -> InferenceNetwork {
    let weights = Weights::read(&golden("weights.safetensors")).unwrap();
    InferenceNetwork::new(&ModelHyperparameters::default(), vocabulary, &weights).unwrap()
}

#[derive(Deserialize)]
struct Request {
    items: Vec<String>,
    timestamps: Vec<String>,
}

#[derive(Deserialize)]
struct Golden {
    request: Request,
    now: f64,
    scores: BTreeMap<String, f32>,
}

#[test]
fn the_network_gives_the_scores_of_the_original_for_every_request_and_item() {
    let vocabulary = vocabulary();
    let mut network = network(&vocabulary);
    let catalog = Catalog::read(&golden("catalog.json")).unwrap();
    let file = GzDecoder::new(File::open(golden("requests.json.gz")).unwrap());
    let requests: Vec<Golden> = serde_json::from_reader(file).unwrap();
    assert_eq!(requests.len(), 45);
    let category =
        |handle: &str| catalog.product(handle).map_or(0, |product| vocabulary.feature_id(0, &product.category));
    let mut worst = 0.0_f32;
    for golden in &requests {
        let items = &golden.request.items;
        let item_ids: Vec<u32> = items.iter().map(|handle| vocabulary.item_id(handle)).collect();
        let feature_ids: Vec<u32> = items.iter().map(|handle| category(handle)).collect();
        let times: Vec<f64> = golden.request.timestamps.iter().map(|t| timestamp::from_text(t).unwrap()).collect();
        let whole = History { item_ids: &item_ids, feature_ids: &feature_ids, feature_count: 1, times: &times };
        let encoded = history::encode(whole, golden.now, 50).unwrap();
        let candidates: Vec<Candidate> = golden
            .scores
            .keys()
            .map(|handle| Candidate { item: vocabulary.item_id(handle), features: vec![category(handle)] })
            .collect();
        let request = ScoreRequest { history: &encoded, candidates: &candidates };
        let scores = network.score(&[request]).unwrap().remove(0);
        assert_eq!(scores.len(), 234);
        for (score, expected) in scores.iter().zip(golden.scores.values()) {
            worst = worst.max((score - expected).abs());
        }
    }
    assert!(worst <= 1e-5, "worst difference {worst}");
}

#[test]
fn the_evaluator_reproduces_the_original_s_metrics_to_four_decimals() {
    let vocabulary = vocabulary();
    let mut network = network(&vocabulary);
    let expected: BTreeMap<String, BTreeMap<String, f64>> =
        serde_json::from_reader(File::open(golden("metrics.json")).unwrap()).unwrap();
    for (set, groups, negatives) in [("valid", 149, 4), ("test", 149, 9)] {
        let path = golden(&format!("negative_sampled_{set}_data.gz"));
        let evaluation_groups = read_groups(&path, &vocabulary, 50).unwrap();
        assert_eq!(evaluation_groups.len(), groups);
        assert!(evaluation_groups.iter().all(|group| group.candidates.len() == negatives + 1));
        let metrics = evaluate_sampled(&mut network, &evaluation_groups).unwrap().by_name();
        for (name, value) in &expected[set] {
            let found = (metrics[name] * 1e4).round() / 1e4;
            assert!((found - value).abs() < 1e-9, "{set} {name}: {} instead of {value}", metrics[name]);
        }
    }
}
