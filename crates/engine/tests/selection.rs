//! What a request may ask beyond its history: which products may be answered, why, on how many threads, and whether
//! the answer is still wanted.

#![cfg(test)]

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use slirec_engine::{
    Caller, Engine, EngineError, EngineOptions, Priority, RecommendationRequest, Recommendations, Selection, Source,
    Texts,
};

#[path = "support/bundle.rs"]
mod support;

use support::bundle;

fn engine() -> Engine {
    Engine::load(bundle(|_| {}).path(), &EngineOptions { workers: 2, ..EngineOptions::default() }).unwrap()
}

fn request(handles: &[&str], limit: usize, selection: Selection) -> RecommendationRequest {
    let history = (0..).zip(handles).map(|(minute, handle)| (*handle, 1_794_900_000.0 + 60.0 * f64::from(minute)));
    RecommendationRequest { selection, ..RecommendationRequest::new(history.collect(), 1_794_990_000.0, limit) }
}

fn handles(engine: &Engine, answer: &Recommendations) -> Vec<String> {
    answer.products.iter().map(|scored| engine.catalog().products()[scored.product].handle.clone()).collect()
}

fn set(names: &[&str]) -> Texts {
    names.iter().collect()
}

fn ask(engine: &Engine, limit: usize, selection: Selection) -> Vec<String> {
    handles(engine, &engine.recommend(request(&["novel", "graphic-novel"], limit, selection)).unwrap())
}

#[test]
fn pages_follow_one_another() {
    let engine = engine();
    let all = ask(&engine, 30, Selection::default());
    let page = ask(&engine, 10, Selection { offset: 10, ..Selection::default() });
    assert_eq!(page, all[10..20]);
    assert!(ask(&engine, 10, Selection { offset: 1_000, ..Selection::default() }).is_empty());
}

#[test]
fn excluded_and_seen_products_are_left_out_and_the_others_keep_their_order() {
    let engine = engine();
    let all = ask(&engine, 234, Selection::default());
    let exclude = set(&[&all[0], &all[3]]);
    let rest = ask(&engine, 234, Selection { exclude, ..Selection::default() });
    let expected: Vec<&String> = all.iter().filter(|handle| **handle != all[0] && **handle != all[3]).collect();
    assert_eq!(rest.iter().collect::<Vec<_>>(), expected);
    let unseen = ask(&engine, 234, Selection { exclude_seen: true, ..Selection::default() });
    assert_eq!(unseen.len(), 232);
    assert!(!unseen.contains(&"novel".to_owned()) && !unseen.contains(&"graphic-novel".to_owned()));
}

#[test]
fn a_list_of_candidates_is_ranked_as_in_the_whole_answer_and_scores_only_them() {
    let engine = engine();
    let all = engine.recommend(request(&["novel"], 234, Selection::default())).unwrap();
    let few = set(&["towel-1", "graphic-novel", "bandages", "no-such-product"]);
    let selection = Selection { include_only: Some(few.clone()), ..Selection::default() };
    let ranked = engine.recommend(request(&["novel"], 10, selection)).unwrap();
    let expected: Vec<_> = all
        .products
        .iter()
        .filter(|scored| few.iter().any(|name| name == engine.catalog().products()[scored.product].handle))
        .collect();
    assert_eq!((ranked.products.len(), ranked.scored_candidates), (3, 3));
    for (found, expected) in ranked.products.iter().zip(expected) {
        assert_eq!(found.product, expected.product);
        assert!((found.score - expected.score).abs() < 1e-6);
    }
}

#[test]
fn categories_come_in_or_stay_out_and_can_be_capped() {
    let engine = engine();
    let categories = |selection: Selection| -> Vec<String> {
        let answer = engine.recommend(request(&["novel"], 234, selection)).unwrap();
        answer.products.iter().map(|scored| engine.catalog().products()[scored.product].category.clone()).collect()
    };
    let inside = categories(Selection { categories: Some(set(&["Books"])), ..Selection::default() });
    assert!(!inside.is_empty() && inside.iter().all(|category| category == "Books"));
    let outside = categories(Selection { exclude_categories: set(&["Books"]), ..Selection::default() });
    assert_eq!(inside.len() + outside.len(), 234);
    assert!(!outside.contains(&"Books".to_owned()));
    let capped = categories(Selection { per_category: Some(2), ..Selection::default() });
    for category in engine.catalog().categories() {
        assert!(capped.iter().filter(|found| *found == category).count() <= 2, "{category}");
    }
    assert_eq!(capped.len(), 2 * engine.catalog().categories().len());
}

