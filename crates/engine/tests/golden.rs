//! The engine against the original stack: a bundle of the original's weights must give the original's scores.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde::Deserialize;
use slirec_core::bundle::{self, Bundle, Manifest};
use slirec_core::history::{self, History};
use slirec_core::lookup::ItemLookup;
use slirec_core::timestamp;
use slirec_engine::{
    BundleScorer, CandidateIds, Engine, EngineError, EngineOptions, ExecutionProvider, Kernels, Overloaded, Priority,
    RecommendationRequest, Recommendations, Source,
};
use tempfile::TempDir;

#[path = "support/bundle.rs"]
mod support;

use support::{bundle, golden};

/// Scores agree to this; two candidates that lie closer may stand in either order.
const TOLERANCE: f32 = 1e-4;

fn engine(folder: &TempDir) -> Engine {
    Engine::load(folder.path(), &EngineOptions { workers: 2, ..EngineOptions::default() }).unwrap()
}

fn request(handles: &[&str], limit: usize) -> RecommendationRequest {
    let history = (0..).zip(handles).map(|(minute, handle)| (*handle, 1_794_900_000.0 + 60.0 * f64::from(minute)));
    RecommendationRequest::new(history.collect(), 1_794_990_000.0, limit)
}

fn handles(engine: &Engine, answer: &Recommendations) -> Vec<String> {
    answer.products.iter().map(|scored| engine.catalog().products()[scored.product].handle.clone()).collect()
}

#[derive(Deserialize)]
struct Request {
    items: Vec<String>,
    timestamps: Vec<String>,
}

#[derive(Deserialize)]
struct Top {
    handle: String,
    gid: String,
    pred: f32,
}

#[derive(Deserialize)]
struct Golden {
    request: Request,
    now: f64,
    scores: BTreeMap<String, f32>,
    top16: Vec<Top>,
}

fn golden_requests() -> Vec<Golden> {
    let file = GzDecoder::new(File::open(golden("requests.json.gz")).unwrap());
    let requests: Vec<Golden> = serde_json::from_reader(file).unwrap();
    assert_eq!(requests.len(), 45);
    requests
}

#[test]
fn the_graphs_give_the_original_s_score_for_every_golden_request_and_item() {
    let folder = bundle(|_| {});
    let bundle = Bundle::read(folder.path()).unwrap();
    let mut scorer = BundleScorer::from_bundle(&bundle, None).unwrap();
    let lookup = ItemLookup::new(&bundle.catalog, &bundle.vocabulary);
    // The original has no answer to unknown handles; its golden scores count them as id 0.
    let ids = |handle: &str| lookup.ids(handle).map_or((0, 0), |ids| (ids.item, ids.features[0]));
    let mut worst = 0.0_f32;
    for golden in golden_requests() {
        let times: Vec<f64> = golden.request.timestamps.iter().map(|t| timestamp::from_text(t).unwrap()).collect();
        let (item_ids, feature_ids): (Vec<u32>, Vec<u32>) = golden.request.items.iter().map(|it| ids(it)).unzip();
        let whole = History { item_ids: &item_ids, feature_ids: &feature_ids, feature_count: 1, times: &times };
        let encoded = history::encode(whole, golden.now, bundle.manifest.model.longest_history).unwrap();
        let (items, features) = golden.scores.keys().map(|handle| ids(handle)).unzip();
        let candidates = scorer.prepare(&CandidateIds { items, features }).unwrap();
        let scores = scorer.score(&encoded, &candidates).unwrap();
        assert_eq!(scores.len(), 234);
        for (score, expected) in scores.iter().zip(golden.scores.values()) {
            worst = worst.max((score - expected).abs());
        }
    }
    assert!(worst <= TOLERANCE, "worst difference {worst}");
}

