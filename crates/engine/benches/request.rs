//! Latency of a whole request through the engine on one core: the demo's catalogue and histories of 3, 10, 20 and 50 views, by
//! the fused kernels and by the operators of ONNX Runtime in turn.
//!
//! `SLIREC_BENCH_BUNDLE` names the bundle, by default the demo model.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run has nothing to report")]

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use slirec_engine::{Engine, EngineOptions, Kernels, RecommendationRequest, ViewedItem};

fn request(engine: &Engine, length: usize) -> RecommendationRequest {
    let products = engine.catalog().products().iter().cycle().step_by(7);
    let history = products.take(length).zip(0..).map(|(product, minute)| ViewedItem {
        handle: product.handle.clone(),
        timestamp: 1_790_000_000.0 + 60.0 * f64::from(minute),
    });
    RecommendationRequest::new(history.collect(), 1_790_100_000.0, 16)
}

fn requests(criterion: &mut Criterion) {
    let bundle = std::env::var_os("SLIREC_BENCH_BUNDLE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/demo"), PathBuf::from);
    let engines = [Kernels::Fused, Kernels::Stock].map(|kernels| {
        let options = EngineOptions { kernels, ..EngineOptions::default() };
        let engine = Engine::load(&bundle, &options).expect("a bundle to measure");
        assert_eq!(engine.kernels(), kernels, "the kernels know the bundle");
        engine
    });
    let candidates = engines[0].catalog().products().iter().filter(|product| product.available).count();
    let mut group = criterion.benchmark_group(format!("request/{candidates} candidates"));
    for length in [3, 10, 20, 50] {
        for engine in &engines {
            let request = request(engine, length);
            group.bench_with_input(BenchmarkId::new(engine.kernels().name(), length), &request, |bencher, request| {
                bencher.iter(|| black_box(engine.recommend(request.clone()).expect("an answer")));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
