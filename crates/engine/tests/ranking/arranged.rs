//! Arranged answers of which only a shortlist is scored beside those of which every product is: factors, buried products,
//! pins, caps, and many new products that the network cannot tell apart change nothing between the two.

use std::path::Path;
use std::sync::Arc;

use slirec_core::arrangement::{Arrangement, Cap, Factors, Pin};
use slirec_core::bundle::Bundle;
use slirec_core::catalog::{Catalog, Product};
use slirec_core::product_set::ProductSet;
use slirec_engine::{RecommendationRequest, Selection};

use crate::networks::{self, Sizes};
use crate::shortlist::{ITEMS, ask, changed, compare, engines, of_bundle, request};

/// The bundle with so many more products that the network does not know, of three categories and of one without.
fn with_new_products(folder: &Path, count: usize) -> Bundle {
    let bundle = Bundle::read(folder).unwrap();
    let mut products = bundle.catalog.products().to_vec();
    for number in 0..count {
        // Neither in the order of the catalogue nor against it.
        let handle = format!("new-{}-{number}", number * 7_919 % 1_009);
        let category = ["category-1", "category-2", "category-3", "no such category"][number * number % 4];
        let new =
            Product { handle, gid: format!("new/{number}"), category: category.to_owned(), ..products[0].clone() };
        products.push(new);
    }
    Bundle { catalog: Catalog::new(products).unwrap(), ..bundle }
}

#[test]
fn new_products_that_the_network_cannot_tell_apart_leave_a_short_shortlist() {
    let sizes = Sizes { items: ITEMS, width: 32, neighbours: Some([20, 3]) };
    // The default item, and with it each new product, is among the worst, somewhere between or among the best.
    for bias in [-3.0, 0.5, 6.0] {
        let folder = changed(sizes, |name, values| {
            if name == "item.bias" {
                values[0] = bias;
            }
        });
        let engines = [usize::MAX, 1]
            .map(|from| of_bundle(with_new_products(folder.path(), 6_000), from, if from == 1 { 3 } else { 1 }));
        let mean = compare(&engines);
        println!("bias {bias}: {mean} of 9,503 products are scored");
        assert!(mean < 600.0, "bias {bias}: {mean}");
        let [exact, short] = &engines;
        let count = exact.catalog().products().len();
        let factors = (0..count).map(|product| [1.0, 1.0, 1.0, 1.0, 1.0001][product % 5]).collect();
        let arrangement = Arrangement { factors: Some(Factors::new(factors)), ..Arrangement::default() };
        let allowed = ProductSet::of(count, (0..count).filter(|product| product * 31 % 7 > 1));
        let selection = Selection { allowed: Some(Arc::new(allowed)), offset: 20, ..Selection::default() };
        let request = RecommendationRequest { arrangement, selection, limit: 100, ..request(exact, 3, 7) };
        let found = ask(short, &request);
        assert_eq!(found.products, ask(exact, &request).products, "bias {bias}");
    }
}

/// What scores are multiplied by, whatever the product: nearly nothing to very much.
fn factors(count: usize, spread: f32) -> Factors {
    let part = |product: usize| (product * 7_919 % 1_000) as f32 / 500.0 - 1.0;
    Factors::new(
        (0..count).map(|product| if product % 3 == 0 { (spread * part(product)).exp() } else { 1.0 }).collect(),
    )
}

#[test]
fn factors_of_any_size_and_buried_products_act_on_a_shortlist_as_on_all_products() {
    let folder = networks::bundle(Sizes { items: ITEMS, width: 32, neighbours: Some([20, 3]) });
    let engines = engines(folder.path());
    let [exact, short] = &engines;
    let count = exact.catalog().products().len();
    for (number, spread) in [(1, 1e-6), (2, 0.1), (3, 1.0), (4, 10.0), (5, 80.0)] {
        let buried = ProductSet::of(count, (0..count).filter(|product| product % 17 == 0));
        for buried in [None, Some(Arc::new(buried))] {
            let arrangement = Arrangement { factors: Some(factors(count, spread)), buried, ..Arrangement::default() };
            let mut listed = 0;
            for length in 1..20 {
                let request =
                    RecommendationRequest { arrangement: arrangement.clone(), ..request(exact, number, length) };
                let [expected, found] = [exact, short].map(|engine| ask(engine, &request));
                assert_eq!(found.products, expected.products, "spread {spread}, {length} views");
                listed += usize::from(found.shortlist.is_some());
            }
            assert!(listed > 15 || spread > 20.0, "spread {spread}: {listed} of 19");
        }
    }
    // More products than those that are neither hidden nor buried, nor of factor 0.
    let zero = Factors::new((0..count).map(|product| if product < 10 { 2.0 } else { 0.0 }).collect());
    let but_few = Arc::new(ProductSet::of(count, 5..count));
    for arrangement in [
        Arrangement { factors: Some(zero), ..Arrangement::default() },
        Arrangement { buried: Some(but_few), ..Arrangement::default() },
    ] {
        let request = RecommendationRequest { arrangement, ..request(exact, 6, 7) };
        assert_eq!(ask(short, &request).products, ask(exact, &request).products);
    }
}

#[test]
fn allowed_products_pins_caps_boosts_and_variety_act_before_the_shortlist() {
    let folder = networks::bundle(Sizes { items: ITEMS, width: 32, neighbours: Some([20, 3]) });
    let engines = engines(folder.path());
    let [exact, short] = &engines;
    let (plain, count) = (request(exact, 8, 9), exact.catalog().products().len());
    let some = |share: usize| ProductSet::of(count, (0..count).filter(|product| product * 7_919 % 100 < share));
    let boosts = (0..count).map(|product| if product % 9 == 0 { 1.5 } else { 1.0 });
    let pins = vec![Pin { product: 17, position: 2 }, Pin { product: 1_300, position: 9 }];
    let groups = || (0..count as u32).map(|product| product % 40).collect();
    let arrangements = [
        Arrangement::default(),
        Arrangement { pins: pins.clone(), ..Arrangement::default() },
        Arrangement { caps: vec![Cap { groups: groups(), most: 1 }], ..Arrangement::default() },
        Arrangement { caps: vec![Cap { groups: groups(), most: 1 }], pins, ..Arrangement::default() },
        Arrangement {
            factors: Some(Factors::new(boosts.collect())),
            buried: Some(Arc::new(some(5))),
            ..Arrangement::default()
        },
        Arrangement { diversity: 0.4, ..Arrangement::default() },
    ];
    for (share, arrangement) in
        [1, 30, 90].into_iter().flat_map(|share| arrangements.iter().map(move |one| (share, one)))
    {
        let selection = Selection { allowed: Some(Arc::new(some(share))), offset: 3, ..Selection::default() };
        let request = RecommendationRequest { selection, arrangement: arrangement.clone(), ..plain.clone() };
        let [expected, found] = [exact, short].map(|engine| ask(engine, &request));
        assert_eq!(found.products, expected.products, "{share} {arrangement:?}");
        assert!(expected.products.len() > 10 || share == 1, "{share} {arrangement:?}");
    }
}
