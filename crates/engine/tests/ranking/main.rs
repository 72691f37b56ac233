//! The ranking network, exported and served: ONNX Runtime, the kernels and the self-contained graph against the formulas
//! in f64; what is no such network is refused.

#![cfg(test)]

mod arranged;
mod hostile;
mod reference;
mod serving;
mod shortlist;

#[path = "../support/ranking.rs"]
mod networks;
#[path = "../support/random_weights.rs"]
mod random_weights;
#[path = "../support/bundle.rs"]
mod support;

use slirec_core::bundle::Bundle;
use slirec_core::history::{self, EncodedHistory, History};
use slirec_core::parity::{TOLERANCE, compare};
use slirec_engine::{BundleScorer, CandidateIds, Kernels, Terms};

use networks::{LONGEST, Sizes, bundle, bundle_of, vocabulary, weights};
use reference::Reference;

const WITHOUT: Sizes = Sizes { items: 40, width: 16, neighbours: None };
const WITH: Sizes = Sizes { items: 40, width: 64, neighbours: Some([7, 3]) };

/// Views that come again, unknown ones among them, at times so far apart.
fn history_of(length: usize, step: f64) -> EncodedHistory {
    let items: Vec<u32> = (0..length).map(|place| (place * 13 % 17 * (place % 7).min(2)) as u32).collect();
    let features: Vec<u32> = items.iter().map(|item| item % 6).collect();
    let times: Vec<f64> = (0..length).map(|place| 1_790_000_000.0 + step * place as f64).collect();
    let whole = History { item_ids: &items, feature_ids: &features, feature_count: 1, times: &times };
    let encoded = history::encode(whole, times[length - 1] + 5.0 * step.abs(), LONGEST).unwrap();
    // Of some shoppers both attributes are known, of others one or none.
    encoded.of_user([&[3, 2][..], &[0, 4], &[]][length % 3])
}

/// All items, the default one twice, some with other features than the vocabulary's.
fn candidates(items: u32) -> CandidateIds {
    let items: Vec<u32> = (0..=items).chain([0, 3, 3]).collect();
    let features = (0..).zip(&items).map(|(place, item)| if place % 5 == 4 { 1 } else { item % 6 }).collect();
    CandidateIds { items, features }
}

fn terms_in_order(terms: &Terms) -> [f32; 8] {
    let Terms { short_term, long_term, last_view, mixed, transitions, bias, repeats, cooccurrence } = *terms;
    [short_term, long_term, last_view, mixed, transitions, bias, repeats, cooccurrence]
}

/// Logits and what they are made of, to the tolerance of scores.
fn near(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((f64::from(*found) - expected).abs() <= f64::from(TOLERANCE), "{what}: {found}, expected {expected}");
    }
}

const HISTORIES: [(usize, f64); 8] =
    [(1, 0.0), (2, 1e6), (3, -1e5), (3, 8.0), (10, 60.0), (49, 86_400.0), (50, 7_200.0), (80, 1e6)];

#[test]
fn onnx_runtime_and_the_kernels_follow_the_formulas() {
    let both = [WITHOUT, WITH];
    for sizes in both.into_iter().chain([Sizes { width: 64, ..WITHOUT }, Sizes { width: 16, ..WITH }]) {
        let weights = weights(sizes);
        let reference = Reference::new(&weights, &vocabulary(sizes.items), sizes.width);
        let folder = bundle_of(sizes, &weights);
        let bundle = Bundle::read(folder.path()).unwrap();
        let ids = candidates(sizes.items as u32);
        for kernels in [Kernels::OnnxRuntime, Kernels::Fused] {
            let mut scorer = BundleScorer::with_kernels(&bundle, None, kernels).unwrap();
            assert_eq!(scorer.kernels(), kernels);
            for (length, step) in HISTORIES {
                let history = history_of(length, step);
                let expected = reference.answer(&history, &ids);
                let close = |what: &str, found: &[f32], expected: &[f64]| {
                    let expected: Vec<f32> = expected.iter().map(|value| *value as f32).collect();
                    let of = || format!("{what} by {kernels:?}, {length} views, width {}", sizes.width);
                    compare(found, &expected, TOLERANCE).unwrap_or_else(|difference| panic!("{}: {difference}", of()));
                };
                let scores = scorer.score(&history, &ids).unwrap();
                close("scores", &scores, &expected.scores);
                let explained = scorer.explain(&history, &ids).unwrap();
                close("attention", explained.attention(), &expected.attention.repeat(ids.items.len()));
                close("shares", explained.long_term_shares(), &vec![expected.long_term_share; ids.items.len()]);
                for (place, score) in scores.iter().enumerate() {
                    let Some(logit) = explained.get(place).unwrap().logit else {
                        assert_eq!(kernels, Kernels::OnnxRuntime);
                        continue;
                    };
                    near("terms", &terms_in_order(&logit.terms), &expected.terms[place]);
                    near("views", logit.views, &expected.views[place]);
                    let of_logit = (logit.terms.sum() - logit.normaliser).min(0.0);
                    near("logarithm of the score", &[of_logit], &[f64::from(*score).ln()]);
                }
            }
        }
    }
}

#[test]
fn scores_are_probabilities_over_all_items_and_a_sample_stands_for_many() {
    for (sizes, tolerance) in [(WITH, 1e-4), (Sizes { items: 5_000, width: 16, neighbours: Some([3, 2]) }, 0.1)] {
        let bundle = Bundle::read(bundle(sizes).path()).unwrap();
        let (items, features) = (1..).zip(bundle.vocabulary.items()).map(|(id, item)| (id, item.features[0])).unzip();
        let ids = CandidateIds { items, features };
        for kernels in [Kernels::OnnxRuntime, Kernels::Fused] {
            let mut scorer = BundleScorer::with_kernels(&bundle, None, kernels).unwrap();
            for (length, step) in [(1, 0.0), (10, 60.0), (50, 7_200.0)] {
                let scores = scorer.score(&history_of(length, step), &ids).unwrap();
                let sum: f64 = scores.iter().map(|score| f64::from(*score)).sum();
                assert!((sum - 1.0).abs() < tolerance, "{} items, {length} views: {sum}", sizes.items);
            }
        }
    }
}
