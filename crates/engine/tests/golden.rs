//! The engine against the original stack: a bundle of the original's weights must give the original's scores.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use slirec_core::bundle::Bundle;
use slirec_core::lookup::ItemLookup;
use slirec_core::parity::TOLERANCE;
use slirec_engine::{
    BundleScorer, Engine, EngineOptions, Kernels, Overloaded, Priority, RecommendationRequest, Recommendations, Source,
};
use tempfile::TempDir;

#[path = "support/bundle.rs"]
mod support;

use support::{bundle, golden_requests};

fn engine(folder: &TempDir) -> Engine {
    Engine::load(folder.path(), &EngineOptions { workers: 2, ..EngineOptions::default() }).unwrap()
}

fn request(handles: &[&str], limit: usize) -> RecommendationRequest {
    let history = (0..).zip(handles).map(|(minute, handle)| (*handle, 1_794_900_000.0 + 60.0 * f64::from(minute)));
    RecommendationRequest::new(history.collect(), 1_794_990_000.0, limit)
}

fn handles(engine: &Engine, answer: &Recommendations) -> Vec<String> {
    answer.products.iter().map(|scored| engine.catalog().products()[scored.product].handle.clone()).collect()
}

#[test]
fn the_graphs_give_the_original_s_score_for_every_golden_request_and_item() {
    let folder = bundle(|_| {});
    let bundle = Bundle::read(folder.path()).unwrap();
    let mut scorer = BundleScorer::from_bundle(&bundle, None).unwrap();
    let lookup = ItemLookup::new(&bundle.catalog, &bundle.vocabulary, bundle.manifest.model.network);
    let mut worst = 0.0_f32;
    for golden in golden_requests() {
        let (history, candidates) = golden.encoded(&bundle, &lookup);
        let scores = scorer.score(&history, &candidates).unwrap();
        assert_eq!(scores.len(), 234);
        for (score, expected) in scores.iter().zip(golden.scores.values()) {
            worst = worst.max((score - expected).abs());
        }
    }
    assert!(worst <= TOLERANCE, "worst difference {worst}");
}

#[test]
fn every_golden_request_with_a_known_item_gets_the_original_s_top_sixteen() {
    let engine = engine(&bundle(|_| {}));
    let mut popular = 0;
    for golden in golden_requests() {
        let history = golden.request.items.iter().zip(golden.request.times()).collect();
        let request = RecommendationRequest::new(history, golden.now, 16);
        let answer = engine.recommend(request).unwrap();
        assert_eq!(answer.products.len(), 16);
        if answer.source == Source::Popular {
            // Ours: a history without any known item says nothing, so the answer is popularity's and labelled.
            assert_eq!(answer.unknown_items, golden.request.items.len());
            popular += 1;
            continue;
        }
        for (expected, scored) in golden.top16.iter().zip(&answer.products) {
            let product = &engine.catalog().products()[scored.product];
            let same = product.handle == expected.handle && product.gid == expected.gid;
            let close = (golden.scores[&product.handle] - expected.pred).abs() <= TOLERANCE;
            assert!(same || close, "{} instead of {}", product.handle, expected.handle);
            assert!((scored.score - golden.scores[&product.handle]).abs() <= TOLERANCE, "{}", product.handle);
        }
    }
    assert_eq!(popular, 1, "one golden history is wholly unknown");
}

#[test]
fn an_empty_or_unknown_history_gets_the_popular_products_and_says_so() {
    let engine = engine(&bundle(|_| {}));
    for history in [&[][..], &["no-such-product", "nor-this"]] {
        let answer = engine.recommend(request(history, 5)).unwrap();
        assert_eq!((answer.source, answer.unknown_items), (Source::Popular, history.len()));
        // The golden vocabulary keeps no counts: its ids stand in order of frequency.
        assert_eq!(handles(&engine, &answer)[..2], ["towel-1", "graphic-novel"]);
    }
}

#[test]
fn unknown_handles_beside_known_ones_are_counted_and_the_model_still_answers() {
    let engine = engine(&bundle(|_| {}));
    let answer = engine.recommend(request(&["novel", "no-such-product"], 16)).unwrap();
    assert_eq!((answer.source, answer.unknown_items, answer.products.len()), (Source::Model, 1, 16));
}

#[test]
fn many_requests_are_answered_in_their_order_as_each_alone() {
    let engine = engine(&bundle(|_| {}));
    let histories = [&["novel"][..], &[], &["towel-1", "novel"], &["no-such-product"], &["graphic-novel"]];
    let requests = || histories.iter().cycle().take(200).map(|history| request(history, 16));
    let answers = engine.recommend_all(requests()).unwrap();
    assert_eq!(answers.len(), 200);
    for (request, answer) in requests().zip(answers) {
        let alone = engine.recommend(request).unwrap();
        assert_eq!((answer.source, &answer.products), (alone.source, &alone.products));
    }
    assert!(engine.recommend_all([]).unwrap().is_empty());
}

#[test]
fn histories_of_any_length_and_any_order_of_times_are_answered_with_finite_falling_scores() {
    let engine = engine(&bundle(|_| {}));
    for length in [1, 2, 49, 50, 51, 1000] {
        let mut asked = request(&vec!["novel"; length], 234);
        Arc::make_mut(&mut asked.history).reverse();
        let answer = engine.recommend(asked).unwrap();
        assert_eq!((answer.products.len(), answer.scored_candidates), (234, 234));
        assert!(answer.products.iter().all(|scored| scored.score.is_finite()));
        assert!(answer.products.is_sorted_by(|left, right| left.score >= right.score));
    }
}