#[test]
fn a_lowest_score_cuts_the_answer() {
    let engine = engine();
    let all = engine.recommend(request(&["novel"], 234, Selection::default())).unwrap();
    let least = all.products[6].score;
    let selection = Selection { min_score: Some(least), ..Selection::default() };
    let best = engine.recommend(request(&["novel"], 234, selection)).unwrap();
    assert!(best.products.len() >= 7 && best.products.len() < 234);
    assert!(best.products.iter().all(|scored| scored.score >= least));
}

#[test]
fn popular_answers_obey_the_same_selection() {
    let engine = engine();
    let selection = Selection { exclude: set(&["towel-1"]), per_category: Some(1), ..Selection::default() };
    let answer = engine.recommend(request(&[], 5, selection)).unwrap();
    assert_eq!(answer.source, Source::Popular);
    assert!(!handles(&engine, &answer).contains(&"towel-1".to_owned()));
    let categories: HashSet<_> =
        answer.products.iter().map(|scored| engine.catalog().products()[scored.product].category.as_str()).collect();
    assert_eq!(categories.len(), answer.products.len());
}

#[test]
fn an_explanation_spreads_its_attention_over_the_views_and_leaves_the_scores_alone() {
    let engine = engine();
    let plain = request(&["novel", "graphic-novel", "novel", "brush"], 5, Selection::default());
    let unexplained = engine.recommend(plain.clone()).unwrap();
    let answer = engine.recommend(RecommendationRequest { explain: true, ..plain }).unwrap();
    assert!(unexplained.explanations.is_empty());
    assert_eq!(answer.products, unexplained.products);
    assert_eq!(answer.explanations.len(), 5);
    for position in 0..5 {
        let explanation = answer.explanations.get(position).unwrap();
        assert_eq!(explanation.attention.len(), 4);
        let sum: f32 = explanation.attention.iter().sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        assert!((0.0..=1.0).contains(&explanation.long_term_share));
    }
}

#[test]
fn several_workers_give_the_scores_of_one() {
    let folder = bundle(|_| {});
    let load = |workers, spread_from| {
        Engine::load(folder.path(), &EngineOptions { workers, spread_from, ..EngineOptions::default() }).unwrap()
    };
    let (one, spread) = (load(1, 10_000), load(3, 1));
    for length in [1, 7, 50] {
        let history = vec!["novel"; length];
        let ask = |engine: &Engine| engine.recommend(request(&history, 234, Selection::default())).unwrap();
        assert_eq!(ask(&spread).products, ask(&one).products, "{length} views");
    }
}

struct Gone(Arc<AtomicBool>);

impl Caller for Gone {
    fn is_waiting(&self) -> bool {
        false
    }

    fn answer(self: Box<Self>, _: Result<Recommendations, EngineError>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn work_that_is_no_longer_wanted_is_dropped_before_it_is_scored() {
    let engine = Engine::load(bundle(|_| {}).path(), &EngineOptions::default()).unwrap();
    let answered = Arc::new(AtomicBool::new(false));
    engine.submit(request(&["novel"], 1, Selection::default()), Priority::Interactive, Gone(Arc::clone(&answered)));
    // One worker takes its queue in order: once this is answered, the other has been dealt with.
    let (sender, receiver) = mpsc::channel();
    let waiting = move |answer| sender.send(answer).unwrap();
    engine.submit(request(&["novel"], 1, Selection::default()), Priority::Interactive, waiting);
    receiver.recv().unwrap().unwrap();
    assert!(!answered.load(Ordering::SeqCst));
}

#[test]
fn the_workers_end_with_the_last_clone_of_their_engine() {
    let engine = engine();
    let ended = engine.ended();
    let clone = engine.clone();
    drop(engine);
    assert_eq!(clone.recommend(request(&["novel"], 3, Selection::default())).unwrap().products.len(), 3);
    drop(clone);
    let started = std::time::Instant::now();
    let longest = std::time::Duration::from_secs(60);
    ended.wait(longest);
    assert!(started.elapsed() < longest);
}