#[test]
fn every_golden_request_with_a_known_item_gets_the_original_s_top_sixteen() {
    let engine = engine(&bundle(|_| {}));
    let mut popular = 0;
    for golden in golden_requests() {
        let viewed = golden.request.items.iter().zip(&golden.request.timestamps);
        let history = viewed.map(|(handle, time)| (handle, timestamp::from_text(time).unwrap()));
        let request = RecommendationRequest::new(history.collect(), golden.now, 16);
        let answer = engine.recommend(request).unwrap();
        assert_eq!(answer.products.len(), 16);
        if answer.source == Source::Popular {
            // Ours: a history without any known item says nothing, so the answer is popularity's and labelled.
            assert_eq!(answer.unknown_items, golden.request.items.len());
            popular += 1;
            continue;
        }
        for (expected, scored) in golden.top16.iter().zip(&answer.products) {
            let product = &engine.catalog().products()[scored.product];
            let same = product.handle == expected.handle && product.gid == expected.gid;
            let close = (golden.scores[&product.handle] - expected.pred).abs() <= TOLERANCE;
            assert!(same || close, "{} instead of {}", product.handle, expected.handle);
            assert!((scored.score - golden.scores[&product.handle]).abs() <= TOLERANCE, "{}", product.handle);
        }
    }
    assert_eq!(popular, 1, "one golden history is wholly unknown");
}

#[test]
fn an_empty_or_unknown_history_gets_the_popular_products_and_says_so() {
    let engine = engine(&bundle(|_| {}));
    for history in [&[][..], &["no-such-product", "nor-this"]] {
        let answer = engine.recommend(request(history, 5)).unwrap();
        assert_eq!((answer.source, answer.unknown_items), (Source::Popular, history.len()));
        // The golden vocabulary keeps no counts: its ids stand in order of frequency.
        assert_eq!(handles(&engine, &answer)[..2], ["towel-1", "graphic-novel"]);
    }
}

#[test]
fn unknown_handles_beside_known_ones_are_counted_and_the_model_still_answers() {
    let engine = engine(&bundle(|_| {}));
    let answer = engine.recommend(request(&["novel", "no-such-product"], 16)).unwrap();
    assert_eq!((answer.source, answer.unknown_items, answer.products.len()), (Source::Model, 1, 16));
}

#[test]
fn histories_of_any_length_and_any_order_of_times_are_answered_with_finite_falling_scores() {
    let engine = engine(&bundle(|_| {}));
    for length in [1, 2, 49, 50, 51, 1000] {
        let mut asked = request(&vec!["novel"; length], 234);
        asked.history.reverse();
        let answer = engine.recommend(asked).unwrap();
        assert_eq!((answer.products.len(), answer.scored_candidates), (234, 234));
        assert!(answer.products.iter().all(|scored| scored.score.is_finite()));
        assert!(answer.products.is_sorted_by(|left, right| left.score >= right.score));
    }
}

#[test]
fn unavailable_products_are_never_recommended_but_count_in_histories() {
    let engine = engine(&bundle(|products| {
        products.iter_mut().filter(|product| product.category == "Books").for_each(|product| product.available = false);
    }));
    let answer = engine.recommend(request(&["novel"], 500)).unwrap();
    assert_eq!((answer.source, answer.unknown_items), (Source::Model, 0));
    let categories: Vec<&str> =
        answer.products.iter().map(|scored| engine.catalog().products()[scored.product].category.as_str()).collect();
    assert!(!categories.is_empty() && !categories.contains(&"Books"));
}

#[test]
fn a_new_product_is_scored_through_its_category() {
    let engine = engine(&bundle(|products| {
        let mut product = products[0].clone();
        (product.handle, product.gid) = ("brand-new".into(), "gid://shopify/Product/1".into());
        products.push(product);
    }));
    let answer = engine.recommend(request(&["novel"], 235)).unwrap();
    assert!(handles(&engine, &answer).contains(&"brand-new".to_owned()));
    let from_it = engine.recommend(request(&["brand-new"], 3)).unwrap();
    assert_eq!((from_it.source, from_it.unknown_items), (Source::Model, 0));
}

