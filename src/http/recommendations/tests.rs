//! `/v1` through the router, in process: what real clients send, and what the answers say of what was wrong.

use std::fs;
use std::sync::LazyLock;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::http::harness::{Answer, Service};

const TIME: u64 = 1_793_000_000;

static SERVICE: LazyLock<Service> = LazyLock::new(Service::new);

async fn post(path: &str, body: &Value) -> Answer {
    SERVICE.post(path, body.to_string()).await
}

/// The answer to a body, which must be answered.
async fn ask(path: &str, body: Value) -> Value {
    let answer = post(path, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{body}: {}", answer.text());
    answer.json()
}

async fn recommend(body: Value) -> Value {
    ask("/v1/recommendations", body).await
}

fn view(item: impl Into<Value>, time: impl Into<Value>) -> Value {
    json!({"item": item.into(), "time": time.into()})
}

fn handles(answer: &Value) -> Vec<String> {
    answer["items"].as_array().unwrap().iter().map(|item| item["handle"].as_str().unwrap().to_owned()).collect()
}

/// Field and message of each warning.
fn warnings(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let listed = answer["warnings"].as_array().cloned().unwrap_or_default();
    listed.iter().map(|warning| (text(&warning["field"]), text(&warning["message"]))).collect()
}

/// GID and number of a product of the demo.
fn gid(handle: &str) -> (String, u64) {
    let served = SERVICE.state.served();
    let gid = served.engine.catalog().product(handle).unwrap().gid.clone();
    let number = gid.rsplit('/').next().unwrap().parse().unwrap();
    (gid, number)
}

#[tokio::test]
async fn what_real_clients_send_is_answered() {
    for (case, items, unknown) in [
        ("F01_blank_parameters.json", 10, 0),
        ("F05_numeric_user_id.json", 16, 0),
        ("F06_whole_number_with_a_point.json", 5, 0),
        ("F07_lone_surrogate.json", 16, 1),
        ("F08_byte_order_mark.json", 16, 0),
    ] {
        let body = fs::read(format!("tests/fixtures/clients/{case}")).unwrap();
        let answer = SERVICE.post("/v1/recommendations", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{case}: {}", answer.text());
        let answer = answer.json();
        assert_eq!((handles(&answer).len(), answer["unknown_items"].as_u64()), (items, Some(unknown)), "{case}");
    }
}

#[tokio::test]
async fn the_documented_call_of_a_stream_engine_is_answered_on_every_route() {
    // The enricher fills in what its scenario left blank: every other parameter of the operation, as null.
    let document = SERVICE.get("/openapi.json").await.json();
    for (path, schema, given) in [
        (
            "/v1/recommendations",
            "RecommendationRequest",
            json!({"history": [view("novel", TIME)], "limit": 10, "exclude_seen": true}),
        ),
        ("/v1/rank", "RankRequest", json!({"history": [view("novel", TIME)], "candidates": ["atlas", "brush"]})),
        ("/v1/related", "RelatedRequest", json!({"item": "novel"})),
    ] {
        let mut body = given.clone();
        for field in document["components"]["schemas"][schema]["properties"].as_object().unwrap().keys() {
            body.as_object_mut().unwrap().entry(field).or_insert(Value::Null);
        }
        let (blank, plain) = (ask(path, body).await, ask(path, given).await);
        assert_eq!((blank["source"].as_str(), handles(&blank)), (Some("model"), handles(&plain)), "{path}");
    }
}

#[tokio::test]
async fn histories_in_any_order_are_read_by_their_times_unless_they_say_otherwise() {
    let views = [("novel", 0), ("canvas", 60), ("brush", 7_200)].map(|(item, after)| view(item, TIME + after));
    let [first, second, third] = views;
    let (sorted, newest_first) = (json!([first, second, third]), json!([third, second, first]));
    let mixed = json!([second, third, first]);
    let ask = |history: &Value, order: Value| {
        recommend(json!({"history": history, "history_order": order, "now": TIME + 9_000, "limit": 20}))
    };
    let expected = ask(&sorted, json!("oldest_first")).await;
    for (history, order) in [
        (&sorted, json!("by_time")),
        (&sorted, json!(null)),
        (&mixed, json!("by_time")),
        (&mixed, json!(null)),
        (&newest_first, json!("newest_first")),
        (&newest_first, json!("by_time")),
    ] {
        assert_eq!(ask(history, order.clone()).await["items"], expected["items"], "{history} {order}");
    }
    // As it stands, a history in another order is another one.
    assert_ne!(ask(&newest_first, json!("oldest_first")).await["items"], expected["items"]);
    assert_ne!(ask(&sorted, json!("newest_first")).await["items"], expected["items"]);
}

#[tokio::test]
async fn views_of_one_time_keep_the_order_they_are_given_in() {
    let ask = |items: [&str; 3], order: &str| {
        let history = items.map(|item| view(item, TIME));
        recommend(json!({"history": history, "history_order": order, "now": TIME + 60}))
    };
    let items = ["novel", "canvas", "brush"];
    assert_eq!(ask(items, "by_time").await["items"], ask(items, "oldest_first").await["items"]);
    let turned = ["brush", "canvas", "novel"];
    assert_eq!(ask(turned, "newest_first").await["items"], ask(items, "oldest_first").await["items"]);
}

#[tokio::test]
async fn the_order_counts_for_batches_and_rankings_too_and_before_a_history_is_cut() {
    // 60 views, newest first: the model uses the last 50 of them by time.
    let old = (0..10).map(|minute| view("mug", TIME + 60 * minute));
    let new = (10..60).map(|minute| view("novel", TIME + 60 * minute));
    let (sorted, now) = (old.chain(new).collect::<Vec<_>>(), TIME + 4_000);
    let turned: Vec<&Value> = sorted.iter().rev().collect();
    let expected = recommend(json!({"history": sorted, "history_order": "oldest_first", "now": now})).await;
    let session = json!({"history": turned, "history_order": "newest_first", "now": now});
    let batch = ask("/v1/recommendations:batch", json!({"sessions": [session, {"history": turned, "now": now}]})).await;
    for answer in batch["answers"].as_array().unwrap() {
        assert_eq!(answer["items"], expected["items"]);
    }
    let rank = |history: Value, order: &str| {
        ask("/v1/rank", json!({"history": history, "history_order": order, "now": now, "candidates": ["atlas", "mug"]}))
    };
    assert_eq!(rank(json!(turned), "newest_first").await["items"], rank(json!(sorted), "oldest_first").await["items"]);
    assert_eq!(rank(json!(turned), "by_time").await["items"], rank(json!(sorted), "oldest_first").await["items"]);
}

#[tokio::test]
async fn a_category_that_does_not_exist_is_told_with_the_closest_one() {
    let answer = recommend(json!({"history": [view("novel", TIME)], "categories": ["books"]})).await;
    let told = "`books` is no category of the catalogue: the closest is `Books`".to_owned();
    assert_eq!((handles(&answer).len(), warnings(&answer)), (0, vec![("categories".to_owned(), told)]));
    let answer = recommend(json!({"history": [], "exclude_categories": ["Zeppelins", "Books"]})).await;
    let found = warnings(&answer);
    assert_eq!((found.len(), found[0].0.as_str()), (1, "exclude_categories"));
    assert!(found[0].1.starts_with("`Zeppelins` is no category of the catalogue: "), "{found:?}");
    assert!(found[0].1.contains(" exist, such as `"), "{found:?}");
    assert!(answer["items"].as_array().unwrap().iter().all(|item| item["category"] != "Books"));
    let silent = recommend(json!({"history": [], "categories": ["Books"]})).await;
    assert!(silent.get("warnings").is_none(), "{silent}");
}

#[tokio::test]
async fn a_product_that_does_not_exist_is_told_with_the_closest_handle() {
    for (field, name, told) in [
        ("exclude", "novle", "`novle` is no product of the catalogue: the closest handle is `novel`"),
        ("exclude", "Novel", "`Novel` is no product of the catalogue: the closest handle is `novel`"),
        ("include_only", "qqqqqqqqqq", "`qqqqqqqqqq` is no product of the catalogue"),
        ("exclude", "gid://shopify/Product/1", "`gid://shopify/Product/1` is no product of the catalogue"),
    ] {
        let answer = recommend(json!({"history": [], field: [name, "mug"]})).await;
        assert_eq!(warnings(&answer), [(field.to_owned(), told.to_owned())]);
    }
    let ranked = ask("/v1/rank", json!({"history": [], "candidates": ["mug", "novle"]})).await;
    assert_eq!((ranked["unranked"].clone(), warnings(&ranked)[0].0.as_str()), (json!(["novle"]), "candidates"));
    let related = ask("/v1/related", json!({"item": "novel", "exclude": ["mugg"], "categories": ["Boks"]})).await;
    let fields: Vec<String> = warnings(&related).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["exclude", "categories"]);
}

#[tokio::test]
async fn an_empty_list_of_the_only_ones_explains_the_empty_answer() {
    for field in ["categories", "include_only"] {
        let answer = recommend(json!({"history": [], field: []})).await;
        let found = warnings(&answer);
        assert_eq!((handles(&answer).len(), found[0].0.as_str()), (0, field));
        assert!(found[0].1.contains("is an empty list"), "{found:?}");
    }
    let answer = recommend(json!({"history": [], "exclude": [], "exclude_categories": []})).await;
    assert!(answer.get("warnings").is_none() && handles(&answer).len() == 16);
}

#[tokio::test]
async fn warnings_are_bounded_in_number_and_length() {
    let names: Vec<String> = (0..1_000).map(|number| format!("no-such-{number}-{}", "x".repeat(1_000))).collect();
    let answer = recommend(json!({"history": [], "exclude": names})).await;
    let found = warnings(&answer);
    assert_eq!(found.len(), 10);
    assert!(found[9].1.ends_with("; 990 more names have no effect"), "{}", found[9].1);
    assert!(found.iter().all(|(_, message)| message.len() < 200), "{found:?}");
}

#[tokio::test]
async fn sessions_of_a_batch_have_their_own_warnings_and_ids() {
    let sessions = json!([
        {"id": "a", "history": [], "categories": ["books"]},
        {"id": 7_512_345_678_901_u64, "history": []},
        {"id": null, "history": []},
        {"id": 2.0, "history": [], "exclude": ["novle"]},
    ]);
    let answer = ask("/v1/recommendations:batch", json!({ "sessions": sessions })).await;
    let answers = answer["answers"].as_array().unwrap();
    let ids: Vec<Option<&Value>> = answers.iter().map(|answer| answer.get("id")).collect();
    assert_eq!(ids, [Some(&json!("a")), Some(&json!(7_512_345_678_901_u64)), None, Some(&json!(2.0))]);
    let told: Vec<usize> = answers.iter().map(|answer| warnings(answer).len()).collect();
    assert_eq!(told, [1, 0, 0, 1]);
    assert_eq!(recommend(json!({"id": "alone", "history": []})).await["id"], "alone");
    let long = json!({"sessions": [{"id": "x".repeat(129), "history": []}]});
    let refused = post("/v1/recommendations:batch", &long).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("sessions[0].id: ") && message.contains("at most 128 characters"), "{message}");
}

