//! Documents against the schema, and what the client makes of each kind of answer.

use std::fs;

use apollo_compiler::ExecutableDocument;
use slirec_connect::shopify::{Credentials, FetchOptions, Secret, ShopifyError, all_documents, fetch};

use crate::mock::{MockShop, schema};
use crate::{client, client_as, wait};

fn error(change: impl FnOnce(&MockShop)) -> ShopifyError {
    let mock = MockShop::start();
    change(&mock);
    wait(client(&mock).shop(&["read_products"])).expect_err("the shop refuses")
}

#[test]
fn every_document_that_is_sent_is_valid_in_shopify_s_schema() {
    let schema = schema();
    let documents = all_documents();
    assert!(documents.len() > 15);
    for document in documents {
        let parsed = ExecutableDocument::parse_and_validate(&schema, &document.text, "document.graphql");
        let parsed = parsed.unwrap_or_else(|errors| panic!("{}: {}", document.name, errors.errors));
        let name = Some(document.name.as_str()).filter(|name| !name.is_empty());
        assert!(parsed.operations.get(name).is_ok(), "{}", document.name);
    }
}

#[test]
fn a_missing_scope_is_found_before_anything_is_done_and_writing_implies_reading() {
    let mock = MockShop::start();
    let shop = wait(client(&mock).shop(&["read_products", "write_publications"])).unwrap();
    assert_eq!((shop.name.as_str(), shop.domain.as_str()), ("Example Shop", "example.myshopify.com"));
    let error = wait(client(&mock).shop(&["read_products", "read_themes", "write_orders"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the app lacks the access scopes read_themes, write_orders: grant them in its settings"
    );
    mock.assert_correct();
}

#[test]
fn a_wrong_token_a_frozen_a_locked_and_a_missing_shop_are_told_apart() {
    let mock = MockShop::start();
    let wrong = client_as(&mock, Credentials::Token(Secret::new("shpat_wrong")));
    let message = wait(wrong.shop(&[])).unwrap_err().to_string();
    assert_eq!(message, "WhoAmI: HTTP 401: the access token is refused");
    for (status, meaning) in
        [(402, "frozen"), (403, "forbids"), (404, "no such shop"), (423, "locked"), (430, "attack")]
    {
        let message = error(|mock| mock.state().status = Some(status)).to_string();
        assert!(message.contains(meaning) && message.contains(&status.to_string()), "{message}");
    }
    let message = error(|mock| mock.state().status = Some(503)).to_string();
    assert!(message.contains("the shop did not answer after 5 tries: HTTP 503"), "{message}");
}

#[test]
fn a_client_s_secret_buys_one_token_and_a_revoked_one_is_renewed_once() {
    let mock = MockShop::start();
    let credentials = |secret: &str| Credentials::Client { id: "client".into(), secret: Secret::new(secret) };
    let client = client_as(&mock, credentials("shpss_right"));
    wait(async {
        client.shop(&[]).await.unwrap();
        client.shop(&[]).await.unwrap();
    });
    assert_eq!(mock.state().grants, 1);
    mock.state().faults.insert(2, crate::mock::Fault::RevokedToken);
    wait(client.shop(&[])).unwrap();
    assert_eq!(mock.state().grants, 2);
    let message = wait(client_as(&mock, credentials("shpss_wrong")).shop(&[])).unwrap_err().to_string();
    assert_eq!(message, "access token: HTTP 400: the client's id or secret is refused (invalid_client)");
    assert!(!message.contains("shpss"));
}

#[test]
fn another_version_of_the_api_is_warned_of() {
    let mock = MockShop::start();
    let asked = client(&mock);
    wait(asked.shop(&[])).unwrap();
    assert_eq!(asked.version_warning(), None);
    mock.state().version = "2026-01".to_owned();
    let asked = client(&mock);
    wait(asked.shop(&[])).unwrap();
    let warning = asked.version_warning().unwrap();
    assert_eq!(warning, "the shop answers with version 2026-01 of its API: expected 2026-10");
}

#[test]
fn a_page_that_costs_too_much_is_asked_for_in_smaller_pieces() {
    let mock = MockShop::start();
    for number in 0..30 {
        mock.state().shop.add(&format!("p{number}"), "P", &[]);
    }
    mock.state().product_cost = 150.0;
    let fetched = wait(fetch(&client(&mock), &FetchOptions::default(), &mut |_, _| {})).unwrap();
    assert_eq!(fetched.catalog.products().len(), 30);
    mock.assert_correct();
}

#[test]
fn access_that_is_denied_is_named_with_the_scope() {
    let mock = MockShop::start();
    mock.state().scopes = vec!["write_metaobjects", "write_metaobject_definitions"];
    mock.state().shop.defined = true;
    // The scopes say one thing, the shop does another.
    mock.state().scopes.retain(|scope| *scope != "write_metaobject_definitions");
    let result = wait(slirec_connect::shopify::write_recommendations(&client(&mock), &[], &mut |_| {}));
    let message = result.unwrap_err().to_string();
    assert!(message.contains("lacks the access scopes write_metaobject_definitions"), "{message}");
}

#[test]
fn every_recorded_answer_has_its_meaning() {
    // What Shopify answers, as its documentation has it; the client meets each through a server that repeats it.
    let recorded = fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/shopify/graphql_answers.jsonl"),
    )
    .unwrap();
    let answers: Vec<serde_json::Value> = recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        "still throttled",
        "costs more than one query may",
        "access denied: Access denied for publications field",
        "the shop did not answer after 5 tries: Internal error",
        "HTTP 401: the access token is refused",
        "the answer is not understood: missing field `shop`",
        "the answer is not understood: missing field `shop`",
    ];
    assert_eq!(answers.len(), expected.len());
    for (answer, expected) in answers.into_iter().zip(expected).skip(1) {
        let status = axum::http::StatusCode::from_u16(answer["http"].as_u64().unwrap() as u16).unwrap();
        let body = answer["body"].clone();
        let message = wait(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let routes = axum::Router::new().fallback(move || async move { (status, axum::Json(body)) });
            tokio::spawn(async move { axum::serve(listener, routes).await });
            let token = Credentials::Token(Secret::new("shpat_x"));
            let mut options = slirec_connect::shopify::ClientOptions::new(&url, token);
            options.first_pause = std::time::Duration::from_millis(1);
            let client = slirec_connect::shopify::Client::new(options).unwrap();
            client.shop(&[]).await.unwrap_err().to_string()
        });
        assert!(message.contains(expected), "{message}");
    }
}
