//! Rates and latencies of scoring, stock and fused, in one run beside this machine's rate in a large matrix product.
//!
//! `make bench` prints for histories of 3, 10, 20 and 50 views and 236, 1,000, 10,000 and 100,000 candidates: the time of a
//! whole request (median, with the least and the greatest) by ONNX Runtime and by the fused kernels, exact and selecting
//! by bf16, on one and on two cores, and the useful rate of the exact fused kernels with its share of the matrix product's.
//! For 100,000 and 1,000,000 candidates it measures 7 views too (a million: those alone, and the memory of an engine), and
//! for 10,000 and 100,000 how many of the exact best 16 the selection by bf16 finds.
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
use std::time::{Duration, Instant};

use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions, Kernels, Precision, RecommendationRequest};

#[path = "support/allocations.rs"]
mod allocations;
#[path = "support/catalogue.rs"]
mod catalogue;
#[path = "support/chart.rs"]
mod chart;
#[path = "../tests/support/random_weights.rs"]
mod random_weights;
#[path = "support/ranking.rs"]
mod ranking;
#[path = "support/recall.rs"]
mod recall;
#[path = "support/sgemm.rs"]
mod sgemm;
#[path = "support/widths.rs"]
mod widths;

const LENGTHS: [usize; 4] = [3, 10, 20, 50];
const CANDIDATES: [usize; 5] = [236, 1_000, 10_000, 100_000, 1_000_000];
/// How long each cell is measured, at least.
const MEASURED_FOR: Duration = Duration::from_millis(400);
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
    while times.len() < REPEATS.0 || (started.elapsed() < MEASURED_FOR && times.len() < REPEATS.1) {
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

/// Code that computes, with its precision and its number of workers: the columns of the table.
const COLUMNS: [(Kernels, Precision, usize); 5] = [
    (Kernels::OnnxRuntime, Precision::F32, 1),
    (Kernels::Fused, Precision::F32, 1),
    (Kernels::Fused, Precision::F32, 2),
    (Kernels::Fused, Precision::Bf16, 1),
    (Kernels::Fused, Precision::Bf16, 2),
];

/// Whole requests of histories of some lengths, and the memory of the process beforehand and with the engine, in MB.
fn of_engine(
    bundle: &Path,
    candidates: usize,
    (kernels, precision, workers): (Kernels, Precision, usize),
    lengths: &[usize],
) -> (Vec<Times>, [f64; 2]) {
    let before = resident();
    let options =
        EngineOptions { kernels, precision, workers, approximate_from: 1, spread_from: 1, ..EngineOptions::default() };
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

/// Memory of this process, in MB; 0 where the system does not tell.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or_default() / 1024.0
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
    let [of_gemm, of_product] = sgemm::gigaflops();
    let peak = of_gemm.max(of_product);
    println!("matrix product on one core: {of_gemm:.0} GFLOP/s by the gemm crate, {of_product:.0} by our own kernel");
    println!("GFLOP/s and share of the better: useful operations of the fused kernels while they score and rank");
    println!("instruction set: {}", slirec_kernels::instruction_set::InstructionSet::detect().name());
    println!("times in ms: median (least, greatest)");
    println!(
        "{:>7} {:>3}  {:>26} {:>26} {:>26} {:>26} {:>26}  {:>6} {:>7} {:>6}",
        "N", "L", "stock", "fused", "fused, two cores", "bf16", "bf16, two cores", "ratio", "GFLOP/s", "share"
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
        if (10_000..1_000_000).contains(&candidates) {
            recall::report(|| with_products(&bundle, candidates));
        }
    }
    ranking::report(&bundle);
    allocations::report(|| with_products(&bundle, 236));
    if let Some(path) = std::env::var_os("SLIREC_BENCH_CHART") {
        std::fs::write(path, chart::draw(&points)).expect("a file to draw into");
    }
}
