//! The ranking network over catalogues of any size: whole requests of which every product is scored and of which a
//! shortlist is, on one and on two cores, beside the rate at which this machine reads memory, measured in the same run.
//!
//! `make bench` prints for 1,000 to 1,000,000 products and histories of 3, 7 and 50 views: the time of a request (median,
//! with the least and the greatest), the length of the shortlist, and how many of the best 16 it has. Then, for up to
//! 10,000,000 products, the first stage alone: its time, the bytes that it reads of each product, its rate and the share
//! of that of memory.
//!
//! Networks have random weights of width 64 and 50 neighbours of each item. `SLIREC_BENCH_PRODUCTS` lists other sizes,
//! `SLIREC_BENCH_BUNDLE` names a bundle of a trained ranking network to be measured with its own catalogue instead.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark that cannot run has nothing to report"
)]

use std::path::Path;

use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions, Kernels, RecommendationRequest};

#[path = "support/catalogue.rs"]
mod catalogue;
#[path = "support/first_stage.rs"]
mod first_stage;
#[path = "support/measuring.rs"]
mod measuring;
#[path = "support/network.rs"]
mod network;
#[path = "../tests/support/random_weights.rs"]
mod random_weights;

use measuring::{Times, measure, resident};

const LENGTHS: [usize; 3] = [3, 7, 50];
const PRODUCTS: [usize; 6] = [1_000, 3_000, 10_000, 100_000, 1_000_000, 10_000_000];
const WIDTH: usize = 64;
/// More products than this have no engine here: their tables would not fit the files of ONNX.
const LARGEST_ENGINE: usize = 1_000_000;
/// From which size on shortlists are scored, and the number of workers: the columns of the table.
const COLUMNS: [(usize, usize); 3] = [(usize::MAX, 1), (1, 1), (1, 2)];
/// Histories whose answers are compared.
const COMPARED: usize = 200;

fn request(engine: &Engine, length: usize, first: usize) -> RecommendationRequest {
    let products = engine.catalog().products();
    let views = (0..length).map(|place| {
        let product = &products[(first * 7_919 + place * 104_729) % products.len()];
        (product.handle.as_str(), 1_790_000_000.0 + 60.0 * place as f64)
    });
    RecommendationRequest::new(views.collect(), 1_790_100_000.0, 16)
}

/// An engine, and by how many MB the process has grown with it.
fn engine(bundle: Bundle, (shortlist_from, workers): (usize, usize)) -> (Engine, f64) {
    let before = resident();
    let options = EngineOptions { shortlist_from, workers, spread_from: 1, ..EngineOptions::default() };
    let engine = Engine::from_bundle(bundle, &options).expect("an engine");
    assert_eq!(engine.kernels(), Kernels::Fused, "the kernels take the network");
    (engine, resident() - before)
}

/// How many of the exact best 16 the shortlists have, and how long these are.
fn recall(exact: &Engine, short: &Engine) -> String {
    let (mut found, mut expected, mut equal, mut lengths) = (0, 0, 0, Vec::new());
    for number in 0..COMPARED {
        let request = request(exact, [1, 3, 7, 10, 20, 50][number % 6], number);
        let [best, answer] = [exact, short].map(|engine| engine.recommend(request.clone()).expect("an answer"));
        found += best.products.iter().filter(|product| answer.products.contains(product)).count();
        expected += best.products.len();
        equal += usize::from(best.products == answer.products);
        lengths.push(answer.shortlist.unwrap_or(answer.scored_candidates));
    }
    lengths.sort_unstable();
    format!(
        "recall@16 {:.5} ({equal} of {COMPARED} answers the same), {} products of a shortlist (median), at most {}",
        found as f64 / expected as f64,
        lengths[COMPARED / 2],
        lengths[COMPARED - 1]
    )
}

/// One row for each length of history.
fn report(bundle: &Bundle) {
    let products = bundle.catalog.products().len();
    let mut table: Vec<Vec<Times>> = Vec::new();
    let (mut exact, mut memory, mut said) = (None, Vec::new(), String::new());
    for (number, column) in COLUMNS.into_iter().enumerate() {
        let (engine, megabytes) = engine(bundle.clone(), column);
        memory.push(megabytes);
        let of_length = |length: &usize| {
            let request = request(&engine, *length, 0);
            measure(|| engine.recommend(request.clone()).expect("an answer").timings.score)
        };
        table.push(LENGTHS.iter().map(of_length).collect());
        match number {
            0 => exact = Some(engine),
            1 => said = exact.take().map(|exact| recall(&exact, &engine)).unwrap_or_default(),
            _ => {}
        }
    }
    for (row, length) in LENGTHS.into_iter().enumerate() {
        let text = |times: &Times| format!("{:.3} ({:.3}, {:.3})", times.median, times.least, times.greatest);
        let cells: Vec<String> = table.iter().map(|times| format!("{:>26}", text(&times[row]))).collect();
        println!("{products:>9} {length:>3}  {}", cells.join(" "));
    }
    println!("{products:>9} {said}; grown by {memory:.0?} MB with each engine");
}

fn main() {
    // Cargo says `--bench` when it benchmarks; tests of all targets only see that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("instruction set: {}", slirec_kernels::instruction_set::InstructionSet::detect().name());
    println!("times in ms: median (least, greatest)");
    println!(
        "{:>9} {:>3}  {:>26} {:>26} {:>26}",
        "products", "L", "all products", "two stages", "two stages, two cores"
    );
    if let Some(bundle) = std::env::var_os("SLIREC_BENCH_BUNDLE") {
        return report(&Bundle::read(Path::new(&bundle)).expect("a bundle of a ranking network"));
    }
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sli_rec_demo");
    let sizes = match std::env::var("SLIREC_BENCH_PRODUCTS") {
        Ok(sizes) => sizes.split(',').map(|size| size.trim().parse().expect("sizes of catalogues")).collect(),
        Err(_) => PRODUCTS.to_vec(),
    };
    for products in sizes.iter().filter(|products| **products <= LARGEST_ENGINE) {
        let demo = catalogue::with_products(Bundle::read(&demo).expect("a bundle"), *products);
        report(&network::of_width(&demo, WIDTH));
    }
    first_stage::report(&sizes, WIDTH);
}