#[test]
fn unavailable_products_are_never_recommended_but_count_in_histories() {
    let engine = engine(&bundle(|products| {
        products.iter_mut().filter(|product| product.category == "Books").for_each(|product| product.available = false);
    }));
    let answer = engine.recommend(request(&["novel"], 500)).unwrap();
    assert_eq!((answer.source, answer.unknown_items), (Source::Model, 0));
    let categories: Vec<&str> =
        answer.products.iter().map(|scored| engine.catalog().products()[scored.product].category.as_str()).collect();
    assert!(!categories.is_empty() && !categories.contains(&"Books"));
}

#[test]
fn a_new_product_is_scored_through_its_category() {
    let engine = engine(&bundle(|products| {
        let mut product = products[0].clone();
        (product.handle, product.gid) = ("brand-new".into(), "gid://shopify/Product/1".into());
        products.push(product);
    }));
    let answer = engine.recommend(request(&["novel"], 235)).unwrap();
    assert!(handles(&engine, &answer).contains(&"brand-new".to_owned()));
    let from_it = engine.recommend(request(&["brand-new"], 3)).unwrap();
    assert_eq!((from_it.source, from_it.unknown_items), (Source::Model, 0));
}

#[test]
fn what_would_wait_too_long_is_not_admitted_and_what_is_being_read_waits_too() {
    const LONG: Duration = Duration::from_secs(60);
    let folder = bundle(|_| {});
    // So short a wait allows the few requests that may always wait.
    let options = EngineOptions { queue_wait: Some(Duration::from_nanos(1)), ..EngineOptions::default() };
    let engine = Engine::load(folder.path(), &options).unwrap();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let (started, running) = std::sync::mpsc::channel();
    engine.submit(request(&["novel"], 1), Priority::Interactive, move |_| {
        started.send(()).unwrap();
        blocked.recv().unwrap();
    });
    running.recv().unwrap();
    (0..4).for_each(|_| engine.submit(request(&["novel"], 1), Priority::Interactive, |_| {}));
    let admitted: Vec<_> = (0..5).map(|_| engine.admit(Priority::Interactive, LONG).unwrap()).collect();
    assert_eq!(engine.admit(Priority::Interactive, LONG).unwrap_err(), Overloaded::QueueFull);
    drop(admitted);
    assert!(engine.admit(Priority::Interactive, LONG).is_ok());
    assert_eq!(engine.admit(Priority::Interactive, Duration::ZERO).unwrap_err(), Overloaded::QueueFull);
    (0..5).for_each(|_| engine.submit(request(&["novel"], 1), Priority::Batch, |_| {}));
    assert!(engine.admit(Priority::Interactive, LONG).is_ok() && engine.admit(Priority::Batch, LONG).is_err());
    release.send(()).unwrap();
}

#[test]
fn a_panicking_reply_does_not_end_the_worker() {
    let engine = Engine::load(bundle(|_| {}).path(), &EngineOptions::default()).unwrap();
    engine.submit(request(&["novel"], 1), Priority::Interactive, |_| panic!("on purpose"));
    assert_eq!(engine.recommend(request(&["novel"], 2)).unwrap().products.len(), 2);
}

#[test]
fn the_fused_kernels_give_the_scores_of_the_graphs_for_every_golden_request_and_item() {
    let folder = bundle(|_| {});
    let bundle = Bundle::read(folder.path()).unwrap();
    let mut onnxruntime = BundleScorer::from_bundle(&bundle, None).unwrap();
    let mut fused = BundleScorer::with_kernels(&bundle, None, Kernels::Fused).unwrap();
    assert_eq!((onnxruntime.kernels(), fused.kernels()), (Kernels::OnnxRuntime, Kernels::Fused));
    let lookup = ItemLookup::new(&bundle.catalog, &bundle.vocabulary, bundle.manifest.model.network);
    let mut worst = [0.0_f32; 3];
    for golden in golden_requests() {
        let (history, candidates) = golden.encoded(&bundle, &lookup);
        let [of_graphs, of_fused] = [&mut onnxruntime, &mut fused].map(|scorer| {
            (scorer.score(&history, &candidates).unwrap(), scorer.explain(&history, &candidates).unwrap())
        });
        let mut compare = |part: usize, left: f32, right: f32| worst[part] = worst[part].max((left - right).abs());
        let (left, right) = (&of_graphs.1, &of_fused.1);
        for (part, left, right) in [
            (0, of_graphs.0.as_slice(), of_fused.0.as_slice()),
            (1, left.long_term_shares(), right.long_term_shares()),
            (2, left.attention(), right.attention()),
        ] {
            assert_eq!(left.len(), right.len());
            left.iter().zip(right).for_each(|(left, right)| compare(part, *left, *right));
        }
        assert_eq!((of_fused.0.len(), of_fused.1.len()), (234, 234));
    }
    // Shares and attention follow logits before anything levels them.
    let allowed = [1e-5, 5e-5, 5e-5];
    assert!(worst.iter().zip(allowed).all(|(worst, allowed)| *worst <= allowed), "score, share, attention: {worst:?}");
}
