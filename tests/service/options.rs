//! What `/v1` offers beside the plain answer: selections, pages, explanations, batches, ranking, related products.

use serde_json::{Value, json};

use crate::server::Server;

const TIME: u64 = 1_730_807_061;

fn history(handles: &[&str]) -> Value {
    let viewed = (0..).zip(handles).map(|(minute, handle)| json!({"item": handle, "time": TIME + 60 * minute}));
    Value::Array(viewed.collect())
}

fn body(options: Value) -> Value {
    let mut body = json!({"history": history(&["novel", "canvas", "brush"]), "now": TIME + 600});
    body.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    body
}

fn ask(server: &Server, options: Value) -> Value {
    let response = server.recommend(&body(options));
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

fn column(answer: &Value, field: &str) -> Vec<String> {
    answer["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

fn handles(answer: &Value) -> Vec<String> {
    column(answer, "handle")
}

#[test]
fn pages_follow_one_another() {
    let server = Server::start();
    let all = handles(&ask(&server, json!({"limit": 30})));
    assert_eq!(handles(&ask(&server, json!({"limit": 10, "offset": 10}))), all[10..20]);
    assert!(handles(&ask(&server, json!({"offset": 100_000}))).is_empty());
}

#[test]
fn seen_excluded_and_other_products_stay_out() {
    let server = Server::start();
    let all = handles(&ask(&server, json!({"limit": 100})));
    let unseen = handles(&ask(&server, json!({"limit": 100, "exclude_seen": true})));
    assert!(["novel", "canvas", "brush"].iter().all(|seen| !unseen.contains(&(*seen).to_owned())));
    let rest = handles(&ask(&server, json!({"limit": 5, "exclude": [all[0], all[2]]})));
    assert_eq!(rest[..2], [all[1].clone(), all[3].clone()]);
    let few = handles(&ask(&server, json!({"include_only": [all[4], all[1], "no-such-product"]})));
    assert_eq!(few, [all[1].clone(), all[4].clone()]);
}

#[test]
fn categories_come_in_stay_out_and_are_capped() {
    let server = Server::start();
    let category = column(&ask(&server, json!({})), "category")[0].clone();
    let inside = column(&ask(&server, json!({"categories": [category]})), "category");
    assert!(!inside.is_empty() && inside.iter().all(|found| *found == category));
    let outside = column(&ask(&server, json!({"exclude_categories": [category], "limit": 100})), "category");
    assert!(!outside.is_empty() && !outside.contains(&category));
    let capped = column(&ask(&server, json!({"per_category": 1})), "category");
    let mut distinct = capped.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), capped.len());
}

#[test]
fn a_lowest_score_ends_the_answer() {
    let server = Server::start();
    let all = ask(&server, json!({"limit": 100}));
    let least = all["items"][4]["score"].as_f64().unwrap();
    let best = ask(&server, json!({"limit": 100, "min_score": least}));
    let scores: Vec<f64> =
        best["items"].as_array().unwrap().iter().map(|item| item["score"].as_f64().unwrap()).collect();
    assert!((5..100).contains(&scores.len()), "{}", scores.len());
    assert!(scores.iter().all(|score| *score >= least - 1e-6));
}

#[test]
fn an_explanation_names_the_views_that_weighed_most() {
    let server = Server::start();
    let answer = ask(&server, json!({"explain": true, "limit": 4}));
    for item in answer["items"].as_array().unwrap() {
        let why = &item["explanation"];
        assert!((0.0..=1.0).contains(&why["long_term_share"].as_f64().unwrap()), "{why}");
        let attention = why["attention"].as_array().unwrap();
        let weights: Vec<f64> = attention.iter().map(|view| view["weight"].as_f64().unwrap()).collect();
        assert_eq!(attention.len(), 3);
        assert!(weights.is_sorted_by(|left, right| left >= right));
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-3, "{weights:?}");
        let logit = &why["logit"];
        let terms: f64 = logit["terms"].as_object().unwrap().values().map(|term| term.as_f64().unwrap()).sum();
        let number = |value: &Value| value.as_f64().unwrap();
        assert!((terms - number(&logit["value"])).abs() < 1e-4, "{logit}");
        let score = (number(&logit["value"]) - number(&logit["normaliser"])).exp();
        assert!((score - number(&item["score"])).abs() < 1e-4, "{item}");
        assert_eq!(logit["views"].as_array().unwrap().len(), 3);
    }
    assert!(ask(&server, json!({}))["items"][0].get("explanation").is_none());
    let popular = server.recommend(&json!({"history": [], "explain": true})).json();
    assert!(popular["items"][0].get("explanation").is_none());
}

