//! How a request arranges its products: factors, products behind all others, products at positions, caps and variety,
//! beside what follows from the scores alone.

#![cfg(test)]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use slirec_core::arrangement::{Arrangement, Cap, Factors, Pin};
use slirec_core::product_set::ProductSet;
use slirec_core::sources::{Sources, Step};
use slirec_engine::{
    Engine, EngineOptions, Kernels, RecommendationRequest, Recommendations, Selection, Source, ViewHistory,
};

#[path = "support/bundle.rs"]
mod support;

use support::bundle;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let folder = bundle(|products| {
        // Not every product is a candidate: rows are not products.
        products.iter_mut().step_by(7).for_each(|product| product.available = false);
    });
    Engine::load(folder.path(), &EngineOptions { workers: 2, spread_from: 50, ..EngineOptions::default() }).unwrap()
});

fn plain(known: bool) -> RecommendationRequest {
    let handles: &[&str] = if known { &["novel", "graphic-novel"] } else { &[] };
    let history = (0..).zip(handles).map(|(minute, handle)| (*handle, 1_794_900_000.0 + 60.0 * f64::from(minute)));
    RecommendationRequest::new(history.collect::<ViewHistory>(), 1_794_990_000.0, 1_000)
}

fn ask(request: RecommendationRequest) -> Recommendations {
    ENGINE.recommend(request).unwrap()
}

fn products(answer: &Recommendations) -> Vec<usize> {
    answer.products.iter().map(|scored| scored.product).collect()
}

/// Products and scores in the order of the scores.
fn by_score(known: bool) -> Vec<(usize, f32)> {
    ask(plain(known)).products.iter().map(|scored| (scored.product, scored.score)).collect()
}

fn of_demo() -> usize {
    ENGINE.catalog().products().len()
}

