//! `model.onnx` beside the engine in one run: the time of a whole answer on one core, of the same history over the same
//! products, handles in and products out.
//!
//! `SLIREC_BENCH_BUNDLE` names the bundle, by default the demo model, whose first 236 products are sold.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot run has nothing to report"
)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use slirec_core::bundle::Bundle;
use slirec_core::catalog::{Catalog, Product};
use slirec_engine::{Engine, EngineOptions, Kernels, RecommendationRequest, SelfContainedModel, self_contained};

const LENGTHS: [usize; 4] = [3, 10, 20, 50];
const PRODUCTS: usize = 236;
/// How long each cell is measured.
const MEASURED_FOR: Duration = Duration::from_millis(600);
const NOW: f64 = 1_790_100_000.0;

/// Median, least and greatest time of a call, in milliseconds.
fn measure(mut call: impl FnMut()) -> [f64; 3] {
    call();
    let (started, mut times) = (Instant::now(), Vec::new());
    while started.elapsed() < MEASURED_FOR {
        let one = Instant::now();
        call();
        times.push(one.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    [times[times.len() / 2], times[0], times[times.len() - 1]]
}

fn main() {
    // Cargo says `--bench` when it benchmarks; tests of all targets only see that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let path = std::env::var_os("SLIREC_BENCH_BUNDLE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sli_rec_demo"),
        PathBuf::from,
    );
    let bundle = Bundle::read(&path).expect("a bundle to measure");
    let sold = |(number, product): (usize, &Product)| Product { available: number < PRODUCTS, ..product.clone() };
    let products = bundle.catalog.products().iter().enumerate().map(sold).collect();
    let bundle = Bundle { catalog: Catalog::new(products).expect("a catalogue"), ..bundle };
    let graph = self_contained(&bundle, 16).expect("a graph");
    let mut model = SelfContainedModel::load(&graph, None).expect("a session");
    let engine = |kernels| {
        let options = EngineOptions { kernels, workers: 1, ..EngineOptions::default() };
        Engine::from_bundle(bundle.clone(), &options).expect("an engine")
    };
    let [fused, stock] = [Kernels::Fused, Kernels::OnnxRuntime].map(engine);
    println!("{PRODUCTS} products, one core, ms: median (least, greatest)");
    println!(
        "{:>3} {:>26} {:>26} {:>26} {:>9} {:>9}",
        "L", "model.onnx", "engine, stock", "engine, fused", "to stock", "to fused"
    );
    for length in LENGTHS {
        let items: Vec<String> = bundle
            .catalog
            .products()
            .iter()
            .take(PRODUCTS)
            .cycle()
            .step_by(7)
            .take(length)
            .map(|product| product.handle.clone())
            .collect();
        let times: Vec<f64> = (0..length).map(|minute| 1_790_000_000.0 + 60.0 * minute as f64).collect();
        let texts: Vec<String> = times.iter().map(f64::to_string).collect();
        let history = items.iter().zip(times.iter().copied());
        let request = RecommendationRequest::new(history.collect(), NOW, 16);
        let of_graph = measure(|| drop(model.recommend(&items, &texts, Some(NOW)).expect("an answer")));
        let [of_stock, of_fused] =
            [&stock, &fused].map(|engine| measure(|| drop(engine.recommend(request.clone()).expect("an answer"))));
        let text = |[median, least, greatest]: [f64; 3]| format!("{median:.3} ({least:.3}, {greatest:.3})");
        println!(
            "{length:>3} {:>26} {:>26} {:>26} {:>9.2} {:>9.2}",
            text(of_graph),
            text(of_stock),
            text(of_fused),
            of_graph[0] / of_stock[0],
            of_graph[0] / of_fused[0]
        );
    }
}
