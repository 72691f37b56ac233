//! The filter language: what filters mean, and what is wrong with them is told with its place.

use slirec_merchandising::{Columns, Filter, LONGEST_FILTER};

use crate::shop::{Item, columns_of};

pub(crate) fn shop() -> Columns {
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
