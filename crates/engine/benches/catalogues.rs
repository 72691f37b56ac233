//! Requests against catalogues of any size: a table of latencies by kernels, cores and history lengths with the useful rate, its share
//! of what large products reach, and a chart. `make bench-catalogues`.
//!
//! `SLIREC_BENCH_BUNDLE` names the bundle, by default the demo model; `SIZES` the catalogues; `CHART` a file for the chart.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use slirec_core::bundle::Bundle;
use slirec_core::catalog::{Catalog, Product};
use slirec_engine::{Engine, EngineOptions, Kernels, RecommendationRequest, ViewedItem};
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::product::{Left, Right, Start, multiply};

const LENGTHS: [usize; 5] = [3, 7, 10, 20, 50];
/// Multiplications and additions of a pair of candidate and position, and of a candidate: the sizes of the demo.
const OF_A_PAIR: f64 = 2.0 * (40.0 * 80.0 + 80.0 * 40.0 + 40.0);
const OF_A_CANDIDATE: f64 = 2.0 * (40.0 * 80.0 + 80.0 * 40.0 + 40.0 + 40.0 * 100.0 + 100.0 * 64.0 + 64.0);
/// The original in its process: products, and milliseconds for a history of 10 (`docs/performance.md`).
const PEER: (f64, f64) = (234.0, 60.4);

fn main() {
    let path = std::env::var_os("SLIREC_BENCH_BUNDLE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/demo"), PathBuf::from);
    let bundle = Bundle::read(&path).expect("a bundle to measure");
    let sizes = std::env::var("SIZES").unwrap_or_else(|_| "249,1000,10000,100000".to_owned());
    let rate = rate_of_large_products();
    println!("large products on one core: {rate:.0} GFLOP/s ({})\n", InstructionSet::detect().name());
    println!(
        "{:>10} {:>4} {:>6} {:>6} {:>30} {:>9} {:>7}",
        "products", "L", "", "cores", "ms, median (least to most)", "GFLOP/s", "share"
    );
    let mut chart = BTreeMap::new();
    for size in sizes.split(',').map(|size| size.parse().expect("a number of products")) {
        for (kernels, workers) in [(Kernels::Stock, 1), (Kernels::Fused, 1), (Kernels::Fused, 2)] {
            let options = EngineOptions { kernels, workers, spread_from: 1, ..EngineOptions::default() };
            let engine = Engine::from_bundle(of_size(&bundle, size), &options).expect("an engine");
            assert_eq!(engine.kernels(), kernels, "the kernels know the bundle");
            for length in LENGTHS {
                let times = measure(&engine, length);
                let [least, median, most] = [times[0], times[times.len() / 2], times[times.len() - 1]];
                let operations = size as f64 * (OF_A_PAIR * length as f64 + OF_A_CANDIDATE);
                let reached = operations / median.as_secs_f64() / 1e9;
                let milliseconds = |time: Duration| 1e3 * time.as_secs_f64();
                let times =
                    format!("{:.3} ({:.3} to {:.3})", milliseconds(median), milliseconds(least), milliseconds(most));
                let share = 100.0 * reached / rate / workers as f64;
                println!(
                    "{size:>10} {length:>4} {:>6} {workers:>6} {times:>30} {reached:>9.0} {share:>6.0}%",
                    kernels.name()
                );
                if length == 10 {
                    let name = format!("{}, {workers} core{}", kernels.name(), if workers == 1 { "" } else { "s" });
                    chart.entry(name).or_insert_with(Vec::new).push((size as f64, milliseconds(median)));
                }
            }
        }
    }
    if let Some(path) = std::env::var_os("CHART") {
        std::fs::write(path, draw(&chart)).expect("the chart");
    }
}

/// The bundle with the first products of its catalogue, or with made-up ones behind them.
fn of_size(bundle: &Bundle, size: usize) -> Bundle {
    let available: Vec<Product> =
        bundle.catalog.products().iter().filter(|product| product.available).cloned().collect();
    let made = (0..size.saturating_sub(available.len())).map(|number| Product {
        handle: format!("made-{number}"),
        gid: format!("gid://shopify/Product/{}", number + 1),
        ..available[number % available.len()].clone()
    });
    let mut all: Vec<Product> = available.iter().take(size).cloned().collect();
    all.extend(made);
    let mut bundle = bundle.clone();
    bundle.catalog = Catalog::new(all).expect("a catalogue");
    bundle.manifest.golden_requests.clear();
    bundle
}

