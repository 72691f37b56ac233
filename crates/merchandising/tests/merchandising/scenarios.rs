//! Scenarios: what a file says is what is arranged, and what is wrong with it is told with line and key.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use slirec_core::arrangement::{Factors, NO_GROUP};
use slirec_core::catalog::Catalog;
use slirec_core::sources::{Sources, Step};
use slirec_merchandising::{Effect, FilterUse, Merchandising, ScenarioFile, Wish};

use crate::shop::{Item, catalog};

fn shop() -> Catalog {
    catalog(&[
        Item::new("novel", "Books").vendor("Ochre").price("12.50").tags("new, gift"),
        Item::new("atlas", "Books").vendor("Sons").price("49.90").tags("clearance"),
        Item::new("mug", "Kitchen").vendor("Ochre").price("7").fresh("true").tags("gift"),
        Item::new("brush", "Art").price("3").fresh("false"),
    ])
}

/// The rules of a file for the shop.
fn rules(text: &str) -> Merchandising {
    let file = ScenarioFile::parse(text, Path::new("scenarios.toml")).unwrap();
    Merchandising::new(&shop(), Some(&file)).unwrap().0
}

fn wish(scenario: &str, viewed: Option<usize>, now: f64) -> Wish {
    Wish { scenario: Some(scenario.to_owned()), viewed, now, ..Wish::default() }
}

const CART: &str = r#"
[cart]
limit = 4
filter = "price < 40.0"
exclude_seen = true
diversity = 0.3
per = { vendor = 1 }
sources = ["popular"]
boost = [{ name = "own", when = 'vendor == "Ochre"', by = 1.5 }, { when = "same.category", by = 2.0 }]
hide = [{ when = '"clearance" in tags' }]

[[cart.bury]]
name = "stale"
when = "fresh == false"

[[cart.pin]]
product = "mug"
position = 2

[[cart.pin]]
product = "atlas"
position = 1
from = 2026-11-27T00:00:00Z
until = "2026-11-28"
"#;

/// In the window of the second pin: 2026-11-27, noon.
const FRIDAY: f64 = 1_795_780_800.0;

#[test]
fn what_the_file_says_is_arranged() {
    let rules = rules(CART);
    let arranged = rules.arrange(&wish("cart", Some(0), 0.0)).unwrap();
    assert_eq!(arranged.allowed.unwrap().iter().collect::<Vec<_>>(), [0, 2, 3]);
    assert_eq!(arranged.arrangement.factors, Some(Factors::new(vec![3.0, 2.0, 1.5, 1.0])));
    assert_eq!(arranged.arrangement.buried.unwrap().iter().collect::<Vec<_>>(), [3]);
    let pins: Vec<_> = arranged.arrangement.pins.iter().map(|pin| (pin.product, pin.position)).collect();
    assert_eq!(pins, [(2, 2)]);
    assert_eq!(
        (arranged.arrangement.diversity, arranged.sources, arranged.arrangement.caps[0].most),
        (0.3, Some(Sources::of(&[Step::Popular])), 1)
    );
    let groups = &arranged.arrangement.caps[0].groups;
    assert!(groups[0] == groups[2] && groups[0] != groups[1] && groups[3] == NO_GROUP);
    let scenario = rules.scenario("cart").unwrap();
    assert_eq!((scenario.limit(), scenario.exclude_seen()), (Some(4), Some(true)));
    let friday = rules.arrange(&wish("cart", None, FRIDAY)).unwrap();
    assert_eq!(
        friday.arrangement.pins.iter().map(|pin| (pin.product, pin.position)).collect::<Vec<_>>(),
        [(1, 1), (2, 2)]
    );
    assert_eq!(friday.arrangement.factors, Some(Factors::new(vec![1.5, 1.0, 1.5, 1.0])));
}

#[test]
fn rules_name_themselves_for_each_product() {
    let rules = rules(CART);
    let scenario = rules.scenario("cart").unwrap();
    let names = |product: usize| -> Vec<(String, Effect)> {
        let applied = scenario.applied(rules.columns(), product, Some(0), FRIDAY);
        applied.into_iter().map(|applied| (applied.rule.to_owned(), applied.effect)).collect()
    };
    assert_eq!(names(0), [("own".to_owned(), Effect::Boost(1.5)), ("boost 2".to_owned(), Effect::Boost(2.0))]);
    assert_eq!(names(3), [("stale".to_owned(), Effect::Bury)]);
    let atlas = [
        ("boost 2".to_owned(), Effect::Boost(2.0)),
        ("hide 1".to_owned(), Effect::Hide),
        ("pin 2".to_owned(), Effect::Pin(1)),
    ];
    assert_eq!(names(1), atlas);
}

