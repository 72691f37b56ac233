//! Rates and latencies of scoring, stock and fused, in one run beside this machine's rate in a large matrix product.
//!
//! `make bench` prints for histories of 3, 10, 20 and 50 views and 236, 1,000, 10,000 and 100,000 candidates: the time of a
//! whole request (median, with the least and the greatest) by ONNX Runtime and by the fused kernels, on one and on two
//! cores, the useful rate of the fused kernels and its share of the matrix product's.
//!
//! `SLIREC_BENCH_BUNDLE` names the bundle, by default the demo model; its catalogue is replaced by made-up products of
//! its vocabulary. `SLIREC_BENCH_PRODUCTS` lists other sizes of it, `SLIREC_BENCH_CHART` names an SVG file to draw the latencies
//! into.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot run has nothing to report"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use slirec_core::bundle::Bundle;
use slirec_core::catalog::{Catalog, Product};
use slirec_engine::{Engine, EngineOptions, Kernels, RecommendationRequest, ViewedItem};

#[path = "support/allocations.rs"]
mod allocations;
#[path = "support/chart.rs"]
mod chart;
#[path = "support/sgemm.rs"]
mod sgemm;

const LENGTHS: [usize; 4] = [3, 10, 20, 50];
const CANDIDATES: [usize; 4] = [236, 1_000, 10_000, 100_000];
/// How long each cell is measured, at least.
const PATIENCE: Duration = Duration::from_millis(400);
/// How many times, at least and at most.
const REPEATS: (usize, usize) = (5, 2_000);

/// Times of one cell, in milliseconds.
#[derive(Clone, Copy)]
struct Times {
    median: f64,
    least: f64,
    greatest: f64,
    /// Median of the part that scores and ranks the candidates.
    scoring: f64,
}

/// The call answers how long it scored.
fn measure(mut call: impl FnMut() -> Duration) -> Times {
    call();
    let (started, mut times, mut scoring) = (Instant::now(), Vec::new(), Vec::new());
    while times.len() < REPEATS.0 || (started.elapsed() < PATIENCE && times.len() < REPEATS.1) {
        let one = Instant::now();
        let scored = call();
        times.push(one.elapsed().as_secs_f64() * 1e3);
        scoring.push(scored.as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    scoring.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    Times { median: times[middle], least: times[0], greatest: times[times.len() - 1], scoring: scoring[middle] }
}

/// The bundle with as many available products, whose features are those of its own.
fn with_products(bundle: &Path, count: usize) -> Bundle {
    let bundle = Bundle::read(bundle).expect("a bundle to measure");
    let own = bundle.catalog.products();
    let made_up = |number: usize| -> Product {
        let product = own[number % own.len()].clone();
        let copy = number / own.len();
        let name = |name: &str| if copy == 0 { name.to_owned() } else { format!("{name}-made-up-{copy}") };
        Product { handle: name(&product.handle), gid: name(&product.gid), available: true, ..product }
    };
    Bundle { catalog: Catalog::new((0..count).map(made_up).collect()).expect("a catalogue"), ..bundle }
}

fn request(engine: &Engine, length: usize) -> RecommendationRequest {
    let products = engine.catalog().products().iter().take(236).cycle().step_by(7);
    let history = products.take(length).zip(0..).map(|(product, minute)| ViewedItem {
        handle: product.handle.clone(),
        timestamp: 1_790_000_000.0 + 60.0 * f64::from(minute),
    });
    RecommendationRequest::new(history.collect(), 1_790_100_000.0, 16)
}

/// Floating-point operations of a request: what the network asks of every pair once the shares are taken out.
fn useful(candidates: usize, length: usize) -> f64 {
    // D = 40; attention 80, 40; mixing 80, 40; score 100, 64.
    let network = |first: usize, second: usize| 40 * first + first * second + second;
    let per_candidate = length * (network(80, 40) + 40) + network(80, 40) + network(100, 64);
    2.0 * (candidates * per_candidate) as f64
}

/// Sizes of the catalogues.
fn sizes() -> Vec<usize> {
    match std::env::var("SLIREC_BENCH_PRODUCTS") {
        Ok(sizes) => sizes.split(',').map(|size| size.trim().parse().expect("sizes of catalogues")).collect(),
        Err(_) => CANDIDATES.to_vec(),
    }
}

/// Whole requests of histories of some lengths.
fn of_engine(bundle: &Path, candidates: usize, kernels: Kernels, workers: usize, lengths: &[usize]) -> Vec<Times> {
    let options = EngineOptions { kernels, workers, spread_from: 1, ..EngineOptions::default() };
    let engine = Engine::from_bundle(with_products(bundle, candidates), &options).expect("an engine");
    let of_length = |length: &usize| {
        let request = request(&engine, *length);
        measure(|| engine.recommend(request.clone()).expect("an answer").timings.score)
    };
    lengths.iter().map(of_length).collect()
}

fn main() {
    // Cargo says `--bench` when it benchmarks; tests of all targets only see that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let bundle = std::env::var_os("SLIREC_BENCH_BUNDLE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/demo"), PathBuf::from);
    let [of_gemm, of_product] = sgemm::gigaflops();
    let peak = of_gemm.max(of_product);
    println!("matrix product on one core: {of_gemm:.0} GFLOP/s by the gemm crate, {of_product:.0} by our own kernel");
    println!("GFLOP/s and share of the better: useful operations of the fused kernels while they score and rank");
    println!("instruction set: {}", slirec_kernels::instruction_set::InstructionSet::detect().name());
    println!("times in ms: median (least, greatest)");
    println!(
        "{:>7} {:>3}  {:>26} {:>26} {:>26}  {:>6} {:>7} {:>6}",
        "N", "L", "stock", "fused", "fused, two cores", "ratio", "GFLOP/s", "share"
    );
    let mut points = Vec::new();
    for candidates in sizes() {
        // The row of 7 views is that of a goal for large catalogues.
        let lengths: Vec<usize> = LENGTHS.into_iter().chain((candidates == 100_000).then_some(7)).collect();
        // One engine after the other: a million products fill a gigabyte in each.
        let [stock, fused, both] = [(Kernels::Stock, 1), (Kernels::Fused, 1), (Kernels::Fused, 2)]
            .map(|(kernels, workers)| of_engine(&bundle, candidates, kernels, workers, &lengths));
        for (((length, stock), fused), both) in lengths.into_iter().zip(stock).zip(fused).zip(both) {
            let rate = useful(candidates, length) / fused.scoring / 1e6;
            let text = |times: Times| format!("{:.3} ({:.3}, {:.3})", times.median, times.least, times.greatest);
            println!(
                "{candidates:>7} {length:>3}  {:>26} {:>26} {:>26}  {:>6.2} {rate:>7.1} {:>5.0}%",
                text(stock),
                text(fused),
                text(both),
                stock.median / fused.median,
                100.0 * rate / peak
            );
            let (stock, fused, both) = (stock.median, fused.median, both.median);
            points.push(chart::Point { candidates, length, stock, fused, both });
        }
    }
    allocations::report(|| with_products(&bundle, 236));
    if let Some(path) = std::env::var_os("SLIREC_BENCH_CHART") {
        std::fs::write(path, chart::draw(&points)).expect("a file to draw into");
    }
}
