//! Filters, rules and scenarios end to end: a bundle whose catalogue has attributes of every type, the scenarios of the
//! docs, and the recipes of the docs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bundle::Bundle;
use crate::counts::add_shop;
use crate::server::{Server, run, wait_until};

const TIME: u64 = 1_730_807_061;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The demo with prices, stocks, news and tags, and with counts.
pub(crate) fn bundle() -> Bundle {
    let bundle = Bundle::new();
    bundle.replace("catalog.json", |bytes| {
        let mut catalog: Value = serde_json::from_slice(&bytes).unwrap();
        catalog["types"] = json!({"tags": "list"});
        for (number, product) in (0..).zip(catalog["products"].as_array_mut().unwrap()) {
            let attributes = &mut product["attributes"];
            attributes["price"] = json!(format!("{}.50", 3 + number * 7 % 60));
            attributes["stock"] = json!((number % 5).to_string());
            attributes["new"] = json!((number % 3 == 0).to_string());
            attributes["tags"] = json!(["gift, sale", "clearance", "gift"][number % 3]);
        }
        serde_json::to_vec(&catalog).unwrap()
    });
    add_shop(&bundle);
    bundle
}

/// The scenarios of docs/SCENARIOS.md.
fn scenarios_of_the_docs() -> String {
    let text = fs::read_to_string(root().join("docs/SCENARIOS.md")).unwrap();
    text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// A service with scenarios.
struct Shop {
    server: Server,
    /// What `/v1/catalog` shows.
    catalog: Value,
    _bundle: Bundle,
    _folder: TempDir,
    file: PathBuf,
}

fn shop(scenarios: &str) -> Shop {
    let (bundle, folder) = (bundle(), tempfile::tempdir().unwrap());
    let file = folder.path().join("scenarios.toml");
    fs::write(&file, scenarios).unwrap();
    let variables = [("SLIREC__MODEL__PATH", bundle.path()), ("SLIREC__SCENARIOS__FILE", file.to_str().unwrap())];
    let server = Server::start_with(&variables);
    let catalog = server.get("/v1/catalog").json();
    Shop { server, catalog, _bundle: bundle, _folder: folder, file }
}

impl Shop {
    fn ask(&self, path: &str, body: &Value) -> Value {
        let response = self.server.post(path, body.to_string());
        assert_eq!(response.status, 200, "{path} {body}: {}", response.text());
        response.json()
    }

    fn recommend(&self, more: Value) -> Value {
        let mut body = json!({"history": [{"item": "novel", "time": TIME}], "now": TIME + 60});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ask("/v1/recommendations", &body)
    }

    /// A product as the catalogue of the service shows it.
    fn product(&self, handle: &str) -> Value {
        let found = self.catalog["products"].as_array().unwrap().iter().find(|product| product["handle"] == handle);
        found.unwrap().clone()
    }
}

fn items(answer: &Value) -> Vec<Value> {
    answer["items"].as_array().unwrap().clone()
}

fn handles(answer: &Value) -> Vec<String> {
    items(answer).iter().map(|item| item["handle"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_catalogue_and_answers_show_attributes_by_their_types() {
    let shop = shop("");
    let types: Vec<(&str, &str)> = shop.catalog["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attribute| (attribute["name"].as_str().unwrap(), attribute["type"].as_str().unwrap()))
        .collect();
    let expected = [
        ("colour", "text"),
        ("new", "boolean"),
        ("price", "number"),
        ("price_band", "text"),
        ("stock", "number"),
        ("tags", "list"),
        ("vendor", "text"),
    ];
    assert_eq!(types, expected);
    assert_eq!(shop.catalog["scenarios"], json!([]));
    let first = &shop.catalog["products"][0]["attributes"];
    assert_eq!((&first["price"], &first["new"], &first["tags"]), (&json!(3.5), &json!(true), &json!(["gift", "sale"])));
    let answer = shop.recommend(json!({"attributes": ["price", "tags", "vender"], "limit": 3}));
    for item in items(&answer) {
        let shown = &shop.product(item["handle"].as_str().unwrap())["attributes"];
        assert_eq!(item["attributes"], json!({"price": shown["price"], "tags": shown["tags"]}));
    }
    assert_eq!(answer["warnings"][0]["message"], "`vender` is no attribute of the catalogue");
    assert!(shop.recommend(json!({}))["items"][0].get("attributes").is_none());
}

#[test]
fn a_narrow_filter_gives_a_full_page_in_every_request() {
    let shop = shop("");
    let filter = "price > 40 && \"gift\" in tags && !same.category";
    let answer = shop.recommend(json!({"filter": filter, "limit": 20, "attributes": ["price", "tags"]}));
    assert_eq!((items(&answer).len(), &answer["source"]), (20, &json!("model")));
    let fits = |item: &Value| {
        item["attributes"]["price"].as_f64().unwrap() > 40.0
            && item["attributes"]["tags"].as_array().unwrap().contains(&json!("gift"))
            && item["category"] != shop.product("novel")["category"]
    };
    assert!(items(&answer).iter().all(fits), "{answer}");
    // The order is that of the answer without a filter.
    let all = shop.recommend(json!({"limit": 100, "attributes": ["price", "tags"]}));
    let expected: Vec<String> =
        handles(&all).into_iter().zip(items(&all)).filter(|(_, item)| fits(item)).map(|(handle, _)| handle).collect();
    let told = expected.len().min(20);
    assert!(told > 3);
    assert_eq!(handles(&answer)[..told], expected[..told]);
    let popular =
        shop.ask("/v1/recommendations", &json!({"history": [], "filter": "price > 40", "attributes": ["price"]}));
    assert!(popular["source"] == "popular" && items(&popular).len() == 16);
    let related = shop.ask("/v1/related", &json!({"item": "novel", "filter": "same.category"}));
    assert!(items(&related).iter().all(|item| item["category"] == shop.product("novel")["category"]));
    let sessions = json!([{"history": [], "filter": "new"}, {"history": []}]);
    let batch = shop.ask("/v1/recommendations:batch", &json!({ "sessions": sessions }));
    let of = |session: usize| handles(&batch["answers"][session]);
    assert!(of(0) != of(1) && of(0).iter().all(|handle| shop.product(handle)["attributes"]["new"] == true));
    let candidates: Vec<String> = of(1);
    let rank = json!({"history": [], "candidates": candidates, "filter": "new"});
    let ranked = shop.ask("/v1/rank", &rank);
    let is_new = |handle: &String| shop.product(handle)["attributes"]["new"] == true;
    let (expected, rest): (Vec<String>, Vec<String>) = candidates.into_iter().partition(is_new);
    assert_eq!((handles(&ranked), &ranked["unranked"]), (expected, &json!(rest)));
}

#[test]
fn what_cannot_be_used_is_refused_with_its_field_and_place() {
    let shop = shop("[cart]\n");
    let refused = |path: &str, body: Value| {
        let response = shop.server.post(path, body.to_string());
        assert_eq!(response.status, 400, "{body}");
        response.message()
    };
    let session = |more: Value| {
        let mut session = json!({"history": []});
        session.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        session
    };
    for (more, message) in [
        (json!({"filter": "price < \"5\""}), "filter: character 9: found a text, expected a number, because `price`"),
        (json!({"filter": "vender == 'x'"}), "filter: character 1: found `vender`, which is no attribute"),
        (json!({"filter": 5}), "filter: "),
        (json!({"scenario": "crat"}), "scenario: `crat` is no scenario: expected one of `cart`"),
        (json!({"per": {"tags": 2}}), "per: `tags` is of type list"),
        (json!({"per": {"vendor": 0}}), "per.vendor: "),
        (json!({"diversity": 1.5}), "diversity: "),
    ] {
        let found = refused("/v1/recommendations", session(more.clone()));
        assert!(found.starts_with(message), "{more}: {found}");
        let found = refused("/v1/recommendations:batch", json!({"sessions": [session(json!({})), session(more)]}));
        assert!(found.starts_with(&format!("sessions[1].{message}")), "{found}");
    }
}

#[test]
fn a_scenario_arranges_and_explains_and_the_request_goes_before_it() {
    let shop = shop(&scenarios_of_the_docs());
    let plain = shop.recommend(json!({"limit": 100}));
    let page = shop.recommend(json!({"scenario": "product-page", "explain": true}));
    assert_eq!((&page["scenario"], items(&page).len()), (&json!("product-page"), 8));
    let mut boosted = 0;
    for item in items(&page) {
        let product = shop.product(item["handle"].as_str().unwrap());
        let is_own = product["attributes"]["vendor"] == "Ochre & Sons";
        boosted += u32::from(is_own);
        let rules = &item["rules"];
        let factor = rules["factor"].as_f64().unwrap();
        assert!((factor - if is_own { 1.2 } else { 1.0 }).abs() < 1e-6, "{item}");
        let names: Vec<&str> =
            rules["applied"].as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap()).collect();
        assert_eq!(names, if is_own { vec!["own brand"] } else { vec![] });
        assert!(product["attributes"]["stock"].as_f64().unwrap() > 0.0);
        assert_ne!(product["attributes"]["vendor"], shop.product("novel")["attributes"]["vendor"]);
        assert!(rules["position_by_score"].as_u64().unwrap() >= 1);
    }
    // The request goes before the scenario; its rules still act.
    let own = shop.recommend(json!({"scenario": "product-page", "limit": 3, "filter": "price > 20", "explain": true}));
    assert_eq!(items(&own).len(), 3);
    assert!(plain.get("scenario").is_none() && items(&plain)[0].get("rules").is_none());
    let home = shop.ask("/v1/recommendations", &json!({"history": [], "scenario": "home", "explain": true}));
    assert_eq!((&home["source"], handles(&home)[0].as_str()), (&json!("popular"), "atlas"));
    let pinned = json!([{"name": "book of the month", "effect": "pin", "position": 1}]);
    assert_eq!(items(&home)[0]["rules"]["applied"], pinned);
    // By the prediction's time the pin is over.
    let later = json!({"history": [], "scenario": "home", "now": "2036-12-02"});
    assert_ne!(handles(&shop.ask("/v1/recommendations", &later))[0], "atlas");
    let answers = r#"slirec_scenario_answers_total{scenario="home",source="popular"}"#;
    assert_eq!(shop.server.metric(answers), 2.0);
    assert_eq!(shop.server.metric(r#"slirec_rules_applied_total{effect="pin",scenario="home"}"#), 1.0);
    let acted = shop.server.metric(r#"slirec_rules_applied_total{effect="boost",scenario="product-page"}"#);
    let status = shop.server.get("/v1/status").json();
    let scenarios = status["traffic"]["scenarios"].as_array().unwrap();
    let counted = |name: &str| scenarios.iter().find(|one| one["scenario"] == name).unwrap();
    assert_eq!(counted("home")["pins"], 1);
    assert!(counted("home")["answers"].as_u64() >= Some(1), "{scenarios:?}");
    assert_eq!(counted("product-page")["boosts"].as_f64(), Some(acted));
    assert!(acted >= f64::from(boosted));
    assert_eq!(shop.server.metric(r#"slirec_filters_total{cache="miss"}"#), 1.0);
}

#[test]
fn caps_and_variety_change_what_stands_beside_each_other() {
    let shop = shop("");
    let count = |answer: &Value, field: &str| {
        let of = |item: &Value| shop.product(item["handle"].as_str().unwrap())["attributes"][field].clone();
        let mut values: Vec<String> = items(answer).iter().map(|item| of(item).to_string()).collect();
        values.sort();
        let (longest, _) = values.iter().fold((0, (String::new(), 0)), |(longest, (last, run)), value| {
            let run = if *value == last { run + 1 } else { 1 };
            (longest.max(run), (value.clone(), run))
        });
        longest
    };
    let capped = shop.recommend(json!({"per": {"vendor": 1, "colour": 3}, "limit": 12}));
    assert!(count(&capped, "vendor") == 1 && count(&capped, "colour") <= 3, "{capped}");
    let categories = |answer: &Value| {
        items(answer).iter().map(|item| item["category"].to_string()).collect::<std::collections::BTreeSet<_>>().len()
    };
    let (plain, varied) =
        (shop.recommend(json!({"limit": 10})), shop.recommend(json!({"limit": 10, "diversity": 0.8})));
    assert!(categories(&varied) > categories(&plain), "{varied}");
    assert_eq!(handles(&varied)[0], handles(&plain)[0]);
}

#[test]
fn the_recipes_of_the_docs_are_answered() {
    let shop = shop(&scenarios_of_the_docs());
    let text = fs::read_to_string(root().join("docs/API.md")).unwrap();
    let (_, recipes) = text.split_once("## Ten recipes").unwrap();
    let recipes = recipes.split("\n## ").next().unwrap();
    let mut lines = recipes.lines();
    let mut sent = 0;
    while let Some(path) = lines.find_map(|line| line.strip_prefix("    POST ")) {
        let body: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        let answer = shop.ask(path, &body);
        assert!(!items(&answer).is_empty() && answer.get("warnings").is_none(), "{path} {body}: {answer}");
        let sources =
            [("/v1/complements", "bought_together"), ("/v1/trending", "trending"), ("/v1/buy-again", "buy_again")];
        for (_, source) in sources.iter().filter(|(known, _)| *known == path) {
            assert_eq!(answer["source"], *source, "{body}");
        }
        sent += 1;
    }
    assert_eq!(sent, 10);
}

#[test]
fn a_broken_file_on_reload_leaves_the_old_rules_and_the_reason_names_line_and_key() {
    let shop = shop("[home]\npin = [{ product = \"atlas\", position = 1 }]\n");
    let first = || handles(&shop.ask("/v1/recommendations", &json!({"history": [], "scenario": "home"})))[0].clone();
    assert_eq!(first(), "atlas");
    for (text, reason) in [
        ("[home]\n\nlimit = 1000\n", "scenarios.toml:3: home.limit: found 1000, expected a whole number from 1 to 100"),
        ("[[home.hide]]\nwhen = \"colour = 'red'\"\n", "scenarios.toml:2: home.hide.when: character 8: found `=`"),
        ("[home]\npins = []\n", "scenarios.toml:2: home.pins: unknown field `pins`"),
    ] {
        fs::write(&shop.file, text).unwrap();
        let refused = shop.server.operate("POST", "/admin/reload", "");
        assert_eq!(refused.status, 422, "{}", refused.text());
        let message = refused.message();
        assert!(message.contains("key scenarios.file") && message.contains(reason), "{message}");
        assert_eq!(first(), "atlas");
    }
    assert_eq!(shop.server.metric("slirec_last_reload_failed"), 1.0);
    fs::write(&shop.file, "[home]\npin = [{ product = \"novel\", position = 1 }]\n").unwrap();
    assert_eq!(shop.server.operate("POST", "/admin/reload", "").status, 200);
    assert_eq!(first(), "novel");
    // On SIGHUP too, and a rollback brings the earlier rules back.
    fs::write(&shop.file, "[home]\npin = [{ product = \"mug\", position = 1 }]\n").unwrap();
    shop.server.signal("HUP");
    wait_until("the new rules", || (first() == "mug").then_some(()));
    assert_eq!(shop.server.operate("POST", "/admin/rollback", "").status, 200);
    assert_eq!(first(), "novel");
}

#[test]
fn check_reads_the_scenarios_and_says_what_is_wrong_with_them() {
    let (bundle, folder) = (bundle(), tempfile::tempdir().unwrap());
    let file = folder.path().join("scenarios.toml");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        let variables = [("SLIREC__MODEL__PATH", bundle.path()), ("SLIREC__SCENARIOS__FILE", file.to_str().unwrap())];
        run(&["--check"], &variables)
    };
    assert_eq!(check(&scenarios_of_the_docs()).0, Some(0));
    let (code, message) = check("[cart]\nfilter = \"colr == 'red'\"\n");
    assert_eq!(code, Some(1));
    assert!(message.contains("scenarios.toml:2: cart.filter: character 1: found `colr`"), "{message}");
    let missing = [("SLIREC__MODEL__PATH", bundle.path()), ("SLIREC__SCENARIOS__FILE", "/no/such/file")];
    let (code, message) = run(&["--check"], &missing);
    assert!(code == Some(1) && message.contains("key scenarios.file"), "{message}");
}