#[test]
fn what_the_request_says_goes_before_the_scenario_and_what_is_hidden_stays_hidden() {
    let rules = rules(CART);
    let request = Wish {
        filter: Some("price > 5".to_owned()),
        per: Some(vec![("category".to_owned(), 3)]),
        diversity: Some(0.0),
        ..wish("cart", None, 0.0)
    };
    let arranged = rules.arrange(&request).unwrap();
    assert_eq!(arranged.allowed.unwrap().iter().collect::<Vec<_>>(), [0, 2]);
    assert_eq!(
        (arranged.arrangement.diversity, arranged.arrangement.caps.len(), arranged.arrangement.caps[0].most),
        (0.0, 1, 3)
    );
    assert_eq!(
        (arranged.filter, rules.arrange(&request).unwrap().filter),
        (Some(FilterUse::New), Some(FilterUse::Known))
    );
    assert!(rules.is_at_hand(&Wish { per: None, ..request }));
}

#[test]
fn a_scenario_outside_of_its_time_does_nothing() {
    let rules = rules("[sale]\nfrom = 2026-11-27\nuntil = 2026-11-28\nhide = [{ when = \"true\" }]\n");
    let before = rules.arrange(&wish("sale", None, FRIDAY - 86_400.0)).unwrap();
    assert!(before.out_of_effect && before.allowed.is_none());
    let during = rules.arrange(&wish("sale", None, FRIDAY)).unwrap();
    assert!(!during.out_of_effect && during.allowed.unwrap().is_empty());
}

#[test]
fn what_a_request_cannot_have_is_told() {
    let rules = rules("[cart]\n[home]\n");
    let told = |wish: Wish| rules.arrange(&wish).unwrap_err().to_string();
    assert_eq!(told(wish("crat", None, 0.0)), "scenario: `crat` is no scenario: expected one of `cart`, `home`");
    let filter = |text: &str| Wish { filter: Some(text.to_owned()), ..Wish::default() };
    assert_eq!(
        told(filter("price <")),
        "filter: character 8: found the end, expected an attribute, a value, `!` or `(`"
    );
    let per = |name: &str| Wish { per: Some(vec![(name.to_owned(), 2)]), ..Wish::default() };
    assert_eq!(told(per("tags")), "per: `tags` is of type list: expected an attribute with one value for each product");
    assert!(told(per("Vender")) == "per: `Vender` is no attribute of the catalogue: the closest is `vendor`");
    let (none, _) = Merchandising::new(&shop(), None).unwrap();
    let told = none.arrange(&wish("cart", None, 0.0)).unwrap_err().to_string();
    assert_eq!(told, "scenario: `cart` is no scenario: the service has no scenarios");
}

