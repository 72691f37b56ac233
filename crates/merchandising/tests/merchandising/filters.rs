//! The filter language: what filters mean, beside a naive evaluation; what is refused, by its place; and that no text
//! whatever takes long or panics.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use slirec_merchandising::{Columns, Filter, LONGEST_FILTER};

use crate::shop::{Item, catalog, columns_of};

fn shop() -> Columns {
    columns_of(&[
        Item::new("novel", "Books").vendor("Ochre").price("12.50").tags("new, gift"),
        Item::new("atlas", "Books").vendor("Ochre & Sons").price("49.90").tags("clearance"),
        Item::new("mug", "Kitchen").vendor("Blue Door").price("7").fresh("true").tags("gift"),
        Item::new("brush", "Art").price("3").fresh("false"),
        Item::new("easel", "Art").vendor("Ochre"),
    ])
}

/// Handles of the products that meet a filter.
fn found(filter: &str, viewed: Option<usize>) -> Vec<&'static str> {
    let columns = shop();
    let products = Filter::new(filter, &columns).unwrap_or_else(|error| panic!("{filter}: {error}"));
    let products = products.evaluate(&columns, viewed);
    products.iter().map(|product| ["novel", "atlas", "mug", "brush", "easel"][product]).collect()
}

#[test]
fn filters_mean_what_they_say() {
    for (filter, expected) in [
        (r#"vendor == "Ochre" && price < 50.0 && !("clearance" in tags)"#, &["novel"][..]),
        (r#"vendor == 'Ochre'"#, &["novel", "easel"]),
        (r#"vendor != "Ochre""#, &["atlas", "mug", "brush"]),
        (r#"vendor.startsWith("Ochre")"#, &["novel", "atlas", "easel"]),
        (r#"vendor.endsWith("Sons") || title.contains("mu")"#, &["atlas", "mug"]),
        (r#"vendor < "Ochre""#, &["mug"]),
        ("price >= 7 && price <= 12.5", &["novel", "mug"]),
        ("5 > price", &["brush"]),
        ("price in [7, 3.0, 1e9]", &["mug", "brush"]),
        (r#"category in ["Art", "Kitchen"] && has(price)"#, &["mug", "brush"]),
        ("fresh", &["mug"]),
        ("!fresh", &["novel", "atlas", "brush", "easel"]),
        ("fresh == false", &["brush"]),
        ("fresh != true && has(fresh)", &["brush"]),
        (r#""gift" in tags"#, &["novel", "mug"]),
        (r#"attributes["vendor"] == "Blue Door""#, &["mug"]),
        ("price > -1", &["novel", "atlas", "mug", "brush"]),
        ("true", &["novel", "atlas", "mug", "brush", "easel"]),
        ("false || !true", &[]),
        (r#"handle == "novel" || handle == "mug" && false"#, &["novel"]),
        (r#"(handle == "novel" || handle == "mug") && false"#, &[]),
        ("  price\n<\t5 ", &["brush"]),
        (r#"vendor == "O\"\\\n""#, &[]),
    ] {
        assert_eq!(found(filter, None), expected, "{filter}");
    }
}

#[test]
fn what_the_viewed_product_has_too_is_the_same() {
    for (filter, viewed, expected) in [
        ("same.category", Some(0), &["novel", "atlas"][..]),
        ("same.category && !same.vendor", Some(0), &["atlas"]),
        ("same.tags && price < 10", Some(0), &["mug"]),
        ("same.fresh", Some(3), &["brush"]),
        ("same.price || same[\"vendor\"]", Some(4), &["novel", "easel"]),
        ("same.category", None, &[]),
        ("!same.category", None, &["novel", "atlas", "mug", "brush", "easel"]),
        ("same.vendor", Some(3), &[]),
    ] {
        assert_eq!(found(filter, viewed), expected, "{filter}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_expected() {
    let columns = shop();
    let names = "expected one of `category`, `handle`, `title`, `fresh`, `price`, `tags`, `vendor`";
    for (filter, message) in [
        ("", "character 1: found the end, expected an attribute, a value, `!` or `(`"),
        ("price <", "character 8: found the end, expected an attribute, a value, `!` or `(`"),
        ("price = 5", "character 7: found `=`, expected `==`"),
        ("price < 5 & fresh", "character 11: found `&`, expected `&&`"),
        ("price < 5 fresh", "character 11: found `fresh`, expected `&&`, `||` or the end"),
        ("(price < 5", "character 11: found the end, expected `)`"),
        (
            "vender == \"Ochre\"",
            "character 1: found `vender`, which is no attribute of the catalogue, the closest is `vendor`",
        ),
        ("price < \"5\"", "character 9: found a text, expected a number, because `price` is of type number"),
        ("é == 1", &format!("character 1: found `é`, which is no attribute of the catalogue, {names}")),
        ("'é' == 1", "character 1: found a text, expected an attribute on one side of a comparison"),
        ("'é' in vendor", "character 8: found `vendor`, which is of type text, expected an attribute of type list"),
        ("vendor == 5", "character 11: found a number, expected a text, because `vendor` is of type text"),
        ("tags == 'new'", "character 1: found `tags`, which is of type list, expected `\"value\" in` the list"),
        ("fresh < true", "character 1: found `fresh`, which is of type boolean, expected `==` or `!=`"),
        (
            "price",
            "character 1: found an attribute of type number, expected a condition such as `price < 50` or `vendor == \"Ochre\"`",
        ),
        ("!price == 5", "character 1: found a condition, expected an attribute on one side of a comparison"),
        ("price < price", "character 9: found another attribute, expected a number, because `price` is of type number"),
        ("vendor.matches('x')", "character 8: found `matches`, expected `startsWith`, `endsWith` or `contains`"),
        (
            "price.contains('1')",
            "character 1: found `price`, which is of type number, expected an attribute of type text",
        ),
        ("vendor == 'Ochre", "character 11: found a text without its end, expected '"),
        ("vendor == '\\q'", r#"character 12: found an escape that is none, expected one of \" \' \\ \n \r \t"#),
        ("price < 5x", "character 9: found `5`, expected a number such as 50 or 49.90"),
        ("price in ['a']", "character 11: found a text, expected a number, because `price` is of type number"),
        (
            "price in tags",
            "character 1: found something else, expected `\"value\" in attribute` or `attribute in [\"value\", …]`",
        ),
        ("same.colour", &format!("character 6: found `colour`, which is no attribute of the catalogue, {names}")),
    ] {
        let error = Filter::new(filter, &columns).expect_err(filter).to_string();
        assert_eq!(error, message, "{filter}");
    }
}

#[test]
fn length_depth_conditions_and_searches_are_bounded() {
    let columns = shop();
    let refused = |filter: String| Filter::new(&filter, &columns).expect_err("too much").to_string();
    assert!(Filter::new(&format!("{}fresh{}", "(".repeat(32), ")".repeat(32)), &columns).is_ok());
    assert!(refused(format!("{}fresh{}", "(".repeat(33), ")".repeat(33))).contains("more than 32 levels"));
    assert!(refused("!".repeat(33) + "fresh").contains("more than 32 levels"));
    assert!(Filter::new(&vec!["fresh"; 64].join(" || "), &columns).is_ok());
    assert!(refused(vec!["fresh"; 65].join(" || ")).contains("more than 64 conditions"));
    assert!(refused(["title.contains('a')"; 9].join(" && ")).contains("more than 8 of `contains`"));
    assert!(refused(" ".repeat(LONGEST_FILTER + 1)).contains("expected at most 8192"));
}

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

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

const WORDS: [&str; 40] = [
    "vendor",
    "price",
    "tags",
    "fresh",
    "category",
    "same",
    ".",
    "has",
    "in",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "!",
    "(",
    ")",
    "[",
    "]",
    ",",
    "\"Ochre\"",
    "'x'",
    "\"",
    "'",
    "\\",
    "5",
    "1e400",
    "-",
    "0.5",
    "true",
    "false",
    "startsWith",
    "contains",
    " ",
    "é",
    "\u{0}",
    "attributes",
];

/// A text that resembles a filter, or does not.
fn made_up(random: &mut Random) -> String {
    const VALID: &str = r#"vendor == "Ochre" && price < 50.0 && !("clearance" in tags) || same.category && !fresh"#;
    match random.below(3) {
        0 => (0..random.below(60)).map(|_| WORDS[random.below(WORDS.len())]).collect(),
        1 => {
            let bytes: Vec<u8> = (0..random.below(200)).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => {
            let mut letters: Vec<char> = VALID.chars().collect();
            for _ in 0..=random.below(4) {
                let place = random.below(letters.len());
                match random.below(3) {
                    0 => {
                        letters.remove(place);
                    }
                    1 => letters[place] = WORDS[random.below(WORDS.len())].chars().next().unwrap(),
                    _ => letters.splice(place..place, WORDS[random.below(WORDS.len())].chars()).for_each(drop),
                }
            }
            letters.into_iter().collect()
        }
    }
}

/// `SLIREC_FILTER_INPUTS` sets how many.
#[test]
fn no_text_makes_reading_a_filter_panic_or_take_long() {
    let inputs = std::env::var("SLIREC_FILTER_INPUTS").map_or(200_000, |count| count.parse().unwrap());
    let columns = shop();
    let mut random = Random(1);
    let (mut read, mut slowest) = (0_u64, Duration::ZERO);
    for _ in 0..inputs {
        let text = made_up(&mut random);
        // The machine may pause: a text is slow when it is slow every time.
        let took = (0..5).map(|_| {
            let began = Instant::now();
            if let Ok(filter) = Filter::new(&text, &columns) {
                read += 1;
                filter.evaluate(&columns, Some(0));
            }
            began.elapsed()
        });
        let took = took.take_while(|took| *took > Duration::from_millis(20)).min().unwrap_or_default();
        assert!(took < Duration::from_millis(200), "{took:?} for {text}");
        slowest = slowest.max(took);
    }
    assert!(read > inputs / 100, "only {read} of {inputs} texts were filters");
}

#[test]
fn the_longest_filters_are_read_in_time_that_grows_with_their_length() {
    let columns = shop();
    let repeated = |part: &str| part.repeat(LONGEST_FILTER / part.len());
    for text in [
        repeated("("),
        repeated("!"),
        repeated("'"),
        repeated("\\"),
        repeated("["),
        repeated("é"),
        repeated("1"),
        repeated("fresh && "),
        repeated("("),
        format!("vendor in [{}'x']", repeated("'x',").get(..8_000).unwrap()),
        format!("vendor == '{}'", "é".repeat(4_000)),
    ] {
        let fastest = (0..5).map(|_| {
            let began = Instant::now();
            let _ = Filter::new(&text, &columns);
            began.elapsed()
        });
        let fastest = fastest.min().unwrap();
        assert!(fastest < Duration::from_millis(50), "{fastest:?} for {}", text.get(..20).unwrap_or_default());
    }
}
