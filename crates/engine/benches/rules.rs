//! What filters and rules cost: a catalogue of 100,000 products with attributes enters, latencies with and without them leave.
//!
//! `make bench-rules` prints, for the ranking network and for SLi-Rec, whole requests (median of requests that take turns
//! with plain ones in one run): with filters of several widths, and with a scenario of 1,000 rules. The wish is arranged
//! within the measured time, as the service does; first uses, which compute what is kept, stand in a column of their own.
//! `SLIREC_BENCH_BUNDLE` names the bundle of SLi-Rec, `SLIREC_BENCH_PRODUCTS` another size of the catalogue.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark that cannot run has nothing to report"
)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use slirec_core::bundle::Bundle;
use slirec_core::catalog::{Catalog, Product};
use slirec_engine::{Engine, EngineOptions, RecommendationRequest};
use slirec_merchandising::{Merchandising, ScenarioFile, Wish};

#[path = "support/catalogue.rs"]
mod catalogue;
#[path = "support/network.rs"]
mod network;
#[path = "../tests/support/random_weights.rs"]
mod random_weights;

/// Requests of each kind, and how often all of them take turns.
const TURNS: usize = 60;

/// The products with a price, a vendor, tags and whether they are new.
fn with_attributes(bundle: Bundle) -> Bundle {
    let products = bundle.catalog.products().iter().enumerate().map(|(number, product)| {
        let mut product: Product = product.clone();
        let mut set = |name: &str, text: String| product.attributes.insert(name, &text);
        set("price", format!("{}.{:02}", number * 7_919 % 200, number % 100));
        set("vendor", format!("vendor-{}", number * 31 % 997));
        set("fresh", (number * 13 % 10 < 3).to_string());
        product
    });
    Bundle { catalog: Catalog::new(products.collect()).expect("a catalogue"), ..bundle }
}

/// 1,000 rules: boosts and buries by vendor and price, a few that refer to the viewed product.
fn rules() -> String {
    let mut text = String::from("[rules]\n");
    for number in 0..1_000 {
        let (kind, by) = if number % 10 == 0 { ("bury", String::new()) } else { ("boost", "by = 1.1\n".to_owned()) };
        let when = match number % 20 {
            1 => format!("same.category && price < {}", number % 200),
            2 => "!same.vendor && fresh".to_owned(),
            _ => format!("vendor == \"vendor-{}\" && price < {}", number % 997, 50 + number % 150),
        };
        text.push_str(&format!("[[rules.{kind}]]\nwhen = '{when}'\n{by}"));
    }
    text
}

struct Kind {
    name: &'static str,
    wish: Option<Wish>,
    times: Vec<f64>,
    first: f64,
}

fn kinds() -> Vec<Kind> {
    let filter = |text: &str| Wish { filter: Some(text.to_owned()), ..Wish::default() };
    let kinds = [
        ("plain", None),
        ("filter, 75 % pass", Some(filter("price >= 50"))),
        ("filter, 25 % pass", Some(filter("price < 50.0 && has(vendor)"))),
        ("filter, 5 % pass", Some(filter("price < 10"))),
        ("filter, 0.1 % pass", Some(filter("vendor == \"vendor-7\""))),
        ("filter on the viewed", Some(filter("price < 50 && !same.vendor"))),
        ("1,000 rules", Some(Wish { scenario: Some("rules".to_owned()), ..Wish::default() })),
    ];
    kinds.into_iter().map(|(name, wish)| Kind { name, wish, times: Vec::new(), first: 0.0 }).collect()
}

/// A request as the service makes it of a wish.
fn request(engine: &Engine, rules: &Merchandising, wish: Option<&Wish>, turn: usize) -> RecommendationRequest {
    let products = engine.catalog().products();
    let viewed = turn * 7 % products.len().min(1_000);
    let history =
        (0..7).map(|view| (products[(viewed + 31 * view) % products.len()].handle.as_str(), 1e9 + view as f64));
    let mut request = RecommendationRequest::new(history.collect(), 1e9 + 60.0, 16);
    if let Some(wish) = wish {
        let viewed = Some((viewed + 31 * 6) % products.len());
        let arranged = rules.arrange(&Wish { viewed, ..wish.clone() }).expect("an arrangement");
        request.selection.allowed = arranged.allowed;
        request.arrangement = arranged.arrangement;
    }
    request
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn report(name: &str, bundle: Bundle) {
    let file = ScenarioFile::parse(&rules(), Path::new("rules.toml")).expect("scenarios");
    let began = Instant::now();
    let (rules, _) = Merchandising::new(&bundle.catalog, Some(&file)).expect("rules");
    let made = began.elapsed().as_secs_f64() * 1e3;
    let options = EngineOptions { workers: 1, ..EngineOptions::default() };
    let engine = Engine::from_bundle(bundle, &options).expect("an engine");
    let products = engine.catalog().products().len();
    println!("{name}, {products} products, one worker, 7 views; columns and 1,000 rules made in {made:.0} ms");
    println!("{:>22} {:>12} {:>12} {:>12}", "", "median, ms", "to plain", "first, ms");
    let mut kinds = kinds();
    for turn in 0..TURNS {
        // A plain one beside each, so that what else the machine does meets both.
        for kind in &mut kinds {
            let began = Instant::now();
            let request = request(&engine, &rules, kind.wish.as_ref(), turn % 20);
            engine.recommend(request).expect("an answer");
            let took = began.elapsed().as_secs_f64() * 1e3;
            match turn {
                0 => kind.first = took,
                // All viewed products have come once.
                1..20 => {}
                _ => kind.times.push(took),
            }
        }
    }
    let plain = median(&mut kinds[0].times);
    for kind in &mut kinds {
        let found = median(&mut kind.times);
        println!("{:>22} {found:>12.3} {:>+11.1} % {:>11.3}", kind.name, (found / plain - 1.0) * 100.0, kind.first);
    }
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bundle = std::env::var("SLIREC_BENCH_BUNDLE").map_or(root.join("tests/fixtures/sli_rec_demo"), PathBuf::from);
    let count = std::env::var("SLIREC_BENCH_PRODUCTS").map_or(100_000, |count| count.parse().expect("a number"));
    let bundle = Bundle::read(&bundle).expect("a bundle to measure");
    let many = with_attributes(catalogue::with_products(bundle, count));
    report("ranking network, width 64", network::of_width(&many, 64));
    report("SLi-Rec", many);
}
