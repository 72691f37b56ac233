//! The generator on any catalogue: small catalogues, rules and seeds enter, properties of the interactions are looked
//! at.

#![cfg(test)]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use slirec_core::catalog::{Attributes, Catalog, Product};
use slirec_core::files::{FileError, open_text};
use slirec_generate::rules::Interval;
use slirec_generate::{Generator, Rules, RulesError};

fn product(number: usize, category: &str) -> Product {
    Product {
        handle: format!("item-{number}"),
        gid: format!("gid://shopify/Product/{number}"),
        title: format!("Item {number}"),
        category: category.into(),
        available: number % 7 != 3,
        attributes: Attributes::default(),
    }
}

/// A catalogue of categories of these sizes.
fn catalog(sizes: &[usize]) -> Catalog {
    let categories = sizes.iter().enumerate().flat_map(|(category, size)| vec![format!("category {category}"); *size]);
    Catalog::new(categories.enumerate().map(|(number, category)| product(number, &category)).collect()).unwrap()
}

fn few(users: u32) -> Rules {
    let mut rules = Rules::default();
    rules.population.users = users.try_into().unwrap();
    rules.walks.per_user = Interval::new(1, 12).unwrap();
    rules
}

/// Every interaction as the line that it becomes.
fn lines(generator: &Generator<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for shopper in generator.shoppers() {
        shopper.interactions().for_each(|row| row.write(&mut bytes).unwrap());
    }
    bytes
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() {
    let (catalog, rules) = (catalog(&[12, 9, 20]), few(5));
    let bytes = |seed| lines(&Generator::new(&catalog, &rules, seed).unwrap());
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn a_shopper_does_not_depend_on_the_other_shoppers() {
    let catalog = catalog(&[12, 9, 20]);
    let (two, many) = (few(2), few(50));
    let two = Generator::new(&catalog, &two, 7).unwrap();
    let many = Generator::new(&catalog, &many, 7).unwrap();
    let rows = |generator: &Generator<'_>, number| -> Vec<String> {
        generator.shopper(number).interactions().map(|row| format!("{row:?}")).collect()
    };
    assert_eq!(rows(&two, 2), rows(&many, 2));
    assert_ne!(rows(&many, 2), rows(&many, 3));
    assert!(lines(&many).starts_with(&lines(&two)));
}

#[test]
fn unavailable_products_are_viewed_too() {
    let (catalog, rules) = (catalog(&[10]), few(20));
    let generator = Generator::new(&catalog, &rules, 3).unwrap();
    let viewed = generator.shoppers().any(|shopper| shopper.interactions().any(|row| row.item == "item-3"));
    assert!(viewed && !catalog.product("item-3").unwrap().available);
}

#[test]
fn more_than_the_days_can_hold_is_squeezed_into_them() {
    let catalog = catalog(&[10]);
    let mut rules = few(3);
    rules.population.days = "1".parse().unwrap();
    rules.walks.per_user = Interval::new(900, 900).unwrap();
    let generator = Generator::new(&catalog, &rules, 3).unwrap();
    let start = rules.population.start.seconds() as f64;
    for shopper in generator.shoppers() {
        let times: Vec<f64> = shopper.interactions().map(|row| row.timestamp).collect();
        assert!(times.len() > 4_000 && times.is_sorted());
        assert!(times[0] >= start && times[times.len() - 1] < start + 86_400.0);
    }
}

#[test]
fn a_catalogue_with_nothing_to_walk_between_is_refused() {
    for sizes in [&[] as &[usize], &[1]] {
        let (catalog, rules) = (catalog(sizes), few(1));
        let error = Generator::new(&catalog, &rules, 1).unwrap_err();
        assert!(matches!(error, RulesError::TooFewProducts(_)));
        assert!(error.to_string().ends_with("products: expected at least 2"), "{error}");
    }
}

#[test]
fn all_unknown_products_are_listed_in_one_error_with_lines_and_closest_titles() {
    let text = r#"
[[groups]]
name = "a"
products = ["item-1", "itm-2", "Item 3"]

[[follow_ups]]
after = "itm-2"
then = ["item-4", "item-99"]
probability = 0.5
"#;
    let (catalog, rules) = (catalog(&[6]), Rules::parse(text, Path::new("rules.toml")).unwrap());
    let error = Generator::new(&catalog, &rules, 1).unwrap_err();
    let RulesError::Unknown(unknown) = &error else { panic!("{error}") };
    let found: Vec<(&str, &[usize], &str)> = unknown
        .products()
        .iter()
        .map(|product| (product.handle.as_str(), product.lines.as_slice(), product.closest[0].1.as_str()))
        .collect();
    let expected: [(&str, &[usize], &str); 3] =
        [("Item 3", &[4], "Item 3"), ("itm-2", &[4, 7], "Item 2"), ("item-99", &[8], "Item 0")];
    assert_eq!(found, expected);
    let message = error.to_string();
    assert!(message.starts_with("rules.toml: found 3 products that the catalogue does not hold"), "{message}");
    assert!(message.contains("\n  lines 4, 7: `itm-2`; closest: `item-2` (Item 2), "), "{message}");
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (catalog, rules) = (catalog(&[12, 9]), few(4));
    let generator = Generator::new(&catalog, &rules, 1).unwrap();
    let path = folder.path().join("interactions.tsv");
    let mut heard = Vec::new();
    let summary = slirec_generate::write(&generator, &path, false, |users| heard.push(users)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), lines(&generator));
    assert_eq!((heard, summary.users, summary.catalog_items), (vec![1, 2, 3, 4], 4, 21));

    let again = slirec_generate::write(&generator, &path, false, |_| ());
    assert!(matches!(again, Err(FileError::Exists(_))));
    let nowhere = folder.path().join("missing/interactions.tsv");
    let error = slirec_generate::write(&generator, &nowhere, false, |_| ()).unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
    // A directory in the way is noticed at the last step: what was written until then goes.
    let directory = folder.path().join("directory");
    fs::create_dir(&directory).unwrap();
    assert!(slirec_generate::write(&generator, &directory, true, |_| ()).is_err());
    let mut left: Vec<PathBuf> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    left.sort();
    assert_eq!(left, [directory, path]);
}

