//! The server of these tests is held to the recorded ones: every exchange of a client written by hand, and the edge cases.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::mock::MockServer;
use crate::wait;

const MINIMAL_3: &str = include_str!("../../../../tests/fixtures/mlflow_registry/minimal_client_run_3.17.2.json");
const MINIMAL_2: &str = include_str!("../../../../tests/fixtures/mlflow_registry/minimal_client_run_2.18.0.json");
const EDGE_CASES: &str = include_str!("../../../../tests/fixtures/mlflow_registry/edge_cases.json");

/// What only models of MLflow 3 that are logged without a run, or the server's own address, have to do with.
const NOT_OURS: [&str; 3] = ["logged-models", "get-artifact", "mlflow/nope"];

/// Ids that the recorded server gave, and ours.
#[derive(Default)]
struct Ids(BTreeMap<String, String>);

impl Ids {
    fn translate(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (theirs, ours)| match theirs.len() {
            // The id of an experiment is a short number, which stands between slashes or alone.
            ..=3 => {
                let text = text.replace(&format!(":/{theirs}/"), &format!(":/{ours}/"));
                let text = text.replace(&format!("artifacts/{theirs}/"), &format!("artifacts/{ours}/"));
                if text == *theirs { ours.clone() } else { text }
            }
            _ => text.replace(theirs, ours),
        })
    }

    fn learn(&mut self, theirs: &Value, ours: &Value) {
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(ours)) => {
                for (key, theirs) in theirs {
                    let Some(ours) = ours.get(key) else { continue };
                    match (key.as_str(), theirs, ours) {
                        ("run_id" | "experiment_id", Value::String(theirs), Value::String(ours)) => {
                            self.0.insert(theirs.clone(), ours.clone());
                        }
                        _ => self.learn(theirs, ours),
                    }
                }
            }
            (Value::Array(theirs), Value::Array(ours)) => {
                theirs.iter().zip(ours).for_each(|(theirs, ours)| self.learn(theirs, ours));
            }
            _ => {}
        }
    }

    fn translated(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.translate(text)),
            Value::Array(values) => values.iter().map(|value| self.translated(value)).collect(),
            Value::Object(entries) => {
                entries.iter().map(|(key, value)| (key.clone(), self.translated(value))).collect()
            }
            other => other.clone(),
        }
    }
}

/// Dotted keys of all values; those of a list's entries are one.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| keys(value, &format!("{path}.{key}"), found)),
        Value::Array(values) => values.iter().for_each(|value| keys(value, &format!("{path}[]"), found)),
        _ => drop(found.insert(path.to_owned())),
    }
}

fn replay(server: &MockServer, ids: &mut Ids, request: &Value, recorded: &Value) {
    let http = reqwest::Client::new();
    let path = ids.translate(request["path"].as_str().unwrap());
    let method = request["method"].as_str().unwrap().parse().unwrap();
    let mut sent = http.request(method, format!("{}{path}", server.url));
    if let Some(query) = request.get("query") {
        let query = ids.translated(query);
        let pairs: Vec<(String, String)> =
            serde_json::from_value::<BTreeMap<String, String>>(query).unwrap().into_iter().collect();
        let mut url = url::Url::parse(&format!("{}{path}", server.url)).unwrap();
        url.query_pairs_mut().extend_pairs(pairs);
        sent = http.request(request["method"].as_str().unwrap().parse().unwrap(), url);
    }
    if let Some(json) = request.get("json") {
        sent = sent.body(ids.translated(json).to_string());
    } else if let Some(text) = request.get("body_text").or(request.get("body")).and_then(Value::as_str) {
        sent = sent.body(ids.translate(text));
    }
    let (status, bytes) = wait(async {
        let answer = sent.send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap())
    });
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(status, recorded["status"], "{request}: {text}");
    let Some(theirs) = recorded.get("json") else { return };
    let ours: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(ours.get("error_code"), theirs.get("error_code"), "{request}");
    ids.learn(theirs, &ours);
    let (mut of_theirs, mut of_ours) = (BTreeSet::new(), BTreeSet::new());
    keys(theirs, "", &mut of_theirs);
    keys(&ours, "", &mut of_ours);
    // Tags and aliases of what was found are only there when there are any.
    let invented: Vec<&String> = of_ours.difference(&of_theirs).collect();
    assert!(invented.is_empty(), "{request}: the recorded answer has no {invented:?}");
}

#[test]
fn the_server_of_these_tests_answers_a_client_as_the_recorded_servers_do() {
    for (recording, is_old) in [(MINIMAL_3, false), (MINIMAL_2, true)] {
        let server = MockServer::start();
        server.state().store.is_old = is_old;
        let recording: Value = serde_json::from_str(recording).unwrap();
        let mut ids = Ids::default();
        for exchange in recording["exchanges"].as_array().unwrap() {
            replay(&server, &mut ids, &exchange["request"], &exchange["response"]);
        }
        assert_eq!(server.state().store.models["slirec_a"].aliases["champion"], "1");
    }
}

#[test]
fn the_server_of_these_tests_refuses_what_the_recorded_servers_refuse() {
    for (version, is_old) in [("mlflow-3.17.2", false), ("mlflow-2.18.0", true)] {
        let server = MockServer::start();
        server.state().store.is_old = is_old;
        server.state().store.experiments.push("1".to_owned());
        server.state().store.models.insert("m2x".to_owned(), Default::default());
        let cases: Value = serde_json::from_str(EDGE_CASES).unwrap();
        let mut ids = Ids::default();
        let mut replayed = 0;
        for exchange in cases["exchanges"].as_array().unwrap() {
            let (request, recorded) = (&exchange["request"], &exchange["recorded"][version]);
            let path = request["path"].as_str().unwrap();
            let is_our_business = !NOT_OURS.iter().any(|other| path.contains(other)) && recorded["status"] != 403;
            // Ids of one of the two servers only.
            let of_other = request.to_string().contains("d9c500d3da5e4e1387212b8686591223") && is_old;
            // One body is not whole in the recording.
            let is_whole = !request["body"].as_str().is_some_and(|body| body.contains("long"));
            if is_our_business && !of_other && is_whole && !path.contains("..") {
                replay(&server, &mut ids, request, recorded);
                replayed += 1;
            }
        }
        assert!(replayed >= 17, "{version}: {replayed}");
    }
}