#[test]
fn where_products_would_stand_is_told_where_pins_alone_act() {
    for known in [true, false] {
        let last = by_score(known).len();
        let (product, _) = by_score(known)[last - 1];
        let arrangement = Arrangement { pins: vec![Pin { product, position: 2 }], ..Arrangement::default() };
        let answer = ask(RecommendationRequest { limit: 3, arrangement, explain: true, ..plain(known) });
        assert_eq!((answer.products[1].product, answer.positions_by_score), (product, vec![1, last, 2]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn pins_stand_where_they_should_hidden_never_appear_buried_are_below_and_the_order_is_otherwise_unchanged(
        known in any::<bool>(),
        hidden in prop::collection::btree_set(0_usize..230, 0..60),
        buried in prop::collection::btree_set(0_usize..230, 0..60),
        boosted in prop::collection::btree_map(0_usize..230, prop::sample::select(vec![0.5_f32, 1.2, 3.0]), 0..40),
        pinned in prop::collection::btree_map(1_usize..40, 0_usize..230, 0..5),
        (offset, limit) in (0_usize..30, 1_usize..60),
    ) {
        let count = of_demo();
        let mut seen = Vec::new();
        let mut pins: Vec<Pin> = pinned.iter().map(|(position, product)| Pin { product: *product, position: *position }).collect();
        pins.retain(|pin| { let first = !seen.contains(&pin.product); seen.push(pin.product); first });
        let mut factors = vec![1.0; count];
        boosted.iter().for_each(|(product, factor)| factors[*product] = *factor);
        let mut allowed = ProductSet::all(count);
        hidden.iter().for_each(|product| allowed.remove(*product));
        let request = RecommendationRequest {
            limit,
            selection: Selection { offset, allowed: Some(Arc::new(allowed)), ..Selection::default() },
            arrangement: Arrangement {
                factors: Some(Factors::new(factors.clone())),
                buried: Some(Arc::new(ProductSet::of(count, buried.iter().copied()))),
                pins: pins.clone(),
                ..Arrangement::default()
            },
            explain: true,
            ..plain(known)
        };
        let answer = ask(request);
        // What should come: by score times factor, the buried ones behind, and then the pins inserted.
        let all: Vec<(usize, f32)> = by_score(known).into_iter().filter(|(product, _)| !hidden.contains(product)).collect();
        let mut expected: Vec<(usize, f32)> = all.clone();
        expected.retain(|(product, _)| pins.iter().all(|pin| pin.product != *product));
        expected.sort_by(|left, right| {
            let key = |one: &(usize, f32)| one.1 * factors[one.0];
            buried.contains(&left.0).cmp(&buried.contains(&right.0)).then(key(right).total_cmp(&key(left)))
        });
        for pin in &pins {
            if let Some(found) = all.iter().find(|(product, _)| *product == pin.product) {
                expected.insert((pin.position - 1).min(expected.len()), *found);
            }
        }
        let expected: Vec<usize> = expected.iter().map(|(product, _)| *product).skip(offset).take(limit).collect();
        prop_assert_eq!(products(&answer), expected);
        prop_assert_eq!(answer.source, if known { Source::Model } else { Source::Popular });
        // The scores stay those of the source, and where products would stand without any rule is told.
        for (scored, position) in answer.products.iter().zip(&answer.positions_by_score) {
            prop_assert_eq!(all[position - 1].0, scored.product);
            prop_assert!((all[position - 1].1 - scored.score).abs() <= 1e-5 * scored.score.max(1e-3));
        }
        prop_assert_eq!(answer.positions_by_score.len(), answer.products.len());
    }

    #[test]
    fn caps_keep_the_best_of_each_group(most in 1_usize..4, groups in 1_u32..9, uncapped in any::<bool>()) {
        let group = |product: usize| {
            let group = u32::try_from(product).unwrap() % groups;
            if uncapped && group == 0 { u32::MAX } else { group }
        };
        let cap = Cap { groups: (0..of_demo()).map(group).collect(), most };
        let request = RecommendationRequest {
            arrangement: Arrangement { caps: vec![cap], ..Arrangement::default() },
            ..plain(true)
        };
        let mut counts: HashMap<u32, usize> = HashMap::new();
        let mut expected: Vec<usize> = by_score(true).into_iter().map(|(product, _)| product).collect();
        expected.retain(|product| {
            let count = counts.entry(group(*product)).or_default();
            *count += 1;
            group(*product) == u32::MAX || *count <= most
        });
        prop_assert_eq!(products(&ask(request)), expected);
    }

    #[test]
    fn an_allowed_set_of_any_size_gives_the_best_of_its_members(
        share in prop::sample::select(vec![1_u64, 3, 20, 50, 90]),
        seed in 0_u64..1_000,
    ) {
        let member = |product: &usize| (seed + *product as u64 * 7_919) % 100 < share;
        let allowed = ProductSet::of(of_demo(), (0..of_demo()).filter(member));
        let mut expected: Vec<usize> = by_score(true).into_iter().map(|(product, _)| product).collect();
        expected.retain(member);
        expected.truncate(16);
        let selection = Selection { allowed: Some(Arc::new(allowed)), ..Selection::default() };
        let answer = ask(RecommendationRequest { limit: 16, selection, ..plain(true) });
        prop_assert_eq!(products(&answer), expected);
    }
}

/// How many categories the first products of an answer have.
fn categories(answer: &Recommendations) -> usize {
    let all = ENGINE.catalog().products();
    let categories: std::collections::HashSet<&str> =
        answer.products.iter().map(|scored| all[scored.product].category.as_str()).collect();
    categories.len()
}

#[test]
fn variety_mixes_categories_keeps_the_best_first_and_pages_follow_one_another() {
    let with = |diversity: f32, offset: usize, limit: usize, known: bool| {
        ask(RecommendationRequest {
            limit,
            selection: Selection { offset, ..Selection::default() },
            arrangement: Arrangement { diversity, ..Arrangement::default() },
            ..plain(known)
        })
    };
    for known in [true, false] {
        let (none, some) = (with(0.0, 0, 10, known), with(0.7, 0, 10, known));
        assert_eq!(products(&none)[0], products(&some)[0]);
        assert!(categories(&some) > categories(&none), "{} and {}", categories(&some), categories(&none));
        let all = products(&with(0.7, 0, 40, known));
        assert_eq!(products(&with(0.7, 10, 10, known)), all[10..20]);
        let mut sorted = products(&with(0.7, 0, 1_000, known));
        let mut everything = products(&with(0.0, 0, 1_000, known));
        sorted.sort_unstable();
        everything.sort_unstable();
        assert_eq!(sorted, everything);
    }
}

#[test]
fn variety_is_the_same_by_the_kernels_and_by_onnx_runtime() {
    let folder = bundle(|_| {});
    let of = |kernels| {
        let engine = Engine::load(folder.path(), &EngineOptions { kernels, ..EngineOptions::default() }).unwrap();
        let arrangement = Arrangement { diversity: 0.5, ..Arrangement::default() };
        engine.recommend(RecommendationRequest { limit: 8, arrangement, ..plain(true) }).unwrap()
    };
    assert_eq!(products(&of(Kernels::Fused)), products(&of(Kernels::OnnxRuntime)));
}

#[test]
fn a_request_chooses_what_may_answer() {
    const MODEL: Sources = Sources::of(&[Step::Model]);
    const POPULAR: Sources = Sources::of(&[Step::Popular]);
    let of = |sources, known| ask(RecommendationRequest { sources, limit: 3, ..plain(known) });
    assert_eq!(of(POPULAR, true).source, Source::Popular);
    assert_eq!(products(&of(POPULAR, true)), products(&of(Sources::default(), false)));
    let nothing = of(MODEL, false);
    assert_eq!((nothing.source, nothing.products.len()), (Source::Model, 0));
    assert_eq!(products(&of(MODEL, true)), products(&of(Sources::default(), true)));
}