#[test]
fn a_compressed_file_holds_the_same_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (catalog, rules) = (catalog(&[12, 9]), few(4));
    let generator = Generator::new(&catalog, &rules, 1).unwrap();
    let path = folder.path().join("interactions.tsv.gz");
    slirec_generate::write(&generator, &path, false, |_| ()).unwrap();
    let packed = fs::read(&path).unwrap();
    assert_eq!(packed[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "neither a name nor a time in the header");
    let mut unpacked = Vec::new();
    open_text(&path).unwrap().read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, lines(&generator));
}

proptest! {
    #[test]
    fn every_catalogue_of_two_products_or_more_works_without_rules(
        sizes in prop::collection::vec(1_usize..14, 1..8), seed: u64,
    ) {
        let catalog = catalog(&sizes);
        prop_assume!(catalog.products().len() >= 2);
        let rules = few(3);
        let generator = Generator::new(&catalog, &rules, seed).unwrap();
        let start = rules.population.start.seconds() as f64;
        for shopper in generator.shoppers() {
            let mut before = start;
            let mut count = 0;
            for row in shopper.interactions() {
                prop_assert_eq!(row.user, shopper.name());
                prop_assert_eq!(row.category, &catalog.product(row.item).unwrap().category);
                prop_assert_eq!(row.timestamp.fract(), 0.0);
                prop_assert!(row.timestamp >= before);
                before = row.timestamp;
                count += 1;
            }
            prop_assert!(count >= 1);
            prop_assert!(before < start + 30.0 * 86_400.0);
        }
    }
}
