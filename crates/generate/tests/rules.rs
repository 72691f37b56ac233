//! Wrong rules: text enters, an error leaves that names the file, the line and the key, what was found and expected.

#![cfg(test)]

use std::fs;
use std::path::Path;

use slirec_generate::{Rules, RulesError};

fn message(text: &str) -> String {
    Rules::parse(text, Path::new("rules.toml")).expect_err("the rules are wrong").to_string()
}

/// A group of these products, after a first line.
fn group(products: &str) -> String {
    format!("[[groups]]\nname = \"a\"\nproducts = {products}\n")
}

#[test]
fn an_empty_file_and_a_partial_one_mean_the_defaults() {
    let parse = |text| Rules::parse(text, Path::new("")).unwrap();
    assert_eq!(parse(""), Rules::default());
    let rules = parse("[population]\nusers = 7\n");
    assert_eq!(rules.population.users.get(), 7);
    assert_eq!(rules.population.days, Rules::default().population.days);
    assert_eq!(rules.walks, Rules::default().walks);
}

#[test]
fn an_unknown_key_or_table_is_named_beside_those_that_exist() {
    let text = message("[walks]\ngo_on = 0.5\nbrowze = 0.1\n");
    assert!(
        text.starts_with("rules.toml:3: walks.browze: unknown field `browze`, expected one of `per_user`"),
        "{text}"
    );
    let text = message("[walk]\ngo_on = 0.5\n");
    assert!(text.starts_with("rules.toml:1: walk: unknown field `walk`, expected one of `population`"), "{text}");
    let text = message(&format!("{}colour = 1\n", group("[\"x\", \"y\"]")));
    assert!(text.starts_with("rules.toml:4: groups.colour: unknown field `colour`, expected one of"), "{text}");
}

#[test]
fn a_wrong_type_says_what_was_found_and_expected() {
    let text = message("[population]\n# how many\nusers = \"many\"\n");
    assert_eq!(text, "rules.toml:3: population.users: invalid type: string \"many\", expected a nonzero u32");
    let text = message(&group("[\"x\",\n 3]"));
    assert_eq!(text, "rules.toml:4: groups.products: invalid type: integer `3`, expected a string");
    let text = message("[population]\nstart = true\n");
    assert!(text.starts_with("rules.toml:2: population.start: found true: expected a time"), "{text}");
}

#[test]
fn numbers_out_of_range_are_refused() {
    for (text, expected) in [
        ("[walks]\ngo_on = 1.5", "2: walks.go_on: found 1.5: expected a probability from 0 to 1"),
        ("[tastes]\nstrength = -0.1", "2: tastes.strength: found -0.1: expected a probability from 0 to 1"),
        ("[walks]\nbrowse = nan", "2: walks.browse: found NaN: expected a probability from 0 to 1"),
        ("[walks]\npopularity = 4", "2: walks.popularity: found 4: expected an exponent from 0 to 3"),
        ("[walks]\nlongest = 0", "2: walks.longest: invalid value: integer `0`, expected a nonzero u32"),
        ("[population]\nusers = 0", "2: population.users: invalid value: integer `0`, expected a nonzero u32"),
        ("[population]\nusers = -3", "2: population.users: invalid value: integer `-3`, expected a nonzero u32"),
        ("[population]\ndays = 0", "2: population.days: found 0: expected 1 to 36500 days"),
    ] {
        assert_eq!(message(text), format!("rules.toml:{expected}"));
    }
    assert!(
        message("[sessions]\nhours = [1, 2]").contains("2: sessions.hours: found 2 numbers, [1.0, 2.0]: expected 24")
    );
    assert!(message("[population]\nstart = \"soon\"").contains("2: population.start: found `soon`: expected a time"));
    let text = message("[[groups]]\nname = \"a\"\nweight = 0\nproducts = [\"x\", \"y\"]");
    assert!(text.contains("3: groups.weight: found 0: expected a weight above 0"), "{text}");
}

#[test]
fn a_smallest_number_above_the_largest_is_refused() {
    let text = message("[walks]\nlongest = 9\nper_user = { min = 100, max = 50 }\n");
    assert!(text.starts_with("rules.toml:3: walks.per_user: found min = 100, max = 50: expected min"), "{text}");
    let text = message("[sessions.walks]\nmin = 0\nmax = 4\n");
    assert!(text.starts_with("rules.toml:1: sessions.walks: found min = 0, max = 4: expected min"), "{text}");
    assert!(message("[walks]\nper_user = { min = 1 }").contains("2: walks.per_user: missing field `max`"));
}

#[test]
fn groups_need_a_name_of_their_own_and_two_different_products() {
    let twice = format!("{0}\n{0}", group("[\"x\", \"y\"]"));
    assert_eq!(message(&twice), "rules.toml:6: groups.name: found `a` again: expected every name once");
    assert_eq!(message(&group("[\"x\"]")), "rules.toml:3: groups.products: found 1 products: expected at least 2");
    let text = message(&group("[\"x\",\n  \"y\",\n  \"x\"]"));
    assert_eq!(text, "rules.toml:5: groups.products: found `x` again: expected every product of the list once");
    let text = message("[[groups]]\nname = \" \"\nproducts = [\"x\", \"y\"]");
    assert!(text.contains("2: groups.name: found an empty name"), "{text}");
    assert!(message("[[groups]]\nname = \"a\"\n").contains("1: groups: missing field `products`"));
}

#[test]
fn follow_ups_need_other_products_and_a_probability() {
    let follow_up = |then: &str| format!("[[follow_ups]]\nafter = \"x\"\nthen = {then}\nprobability = 0.5\n");
    let text = message(&follow_up("[\"y\", \"x\"]"));
    assert_eq!(text, "rules.toml:3: follow_ups.then: found `x` after itself: expected other products");
    assert!(message(&follow_up("[]")).contains("3: follow_ups.then: found 0 products: expected at least 1"));
    let text = message("[[follow_ups]]\nafter = \"x\"\nthen = [\"y\"]\n");
    assert!(text.contains("1: follow_ups: missing field `probability`"), "{text}");
}

#[test]
fn broken_toml_and_bytes_that_are_not_text_name_their_line() {
    let text = message("[walks]\ngo_on 0.5\n");
    assert!(text.starts_with("rules.toml:2: "), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.toml");
    fs::write(&path, b"[walks]\ngo_on = 0.5 # caf\xe9\n").unwrap();
    let text = Rules::read(&path).unwrap_err().to_string();
    assert!(text.contains("rules.toml:2: walks.go_on: found bytes that are not UTF-8"), "{text}");
    let missing = Rules::read(&folder.path().join("none.toml")).unwrap_err();
    assert!(matches!(missing, RulesError::File(_)) && missing.to_string().contains("cannot read"), "{missing}");
}
