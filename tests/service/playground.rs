//! The pages and what they ask: everything from the binary, nothing from elsewhere, and off when it is not wanted.

use serde_json::{Value, json};

use crate::bundle::Bundle;
use crate::client::exchange;
use crate::server::Server;

const ASSETS: [&str; 19] = [
    "style.css",
    "shop.css",
    "status.css",
    "icon.svg",
    "shop.js",
    "api.js",
    "catalog.js",
    "controls.js",
    "docs.css",
    "docs.js",
    "elements.js",
    "key.js",
    "lines.js",
    "rails.js",
    "requests.js",
    "results.js",
    "session.js",
    "strip.js",
    "status.js",
];

#[test]
fn the_pages_come_with_a_strict_policy_and_ask_no_other_host() {
    let server = Server::start();
    let assets = ASSETS.map(|name| format!("/assets/{name}"));
    for path in ["/", "/status", "/docs"].into_iter().chain(assets.iter().map(String::as_str)) {
        let response = server.get(path);
        assert_eq!(response.status, 200, "{path}");
        let policy = response.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{path}");
        let text = response.text();
        let elsewhere = text.split("http").skip(1).filter(|rest| rest.starts_with("://") || rest.starts_with("s://"));
        // The name of a language, not an address that is requested.
        assert!(elsewhere.into_iter().all(|rest| rest.contains("://www.w3.org/2000/svg")), "{path}");
        assert!(!text.contains("innerHTML") && !text.contains("style=\""), "{path}");
        if ["/", "/status", "/docs"].contains(&path) {
            assert!(!text.contains("<script>") && !text.contains("onclick"), "{path}");
            assert!(text.contains("name=\"viewport\"") && text.contains("<header class=\"bar\">"), "{path}");
            for asset in text.split("assets/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
                assert!(ASSETS.contains(&asset), "{path} wants {asset}");
            }
        }
    }
    assert_eq!(server.get("/assets/../Cargo.toml").status, 404);
    assert_eq!(server.get("/assets/nothing.js").status, 404);
}

#[test]
fn a_catalogue_with_pictures_lets_browsers_load_them_and_no_other_does() {
    let policy = |server: &Server| server.get("/").header("content-security-policy").unwrap().to_owned();
    assert!(!policy(&Server::start()).contains("https:"));
    let bundle = Bundle::new();
    bundle.replace("catalog.json", |bytes| {
        let mut catalog: Value = serde_json::from_slice(&bytes).unwrap();
        catalog["products"][0]["attributes"]["image"] = json!("https://pictures.example/brush.jpg");
        catalog["products"][1]["attributes"]["image"] = json!("javascript:alert(1)");
        catalog.to_string().into_bytes()
    });
    let server = Server::start_with(&[("SLIREC__MODEL__PATH", bundle.path())]);
    assert!(policy(&server).contains("img-src 'self' https:;"));
    let products = server.get("/v1/catalog").json()["products"].clone();
    assert_eq!(
        (&products[0]["image"], &products[1]["image"]),
        (&json!("https://pictures.example/brush.jpg"), &Value::Null)
    );
}

#[test]
fn without_a_playground_there_are_no_pages_and_the_api_stays() {
    let server = Server::start_with(&[("SLIREC__SERVER__PLAYGROUND", "false")]);
    for path in ["/", "/status", "/assets/shop.js"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let docs = server.get("/docs").text();
    assert!(!docs.contains("status") && !docs.contains("<!--"), "{docs}");
    for asset in docs.split("assets/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert_eq!(server.get(&format!("/assets/{asset}")).status, 200, "{asset}");
    }
    assert_eq!(server.get("/v1/catalog").status, 200);
}

#[test]
fn the_catalogue_has_every_product_and_is_sent_again_only_when_it_changed() {
    let server = Server::start();
    let response = server.get("/v1/catalog");
    let products = response.json()["products"].as_array().unwrap().clone();
    assert_eq!(products.len(), 252);
    let novel = products.iter().find(|product| product["handle"] == "novel").unwrap();
    assert_eq!((&novel["title"], &novel["available"]), (&json!("Novel"), &json!(true)));
    let tag = response.header("etag").unwrap();
    let again = exchange(server.address, "GET", "/v1/catalog", &[("If-None-Match", tag)], b"");
    assert_eq!((again.status, again.text().as_str()), (304, ""));
    let any = exchange(server.address, "GET", "/v1/catalog", &[("If-None-Match", "*")], b"");
    assert_eq!(any.status, 304);
    let other = exchange(server.address, "GET", "/v1/catalog", &[("If-None-Match", "\"other\"")], b"");
    assert_eq!(other.status, 200);
}

#[test]
fn the_status_counts_recommendations_and_nothing_else() {
    let server = Server::start();
    server.get("/v1/status");
    server.recommend(&json!({"history": [{"item": "novel", "time": 1_730_807_061}]}));
    server.recommend(&json!({"history": []}));
    server.recommend(&json!({"history": 1}));
    let status = server.get("/v1/status").json();
    assert_eq!((&status["model"]["name"], &status["model"]["products"]), (&json!("slirec-demo"), &json!(252)));
    let traffic = &status["traffic"];
    assert_eq!((&traffic["requests"], &traffic["failures"]), (&json!(3), &json!(0)));
    assert_eq!((&traffic["model_answers"], &traffic["popular_answers"]), (&json!(1), &json!(1)));
    assert_eq!(traffic["latency"].as_array().unwrap().last().unwrap()["requests"], 3);
    let sets: Vec<&str> =
        status["model"]["metrics"].as_array().unwrap().iter().map(|set| set["set"].as_str().unwrap()).collect();
    assert!(sets.contains(&"test") && sets.contains(&"test co-occurrence"), "{sets:?}");
}

#[test]
fn with_keys_the_pages_are_open_and_what_they_ask_is_not() {
    let server = Server::start_with(&[("SLIREC__AUTH__KEYS", "a-key-of-many-letters")]);
    assert_eq!(
        [server.get("/").status, server.get("/v1/catalog").status, server.get("/v1/status").status],
        [200, 401, 401]
    );
}

#[test]
fn an_answer_says_how_long_it_took() {
    let server = Server::start();
    let timing = server.get("/ready").header("server-timing").unwrap().to_owned();
    assert!(timing.strip_prefix("total;dur=").unwrap().parse::<f64>().unwrap() > 0.0, "{timing}");
}

#[test]
fn an_asset_that_is_not_there_is_a_json_error() {
    let server = Server::start();
    for path in ["/assets/nothing.js", "/assets/%FF"] {
        let missing = server.get(path);
        assert_eq!((missing.status, missing.message()), (404, format!("No route `{path}`")));
    }
}