fn measure(engine: &Engine, length: usize) -> Vec<Duration> {
    let products = engine.catalog().products().iter().take(200).cycle().step_by(7);
    let history = products.take(length).zip(0..).map(|(product, minute)| ViewedItem {
        handle: product.handle.clone(),
        timestamp: 1_790_000_000.0 + 60.0 * f64::from(minute),
    });
    let request = RecommendationRequest::new(history.collect(), 1_790_100_000.0, 16);
    let once = || {
        let started = Instant::now();
        engine.recommend(request.clone()).expect("an answer");
        started.elapsed()
    };
    let first = once().max(Duration::from_micros(10));
    let runs = (Duration::from_millis(1_500).as_secs_f64() / first.as_secs_f64()).clamp(5.0, 2_000.0);
    let mut times: Vec<Duration> = (0..runs as usize).map(|_| once()).collect();
    times.sort_unstable();
    times
}

/// GFLOP/s of one core for products whose operands lie in the nearest caches.
fn rate_of_large_products() -> f64 {
    let (rows, inner, columns) = (240, 256, 80);
    let [left, right] = [rows * inner, inner * columns].map(|count| vec![0.5_f32; count]);
    let mut result = vec![0.0; rows * columns];
    let once = |result: &mut [f32]| {
        let started = Instant::now();
        for _ in 0..200 {
            let (left, right) = (Left::new(&left, rows, inner), Right::new(&right, columns));
            multiply(InstructionSet::detect(), left, right, Start::Zero, result, columns);
        }
        started.elapsed()
    };
    let least = (0..9).map(|_| once(&mut result)).min().expect("nine runs");
    200.0 * 2.0 * (rows * inner * columns) as f64 / least.as_secs_f64() / 1e9
}

/// Latency over catalogue size, both logarithmic, for histories of 10.
fn draw(lines: &BTreeMap<String, Vec<(f64, f64)>>) -> String {
    let (width, height, left, bottom) = (760.0, 420.0, 70.0, 370.0);
    let x = |size: f64| left + (size.log10() - 2.0) / 4.0 * 560.0;
    let y = |milliseconds: f64| bottom - (milliseconds.log10() + 1.0) / 5.0 * 340.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fffdf8\"/>\n\
         <text x=\"{left}\" y=\"20\" font-weight=\"bold\">Milliseconds a request over products, 10 views</text>\n"
    );
    for power in -1..=4_i32 {
        let (value, place) = (10_f64.powi(power), y(10_f64.powi(power)));
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {place:.0}H640\" stroke=\"#dcd6c8\"/><text x=\"60\" y=\"{:.0}\" text-anchor=\"end\">{value}</text>",
            place + 4.0
        );
    }
    for power in 2..=6_i32 {
        let place = x(10_f64.powi(power));
        let _ = writeln!(svg, "<text x=\"{place:.0}\" y=\"392\" text-anchor=\"middle\">{}</text>", 10_f64.powi(power));
    }
    for ((name, points), colour) in lines.iter().zip(["#0f5c4d", "#2a9d8f", "#a4262c", "#555555"]) {
        let path: Vec<String> = points.iter().map(|(size, time)| format!("{:.1} {:.1}", x(*size), y(*time))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\"/>",
            path.join(" ")
        );
        if let Some((size, time)) = points.last() {
            let _ = writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{:.0}\" fill=\"{colour}\">{name}</text>",
                x(*size) + 8.0,
                y(*time) + 4.0
            );
        }
    }
    let (x, y) = (x(PEER.0), y(PEER.1));
    let _ = writeln!(
        svg,
        "<circle cx=\"{x:.0}\" cy=\"{y:.0}\" r=\"5\" fill=\"#8a4b00\"/><text x=\"{:.0}\" y=\"{:.0}\" fill=\"#8a4b00\">the original</text>",
        x + 9.0,
        y + 4.0
    );
    svg + "</svg>\n"
}
