//! How many of the exact best products a selection by bf16 finds: a bundle enters, the share of them leaves.

use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions, Precision};

/// Histories that are asked about, of all lengths.
const HISTORIES: usize = 200;
const LENGTHS: [usize; 6] = [1, 3, 7, 10, 20, 50];

/// Prints recall@16 over many histories; none where the processor has no instructions for bf16.
pub(crate) fn report(bundle: impl Fn() -> Bundle) {
    let load = |precision| {
        let options = EngineOptions { precision, approximate_from: 1, workers: 2, ..EngineOptions::default() };
        Engine::from_bundle(bundle(), &options).expect("an engine")
    };
    let [exact, selecting] = [Precision::F32, Precision::Bf16].map(load);
    if selecting.precision() == Precision::F32 {
        println!("no recall: this processor does not score by bf16");
        return;
    }
    let (mut found, mut expected, mut whole) = (0, 0, 0);
    for number in 0..HISTORIES {
        let request = super::request(&exact, LENGTHS[number % LENGTHS.len()], number);
        let [exact, selected] =
            [&exact, &selecting].map(|engine| engine.recommend(request.clone()).expect("an answer").products);
        let both = exact.iter().filter(|product| selected.contains(product)).count();
        whole += usize::from(exact == selected);
        (found, expected) = (found + both, expected + exact.len());
    }
    println!(
        "{} products: recall@16 of bf16 {:.5} ({found} of {expected} products with their exact scores; {whole} of {HISTORIES} answers equal)",
        exact.catalog().products().len(),
        found as f64 / expected as f64
    );
}
