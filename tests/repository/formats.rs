//! Files that earlier versions wrote stay readable: they lie in tests/fixtures as they were written and are never made
//! anew.

use std::path::PathBuf;

use slirec_engine::{Engine, EngineOptions, RecommendationRequest, Source, ViewHistory};

use super::{read, root};

/// How far scores may lie from those that the bundle was exported with.
const TOLERANCE: f64 = 1e-4;

/// A bundle of format version 1: twelve products, embeddings of 4, exported on 2026-11-30 by the first release.
fn version_1() -> PathBuf {
    root().join("tests/fixtures/bundle_v1")
}

#[test]
fn a_bundle_of_format_version_1_is_served_with_the_scores_that_it_was_exported_with() {
    let manifest: serde_json::Value = serde_json::from_str(&read(&version_1().join("manifest.json"))).unwrap();
    assert_eq!(manifest["format"], "slirec-bundle/1");
    let engine = Engine::load(&version_1(), &EngineOptions::default()).unwrap();
    for golden in manifest["golden_requests"].as_array().unwrap() {
        let mut history = ViewHistory::new();
        let times = golden["timestamps"].as_array().unwrap();
        for (item, time) in golden["items"].as_array().unwrap().iter().zip(times) {
            history.push(item.as_str().unwrap(), time.as_f64().unwrap());
        }
        let expected = golden["top"].as_array().unwrap();
        let request = RecommendationRequest::new(history, golden["now"].as_f64().unwrap(), expected.len());
        let answer = engine.recommend(request).unwrap();
        assert_eq!((answer.source, answer.products.len()), (Source::Model, expected.len()));
        for (found, expected) in answer.products.iter().zip(expected) {
            assert_eq!(engine.catalog().products()[found.product].handle, expected["handle"].as_str().unwrap());
            assert!((f64::from(found.score) - expected["score"].as_f64().unwrap()).abs() <= TOLERANCE);
        }
    }
}
