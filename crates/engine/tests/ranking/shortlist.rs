//! Answers of which only a shortlist is scored beside those of which every product is: products and scores are the same, bit
//! by bit, whatever the tables, histories and filters.

use std::path::Path;

use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions, Kernels, RecommendationRequest, Recommendations, Selection};
use slirec_train::weights::Weights;
use tempfile::TempDir;

use crate::networks::{self, Sizes};

pub(crate) const ITEMS: usize = 4_000;
const START: f64 = 1_790_000_000.0;

/// An engine that scores all products, and one that scores shortlists from the first product on.
pub(crate) fn engines(folder: &Path) -> [Engine; 2] {
    [usize::MAX, 1].map(|shortlist_from| with_workers(folder, shortlist_from, 1))
}

fn with_workers(folder: &Path, shortlist_from: usize, workers: usize) -> Engine {
    of_bundle(Bundle::read(folder).unwrap(), shortlist_from, workers)
}

pub(crate) fn of_bundle(bundle: Bundle, shortlist_from: usize, workers: usize) -> Engine {
    let options = EngineOptions { shortlist_from, workers, spread_from: 1, ..EngineOptions::default() };
    let engine = Engine::from_bundle(bundle, &options).unwrap();
    assert_eq!(engine.kernels(), Kernels::Fused);
    engine
}

/// Views of products from all over the catalogue, one of them often more than once, some unknown, so many seconds apart.
pub(crate) fn request(engine: &Engine, number: usize, length: usize) -> RecommendationRequest {
    let products = engine.catalog().products();
    let handle = |place: usize| match (number + place) % 11 {
        3 => "no-such-product",
        5 => &products[number * 131 % products.len()].handle,
        _ => &products[(number * 7_919 + place * place * 613) % products.len()].handle,
    };
    let seconds = [5.0, 900.0, 86_400.0][number % 3];
    let views = (0..length).map(|place| (handle(place), START + seconds * place as f64));
    RecommendationRequest::new(views.collect(), START + seconds * length as f64, 16)
}

pub(crate) fn ask(engine: &Engine, request: &RecommendationRequest) -> Recommendations {
    engine.recommend(request.clone()).unwrap()
}

/// Asks both engines for many answers, which must be the same; the mean length of the shortlists.
pub(crate) fn compare([exact, short]: &[Engine; 2]) -> f64 {
    let (mut lengths, mut count) = (0, 0);
    for number in 0..60 {
        let request = request(exact, number, [1, 2, 3, 7, 20, 50, 80][number % 7]);
        let [expected, found] = [exact, short].map(|engine| ask(engine, &request));
        assert_eq!(found.products, expected.products, "request {number}");
        assert_eq!(found.scored_candidates, expected.scored_candidates);
        assert_eq!(expected.shortlist, None);
        lengths += found.shortlist.unwrap_or(found.scored_candidates);
        count += 1;
    }
    f64::from(u32::try_from(lengths).unwrap()) / f64::from(count)
}

/// A bundle whose weights were changed.
pub(crate) fn changed(sizes: Sizes, change: impl Fn(&str, &mut [f32])) -> TempDir {
    let mut changed = Weights::default();
    for (name, array) in networks::weights(sizes).iter() {
        let mut array = array.clone();
        change(name, &mut array.values);
        changed.insert(name.to_owned(), array);
    }
    networks::bundle_of(sizes, &changed)
}

#[test]
fn answers_are_those_of_all_products_for_random_tables_of_any_width() {
    for (width, neighbours) in [(16, None), (64, Some([20, 3])), (128, Some([5, 5]))] {
        let folder = networks::bundle(Sizes { items: ITEMS, width, neighbours });
        let mean = compare(&engines(folder.path()));
        println!("width {width}: {mean} of 3,503 products are scored");
        assert!(mean < 350.0, "width {width}: {mean}");
    }
}

#[test]
fn answers_are_those_of_all_products_where_many_are_nearly_or_wholly_alike() {
    let sizes = Sizes { items: ITEMS, width: 32, neighbours: Some([10, 3]) };
    for noise in [0.0, 1e-6, 1e-3] {
        let folder = changed(sizes, |name, values| {
            let width = match name {
                "embedding.item" | "transition.to" => 32,
                "item.bias" => 1,
                _ => return,
            };
            // Each row is one of 90, but for the noise.
            for place in 90 * width..values.len() {
                values[place] = values[place % (90 * width)] + noise * values[place];
            }
        });
        let mean = compare(&engines(folder.path()));
        println!("noise {noise}: {mean} of 3,503 products are scored");
    }
}