#[test]
fn a_batch_answers_each_session_as_if_it_were_alone() {
    let server = Server::start();
    let sessions: Vec<Value> = [json!({"limit": 3}), json!({"limit": 5, "exclude_seen": true}), json!({"offset": 2})]
        .into_iter()
        .map(body)
        .chain([json!({"history": []})])
        .collect();
    let response = server.post("/v1/recommendations:batch", json!({ "sessions": sessions }).to_string());
    assert_eq!(response.status, 200, "{}", response.text());
    let together = response.json();
    assert_eq!(together["answers"].as_array().unwrap().len(), 4);
    for (session, answer) in sessions.iter().zip(together["answers"].as_array().unwrap()) {
        let alone = server.recommend(session).json();
        assert_eq!((handles(answer), &answer["source"]), (handles(&alone), &alone["source"]));
        assert_eq!(together["model"], alone["model"]);
    }
    // A colon needs no escape in a path, and may have one.
    for path in ["/v1/recommendations:batch", "/v1/recommendations%3Abatch"] {
        let empty = server.post(path, json!({"sessions": []}).to_string());
        assert_eq!((empty.status, empty.json()["answers"].as_array().unwrap().len()), (200, 0));
    }
}

#[test]
fn a_batch_beyond_the_limit_is_refused() {
    let server = Server::start_with(&[("SLIREC__LIMITS__SESSIONS", "1")]);
    let session = json!({"history": []});
    let response = server.post("/v1/recommendations:batch", json!({"sessions": [session, session]}).to_string());
    assert_eq!(response.status, 400);
    assert!(response.message().starts_with("sessions: has more than 1 elements, "), "{}", response.message());
}

#[test]
fn candidates_are_ranked_as_in_the_whole_answer() {
    let server = Server::start();
    let all = handles(&ask(&server, json!({"limit": 100})));
    let candidates = json!([all[50], all[3], "no-such-product", all[20]]);
    let body = json!({"history": history(&["novel", "canvas", "brush"]), "now": TIME + 600, "candidates": candidates});
    let ranked = server.post("/v1/rank", body.to_string()).json();
    assert_eq!(ranked["source"], "model");
    assert_eq!(handles(&ranked), [all[3].clone(), all[20].clone(), all[50].clone()]);
    assert_eq!(ranked["unranked"], json!(["no-such-product"]));
    let unknown = server.post("/v1/rank", json!({"history": [], "candidates": [all[1], all[0]]}).to_string()).json();
    assert_eq!((unknown["source"].as_str(), handles(&unknown).len()), (Some("popular"), 2));
}

#[test]
fn related_products_are_those_of_a_single_view_without_itself() {
    let server = Server::start();
    let related = server.post("/v1/related", json!({"item": "novel", "limit": 8}).to_string()).json();
    assert_eq!(related["source"], "model");
    let found = handles(&related);
    assert!(found.len() == 8 && !found.contains(&"novel".to_owned()), "{found:?}");
    let single = json!({"history": [{"item": "novel", "time": TIME}], "now": TIME, "limit": 8, "exclude_seen": true});
    assert_eq!(found, handles(&server.recommend(&single).json()));
    assert_eq!(server.post("/v1/related", json!({"item": "no-such-product"}).to_string()).status, 404);
}

#[test]
fn a_history_beyond_the_limit_is_refused_by_every_protocol() {
    let server = Server::start_with(&[("SLIREC__LIMITS__HISTORY", "2")]);
    let response = server.recommend(&body(json!({})));
    assert_eq!(response.status, 400);
    assert!(response.message().starts_with("history: has more than 2 elements, "), "{}", response.message());
    let row = json!({"userId": "u", "items": ["a", "b", "c"], "timestamps": ["1", "2", "3"]});
    let response = server.post("/invocations", json!({ "inputs": row }).to_string());
    assert_eq!((response.status, response.json()["error_code"].as_str()), (400, Some("BAD_REQUEST")));
}
