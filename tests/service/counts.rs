//! Answers from counts end to end: the demo's bundle with what shoppers of a made-up shop did, with other counts, and with
//! none.

use serde_json::{Value, json};

use crate::bundle::Bundle;
use crate::server::{Server, run};

pub(crate) const DAY: u64 = 86_400;
pub(crate) const NOW: u64 = 1_730_807_061;

/// The demo with counts of some products, by their handles: baskets, others beside them with the baskets of both, demand of
/// each window, and buyers, repeaters and interval.
fn bundle(of: &str, products: &[Counted<'_>]) -> Bundle {
    let bundle = Bundle::new();
    add_counts(&bundle, of, products);
    bundle
}

/// Handle, baskets, others beside it with the baskets of both, demand, and buyers, repeaters and interval.
type Counted<'a> = (&'a str, u64, &'a [(&'a str, u64)], [f64; 4], Value);

fn add_counts(bundle: &Bundle, of: &str, products: &[Counted<'_>]) {
    let vocabulary: Value = serde_json::from_slice(&std::fs::read(bundle.file("vocabulary.json")).unwrap()).unwrap();
    let items = vocabulary["items"].as_array().unwrap();
    let id = |handle: &str| 1 + items.iter().position(|item| item["handle"] == handle).unwrap();
    let mut products: Vec<Value> = products
        .iter()
        .map(|(handle, baskets, together, demand, again)| {
            let together: Vec<Value> = together.iter().map(|(other, support)| json!([id(other), support])).collect();
            json!({"id": id(handle), "baskets": baskets, "together": together, "demand": demand, "again": again})
        })
        .collect();
    products.sort_by_key(|product| product["id"].as_u64());
    let counts = json!({"format": "slirec-activity/1", "end": NOW, "baskets_of": of, "basket_gap": 1800.0,
        "baskets": 100, "products": products});
    bundle.add("activity.json", counts.to_string());
}

/// Counts of a made-up shop: novels stand with atlases and, more rarely, with brushes; mugs with brushes, and with what
/// everybody buys.
pub(crate) fn add_shop(bundle: &Bundle) {
    let none = Value::Null;
    let weekly = json!({"buyers": 8, "repeaters": 6, "interval": (7 * DAY) as f64});
    let products: [Counted<'_>; 5] = [
        ("novel", 10, &[("atlas", 6), ("brush", 2), ("easel", 5)], [0.0, 1.0, 9.0, 20.0], none.clone()),
        ("mug", 16, &[("brush", 4), ("easel", 9)], [3.0, 4.0, 5.0, 6.0], weekly),
        ("atlas", 9, &[("novel", 6)], [4.0, 2.0, 2.0, 8.0], none.clone()),
        ("brush", 8, &[("mug", 4), ("novel", 2)], [0.0, 8.0, 8.0, 9.0], json!({"buyers": 8, "repeaters": 0})),
        ("easel", 100, &[("mug", 9), ("novel", 5)], [0.0, 0.0, 0.0, 100.0], none),
    ];
    add_counts(bundle, "purchase", &products);
}

pub(crate) fn shop() -> Bundle {
    let bundle = Bundle::new();
    add_shop(&bundle);
    bundle
}

pub(crate) fn serve(bundle: &Bundle) -> Server {
    Server::start_with(&[("SLIREC__MODEL__PATH", bundle.path())])
}

pub(crate) fn ask(server: &Server, path: &str, body: Value) -> Value {
    let response = server.post(path, body.to_string());
    assert_eq!(response.status, 200, "{path} {body}: {}", response.text());
    response.json()
}

pub(crate) fn handles(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| item["handle"].as_str().unwrap()).collect()
}