#[test]
fn answers_are_those_of_all_products_where_scores_are_one_or_none_or_fall_with_the_logits() {
    let sizes = Sizes { items: ITEMS, width: 16, neighbours: None };
    for temperature in [0.0, -0.8, 1e-4, 40.0] {
        let folder = changed(sizes, |name, values| {
            if name == "score.temperature" {
                values.fill(temperature);
            }
        });
        let mean = compare(&engines(folder.path()));
        assert!(temperature > 0.0 || mean > 3_000.0, "{mean}");
    }
    // Beyond the 2,048 most frequent, the sample that scores are normalised over has every second item or so.
    let stride = (6_000 - 2_048) as f64 / 2_048.0;
    let sampled: Vec<usize> = (0..2_048).map(|number| 2_049 + ((f64::from(number) + 0.5) * stride) as usize).collect();
    let folder = changed(Sizes { items: 6_000, ..sizes }, |name, values| {
        if name == "item.bias" {
            let others = (2_049..).filter(|item| sampled.binary_search(item).is_err());
            others.take(100).for_each(|item| values[item] = 60.0);
        }
    });
    let [exact, short] = engines(folder.path());
    let requests: Vec<_> = (0..20).map(|number| request(&exact, number, 5)).collect();
    assert!(requests.iter().any(|request| ask(&exact, request).products[15].score == 1.0));
    for request in requests {
        assert_eq!(ask(&short, &request).products, ask(&exact, &request).products);
    }
}

#[test]
fn pages_filters_and_caps_act_before_the_shortlist() {
    let folder = networks::bundle(Sizes { items: ITEMS, width: 32, neighbours: Some([20, 3]) });
    let engines = engines(folder.path());
    let [exact, short] = &engines;
    let plain = request(exact, 8, 9);
    let all = ask(exact, &RecommendationRequest { limit: usize::MAX, ..plain.clone() });
    let handle = |scored: &slirec_engine::ScoredProduct| exact.catalog().products()[scored.product].handle.clone();
    let best = |count: usize| all.products.iter().take(count).map(handle).collect();
    let category = |number: usize| [format!("category-{number}")].into_iter().collect();
    let selections = [
        Selection { exclude_seen: true, ..Selection::default() },
        Selection { offset: 40, ..Selection::default() },
        Selection { offset: 3_490, ..Selection::default() },
        Selection { min_score: Some(all.products[5].score), ..Selection::default() },
        Selection { exclude: best(200), exclude_seen: true, ..Selection::default() },
        Selection { exclude_categories: category(2), ..Selection::default() },
        Selection { categories: Some(category(3)), ..Selection::default() },
        Selection { include_only: Some(best(1_000)), exclude: best(30), ..Selection::default() },
        Selection { include_only: Some(best(3)), ..Selection::default() },
        Selection { per_category: Some(1), ..Selection::default() },
        Selection { per_category: Some(3), offset: 2, exclude_seen: true, ..Selection::default() },
        Selection { per_category: Some(2), min_score: Some(all.products[9].score), ..Selection::default() },
    ];
    for (number, selection) in selections.into_iter().enumerate() {
        let request = RecommendationRequest { selection, explain: true, ..plain.clone() };
        let [expected, found] = [exact, short].map(|engine| ask(engine, &request));
        assert!(!expected.products.is_empty(), "{request:?}");
        assert_eq!(found.products, expected.products, "{request:?}");
        assert_eq!(found.explanations, expected.explanations);
        assert_eq!(found.scored_candidates, expected.scored_candidates);
        let listed = found.shortlist.is_some();
        // The end of the ranking, a few that are named, and pages that a cap leaves short are scored without.
        assert!(listed || [2, 8, 9, 10].contains(&number), "{request:?}");
    }
    let whole = RecommendationRequest { limit: usize::MAX, ..plain };
    assert_eq!(ask(short, &whole).products, all.products);
}

#[test]
fn answers_are_the_same_where_exact_rows_are_kept() {
    let folder = networks::bundle(Sizes { items: ITEMS, width: 32, neighbours: Some([20, 3]) });
    let engines = [usize::MAX, 1_000].map(|shortlist_from| with_workers(folder.path(), shortlist_from, 1));
    assert!(compare(&engines) < 350.0);
}

#[test]
fn any_number_of_workers_gives_the_same_answer() {
    let folder = networks::bundle(Sizes { items: ITEMS, width: 64, neighbours: Some([20, 3]) });
    let [one, three] = [1, 3].map(|workers| with_workers(folder.path(), 1, workers));
    for number in 0..40 {
        let request = request(&one, number, 1 + number);
        assert_eq!(ask(&three, &request).products, ask(&one, &request).products);
    }
}

#[test]
fn the_demo_is_answered_as_if_all_of_its_products_were_scored() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo");
    assert!(Bundle::read(&demo).unwrap().catalog.products().len() > 200);
    compare(&engines(&demo));
}
