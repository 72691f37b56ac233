//! `model.onnx` against the engine: one file must answer what the bundle's three graphs and their Rust answer.

#![cfg(test)]

use std::path::Path;

use slirec_core::bundle::Bundle;
use slirec_core::parity::TOLERANCE;
use slirec_engine::{
    Answer, Engine, EngineError, EngineOptions, RecommendationRequest, SelfContainedModel, Source, self_contained,
};
use slirec_train::hyperparameters::Hyperparameters;
use slirec_train::model::Network;
use slirec_train::run::table_rows;

#[path = "support/bundle.rs"]
mod support;

use support::{Request, golden_requests};

/// Both sides of one bundle.
struct Sides {
    engine: Engine,
    model: SelfContainedModel,
}

impl Sides {
    fn new(directory: &Path, limit: usize) -> Self {
        let graph = self_contained(&Bundle::read(directory).unwrap(), limit).unwrap();
        let engine = Engine::load(directory, &EngineOptions::default()).unwrap();
        Self { engine, model: SelfContainedModel::load(&graph, None).unwrap() }
    }

    fn engine_answer(&self, request: &Request, now: f64, limit: usize) -> (Answer, Source) {
        let history = request.items.iter().zip(request.times());
        let answer = self.engine.recommend(RecommendationRequest::new(history.collect(), now, limit)).unwrap();
        let gid = |product: usize| self.engine.catalog().products()[product].gid.clone();
        let item_ids = answer.products.iter().map(|scored| gid(scored.product)).collect();
        let scores = answer.products.iter().map(|scored| scored.score).collect();
        (Answer { item_ids, scores }, answer.source)
    }

    /// Compares every candidate and answers the largest difference, and where the engine's scores come from.
    fn compare(&mut self, request: &Request, now: f64, limit: usize) -> (f32, Source) {
        let (expected, source) = self.engine_answer(request, now, limit);
        let found = self.model.recommend(&request.items, &request.timestamps, Some(now)).unwrap();
        assert_eq!(found.item_ids.len(), expected.item_ids.len());
        let score_of =
            |item: &String| expected.scores[expected.item_ids.iter().position(|other| other == item).unwrap()];
        let mut worst = 0.0_f32;
        for ((item, score), expected) in found.item_ids.iter().zip(&found.scores).zip(&expected.scores) {
            // Its own score in the engine, and the score at its place: where they differ by more, so does the order.
            worst = worst.max((score - score_of(item)).abs()).max((score - expected).abs());
        }
        (worst, source)
    }
}

fn request(items: &[&str], timestamps: &[&str]) -> Request {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Request { items: owned(items), timestamps: owned(timestamps) }
}

#[test]
fn every_golden_request_is_answered_as_the_engine_does_for_every_candidate() {
    let mut sides = Sides::new(support::bundle(|_| {}).path(), 1000);
    let (mut worst, mut popular) = (0.0_f32, 0);
    for golden in golden_requests() {
        let (difference, source) = sides.compare(&golden.request, golden.now, 1000);
        worst = worst.max(difference);
        popular += usize::from(source == Source::Popular);
    }
    println!("worst difference {worst:e}");
    assert!(worst <= TOLERANCE, "worst difference {worst}");
    assert_eq!(popular, 1, "one golden history is wholly unknown");
}

#[test]
fn a_bundle_with_counts_answers_as_the_engine_does() {
    let mut sides = Sides::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo"), 1000);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo");
    let bundle = Bundle::read(&directory).unwrap();
    sides.model.check_golden(&bundle).unwrap();
    for golden in golden_requests() {
        assert!(sides.compare(&golden.request, golden.now, 1000).0 <= TOLERANCE);
    }
    // Popularity's scores and order, ties included, are the engine's.
    let unknown = request(&["no-such-product"], &["1794900000"]);
    let (expected, source) = sides.engine_answer(&unknown, 1_794_900_000.0, 1000);
    assert_eq!(source, Source::Popular);
    assert_eq!(sides.model.recommend(&unknown.items, &unknown.timestamps, None).unwrap(), expected);
}