#[test]
fn a_missing_gpu_falls_back_to_the_processor() {
    let folder = bundle(|_| {});
    let options = EngineOptions {
        execution_providers: vec![ExecutionProvider::Cuda, ExecutionProvider::Cpu],
        ..EngineOptions::default()
    };
    let engine = Engine::load(folder.path(), &options).unwrap();
    assert_eq!(engine.execution_provider(), ExecutionProvider::Cpu);
    assert_eq!(engine.recommend(request(&["novel"], 4)).unwrap().products.len(), 4);
    let only = EngineOptions { execution_providers: vec![ExecutionProvider::Cuda], ..EngineOptions::default() };
    assert!(Engine::load(folder.path(), &only).is_err());
}

#[test]
fn what_would_wait_too_long_is_not_admitted_and_what_is_being_read_waits_too() {
    const LONG: Duration = Duration::from_secs(60);
    let folder = bundle(|_| {});
    // So short a wait allows the few requests that may always wait.
    let options = EngineOptions { queue_wait: Some(Duration::from_nanos(1)), ..EngineOptions::default() };
    let engine = Engine::load(folder.path(), &options).unwrap();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let (started, running) = std::sync::mpsc::channel();
    engine.submit(request(&["novel"], 1), Priority::Interactive, move |_| {
        started.send(()).unwrap();
        blocked.recv().unwrap();
    });
    running.recv().unwrap();
    (0..4).for_each(|_| engine.submit(request(&["novel"], 1), Priority::Interactive, |_| {}));
    let admitted: Vec<_> = (0..5).map(|_| engine.admit(Priority::Interactive, LONG).unwrap()).collect();
    assert_eq!(engine.admit(Priority::Interactive, LONG).unwrap_err(), Overloaded::QueueFull);
    drop(admitted);
    assert!(engine.admit(Priority::Interactive, LONG).is_ok());
    assert_eq!(engine.admit(Priority::Interactive, Duration::ZERO).unwrap_err(), Overloaded::QueueFull);
    (0..5).for_each(|_| engine.submit(request(&["novel"], 1), Priority::Batch, |_| {}));
    assert!(engine.admit(Priority::Interactive, LONG).is_ok() && engine.admit(Priority::Batch, LONG).is_err());
    release.send(()).unwrap();
}

#[test]
fn a_panicking_reply_does_not_end_the_worker() {
    let engine = Engine::load(bundle(|_| {}).path(), &EngineOptions::default()).unwrap();
    engine.submit(request(&["novel"], 1), Priority::Interactive, |_| panic!("on purpose"));
    assert_eq!(engine.recommend(request(&["novel"], 2)).unwrap().products.len(), 2);
}

fn refusal(change: impl FnOnce(&Path)) -> String {
    let folder = bundle(|_| {});
    change(folder.path());
    Engine::load(folder.path(), &EngineOptions::default()).expect_err("the bundle is broken").to_string()
}

/// Seals the bundle again, so that only the content is wrong and not the hashes.
fn reseal(folder: &Path, change: impl FnOnce(&mut Manifest)) {
    let mut manifest = Bundle::read(folder)
        .map(|bundle| bundle.manifest)
        .unwrap_or_else(|_| serde_json::from_reader(File::open(folder.join(bundle::MANIFEST)).unwrap()).unwrap());
    change(&mut manifest);
    bundle::seal(folder, manifest).unwrap();
}

#[test]
fn graphs_that_are_truncated_or_pickles_are_refused_in_one_line() {
    let truncated = refusal(|folder| {
        let bytes = std::fs::read(folder.join(bundle::SCORES_GRAPH)).unwrap();
        std::fs::write(folder.join(bundle::SCORES_GRAPH), &bytes[..bytes.len() / 2]).unwrap();
        reseal(folder, |_| {});
    });
    assert!(truncated.contains("scores.onnx"), "{truncated}");
    let pickle = refusal(|folder| {
        std::fs::write(folder.join(bundle::HISTORY_GRAPH), b"\x80\x04\x95pickle").unwrap();
        reseal(folder, |_| {});
    });
    assert!(pickle.contains("history.onnx: is not an ONNX file"), "{pickle}");
}

