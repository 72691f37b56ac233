//! Filters that are made up, over products that are made up: what they find is what a naive evaluation finds.

use proptest::prelude::*;
use slirec_merchandising::{Columns, Filter};

use crate::shop::{Item, catalog};

/// A condition as a test knows it.
#[derive(Debug, Clone)]
enum Condition {
    Always(bool),
    Vendor(&'static str, usize),
    Price(&'static str, i32),
    Fresh(bool),
    Tagged(usize),
    OneOf(Vec<usize>),
    Begins(&'static str),
    HasPrice,
    SameCategory,
    SameTags,
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

const VENDORS: [&str; 4] = ["", "Ochre", "Ochre & Sons", "Zed"];
const TAGS: [&str; 3] = ["new", "gift", "sale"];
const CATEGORIES: [&str; 3] = ["Art", "Books", "Kitchen"];

/// A product as a test knows it.
#[derive(Debug, Clone)]
struct Known {
    category: usize,
    vendor: usize,
    price: Option<i32>,
    fresh: Option<bool>,
    tags: Vec<bool>,
}

impl Condition {
    fn text(&self) -> String {
        let joined = |parts: &[Self], symbol: &str| {
            let inner = |part: &Self| match part {
                Self::All(_) | Self::Any(_) => format!("({})", part.text()),
                _ => part.text(),
            };
            parts.iter().map(inner).collect::<Vec<_>>().join(symbol)
        };
        match self {
            Self::Always(value) => value.to_string(),
            Self::Vendor(operator, vendor) => format!("vendor {operator} \"{}\"", VENDORS[*vendor]),
            Self::Price(operator, price) => format!("price {operator} {price}"),
            Self::Fresh(true) => "fresh".to_owned(),
            Self::Fresh(false) => "fresh == false".to_owned(),
            Self::Tagged(tag) => format!("'{}' in tags", TAGS[*tag]),
            Self::OneOf(vendors) => {
                let names: Vec<String> = vendors.iter().map(|vendor| format!("\"{}\"", VENDORS[*vendor])).collect();
                format!("vendor in [{}]", names.join(", "))
            }
            Self::Begins(text) => format!("vendor.startsWith(\"{text}\")"),
            Self::HasPrice => "has(price)".to_owned(),
            Self::SameCategory => "same.category".to_owned(),
            Self::SameTags => "same.tags".to_owned(),
            Self::Not(inner) => format!("!({})", inner.text()),
            Self::All(parts) => joined(parts, " && "),
            Self::Any(parts) => joined(parts, "||"),
        }
    }

    fn holds(&self, product: &Known, viewed: Option<&Known>) -> bool {
        let vendor = Some(VENDORS[product.vendor]).filter(|name| !name.is_empty());
        fn compared<T: PartialOrd>(value: Option<T>, operator: &str, other: &T) -> bool {
            match (operator, value) {
                ("!=", value) => value.is_none_or(|value| value != *other),
                (_, None) => false,
                ("==", Some(value)) => value == *other,
                ("<", Some(value)) => value < *other,
                ("<=", Some(value)) => value <= *other,
                (">", Some(value)) => value > *other,
                (_, Some(value)) => value >= *other,
            }
        }
        match self {
            Self::Always(value) => *value,
            Self::Vendor(operator, other) => compared(vendor, operator, &VENDORS[*other]),
            Self::Price(operator, price) => compared(product.price, operator, price),
            Self::Fresh(wanted) => product.fresh == Some(*wanted),
            Self::Tagged(tag) => product.tags[*tag],
            Self::OneOf(vendors) => vendor.is_some_and(|vendor| vendors.iter().any(|one| VENDORS[*one] == vendor)),
            Self::Begins(text) => vendor.is_some_and(|vendor| vendor.starts_with(text)),
            Self::HasPrice => product.price.is_some(),
            Self::SameCategory => viewed.is_some_and(|viewed| viewed.category == product.category),
            Self::SameTags => {
                viewed.is_some_and(|viewed| viewed.tags.iter().zip(&product.tags).any(|(left, right)| *left && *right))
            }
            Self::Not(inner) => !inner.holds(product, viewed),
            Self::All(parts) => parts.iter().all(|part| part.holds(product, viewed)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(product, viewed)),
        }
    }
}

fn condition() -> impl Strategy<Value = Condition> {
    let operator = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        any::<bool>().prop_map(Condition::Always),
        (operator(), 0..VENDORS.len()).prop_map(|(operator, vendor)| Condition::Vendor(operator, vendor)),
        (operator(), -2..6).prop_map(|(operator, price)| Condition::Price(operator, price)),
        any::<bool>().prop_map(Condition::Fresh),
        (0..TAGS.len()).prop_map(Condition::Tagged),
        prop::collection::vec(0..VENDORS.len(), 0..4).prop_map(Condition::OneOf),
        prop::sample::select(vec!["", "O", "Ochre", "Ochre &", "Q", "Zed", "Zedd"]).prop_map(Condition::Begins),
        Just(Condition::HasPrice),
        Just(Condition::SameCategory),
        Just(Condition::SameTags),
    ];
    leaf.prop_recursive(4, 20, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::All),
            prop::collection::vec(inner, 2..4).prop_map(Condition::Any),
        ]
    })
}

fn product() -> impl Strategy<Value = Known> {
    let tags = prop::collection::vec(any::<bool>(), TAGS.len());
    let parts = (0..CATEGORIES.len(), 0..VENDORS.len(), prop::option::of(-1..5), prop::option::of(any::<bool>()), tags);
    parts.prop_map(|(category, vendor, price, fresh, tags)| Known { category, vendor, price, fresh, tags })
}

fn item(number: usize, known: &Known) -> Item {
    let tags: Vec<&str> = TAGS.into_iter().zip(&known.tags).filter(|(_, has)| **has).map(|(tag, _)| tag).collect();
    Item::new(&format!("product-{number}"), CATEGORIES[known.category])
        .vendor(VENDORS[known.vendor])
        .price(&known.price.map(|price| price.to_string()).unwrap_or_default())
        .fresh(&known.fresh.map(|fresh| fresh.to_string()).unwrap_or_default())
        .tags(&tags.join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn filters_find_what_a_naive_evaluation_finds(
        condition in condition(),
        products in prop::collection::vec(product(), 1..80),
        viewed in prop::option::of(0_usize..80),
    ) {
        // Types are inferred from values: each attribute has some of its own.
        let anchor = Item::new("anchor", "Anchor").vendor("Anchor").price("99").fresh("true").tags("anchor");
        let items: Vec<Item> =
            products.iter().enumerate().map(|(number, known)| item(number, known)).chain([anchor]).collect();
        let columns = Columns::new(&catalog(&items));
        let viewed = viewed.filter(|viewed| *viewed < products.len());
        let text = condition.text();
        let filter = Filter::new(&text, &columns).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let all = filter.evaluate(&columns, viewed);
        for (place, product) in products.iter().enumerate() {
            let expected = condition.holds(product, viewed.map(|viewed| &products[viewed]));
            prop_assert_eq!(all.contains(place), expected, "{}, product {}", text, place);
            prop_assert_eq!(filter.matches(&columns, place, viewed), expected, "{}, product {} alone", text, place);
        }
    }
}
