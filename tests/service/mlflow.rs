//! `POST /invocations` and the health routes against what MLflow's scoring servers answered.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::client::{self, Response};
use crate::server::Server;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The body that a fixture describes.
fn body(request: &Value) -> Vec<u8> {
    if let Some(text) = request["body"].as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(text) = request["body_base64"].as_str() {
        return decode_base64(text);
    }
    let generator = &request["body_generator"];
    if generator.is_null() {
        return Vec::new();
    }
    let mut document = generator["json_template"].clone();
    let count = usize::try_from(generator["repeat_count"].as_u64().unwrap_or(0)).unwrap();
    for (name, value) in document["inputs"].as_object_mut().unwrap() {
        if *value == json!(["<<REPEAT>>"]) {
            *value = Value::Array(vec![generator["repeat"][name].clone(); count]);
        }
    }
    document.to_string().into_bytes()
}

fn decode_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.chars().filter_map(|character| ALPHABET.find(character)) {
        bits = bits << 6 | u32::try_from(digit).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff).try_into().unwrap());
        }
    }
    bytes
}

fn send(server: &Server, request: &Value) -> Response {
    let headers = request["headers"].as_object().unwrap();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
    client::exchange(server.address, method, path, &headers, &body(request))
}

/// What is wrong with an answer; none when the fixture holds.
fn difference(fixture: &Value, response: &Response) -> Option<String> {
    let expect = &fixture["expect"];
    let allowed = expect["status_any_of"].as_array().unwrap();
    if !allowed.contains(&json!(response.status)) {
        return Some(format!("status {}: expected one of {allowed:?}", response.status));
    }
    if expect["status"] != json!(response.status) {
        // An allowed answer of another kind than the recorded one.
        let answered = response.status == 200 && fixture["request"]["method"] == "POST";
        return answered.then(|| wrong_predictions(response, None)).flatten();
    }
    if expect["content_type"].is_string() && expect["content_type"].as_str() != response.header("content-type") {
        return Some(format!("content type {:?}", response.header("content-type")));
    }
    match expect["body_kind"].as_str().unwrap() {
        "predictions" => wrong_predictions(response, expect["predictions_count"].as_u64()),
        "mlflow_error" => wrong_error(response, &expect["body_match"]),
        // The body of /version is the version of the server.
        _ if fixture["request"]["path"] == "/version" => {
            (response.text() != env!("CARGO_PKG_VERSION")).then(|| response.text())
        }
        // Reasons are our own.
        _ if fixture["conformance"] == "may" || response.status >= 400 => None,
        _ => (json!(response.text()) != expect["body"]).then(|| response.text()),
    }
}

/// Checks the code; the sentences are our own.
fn wrong_error(response: &Response, expected: &Value) -> Option<String> {
    let answer = response.json();
    let message = answer["message"].as_str().unwrap_or_default();
    let holds = answer["error_code"] == expected["error_code"] && message.contains(": ");
    (!holds).then(|| format!("{answer}"))
}

/// Checks the rules of the fixtures: as many scores as products, falling scores, distinct GIDs, at most 16.
fn wrong_predictions(response: &Response, count: Option<u64>) -> Option<String> {
    let answer = response.json();
    let predictions = answer["predictions"].as_array()?;
    if count.is_some_and(|count| predictions.len() as u64 != count) {
        return Some(format!("{} predictions: expected {count:?}", predictions.len()));
    }
    predictions.iter().find_map(|prediction| {
        let ids: Vec<&str> = prediction["itemIds"].as_array()?.iter().filter_map(Value::as_str).collect();
        let scores: Vec<f64> = prediction["preds"].as_array()?.iter().filter_map(Value::as_f64).collect();
        let sound = ids.len() == 16
            && ids.len() == scores.len()
            && scores.is_sorted_by(|left, right| left >= right)
            && ids.iter().collect::<HashSet<_>>().len() == ids.len()
            && ids.iter().all(|id| id.starts_with("gid://"));
        (!sound).then(|| format!("{prediction}"))
    })
}

