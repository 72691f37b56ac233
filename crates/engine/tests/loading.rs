//! What an engine is loaded from: bundles that are refused, a GPU and a library that are missing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy grants these to tests, but not to the helpers beside them"
)]

use std::fs::File;
use std::path::Path;

use slirec_core::bundle::{self, Bundle, Manifest};
use slirec_engine::{Engine, EngineError, EngineOptions, ExecutionProvider, RecommendationRequest};

#[path = "support/bundle.rs"]
mod support;

use support::bundle;

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
fn a_provider_that_is_required_and_missing_is_an_error_that_says_what_is_missing() {
    let folder = bundle(|_| {});
    for providers in [vec![ExecutionProvider::Cuda], vec![ExecutionProvider::Cuda, ExecutionProvider::Cpu]] {
        let options = EngineOptions { execution_providers: providers, ..EngineOptions::default() };
        let message = Engine::load(folder.path(), &options).expect_err("there is no GPU here").to_string();
        let begin = "execution provider `cuda` cannot be used: ";
        assert!(message.starts_with(begin) && message.contains("engine.require_provider = false"), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        // By whichever library the tests run: without the provider, or with it and without a driver or a card.
        let missing = ["has no CUDA provider", "libcuda.so.1 cannot be loaded", "CUDA failure 100"];
        assert!(missing.iter().any(|missing| message.contains(missing)), "{message}");
    }
}

#[test]
fn a_provider_that_is_not_required_and_missing_is_replaced_by_the_processor() {
    let folder = bundle(|_| {});
    for providers in [vec![ExecutionProvider::Cuda], vec![ExecutionProvider::Cuda, ExecutionProvider::Cpu]] {
        let options =
            EngineOptions { execution_providers: providers, require_provider: false, ..EngineOptions::default() };
        let engine = Engine::load(folder.path(), &options).unwrap();
        assert_eq!((engine.execution_provider(), engine.device()), (ExecutionProvider::Cpu, None));
        let history = [("novel", 1_794_900_000.0)].into_iter().collect();
        let request = RecommendationRequest::new(history, 1_794_990_000.0, 4);
        assert_eq!(engine.recommend(request).unwrap().products.len(), 4);
    }
}

#[test]
fn the_processor_first_needs_no_card() {
    let folder = bundle(|_| {});
    let execution_providers = vec![ExecutionProvider::Cpu, ExecutionProvider::Cuda];
    let options = EngineOptions { execution_providers, ..EngineOptions::default() };
    assert_eq!(Engine::load(folder.path(), &options).unwrap().execution_provider(), ExecutionProvider::Cpu);
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
                user: std::collections::BTreeMap::new(),
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