#[test]
fn a_bundle_whose_golden_request_does_not_hold_is_refused() {
    let message = refusal(|folder| {
        reseal(folder, |manifest| {
            manifest.golden_requests.push(slirec_core::bundle::GoldenRequest {
                items: vec!["novel".into()],
                timestamps: vec![1_794_900_000.0],
                now: 1_794_990_000.0,
                top: vec![slirec_core::bundle::GoldenScore { handle: "novel".into(), score: 0.123 }],
            });
        });
    });
    assert!(message.starts_with("golden request 2: `novel` has score "), "{message}");
}

#[test]
fn a_missing_runtime_library_is_named_with_the_way_to_get_it() {
    // The first engine of a process decides about the library, so this one must run in a process of its own.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "helper_that_loads_without_a_library", "--ignored", "--nocapture"])
        .env("ORT_DYLIB_PATH", "/no/such/libonnxruntime.so")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("cannot load ONNX Runtime from /no/such/libonnxruntime.so"), "{text}");
}

#[test]
#[ignore = "run by `a_missing_runtime_library_is_named_with_the_way_to_get_it` in a process of its own"]
fn helper_that_loads_without_a_library() {
    // Not one that is made here, which takes the library too.
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo");
    let error = Engine::load(&demo, &EngineOptions::default()).unwrap_err();
    assert!(matches!(error, EngineError::Library { .. }));
    println!("{error}");
}

#[test]
fn the_fused_kernels_give_the_scores_of_the_graphs_for_every_golden_request_and_item() {
    let folder = bundle(|_| {});
    let bundle = Bundle::read(folder.path()).unwrap();
    let mut stock = BundleScorer::from_bundle(&bundle, None).unwrap();
    let mut fused = BundleScorer::with_kernels(&bundle, None, Kernels::Fused).unwrap();
    assert_eq!((stock.kernels(), fused.kernels()), (Kernels::Stock, Kernels::Fused));
    let lookup = ItemLookup::new(&bundle.catalog, &bundle.vocabulary);
    let ids = |handle: &str| lookup.ids(handle).map_or((0, 0), |ids| (ids.item, ids.features[0]));
    let mut worst = [0.0_f32; 3];
    for golden in golden_requests() {
        let times: Vec<f64> = golden.request.timestamps.iter().map(|t| timestamp::from_text(t).unwrap()).collect();
        let (item_ids, feature_ids): (Vec<u32>, Vec<u32>) = golden.request.items.iter().map(|it| ids(it)).unzip();
        let whole = History { item_ids: &item_ids, feature_ids: &feature_ids, feature_count: 1, times: &times };
        let encoded = history::encode(whole, golden.now, bundle.manifest.model.longest_history).unwrap();
        let (items, features) = golden.scores.keys().map(|handle| ids(handle)).unzip();
        let candidates = CandidateIds { items, features };
        let [of_stock, of_fused] = [&mut stock, &mut fused].map(|scorer| {
            let prepared = scorer.prepare(&candidates).unwrap();
            (scorer.score(&encoded, &prepared).unwrap(), scorer.explain(&encoded, &prepared).unwrap())
        });
        let mut compare = |part: usize, left: f32, right: f32| worst[part] = worst[part].max((left - right).abs());
        of_stock.0.iter().zip(&of_fused.0).for_each(|(left, right)| compare(0, *left, *right));
        for (left, right) in of_stock.1.iter().zip(&of_fused.1) {
            compare(1, left.long_term_share, right.long_term_share);
            left.attention.iter().zip(&right.attention).for_each(|(left, right)| compare(2, *left, *right));
        }
        assert_eq!((of_fused.0.len(), of_fused.1.len()), (234, 234));
    }
    // Shares and attention follow logits before anything levels them.
    let allowed = [1e-5, 5e-5, 5e-5];
    assert!(worst.iter().zip(allowed).all(|(worst, allowed)| *worst <= allowed), "score, share, attention: {worst:?}");
}