#[test]
fn every_recorded_exchange_holds() {
    let server = Server::start();
    let mut paths: Vec<PathBuf> =
        fs::read_dir(fixtures().join("mlflow")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let differences = paths.iter().filter_map(|path| {
        let fixture = read_json(path);
        let found = difference(&fixture, &send(&server, &fixture["request"]))?;
        Some(format!("{} ({}): {found}", fixture["name"], fixture["conformance"]))
    });
    let differences: Vec<String> = differences.collect();
    assert!(paths.len() >= 70, "{} fixtures", paths.len());
    assert!(differences.is_empty(), "{} of {} differ:\n{}", differences.len(), paths.len(), differences.join("\n"));
}

#[test]
fn further_requests_are_answered_by_the_rules_of_the_recorded_server() {
    let server = Server::start();
    let document = read_json(&fixtures().join("mlflow_rules.json"));
    let cases = document["cases"].as_array().unwrap();
    let differences = cases.iter().filter_map(|case| {
        let headers = [("Content-Type", case["content_type"].as_str().unwrap())];
        let body = case["body"].as_str().unwrap().as_bytes();
        let response = client::exchange(server.address, "POST", "/invocations", &headers, body);
        let wrong = if case["status"] != json!(response.status) {
            Some(format!("status {}: {}", response.status, response.text()))
        } else if case["text"].is_string() {
            response.text().is_empty().then(|| "no text".to_owned())
        } else if case["error_code"].is_string() {
            wrong_error(&response, case)
        } else {
            wrong_predictions(&response, case["predictions"].as_u64())
        };
        wrong.map(|wrong| format!("{}: {wrong}", case["name"]))
    });
    let differences: Vec<String> = differences.collect();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    assert!(differences.is_empty(), "{} of {} differ:\n{}", differences.len(), cases.len(), differences.join("\n"));
}

#[test]
fn rows_are_answered_in_their_order_and_as_if_they_were_alone() {
    let server = Server::start();
    let rows: Vec<Value> = ["novel", "brush", "thermometer", "canvas", "gloves", "atlas", "clay"]
        .iter()
        .map(|handle| json!({"userId": "u", "items": [handle], "timestamps": ["1730807061"]}))
        .collect();
    let together = server.post("/invocations", json!({"dataframe_records": rows}).to_string()).json();
    assert_eq!(together["predictions"].as_array().unwrap().len(), rows.len());
    for (row, prediction) in rows.iter().zip(together["predictions"].as_array().unwrap()) {
        let alone = server.post("/invocations", json!({"inputs": row}).to_string()).json();
        assert_eq!(alone["predictions"][0]["itemIds"], prediction["itemIds"]);
    }
}

#[test]
fn a_missing_user_of_a_pandas_table_costs_no_recommendation() {
    let server = Server::start();
    let row = |user: &str| format!(r#"{{"userId": {user}, "items": ["novel"], "timestamps": ["1730807061"]}}"#);
    let known = server.post("/invocations", format!(r#"{{"dataframe_records": [{}]}}"#, row("\"u\""))).json();
    let missing = server.post("/invocations", format!(r#"{{"dataframe_records": [{}]}}"#, row("NaN"))).json();
    assert_eq!(missing, known);
}

#[test]
fn a_value_that_stands_for_a_whole_column_is_every_rows_user() {
    let server = Server::start();
    let columns =
        json!({"userId": "u", "items": [["novel"], ["brush"]], "timestamps": [["1730807061"], ["1730807061"]]});
    let answer = server.post("/invocations", json!({"dataframe_split": {"data": columns}}).to_string()).json();
    assert_eq!(answer["predictions"].as_array().unwrap().len(), 2);
}

#[test]
fn few_bytes_never_become_many_rows() {
    let server = Server::start();
    let data = json!([["u", ["novel"], ["1730807061"]]]);
    let split = json!({"columns": ["userId", "items", "timestamps"], "data": data, "index": vec![0; 100_000]});
    let response = server.post("/invocations", json!({ "dataframe_split": split }).to_string());
    assert_eq!(response.status, 400);
    assert_eq!(response.message(), "dataframe_split.index: found 100000 labels: expected 1, one for each row");
}

#[test]
fn more_rows_than_allowed_are_refused() {
    let server = Server::start_with(&[("SLIREC__INVOCATIONS__MAX_ROWS", "2")]);
    let row = json!({"userId": "u", "items": [], "timestamps": []});
    let response = server.post("/invocations", json!({"inputs": [row, row, row]}).to_string());
    assert_eq!(response.status, 400);
    assert_eq!(response.message(), "inputs: found more than 2 rows: expected at most 2");
}

#[test]
fn the_number_of_products_can_be_set() {
    let server = Server::start_with(&[("SLIREC__INVOCATIONS__LIMIT", "3")]);
    let row = json!({"userId": "u", "items": ["novel"], "timestamps": ["1730807061"]});
    let answer = server.post("/invocations", json!({ "inputs": row }).to_string()).json();
    assert_eq!(answer["predictions"][0]["itemIds"].as_array().unwrap().len(), 3);
}

#[test]
fn no_body_makes_the_service_fail() {
    let server = Server::start();
    let strategy = proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40);
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&strategy, |noise| {
        let noise = String::from_utf8_lossy(&noise).into_owned();
        for body in [
            noise.clone(),
            format!(r#"{{"inputs": {noise}}}"#),
            format!(r#"{{"dataframe_split": {{"data": [[{noise}]]}}}}"#),
            json!({"inputs": {"userId": noise, "items": [noise], "timestamps": [noise]}}).to_string(),
        ] {
            let status = server.post("/invocations", &body).status;
            if ![200, 400].contains(&status) {
                return Err(TestCaseError::fail(format!("{status} for {body}")));
            }
            let status = server.post("/v1/recommendations", &body).status;
            if status != 400 {
                return Err(TestCaseError::fail(format!("{status} for {body}")));
            }
        }
        Ok(())
    });
    outcome.unwrap();
}