#[tokio::test]
async fn a_product_without_relatives_because_it_does_not_exist_is_404() {
    let answer = post("/v1/related", &json!({"item": "novle"})).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(
        answer.json(),
        json!({"error_code": "RESOURCE_DOES_NOT_EXIST",
            "message": "item: `novle` is no product of the catalogue: the closest handle is `novel`"})
    );
    let long = post("/v1/related", &json!({"item": "x".repeat(1_000_000)})).await;
    assert_eq!(long.status, StatusCode::NOT_FOUND);
    assert!(long.text().len() < 300, "{}", long.text());
    assert_eq!(post("/v1/related", &json!({"item": ""})).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn gids_and_numbers_of_products_are_read_wherever_handles_are() {
    let (gid, number) = gid("novel");
    for name in [json!(gid), json!(number), json!(number.to_string()), json!(number as f64)] {
        let session = |item: Value| json!({"history": [view(item, TIME)], "now": TIME + 60, "exclude_seen": true});
        let (by_name, by_handle) = (recommend(session(name.clone())).await, recommend(session(json!("novel"))).await);
        assert_eq!((&by_name["items"], &by_name["unknown_items"]), (&by_handle["items"], &json!(0)), "{name}");
        let related = ask("/v1/related", json!({"item": name, "limit": 100})).await;
        assert!(related["source"] == "model" && !handles(&related).contains(&"novel".to_owned()), "{name}");
        let only = recommend(json!({"history": [], "include_only": [name]})).await;
        assert_eq!((handles(&only), warnings(&only).len()), (vec!["novel".to_owned()], 0), "{name}");
        let rest = recommend(json!({"history": [], "exclude": [name], "limit": 100})).await;
        assert!(!handles(&rest).contains(&"novel".to_owned()) && warnings(&rest).is_empty(), "{name}");
        let ranked = ask("/v1/rank", json!({"history": [view("mug", TIME)], "candidates": [name, "atlas"]})).await;
        assert_eq!((handles(&ranked).len(), &ranked["unranked"]), (2, &json!([])), "{name}");
    }
    // Explanations name what was viewed as the catalogue does.
    let explained = recommend(json!({"history": [view(gid, TIME)], "explain": true})).await;
    assert_eq!(explained["items"][0]["explanation"]["attention"][0]["item"], "novel");
}

#[tokio::test]
async fn the_same_moment_in_any_spelling_has_the_same_answer() {
    let ask = |time: Value| recommend(json!({"history": [view("novel", time.clone())], "now": time}));
    let expected = ask(json!(1_793_610_900)).await["items"].clone();
    for time in [
        json!(1_793_610_900_000_u64),
        json!("1793610900"),
        json!("2026-11-02T09:15:00Z"),
        json!("2026-11-02T10:15:00+01:00"),
        json!("2026-11-02 09:15:00+00:00"),
        json!("2026-11-02 09:15:00"),
        json!("2026-11-02T09:15:00.000"),
    ] {
        assert_eq!(ask(time.clone()).await["items"], expected, "{time}");
    }
    let refused = post("/v1/recommendations", &json!({"history": [view("novel", "02/11/2026")]})).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text().contains("history[0].time: "), "{}", refused.text());
}

#[tokio::test]
async fn messages_quote_only_the_beginning_of_what_was_sent() {
    let long = "x".repeat(1_000_000);
    for body in [
        json!({"history": [], &long: 1}),
        json!({"history": [view("novel", long.as_str())]}),
        json!({"history": [], "history_order": long}),
        json!({"history": [], "id": long}),
        json!({"history": [], "limit": long}),
    ] {
        let answer = post("/v1/recommendations", &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body.len() < 2_000, "{}", answer.body.len());
    }
}
