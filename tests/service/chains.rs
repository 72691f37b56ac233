//! Chains of sources and pages of rails, end to end: scenarios that name them, and what each answers behind the other.

use serde_json::json;

use crate::counts::{DAY, NOW, ask, handles, shop};
use crate::server::Server;

#[test]
fn a_scenario_says_what_is_asked_after_what() {
    let bundle = shop();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenarios.toml");
    let scenarios = r#"
        [together]
        sources = ["bought_together", "trending_in_category", "trending", "popular"]
        [unknown]
        sources = ["model", "trending", "popular"]
        exclude_purchased = true
        [cart]
        sources = ["bought_together"]
        bury = [{ when = "handle == 'atlas'" }]
        pin = [{ product = "mug", position = 2 }]
        [boosted]
        sources = ["bought_together", "model"]
        boost = [{ when = "handle == 'brush'", by = 10.0 }]
        bury = [{ when = "handle == 'atlas'" }]
        [home]
        sources = ["model", "popular"]
        hide = [{ when = "handle == 'brush'" }]
    "#;
    std::fs::write(&file, scenarios).unwrap();
    let variables = [("SLIREC__MODEL__PATH", bundle.path()), ("SLIREC__SCENARIOS__FILE", file.to_str().unwrap())];
    let server = Server::start_with(&variables);
    let history = json!([{"item": "novel", "time": NOW}]);
    let chain = ask(&server, "/v1/recommendations", json!({"history": history, "scenario": "together", "limit": 12}));
    assert_eq!((&chain["source"], &chain["scenario"]), (&json!("bought_together"), &json!("together")));
    assert_eq!(handles(&chain)[..3], ["atlas", "easel", "brush"]);
    let sources: Vec<&str> =
        chain["items"].as_array().unwrap().iter().map(|item| item["source"].as_str().unwrap_or("first")).collect();
    assert_eq!(sources[..5], ["first", "first", "first", "trending_in_category", "trending"], "{chain}");
    assert_eq!(sources[11], "popular");
    let unknown = ask(&server, "/v1/recommendations", json!({"history": [], "scenario": "unknown", "limit": 1}));
    assert_eq!((&unknown["source"], handles(&unknown)), (&json!("trending"), vec!["brush"]));
    let bought = json!([{"item": "novel", "time": NOW, "event": "purchase"}]);
    let known = ask(&server, "/v1/recommendations", json!({"history": bought, "scenario": "unknown", "limit": 100}));
    assert!(known["source"] == "model" && !handles(&known).contains(&"novel"), "{known}");
    // Buried ones stand behind the others, pins in their places, and nothing fills what a chain leaves.
    let cart = ask(&server, "/v1/complements", json!({"items": ["novel"], "scenario": "cart"}));
    assert_eq!(handles(&cart), ["easel", "mug", "brush", "atlas"], "{cart}");
    // A product at a position has the score of its popularity, and says so; nothing was counted of it.
    let mug = &cart["items"][1];
    assert_eq!((&mug["source"], mug.get("together")), (&json!("popular"), None), "{cart}");
    assert_eq!((&cart["source"], cart["items"][0].get("source")), (&json!("bought_together"), None));
    // By their scores alone the atlas goes first; it is buried, so that the model's score and place are its own.
    let body = json!({"history": history, "now": NOW, "scenario": "boosted", "limit": 100, "explain": true});
    let boosted = ask(&server, "/v1/recommendations", body);
    let places = |handle: &str| {
        let items = boosted["items"].as_array().unwrap();
        items.iter().find(|item| item["handle"] == handle).map(|item| item["rules"]["position_by_score"].clone())
    };
    assert_eq!(handles(&boosted)[..2], ["brush", "easel"]);
    assert_eq!((places("easel"), places("brush")), (Some(json!(2)), Some(json!(3))), "{boosted}");
    // What is in demand is asked of demand, whatever the scenario's sources.
    let home = ask(&server, "/v1/trending", json!({"scenario": "home", "limit": 2}));
    assert_eq!((&home["source"], handles(&home)), (&json!("trending"), vec!["mug", "atlas"]));
}

#[test]
fn the_rails_of_a_page_show_no_product_twice() {
    let bundle = shop();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenarios.toml");
    std::fs::write(&file, "[trending]\nsources = [\"trending\", \"popular\"]\n[again]\nsources = [\"buy_again\"]\n")
        .unwrap();
    let variables = [("SLIREC__MODEL__PATH", bundle.path()), ("SLIREC__SCENARIOS__FILE", file.to_str().unwrap())];
    let server = Server::start_with(&variables);
    let history = json!([{"item": "novel", "time": NOW}, {"item": "mug", "time": NOW - DAY, "event": "purchase"}]);
    let rails = json!([
        {"id": "again", "scenario": "again"},
        {"id": "for you", "limit": 8, "exclude_purchased": true, "filter": "category != 'Art'"},
        {"id": 3, "scenario": "trending", "limit": 8}, {"limit": 100}, {"limit": 100}, {"limit": 100}
    ]);
    let page = ask(&server, "/v1/recommendations:page", json!({"history": history, "now": NOW, "rails": rails}));
    let answered = page["rails"].as_array().unwrap();
    assert_eq!(
        (&answered[0]["id"], &answered[2]["id"], &page["model"]["version"]),
        (&json!("again"), &json!(3), &json!("1"))
    );
    let sources: Vec<&str> = answered.iter().map(|rail| rail["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["buy_again", "model", "trending", "model", "model", "model"]);
    assert_eq!(handles(&answered[0]), ["mug"]);
    assert!(answered[1]["items"].as_array().unwrap().iter().all(|item| item["category"] != "Art"));
    let mut all: Vec<&str> = answered.iter().flat_map(handles).collect();
    let products = server.get("/v1/catalog").json()["products"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|product| product["available"] == true)
        .count();
    assert_eq!(all.len(), products, "the last rail has what is left");
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), products);
    assert_eq!(ask(&server, "/v1/recommendations%3Apage", json!({"history": [], "rails": []}))["rails"], json!([]));
    for (body, message) in [
        (json!({"history": []}), "body: missing field `rails`"),
        (json!({"history": [], "rails": [[]]}), "rails[0]: "),
        (json!({"history": [], "rails": [{"limits": 5}]}), "rails[0].limits: unknown field"),
        (json!({"history": [], "rails": [{}, {"filter": "colr == 'red'"}]}), "rails[1].filter: character 1"),
        (json!({"history": [], "rails": vec![json!({}); 21]}), "rails: has more than 20 elements"),
    ] {
        let response = server.post("/v1/recommendations:page", body.to_string());
        assert!(response.status == 400 && response.message().starts_with(message), "{body}: {}", response.text());
    }
}
