//! Rates and latencies of scoring, stock and fused, in one run beside this machine's rate in a large matrix product.
//!
//! `make bench` prints for histories of 3, 10, 20 and 50 views and 236, 1,000, 10,000 and 100,000 candidates: the time of a
//! whole request (median, with the least and the greatest) by ONNX Runtime and by the fused kernels, on one and on two
//! cores, and the useful rate of the fused kernels with its share of the matrix product's. For 100,000 and 1,000,000
//! candidates it measures 7 views too (a million: those alone, and the memory of an engine).
//!
//! For 252 products it measures the ranking network, of random weights, beside the bundle's.
//!
//! `SLIREC_BENCH_BUNDLE` names the bundle, by default SLi-Rec on the demo's data; `catalogue` adds products to it.
//! `SLIREC_BENCH_PRODUCTS` lists other sizes of it, `SLIREC_BENCH_CHART` names an SVG file to draw the latencies into.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark that cannot run has nothing to report"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions, Kernels, RecommendationRequest};

#[path = "support/allocations.rs"]
mod allocations;
#[path = "support/catalogue.rs"]
mod catalogue;
#[path = "support/chart.rs"]
mod chart;
#[path = "support/measuring.rs"]
mod measuring;
#[path = "support/network.rs"]
mod network;
#[path = "../tests/support/random_weights.rs"]
mod random_weights;
#[path = "support/ranking.rs"]
mod ranking;
#[path = "support/sgemm.rs"]
mod sgemm;

use measuring::{Times, measure, resident};

const LENGTHS: [usize; 4] = [3, 10, 20, 50];
const CANDIDATES: [usize; 5] = [236, 1_000, 10_000, 100_000, 1_000_000];
/// The bundle with as many available products.
fn with_products(bundle: &Path, count: usize) -> Bundle {
    catalogue::with_products(Bundle::read(bundle).expect("a bundle to measure"), count)
}

/// Views of every seventh of the first products, from one on.
fn request(engine: &Engine, length: usize, first: usize) -> RecommendationRequest {
    let products = engine.catalog().products().iter().take(236).cycle().skip(first).step_by(7);
    let history = products
        .take(length)
        .zip(0..)
        .map(|(product, minute)| (product.handle.as_str(), 1_790_000_000.0 + 60.0 * f64::from(minute)));
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

/// Histories that are measured: 7 views are those of a goal for large catalogues.
fn lengths(candidates: usize) -> Vec<usize> {
    match candidates {
        1_000_000.. => vec![7],
        100_000.. => LENGTHS.into_iter().chain([7]).collect(),
        _ => LENGTHS.to_vec(),
    }
}

/// Code that computes, and its number of workers: the columns of the table.
const COLUMNS: [(Kernels, usize); 3] = [(Kernels::OnnxRuntime, 1), (Kernels::Fused, 1), (Kernels::Fused, 2)];

/// Whole requests of histories of some lengths, and the memory of the process beforehand and with the engine, in MB.
fn of_engine(
    bundle: &Path,
    candidates: usize,
    (kernels, workers): (Kernels, usize),
    lengths: &[usize],
) -> (Vec<Times>, [f64; 2]) {
    let before = resident();
    let options = EngineOptions { kernels, workers, spread_from: 1, ..EngineOptions::default() };
    let engine = Engine::from_bundle(with_products(bundle, candidates), &options).expect("an engine");
    let times = of_lengths(&engine, lengths);
    let with_engine = resident();
    let ended = engine.ended();
    drop(engine);
    // One engine after the other: a million products fill gigabytes in each.
    ended.wait(Duration::from_secs(60));
    (times, [before, with_engine])
}

/// Whole requests of histories of some lengths.
fn of_lengths(engine: &Engine, lengths: &[usize]) -> Vec<Times> {
    let of_length = |length: &usize| {
        let request = request(engine, *length, 0);
        measure(|| engine.recommend(request.clone()).expect("an answer").timings.score)
    };
    lengths.iter().map(of_length).collect()
}

fn main() {
    // Cargo says `--bench` when it benchmarks; tests of all targets only see that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let bundle = std::env::var_os("SLIREC_BENCH_BUNDLE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sli_rec_demo"),
        PathBuf::from,
    );
    let peak = sgemm::gigaflops();
    println!("matrix product on one core: {peak:.0} GFLOP/s");
    println!("GFLOP/s and share of the better: useful operations of the fused kernels while they score and rank");
    println!("instruction set: {}", slirec_kernels::instruction_set::InstructionSet::detect().name());
    println!("times in ms: median (least, greatest)");
    println!(
        "{:>7} {:>3}  {:>26} {:>26} {:>26}  {:>6} {:>7} {:>6}",
        "N", "L", "stock", "fused", "fused, two cores", "ratio", "GFLOP/s", "share"
    );
    let mut points = Vec::new();
    for candidates in sizes() {
        let lengths = lengths(candidates);
        let (columns, memory): (Vec<_>, Vec<_>) =
            COLUMNS.into_iter().map(|column| of_engine(&bundle, candidates, column, &lengths)).unzip();
        for (row, length) in lengths.into_iter().enumerate() {
            let times: Vec<Times> = columns.iter().map(|times| times[row]).collect();
            let rate = useful(candidates, length) / times[1].scoring / 1e6;
            let text = |times: &Times| format!("{:.3} ({:.3}, {:.3})", times.median, times.least, times.greatest);
            let texts: Vec<String> = times.iter().map(|times| format!("{:>26}", text(times))).collect();
            println!(
                "{candidates:>7} {length:>3}  {}  {:>6.2} {rate:>7.1} {:>5.0}%",
                texts.join(" "),
                times[0].median / times[1].median,
                100.0 * rate / peak
            );
            points.push(chart::Point { candidates, length, times: times.iter().map(|times| times.median).collect() });
        }
        if candidates >= 1_000_000 {
            println!("memory before and with an engine, MB, in the order of the columns: {memory:.0?}");
        }
    }
    ranking::report(&bundle);
    allocations::report(|| with_products(&bundle, 236));
    if let Some(path) = std::env::var_os("SLIREC_BENCH_CHART") {
        std::fs::write(path, chart::draw(&points)).expect("a file to draw into");
    }
}
