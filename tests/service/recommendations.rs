//! `POST /v1/recommendations` from a client's side.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::client::exchange;
use crate::server::Server;

const TIME: u64 = 1_730_807_061;

fn history(handles: &[&str]) -> Value {
    let viewed = (0..).zip(handles).map(|(minute, handle)| json!({"item": handle, "time": TIME + 60 * minute}));
    Value::Array(viewed.collect())
}

fn handles(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| item["handle"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_session_is_answered_with_products_in_falling_order() {
    let server = Server::start();
    let response =
        server.recommend(&json!({"history": history(&["novel", "canvas", "brush"]), "user_id": "shopper-1"}));
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    let answer = response.json();
    assert_eq!(answer["source"], "model");
    assert_eq!(answer["unknown_items"], 0);
    assert!(answer["model"]["name"].is_string() && answer["model"]["version"].is_string());
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), 16);
    for field in ["handle", "gid", "title", "category"] {
        assert!(items.iter().all(|item| item[field].as_str().is_some_and(|text| !text.is_empty())), "{field}");
    }
    let scores: Vec<f64> = items.iter().map(|item| item["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|left, right| left >= right), "{scores:?}");
    assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
    assert_eq!(handles(&answer).into_iter().collect::<HashSet<_>>().len(), 16);
}

#[test]
fn a_limit_gives_the_beginning_of_a_longer_answer() {
    let server = Server::start();
    let ask =
        |limit| server.recommend(&json!({"history": history(&["novel"]), "limit": limit, "now": TIME + 60})).json();
    let (few, many) = (handles(&ask(3)), handles(&ask(100)));
    assert_eq!((few.len(), many.len()), (3, 100));
    assert_eq!(few, many[..3]);
}

#[test]
fn the_same_session_in_milliseconds_or_as_text_has_the_same_answer() {
    let server = Server::start();
    let ask = |time: Value, now: Value| {
        server.recommend(&json!({"history": [{"item": "novel", "time": time}], "now": now})).json()
    };
    let seconds = ask(json!(TIME), json!(TIME + 90_000));
    assert_eq!(seconds["items"], ask(json!(TIME * 1000), json!((TIME + 90_000) * 1000))["items"]);
    assert_eq!(seconds["items"], ask(json!(TIME.to_string()), json!((TIME + 90_000).to_string()))["items"]);
}

#[test]
fn an_empty_history_has_the_popular_products() {
    let server = Server::start();
    let answer = server.recommend(&json!({"history": []})).json();
    assert_eq!((answer["source"].as_str(), answer["unknown_items"].as_u64()), (Some("popular"), Some(0)));
    assert_eq!(handles(&answer).len(), 16);
}

#[test]
fn unknown_products_are_counted_and_do_not_fail_a_request() {
    let server = Server::start();
    let some = server.recommend(&json!({"history": history(&["novel", "no-such-product", "canvas"])})).json();
    assert_eq!((some["source"].as_str(), some["unknown_items"].as_u64()), (Some("model"), Some(1)));
    let all = server.recommend(&json!({"history": history(&["no-such-product", "nor-this"])})).json();
    assert_eq!((all["source"].as_str(), all["unknown_items"].as_u64()), (Some("popular"), Some(2)));
}

#[test]
fn of_a_history_of_200_000_items_the_last_ones_count() {
    let server = Server::start();
    let long = json!({"history": vec![json!({"item": "brush", "time": TIME}); 200_000], "now": TIME + 60});
    let short = json!({"history": vec![json!({"item": "brush", "time": TIME}); 100], "now": TIME + 60});
    let (long, short) = (server.recommend(&long), server.recommend(&short));
    assert_eq!(long.status, 200, "{}", long.text());
    assert_eq!(long.json()["items"], short.json()["items"]);
}

#[test]
fn times_in_any_order_or_in_the_future_are_answered() {
    let server = Server::start();
    for times in [[TIME, TIME - 500, TIME + 900], [TIME, TIME, TIME], [TIME + 4_000_000_000, TIME, 0]] {
        let viewed: Vec<Value> = times.iter().map(|time| json!({"item": "novel", "time": time})).collect();
        let response = server.recommend(&json!({ "history": viewed }));
        assert_eq!(response.status, 200, "{}", response.text());
    }
}

#[test]
fn every_wrong_field_is_named_by_its_path() {
    let server = Server::start();
    for (body, beginning) in [
        (json!({"history": [{"item": "novel", "time": TIME}, {"item": "novel", "time": []}]}), "history[1].time: "),
        (json!({"history": [{"item": 7.5, "time": TIME}]}), "history[0].item: "),
        (json!({"history": [{"time": TIME}]}), "history[0]: missing field `item`"),
        (json!({"history": [{"item": "novel", "time": TIME, "weight": 2}]}), "history[0].weight: unknown field"),
        (json!({"history": "novel"}), "history: "),
        (json!({"history": [], "limit": 101}), "limit: "),
        (json!({"history": [], "now": "tomorrow"}), "now: "),
        (json!({"history": [], "user": "u"}), "user: invalid type"),
        (json!({"history": [], "users": "u"}), "users: unknown field"),
        (json!({}), "body: missing field `history`"),
        (json!([1]), "body: "),
    ] {
        let response = server.recommend(&body);
        assert_eq!(response.status, 400, "{body}");
        assert_eq!(response.json()["error_code"], "BAD_REQUEST");
        assert!(response.message().starts_with(beginning), "{body}: {}", response.message());
    }
}

#[test]
fn larger_bodies_than_allowed_are_refused_with_413() {
    let server = Server::start_with(&[("SLIREC__SERVER__MAX_BODY_BYTES", "1000")]);
    for path in ["/v1/recommendations", "/invocations"] {
        let response = server.post(path, "x".repeat(1_001));
        assert_eq!(response.status, 413);
        assert_eq!(response.json()["error_code"], "PAYLOAD_TOO_LARGE");
        assert_eq!(server.post(path, "x".repeat(1_000)).status, 400);
    }
}

#[test]
fn compressed_bodies_are_refused_with_415_and_not_taken_for_wrong_json() {
    let server = Server::start();
    let body = json!({"history": history(&["novel"])}).to_string();
    let ask = |path: &str, encoding: &str| {
        let headers = [("Content-Type", "application/json"), ("Content-Encoding", encoding)];
        exchange(server.address, "POST", path, &headers, body.as_bytes())
    };
    let refused = ask("/v1/recommendations", "gzip");
    assert_eq!((refused.status, refused.json()["error_code"].as_str()), (415, Some("UNSUPPORTED_MEDIA_TYPE")));
    assert!(refused.message().starts_with("header content-encoding: found `gzip`: expected "), "{}", refused.message());
    let refused = ask("/v2/models/slirec/infer", "br");
    assert_eq!(refused.status, 415);
    assert!(refused.json()["error"].is_string());
    assert_eq!(ask("/v1/recommendations", "identity").status, 200);
}

#[test]
fn numbers_that_cannot_be_are_refused_with_what_was_expected() {
    let server = Server::start();
    for (field, value, expected) in [
        ("limit", json!("5"), "expected a whole number from 1 to 100"),
        ("limit", json!(1.5), "expected a whole number from 1 to 100"),
        ("limit", json!(0), "expected a whole number from 1 to 100"),
        ("limit", json!(-1), "expected a whole number from 1 to 100"),
        ("offset", json!(0.5), "expected a whole number from 0 to 100000"),
        ("per_category", json!(true), "expected a whole number from 1 to 1000"),
        ("min_score", json!("0.5"), "expected a number from 0 to 1"),
        ("min_score", json!(1.01), "expected a number from 0 to 1"),
    ] {
        let response = server.recommend(&json!({"history": [], field: value}));
        assert_eq!(response.status, 400, "{field} {value}");
        let message = response.message();
        assert!(message.starts_with(&format!("{field}: ")) && message.contains(expected), "{value}: {message}");
    }
}

#[test]
fn unknown_products_are_counted_among_the_views_that_the_model_uses() {
    let server = Server::start();
    let views = |known: usize, unknown: usize| -> Vec<Value> {
        let handles = std::iter::repeat_n("novel", known).chain(std::iter::repeat_n("no-such-product", unknown));
        handles.map(|handle| json!({"item": handle, "time": TIME})).collect()
    };
    let counted = |history: Vec<Value>| {
        let answer = server.recommend(&json!({"history": history, "limit": 1})).json();
        (answer["source"].as_str().unwrap().to_owned(), answer["unknown_items"].as_u64().unwrap())
    };
    assert_eq!(counted(views(10, 99)), ("model".to_owned(), 99));
    assert_eq!(counted(views(10, 100)), ("popular".to_owned(), 100));
    assert_eq!(counted(views(0, 110)), ("popular".to_owned(), 100));
}