#[test]
fn a_file_that_cannot_be_used_is_refused_by_line_and_key() {
    let refused = |text: &str| {
        let file = ScenarioFile::parse(text, Path::new("scenarios.toml"));
        file.and_then(|file| Merchandising::new(&shop(), Some(&file)).map(drop)).expect_err(text).to_string()
    };
    for (text, message) in [
        ("[cart]\nlimits = 4\n", "scenarios.toml:2: cart.limits: unknown field `limits`, expected one of"),
        ("[cart]\n\nlimit = 0\n", "scenarios.toml:3: cart.limit: found 0, expected a whole number from 1 to 100"),
        ("[cart]\nlimit = \"4\"\n", "scenarios.toml:2: cart.limit: invalid type: string \"4\", expected i64"),
        ("[cart]\nfilter = \"price <\"\n", "scenarios.toml:2: cart.filter: character 8: found the end"),
        (
            "[[cart.boost]]\nwhen = \"fresh\"\nby = 0\n",
            "scenarios.toml:3: cart.boost.by: found 0, expected a number from 0.001",
        ),
        ("[[cart.boost]]\nwhen = \"fresh\"\n", "scenarios.toml:1: cart.boost: missing field `by`"),
        ("[[cart.hide]]\nwhen = \"vender == 'x'\"\n", "scenarios.toml:2: cart.hide.when: character 1: found `vender`"),
        (
            "[cart]\nsources = [\"popular\", \"model\"]\n",
            "scenarios.toml:2: cart.sources: found [\"popular\", \"model\"]",
        ),
        ("[cart]\ndiversity = 2\n", "scenarios.toml:2: cart.diversity: found 2, expected 0 to 1"),
        (
            "[cart]\nboost = [{ when = 'vender == 1', by = 2 }]\n",
            "scenarios.toml:2: cart.boost.when: character 1: found",
        ),
        ("[cart]\nper = { tags = 2 }\n", "scenarios.toml:2: cart.per: `tags` is of type list"),
        ("[cart]\nfrom = \"soon\"\n", "scenarios.toml:2: cart.from: found `soon`, expected a date"),
        (
            "[cart]\nfrom = 2026-01-02\nuntil = 2026-01-02\n",
            "scenarios.toml:3: cart.until: found a time that is not after",
        ),
        ("[[cart.pin]]\nproduct = \"mug\"\nposition = 0\n", "scenarios.toml:3: cart.pin.position: found 0"),
        (
            "[cart]\npin = [{ product = \"mug\", position = 1 }, { product = \"novel\", position = 1 }]\n",
            "scenarios.toml:2: cart.pin.position: found position 1 again",
        ),
        ("[cart]\nlimit = = 1\n", "scenarios.toml:2: cart.limit: "),
        ("[\"\"]\n", "scenarios.toml:1: "),
    ] {
        let found = refused(text);
        assert!(found.starts_with(message), "{text}: {found}");
    }
}

#[test]
fn pins_of_products_that_are_gone_are_passed_over_and_named() {
    let text = "[cart]\npin = [{ product = \"gone\", position = 1 }, { product = \"mug\", position = 2 }]\n";
    let file = ScenarioFile::parse(text, Path::new("scenarios.toml")).unwrap();
    let (rules, remarks) = Merchandising::new(&shop(), Some(&file)).unwrap();
    assert_eq!(remarks, ["scenarios.toml:2: cart.pin.product: `gone` is no product of the catalogue"]);
    assert_eq!(rules.arrange(&wish("cart", None, 0.0)).unwrap().arrangement.pins.len(), 1);
}

#[test]
fn a_campaign_s_pin_goes_before_a_standing_one_and_a_gid_names_a_product() {
    let shop = shop();
    let gid = &shop.product("atlas").unwrap().gid;
    let text = format!(
        "[cart]\npin = [{{ product = \"mug\", position = 1 }}, \
         {{ product = \"{gid}\", position = 1, until = 1970-01-02 }}]\n"
    );
    let file = ScenarioFile::parse(&text, Path::new("scenarios.toml")).unwrap();
    let (rules, remarks) = Merchandising::new(&shop, Some(&file)).unwrap();
    let pins = |now| -> Vec<_> {
        let arranged = rules.arrange(&wish("cart", None, now)).unwrap();
        arranged.arrangement.pins.iter().map(|pin| (pin.product, pin.position)).collect()
    };
    assert_eq!((remarks.len(), pins(0.0), pins(2.0 * 86_400.0)), (0, vec![(1, 1), (2, 2)], vec![(2, 1)]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is kept from other requests, an arrangement is the one of its own request.
    #[test]
    fn what_is_kept_never_changes_an_answer(
        asked in prop::collection::vec((prop::option::of(0_usize..4), any::<bool>(), any::<bool>()), 1..30),
    ) {
        let kept = rules(CART);
        for (viewed, friday, filtered) in asked {
            let now = if friday { FRIDAY } else { 0.0 };
            let filter = filtered.then(|| "!same.category".to_owned());
            let request = Wish { filter, ..wish("cart", viewed, now) };
            let mut found = kept.arrange(&request).unwrap();
            let mut expected = rules(CART).arrange(&request).unwrap();
            (found.filter, expected.filter) = (None, None);
            // Each has groups of its own.
            (found.arrangement.caps, expected.arrangement.caps) = (Vec::new(), Vec::new());
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_thousand_scenarios_keep_their_names() {
    let text: String = (0..1_000).map(|number| format!("[place-{number}]\nlimit = {}\n", number % 100 + 1)).collect();
    let rules = rules(&text);
    let names: BTreeSet<&str> = rules.scenarios().map(|scenario| scenario.name()).collect();
    assert_eq!((names.len(), rules.scenario("place-7").unwrap().limit()), (1_000, Some(8)));
}