/// A bundle of random weights with everything that training can add to the graphs.
fn extended_bundle() -> tempfile::TempDir {
    let vocabulary = Bundle::read(support::bundle(|_| {}).path()).unwrap().vocabulary;
    let mut hyperparameters = Hyperparameters { model: support::extended_sizes(), ..Hyperparameters::default() };
    hyperparameters.training.initial_deviation = 0.3;
    let sizes = &hyperparameters.model;
    assert!(sizes.transition_size > 0 && !sizes.long_term_padding);
    let network = Network::start(&hyperparameters, &table_rows(&vocabulary), 5).unwrap();
    support::bundle_of(sizes, network.weights(), |_| {})
}

#[test]
fn transitions_no_padding_and_the_last_view_s_gate_are_in_the_graph_too() {
    let mut sides = Sides::new(extended_bundle().path(), 1000);
    for golden in golden_requests() {
        let (difference, _) = sides.compare(&golden.request, golden.now, 1000);
        assert!(difference <= TOLERANCE, "{difference}");
    }
    // The comparison can fail: another time is another answer.
    let asked = &golden_requests()[0];
    let (expected, _) = sides.engine_answer(&asked.request, asked.now + 1e8, 1000);
    let found = sides.model.recommend(&asked.request.items, &asked.request.timestamps, Some(asked.now)).unwrap();
    assert!(found.scores.iter().zip(&expected.scores).any(|(left, right)| (left - right).abs() > TOLERANCE));
}

#[test]
fn an_empty_history_and_one_whose_used_part_is_unknown_get_the_popular_products() {
    let mut sides = Sides::new(support::bundle(|_| {}).path(), 16);
    let longest: Vec<&str> = std::iter::once("novel").chain(std::iter::repeat_n("no-such-product", 50)).collect();
    for items in [vec![], longest] {
        let asked = request(&items, &vec!["1794900000"; items.len()]);
        let (expected, source) = sides.engine_answer(&asked, 1_794_900_000.0, 16);
        assert_eq!(source, Source::Popular);
        assert_eq!(sides.model.recommend(&asked.items, &asked.timestamps, None).unwrap(), expected);
    }
}

#[test]
fn without_now_the_newest_timestamp_counts_and_milliseconds_mean_the_same_as_seconds() {
    let mut sides = Sides::new(support::bundle(|_| {}).path(), 16);
    let asked = request(&["novel", "brush", "no-such-product"], &["1794903600", "1795903600.5", "1794900000"]);
    let milliseconds = ["1794903600000", "1795903600500", "1794900000000"].map(str::to_owned);
    let without = sides.model.recommend(&asked.items, &asked.timestamps, None).unwrap();
    let newest = sides.model.recommend(&asked.items, &asked.timestamps, Some(1_795_903_600.5)).unwrap();
    let later = sides.model.recommend(&asked.items, &asked.timestamps, Some(1_895_903_600.0)).unwrap();
    assert_eq!(without, newest);
    assert_eq!(without, sides.model.recommend(&asked.items, &milliseconds, Some(1_795_903_600_500.0)).unwrap());
    assert_ne!(without, later);
    assert!(sides.compare(&asked, 1_895_903_600.0, 16).0 <= TOLERANCE);
}

#[test]
fn unavailable_products_are_never_answered_but_count_in_histories() {
    let mut sides = Sides::new(
        support::bundle(|products| products.iter_mut().skip(2).for_each(|product| product.available = false)).path(),
        16,
    );
    let asked = request(&["novel"], &["1794900000"]);
    let answer = sides.model.recommend(&asked.items, &asked.timestamps, None).unwrap();
    assert_eq!(answer.item_ids.len(), 2);
    assert!(sides.compare(&asked, 1_794_900_000.0, 16).0 <= TOLERANCE);
    let nothing = support::bundle(|products| products.iter_mut().for_each(|product| product.available = false));
    let error = self_contained(&Bundle::read(nothing.path()).unwrap(), 16).unwrap_err();
    assert!(matches!(error, EngineError::SelfContained(_)), "{error}");
}

#[test]
fn times_that_are_no_numbers_or_too_few_fail() {
    let mut sides = Sides::new(support::bundle(|_| {}).path(), 16);
    for asked in [request(&["novel"], &["yesterday"]), request(&["novel", "brush"], &["1794900000"])] {
        assert!(sides.model.recommend(&asked.items, &asked.timestamps, None).is_err());
    }
}
