//! Answers that were selected in numbers of 16 bits against exact ones. Every test runs the plain code for such numbers,
//! so that all processors test the same.

#![cfg(test)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use slirec_core::bundle::Bundle;
use slirec_engine::{
    Engine, EngineOptions, Kernels, Precision, RecommendationRequest, Recommendations, ScoredProduct, Selection,
};
use slirec_kernels::bf16::Bf16Set;
use slirec_train::weights::{Array, TableRows, Weights, specifications};

#[path = "support/bundle.rs"]
mod support;

use support::{bundle, bundle_of, extended_sizes, golden_requests};

/// Selects by bf16 whatever the size of the catalogue.
fn bf16() -> EngineOptions {
    EngineOptions {
        precision: Precision::Bf16,
        emulate_bf16: true,
        approximate_from: 1,
        spread_from: usize::MAX,
        ..EngineOptions::default()
    }
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sli_rec_demo")
}

/// An exact engine and one that selects by bf16.
fn engines(folder: &Path) -> [Engine; 2] {
    let exact = Engine::load(folder, &EngineOptions::default()).unwrap();
    let approximate = Engine::load(folder, &bf16()).unwrap();
    assert_eq!((exact.precision(), approximate.precision()), (Precision::F32, Precision::Bf16));
    [exact, approximate]
}

fn request(views: impl IntoIterator<Item = (String, f64)>, now: f64, limit: usize) -> RecommendationRequest {
    RecommendationRequest::new(views.into_iter().collect(), now, limit)
}

/// Views of every seventh product from one on, a few minutes to days apart.
fn made_up(engine: &Engine, first: usize, length: usize, limit: usize) -> RecommendationRequest {
    let products = engine.catalog().products().iter().cycle().skip(first).step_by(7).take(length);
    let views = products.zip(0..).map(|(product, number)| {
        let number = f64::from(number);
        (product.handle.clone(), 1_794_000_000.0 + 300.0 * number * number)
    });
    request(views, 1_794_990_000.0, limit)
}

fn ask(engine: &Engine, request: &RecommendationRequest) -> Recommendations {
    engine.recommend(request.clone()).unwrap()
}

/// How many of the exact best an answer holds; each product's score must have the exact bits.
fn hits(exact: &Recommendations, all: &Recommendations, answer: &Recommendations) -> usize {
    assert_eq!(answer.products.len(), exact.products.len());
    assert_eq!(answer.scored_candidates, exact.scored_candidates);
    let scores: HashMap<usize, u32> = all.products.iter().map(|best| (best.product, best.score.to_bits())).collect();
    assert!(answer.products.iter().all(|best| scores.get(&best.product) == Some(&best.score.to_bits())));
    let found = |best: &&ScoredProduct| answer.products.contains(*best);
    exact.products.iter().filter(found).count()
}

/// Recall of the exact best 16 over some requests, with the number of products that it is of.
fn recall(engines: &[Engine; 2], requests: impl IntoIterator<Item = RecommendationRequest>) -> (f64, usize) {
    let [exact, approximate] = engines;
    let (mut found, mut expected) = (0, 0);
    for request in requests {
        let all = ask(exact, &RecommendationRequest { limit: usize::MAX, ..request.clone() });
        let best = ask(exact, &request);
        found += hits(&best, &all, &ask(approximate, &request));
        expected += best.products.len();
    }
    (found as f64 / expected as f64, expected)
}

#[test]
fn the_best_16_of_the_golden_requests_are_found_with_their_exact_scores() {
    let requests = golden_requests().into_iter().map(|golden| {
        let times = golden.request.times();
        request(golden.request.items.into_iter().zip(times), golden.now, 16)
    });
    let (recall, products) = recall(&engines(bundle(|_| {}).path()), requests);
    println!("recall@16 of {products} products: {recall}");
    assert!(products > 600 && recall >= 0.999, "{recall} of {products}");
}

#[test]
fn the_best_16_of_the_demo_are_found_with_their_exact_scores() {
    let engines = engines(&demo());
    let golden = Bundle::read(&demo()).unwrap().manifest.golden_requests;
    let recorded =
        golden.into_iter().map(|golden| request(golden.items.into_iter().zip(golden.timestamps), golden.now, 16));
    let others: Vec<RecommendationRequest> =
        (0..100).map(|number| made_up(&engines[0], number, [1, 3, 7, 20, 50][number % 5], 16)).collect();
    let (recall, products) = recall(&engines, recorded.chain(others));
    println!("recall@16 of {products} products: {recall}");
    assert!(products > 1_600 && recall >= 0.999, "{recall} of {products}");
}

