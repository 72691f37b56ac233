//! The demo's promises: the catalogue and rules in `data/demo` enter, what they promise is looked at.

#![cfg(test)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use slirec_core::catalog::Catalog;
use slirec_generate::{Generator, Rules};

const DAY: f64 = 86_400.0;
const START: f64 = 1_790_812_800.0;

fn demo(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../data/demo", name].iter().collect()
}

fn catalog() -> Catalog {
    Catalog::read(&demo("catalog.json")).unwrap()
}

fn rules() -> Rules {
    Rules::read(&demo("rules.toml")).unwrap()
}

/// Items and times of every shopper, with the demo's catalogue, its rules and seed 42.
fn histories(catalog: &Catalog) -> Vec<Vec<(String, f64)>> {
    let rules = rules();
    let generator = Generator::new(catalog, &rules, 42).unwrap();
    let history = |shopper: slirec_generate::Shopper<'_>| {
        shopper.interactions().map(|row| (row.item.to_owned(), row.timestamp)).collect()
    };
    generator.shoppers().map(history).collect()
}

#[test]
fn the_catalogue_has_ten_categories_and_about_245_products_with_distinct_gids() {
    let catalog = catalog();
    assert_eq!(catalog.categories().len(), 10);
    assert!((230..=260).contains(&catalog.products().len()));
    let gids: HashSet<&str> = catalog.products().iter().map(|product| product.gid.as_str()).collect();
    assert_eq!(gids.len(), catalog.products().len());
    for gid in gids {
        let digits = gid.strip_prefix("gid://shopify/Product/").unwrap();
        assert!(digits.len() == 14 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{gid}");
    }
}

#[test]
fn two_products_share_their_title_and_a_few_are_unavailable() {
    let catalog = catalog();
    let mut titles: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for product in catalog.products() {
        titles.entry(&product.title).or_default().push(&product.handle);
    }
    let shared: Vec<Vec<&str>> = titles.into_values().filter(|handles| handles.len() > 1).collect();
    assert_eq!(shared, [["gloves-1", "gloves"]]);
    let unavailable = catalog.products().iter().filter(|product| !product.available).count();
    assert!((2..=4).contains(&unavailable), "{unavailable}");
}

#[test]
fn the_products_of_recorded_requests_exist_and_every_product_has_its_attributes() {
    let catalog = catalog();
    let recorded = "thermometer comic-book brush bandage novel canvas syringe magazine easel mask dictionary palette \
                    gloves atlas pencil scalpel poetry clay ointment manga";
    for handle in recorded.split_whitespace() {
        assert!(catalog.product(handle).is_some(), "{handle}");
    }
    for product in catalog.products() {
        let names: Vec<&str> = product.attributes.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["colour", "price_band", "vendor"], "{}", product.handle);
    }
}

#[test]
fn the_demo_rules_state_the_default_values() {
    let (rules, default) = (rules(), Rules::default());
    assert_eq!(rules.population, default.population);
    assert_eq!(rules.walks, default.walks);
    assert_eq!(rules.sessions, default.sessions);
    assert_eq!(rules.tastes, default.tastes);
}

#[test]
fn about_73_000_interactions_of_149_shoppers_fill_30_days_and_cover_every_product() {
    let catalog = catalog();
    let histories = histories(&catalog);
    assert_eq!(histories.len(), 149);
    let rows: Vec<&(String, f64)> = histories.iter().flatten().collect();
    assert!((65_000..=82_000).contains(&rows.len()), "{}", rows.len());
    assert!(rows.iter().all(|(_, time)| (START..START + 30.0 * DAY).contains(time)));
    assert!(rows.iter().any(|(_, time)| *time < START + DAY));
    assert!(rows.iter().any(|(_, time)| *time > START + 29.0 * DAY));
    let items: HashSet<&str> = rows.iter().map(|(item, _)| item.as_str()).collect();
    assert_eq!(items.len(), catalog.products().len());
}

#[test]
fn shoppers_come_in_sessions_of_minutes_with_hours_or_days_between() {
    let gaps: Vec<f64> = histories(&catalog())
        .iter()
        .flat_map(|history| history.windows(2).map(|pair| pair[1].1 - pair[0].1).collect::<Vec<_>>())
        .collect();
    let share =
        |from: f64, to: f64| gaps.iter().filter(|gap| (from..to).contains(*gap)).count() as f64 / gaps.len() as f64;
    assert!(share(0.0, 300.0) > 0.85, "{}", share(0.0, 300.0));
    assert_eq!(share(1_801.0, 3_600.0), 0.0, "sessions are an hour apart at least");
    assert!(share(6.0 * 3_600.0, 30.0 * DAY) > 0.03, "{}", share(6.0 * 3_600.0, 30.0 * DAY));
}

#[test]
fn shoppers_differ_in_what_they_like_and_products_in_popularity() {
    let histories = histories(&catalog());
    let counts = |rows: &mut dyn Iterator<Item = &(String, f64)>| {
        let mut counts: HashMap<String, u32> = HashMap::new();
        rows.for_each(|(item, _)| *counts.entry(item.clone()).or_default() += 1);
        let mut sorted: Vec<u32> = counts.into_values().collect();
        sorted.sort_unstable_by(|one, other| other.cmp(one));
        sorted
    };
    let of_all = counts(&mut histories.iter().flatten());
    let (most, median) = (of_all[0], of_all[of_all.len() / 2]);
    assert!(most > 3 * median, "{most} against {median}");
    // The 30 products that a shopper views most make up more of the views than the 30 most popular products do.
    let top = |sorted: &[u32]| f64::from(sorted.iter().take(30).sum::<u32>()) / f64::from(sorted.iter().sum::<u32>());
    let own: f64 = histories.iter().map(|history| top(&counts(&mut history.iter()))).sum::<f64>() / 149.0;
    assert!(own > 1.5 * top(&of_all), "{own} against {}", top(&of_all));
}

#[test]
fn a_follow_up_comes_far_more_often_after_its_product_than_elsewhere() {
    let histories = histories(&catalog());
    let pairs = histories.iter().flat_map(|history| history.windows(2));
    let (mut after, mut followed, mut elsewhere, mut by_chance) = (0.0, 0.0, 0.0, 0.0);
    for pair in pairs {
        let hit = f64::from(u8::from(pair[1].0 == "staples"));
        if pair[0].0 == "stapler" {
            after += 1.0;
            followed += hit;
        } else {
            elsewhere += 1.0;
            by_chance += hit;
        }
    }
    assert!(followed / after > 0.3, "{}", followed / after);
    assert!(followed / after > 10.0 * by_chance / elsewhere);
}