#[test]
fn a_cart_is_answered_with_what_was_bought_together_and_behind_it_by_the_model() {
    let bundle = shop();
    let server = serve(&bundle);
    let answer = ask(&server, "/v1/complements", json!({"items": ["novel", "mug"], "limit": 8}));
    assert_eq!(answer["source"], "bought_together");
    // Means of confidences: 5 of 10 and 9 of 16; 6 of 10 and none; 2 of 10 and 4 of 16.
    assert_eq!(handles(&answer)[..3], ["easel", "atlas", "brush"]);
    let score = |place: usize| answer["items"][place]["score"].as_f64().unwrap();
    assert!((score(0) - 0.53125).abs() < 1e-6 && (score(1) - 0.3).abs() < 1e-6, "{answer}");
    let together = |place: usize| answer["items"][place]["together"].clone();
    assert_eq!(together(2), json!({"with": "mug", "support": 4, "confidence": 0.25}));
    assert_eq!((together(0)["with"].as_str(), together(1)["with"].as_str()), (Some("mug"), Some("novel")));
    assert!(answer["items"][0].get("source").is_none());
    assert_eq!((handles(&answer).len(), &answer["items"][3]["source"]), (8, &json!("model")));
    assert!(answer["items"][3].get("together").is_none());
    assert!(!handles(&answer).iter().any(|handle| ["novel", "mug"].contains(handle)), "{answer}");
    let explained = ask(&server, "/v1/complements", json!({"items": ["novel"], "limit": 4, "explain": true}));
    assert!(explained["items"][0].get("explanation").is_none() && explained["items"][3].get("explanation").is_some());
    assert_eq!(server.metric(r#"slirec_recommendations_total{source="bought_together"}"#), 2.0);
}

#[test]
fn carts_of_any_kind_are_answered_and_what_means_nothing_is_told() {
    let bundle = shop();
    let server = serve(&bundle);
    let cart = |body: Value| ask(&server, "/v1/complements", body);
    let plain = cart(json!({"items": ["novel", "mug"]}));
    assert_eq!(cart(json!({"items": ["novel", "mug", "novel", "mug", "mug"]}))["items"], plain["items"]);
    let strict = cart(json!({"items": ["novel", "mug"], "strict": true, "limit": 100}));
    let of_cart: Vec<Value> = ["novel", "mug"].iter().map(|handle| category(&server, handle)).collect();
    assert!(strict["items"].as_array().unwrap().iter().all(|item| !of_cart.contains(&item["category"])), "{strict}");
    let told = cart(json!({"items": ["novle", "mug"]}));
    assert_eq!((&told["warnings"][0]["field"], handles(&told)[0]), (&json!("items"), "easel"));
    assert!(told["warnings"][0]["message"].as_str().unwrap().contains("the closest handle is `novel`"), "{told}");
    for empty in [json!([]), json!(["nonsense"])] {
        let answer = cart(json!({ "items": empty }));
        assert_eq!((&answer["source"], handles(&answer).len()), (&json!("popular"), 16));
    }
    // Filters act before the choice, and products of the cart are never answered, whatever is asked for.
    let filtered = cart(json!({"items": ["novel"], "filter": "handle == 'brush' || handle == 'novel'"}));
    assert_eq!(handles(&filtered), ["brush"]);
    let excluded = cart(json!({"items": ["novel"], "exclude": ["atlas"], "limit": 1}));
    assert_eq!(handles(&excluded), ["easel"]);
    for (body, message) in [
        (json!({}), "body: missing field `items`"),
        (json!({"items": "novel"}), "items: invalid type: string"),
        (json!({"items": [{"item": "novel"}]}), "items[0]: "),
        (json!({"items": ["novel"], "cart": 1}), "cart: unknown field `cart`"),
        (json!({"items": ["novel"], "strict": "yes"}), "strict: invalid type: string"),
        (json!({"items": ["novel"], "limit": 101}), "limit: "),
        (json!({"items": ["novel"], "scenario": "crat"}), "scenario: `crat` is no scenario"),
        (json!({"items": vec!["novel"; 1_000_000]}), "items: has more than 1000 elements"),
    ] {
        let response = server.post("/v1/complements", body.to_string());
        let shown: String = body.to_string().chars().take(80).collect();
        assert_eq!(response.status, 400, "{shown}");
        assert!(response.message().starts_with(message), "{shown}: {}", response.message());
    }
}

pub(crate) fn category(server: &Server, handle: &str) -> Value {
    let catalog = server.get("/v1/catalog").json();
    let found = catalog["products"].as_array().unwrap().iter().find(|product| product["handle"] == handle);
    found.unwrap()["category"].clone()
}

#[test]
fn what_a_shopper_bought_is_answered_by_when_it_is_due() {
    let bundle = shop();
    let server = serve(&bundle);
    let again = |body: Value| ask(&server, "/v1/buy-again", body);
    let bought = |item: &str, days: u64| json!({"item": item, "time": NOW - days * DAY, "event": "purchase"});
    let history = json!([
        bought("mug", 8), {"item": "mug", "time": NOW - DAY / 2, "event": "purchase"}, bought("brush", 20), bought("atlas", 3),
        {"item": "novel", "time": NOW - DAY, "event": "view"}, {"item": "easel", "time": NOW, "event": "cart"},
        bought("nonsense", 4)
    ]);
    let answer = again(json!({"history": history, "now": NOW}));
    assert_eq!((&answer["source"], &answer["unknown_items"]), (&json!("buy_again"), &json!(1)));
    // Mugs come about every week and were bought half a day ago; of brushes and atlases a week is the best guess.
    assert_eq!(handles(&answer), ["atlas", "brush", "mug"]);
    let of_mug = &answer["items"][2]["again"];
    assert_eq!(
        of_mug,
        &json!({"count": 2, "last": (NOW - DAY / 2) as f64, "interval": 7.25 * DAY as f64, "due": false})
    );
    assert_eq!((&answer["items"][0]["again"]["due"], &answer["items"][0]["again"]["count"]), (&json!(true), &json!(1)));
    // Of brushes nobody bought a second one.
    assert!(answer["items"][0]["score"].as_f64() > answer["items"][1]["score"].as_f64(), "{answer}");
    let items = again(json!({"items": ["brush", "mug", "mug", "novle"]}));
    assert_eq!((handles(&items), &items["warnings"][0]["field"]), (vec!["mug", "brush"], &json!("items")));
    let again_of_mug = &items["items"][0]["again"];
    assert_eq!((&again_of_mug["due"], &again_of_mug["count"]), (&json!(false), &json!(2)));
    // When is not known, and not made up.
    assert_eq!(again_of_mug.get("last"), None);
    assert_eq!(
        handles(&again(json!({"history": history, "now": NOW, "filter": "handle != 'atlas'", "limit": 1}))),
        ["brush"]
    );
    let views = again(json!({"history": [{"item": "novel", "time": NOW}]}));
    assert_eq!((handles(&views).len(), &views["warnings"][0]["field"]), (0, &json!("history")));
    assert_eq!(handles(&again(json!({"history": []}))).len(), 0);
    for (body, message) in [
        (json!({}), "body: has neither `history` nor `items`"),
        (json!({"history": [{"item": "mug", "event": "bought"}]}), "history[0].event: unknown variant `bought`"),
        (json!({"items": [["mug"]]}), "items[0]: "),
        (json!({"items": ["mug"], "window": "1d"}), "window: unknown field `window`"),
    ] {
        let response = server.post("/v1/buy-again", body.to_string());
        assert!(response.status == 400 && response.message().starts_with(message), "{body}: {}", response.text());
    }
}

#[test]
fn histories_say_what_was_bought_and_need_no_times() {
    let server = Server::start();
    let recommend = |body: Value| ask(&server, "/v1/recommendations", body);
    let history = json!([{"item": "novel", "event": "purchase"}, {"item": "mug", "event": "cart"}, {"item": "atlas"}]);
    let all = recommend(json!({"history": history, "now": NOW, "limit": 100}));
    let timed = json!(["novel", "mug", "atlas"].map(|item| json!({"item": item, "time": NOW})));
    assert_eq!(recommend(json!({"history": timed, "now": NOW, "limit": 100}))["items"], all["items"]);
    let expected: Vec<&str> = handles(&all).into_iter().filter(|handle| *handle != "novel").collect();
    let left = recommend(json!({"history": history, "now": NOW, "limit": 100, "exclude_purchased": true}));
    assert_eq!(handles(&left)[..99], expected[..99]);
    let seen = recommend(json!({"history": history, "now": NOW, "limit": 100, "exclude_seen": true}));
    assert!(!handles(&seen).iter().any(|handle| ["novel", "mug", "atlas"].contains(handle)));
    // What has no time happened last, wherever it stands.
    let mixed = json!([{"item": "mug"}, {"item": "novel", "time": NOW - 60}]);
    let sorted = json!([{"item": "novel", "time": NOW - 60}, {"item": "mug", "time": NOW}]);
    let ask = |history: &Value| recommend(json!({"history": history, "now": NOW}))["items"].clone();
    assert_eq!(ask(&mixed), ask(&sorted));
}

#[test]
fn a_bundle_without_counts_answers_all_the_same_and_says_from_what() {
    let bundle = Bundle::new();
    bundle.remove("activity.json");
    let server = serve(&bundle);
    let complements = ask(&server, "/v1/complements", json!({"items": ["novel", "mug"]}));
    assert_eq!((&complements["source"], handles(&complements).len()), (&json!("model"), 16));
    assert!(complements["items"].as_array().unwrap().iter().all(|item| item.get("source").is_none()));
    let trending = ask(&server, "/v1/trending", json!({"limit": 3}));
    assert_eq!((&trending["source"], handles(&trending).len()), (&json!("popular"), 3));
    let history = json!([{"item": "mug", "time": NOW - 60 * DAY, "event": "purchase"}]);
    let again = ask(&server, "/v1/buy-again", json!({"history": history, "now": NOW}));
    assert_eq!((&again["source"], handles(&again)), (&json!("buy_again"), vec!["mug"]));
    assert_eq!(again["items"][0]["again"]["interval"], 30.0 * DAY as f64);
}

#[test]
fn views_stand_in_where_nothing_was_bought_and_the_source_says_so() {
    let none = Value::Null;
    let products: [Counted<'_>; 2] =
        [("novel", 10, &[("atlas", 6)], [0.0; 4], none.clone()), ("atlas", 9, &[("novel", 6)], [0.0; 4], none)];
    let bundle = bundle("view", &products);
    let server = serve(&bundle);
    let answer = ask(&server, "/v1/complements", json!({"items": ["novel"], "limit": 2}));
    assert_eq!((&answer["source"], handles(&answer)[0]), (&json!("viewed_together"), "atlas"));
    assert_eq!(answer["items"][1]["source"], "model");
    assert_eq!(ask(&server, "/v1/trending", json!({}))["source"], "popular");
}

#[test]
fn hostile_counts_are_refused_before_anything_is_made_of_them() {
    let check = |bundle: &Bundle| {
        let (code, message) = run(&["--check"], &[("SLIREC__MODEL__PATH", bundle.path())]);
        assert_eq!(code, Some(1), "{message}");
        message
    };
    let with = |text: &str| {
        let bundle = Bundle::new();
        bundle.add("activity.json", text);
        check(&bundle)
    };
    let head = r#"{"format": "slirec-activity/1", "end": 1.0, "baskets_of": "view", "basket_gap": 1.0, "baskets": 1"#;
    for (text, reason) in [
        ("".to_owned(), "activity.json: EOF"),
        ("[".repeat(100_000), "activity.json: "),
        (format!("{head}, \"products\": [{{\"id\": 4000000}}]}}"), "a product has id 4000000"),
        (format!("{head}, \"products\": [{{\"id\": 1, \"demand\": [1e999, 0, 0, 0]}}]}}"), "activity.json: "),
        (format!("{head}, \"products\": [{{\"id\": 1, \"baskets\": 2}}]}}"), "stands in 2 baskets of 1"),
        (format!("{head}, \"products\": [], \"products\": []}}"), "duplicate field `products`"),
        (format!("{head}, \"more\": [], \"products\": []}}"), "unknown field `more`"),
    ] {
        let message = with(&text);
        assert!(message.contains(reason), "{reason}: {message}");
    }
    // Listed and absent, there and not listed, and another one than is listed.
    let bundle = shop();
    std::fs::remove_file(bundle.file("activity.json")).unwrap();
    assert!(check(&bundle).contains("activity.json"));
    let bundle = shop();
    bundle.spoil("activity.json", |mut bytes| {
        bytes.push(b' ');
        bytes
    });
    assert!(check(&bundle).contains("activity.json: has"));
    let bundle = Bundle::new();
    bundle.remove("activity.json");
    std::fs::write(bundle.file("activity.json"), "no counts").unwrap();
    assert_eq!(run(&["--check"], &[("SLIREC__MODEL__PATH", bundle.path())]).0, Some(0));
}