#[test]
fn pages_exclusions_limits_and_explanations_are_those_of_exact_answers() {
    let [exact, approximate] = engines(&demo());
    let all = ask(&exact, &made_up(&exact, 3, 5, usize::MAX));
    let name = |place: usize| exact.catalog().products()[all.products[place].product].handle.clone();
    let category = exact.catalog().products()[all.products[0].product].category.clone();
    let selections = [
        Selection { offset: 8, ..Selection::default() },
        Selection { min_score: Some(all.products[5].score), ..Selection::default() },
        Selection { exclude_seen: true, ..Selection::default() },
        Selection { exclude: (0..10).map(name).collect(), ..Selection::default() },
        Selection { exclude_categories: [category.clone()].into_iter().collect(), ..Selection::default() },
        Selection { categories: Some([category].into_iter().collect()), ..Selection::default() },
        Selection { include_only: Some((20..40).map(name).collect()), ..Selection::default() },
        Selection { per_category: Some(1), ..Selection::default() },
    ];
    for selection in selections {
        let request = RecommendationRequest { selection, explain: true, ..made_up(&exact, 3, 5, 8) };
        let [expected, answer] = [&exact, &approximate].map(|engine| ask(engine, &request));
        assert!(!expected.products.is_empty(), "{request:?}");
        assert_eq!(answer.products, expected.products, "{request:?}");
        assert_eq!(answer.explanations, expected.explanations);
    }
    let whole = made_up(&exact, 3, 5, 1_000);
    assert_eq!(ask(&approximate, &whole).products, all.products);
}

#[test]
fn one_worker_and_several_that_share_a_request_give_the_same_answer() {
    let load = |workers, spread_from| Engine::load(&demo(), &EngineOptions { workers, spread_from, ..bf16() }).unwrap();
    let (one, shared) = (load(1, usize::MAX), load(3, 1));
    for first in 0..30 {
        let request = made_up(&one, first, first + 1, 16);
        assert_eq!(ask(&shared, &request).products, ask(&one, &request).products);
    }
}

#[test]
fn what_overflows_16_bits_is_scored_exactly() {
    let sizes = extended_sizes();
    let vocabulary = Bundle::read(bundle(|_| {}).path()).unwrap().vocabulary;
    let rows = TableRows { items: vocabulary.item_rows(), features: vocabulary.feature_rows() };
    let mut weights = Weights::default();
    for specification in specifications(&sizes, &rows) {
        let count: usize = specification.shape.iter().product();
        let number = |place: usize| 0.2 * ((place * 37 % 101) as f32 / 50.0 - 1.0);
        let mut values: Vec<f32> = match specification.name.as_str() {
            name if name.contains("variance") => vec![1.0; count],
            "transition.from" => vec![0.0; count],
            _ => (0..count).map(number).collect(),
        };
        if specification.name == "transition.to" {
            // Times 0 it is 0; rounded to 16 bits it is infinite, and times 0 no number.
            values[sizes.transition_size * 5] = f32::MAX;
        }
        if specification.name == "transition.bias" {
            // The best product of all.
            values[5] = 30.0;
        }
        weights.insert(specification.name, Array { shape: specification.shape, values });
    }
    let folder = bundle_of(&sizes, &weights, |_| {});
    let [exact, approximate] = engines(folder.path());
    let request = made_up(&exact, 0, 4, 16);
    let [expected, answer] = [&exact, &approximate].map(|engine| ask(engine, &request));
    assert_eq!((answer.spoiled_scores, answer.products.len()), (0, 16));
    assert_eq!(answer.products, expected.products);
    let best = &exact.catalog().products()[answer.products[0].product].handle;
    assert_eq!(vocabulary.item_id(best), 5);
}

#[test]
fn what_cannot_be_scored_by_bf16_or_not_faster_is_scored_exactly() {
    let load = |options: &EngineOptions| Engine::load(&demo(), options).unwrap();
    let graphs = load(&EngineOptions { kernels: Kernels::OnnxRuntime, ..bf16() });
    assert_eq!((graphs.kernels(), graphs.precision()), (Kernels::OnnxRuntime, Precision::F32));
    let of_processor = load(&EngineOptions { emulate_bf16: false, ..bf16() });
    let has_instructions = Bf16Set::detect().is_some();
    assert_eq!(of_processor.precision() == Precision::Bf16, has_instructions);
    let request = made_up(&graphs, 0, 4, 16);
    assert_eq!(ask(&graphs, &request).products.len(), 16);
    assert_eq!(ask(&of_processor, &request).products.len(), 16);
}
