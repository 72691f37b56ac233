//! The Open Inference Protocol: the recorded exchanges with MLServer, where they are sensible, and what goes beyond
//! them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::client::{self, Response};
use crate::server::Server;

const MODEL: &str = "/v2/models/slirec";

fn infer(server: &Server, body: &Value) -> Response {
    server.post(&format!("{MODEL}/infer"), body.to_string())
}

fn tensor(name: &str, shape: &[usize], data: Value) -> Value {
    json!({"name": name, "shape": shape, "datatype": "BYTES", "data": data})
}

fn session(handles: &[&str]) -> Value {
    let times: Vec<String> = (0..handles.len()).map(|minute| (1_730_807_061 + 60 * minute).to_string()).collect();
    json!({"id": "r1", "inputs": [
        tensor("userId", &[1], json!(["u1"])),
        tensor("items", &[handles.len()], json!(handles)),
        tensor("timestamps", &[handles.len()], json!(times)),
    ]})
}

/// What the recorded server answered with 200 is answered so; what it answered with an error of the client is too; its
/// own failures are answers, or errors of the client.
fn expected_statuses(name: &str, recorded: &[u64]) -> &'static [u16] {
    match name {
        // It failed where a session can be read without doubt.
        "infer_pd" | "infer_pd_json" | "infer_dict_str" | "infer_nested_data" | "infer_empty_items"
        | "seed_infer_pd_json" => &[200],
        "infer_empty_inputs" | "infer_bad_datatype" | "infer_malformed" => &[400],
        _ if recorded.contains(&404) => &[404],
        _ => &[200],
    }
}

#[test]
fn the_recorded_exchanges_hold_where_they_are_sensible() {
    // The recorded server served two models; here both names are of one.
    let server = Server::start_with(&[("SLIREC__INFERENCE__NAMES", "slirec,slirecseed")]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/oip_v2/mlserver_1.7.1.json");
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let exchanges = document["exchanges"].as_array().unwrap();
    for exchange in exchanges {
        let (name, request) = (exchange["name"].as_str().unwrap(), &exchange["request"]);
        let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
        // The recorded server's version is v1; the bundle has its own.
        let version = server.get("/ready").json()["version"].as_str().unwrap().to_owned();
        let path = path.replace("/versions/v1", &format!("/versions/{version}"));
        let body = match &request["body"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let headers = if method == "POST" { vec![("Content-Type", "application/json")] } else { Vec::new() };
        let response = client::exchange(server.address, method, &path, &headers, body.as_bytes());
        let recorded = exchange["recorded"].as_object().unwrap();
        let statuses: Vec<u64> = recorded.values().filter_map(|answer| answer["status"].as_u64()).collect();
        let expected = expected_statuses(name, &statuses);
        assert!(expected.contains(&response.status), "{name}: {} {}", response.status, response.text());
        if path.ends_with("/infer") && response.status == 200 {
            let answer = response.json();
            let wanted = request["body"]["outputs"].as_array().map_or(2, Vec::len);
            assert_eq!(answer["outputs"].as_array().unwrap().len(), wanted, "{name}");
            assert_eq!(answer["outputs"][0]["name"], "itemIds", "{name}");
            assert_eq!(answer["outputs"][0]["data"].as_array().unwrap().len(), 16, "{name}");
        }
        if response.status >= 400 {
            assert!(response.json()["error"].is_string(), "{name}: {}", response.text());
        }
        if response.status == 404 {
            let recorded = recorded.values().next().unwrap();
            assert_eq!(response.json()["error"], recorded["body"]["error"], "{name}");
        }
    }
    assert!(exchanges.len() >= 20, "{} exchanges", exchanges.len());
}

#[test]
fn an_answer_has_the_shape_that_the_recorded_server_gives_it() {
    let server = Server::start();
    let response = infer(&server, &session(&["thermometer", "comic-book", "brush"]));
    assert_eq!(response.header("content-type"), Some("application/json"));
    let answer = response.json();
    assert_eq!((&answer["id"], &answer["model_name"]), (&json!("r1"), &json!("slirec")));
    let [items, scores] = [&answer["outputs"][0], &answer["outputs"][1]];
    assert_eq!((&items["datatype"], &items["shape"]), (&json!("BYTES"), &json!([16, 1])));
    assert_eq!((&scores["datatype"], &scores["shape"]), (&json!("FP32"), &json!([16, 1])));
    let scores: Vec<f64> = scores["data"].as_array().unwrap().iter().map(|score| score.as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|left, right| left >= right));
    assert!(items["data"].as_array().unwrap().iter().all(|gid| gid.as_str().unwrap().starts_with("gid://")));
}

#[test]
fn the_protocols_agree() {
    let server = Server::start();
    let inferred = infer(&server, &session(&["novel", "canvas"])).json();
    let row = json!({"userId": "u", "items": ["novel", "canvas"], "timestamps": ["1730807061", "1730807121"]});
    let invoked = server.post("/invocations", json!({ "inputs": row }).to_string()).json();
    assert_eq!(inferred["outputs"][0]["data"], invoked["predictions"][0]["itemIds"]);
}

#[test]
fn several_sessions_have_a_row_each() {
    let server = Server::start();
    let body = json!({"inputs": [
        tensor("items", &[2, 1], json!([["novel"], ["no-such-product"]])),
        tensor("timestamps", &[2, 1], json!(["1730807061", "1730807061"])),
    ]});
    let answer = infer(&server, &body).json();
    assert_eq!(answer["outputs"][0]["shape"], json!([2, 16]));
    assert_eq!(answer["outputs"][1]["data"].as_array().unwrap().len(), 32);
    assert_eq!(answer["parameters"]["source"], "popular");
    assert!(answer.get("id").is_none());
}

#[test]
fn binary_tensors_have_the_answer_of_their_json() {
    let server = Server::start();
    let binary = |name: &str, text: &str| {
        let size = text.len() + 4;
        let header = json!({"name": name, "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": size}});
        let mut bytes = u32::try_from(text.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend(text.as_bytes());
        (header, bytes)
    };
    let (items, item_bytes) = binary("items", "novel");
    let (times, time_bytes) = binary("timestamps", "1730807061");
    let json = json!({ "inputs": [items, times] }).to_string();
    let body = [json.as_bytes(), &item_bytes, &time_bytes].concat();
    let length = json.len().to_string();
    let headers = [("Content-Type", "application/octet-stream"), ("Inference-Header-Content-Length", length.as_str())];
    let response = client::exchange(server.address, "POST", &format!("{MODEL}/infer"), &headers, &body);
    assert_eq!(response.status, 200, "{}", response.text());
    let listed = infer(&server, &session(&["novel"])).json();
    assert_eq!(response.json()["outputs"][0]["data"], listed["outputs"][0]["data"]);
}

#[test]
fn metadata_tells_the_signature_and_the_model_is_known_by_its_own_name_too() {
    let server = Server::start();
    let ready = server.get("/ready").json();
    let (name, version) = (ready["model"].as_str().unwrap(), ready["version"].as_str().unwrap());
    for path in [MODEL.to_owned(), format!("/v2/models/{name}"), format!("{MODEL}/versions/{version}")] {
        let metadata = server.get(&path).json();
        let names: Vec<&Value> = metadata["inputs"].as_array().unwrap().iter().map(|input| &input["name"]).collect();
        assert_eq!(names, ["userId", "items", "timestamps"]);
        assert_eq!(metadata["versions"], json!([version]));
        assert_eq!(metadata["outputs"][1], json!({"name": "preds", "datatype": "FP32", "shape": [16]}));
    }
    assert_eq!(server.get(&format!("{MODEL}/versions/{version}/ready")).status, 200);
    let unknown = server.get(&format!("{MODEL}/versions/no-such-version"));
    assert_eq!(unknown.status, 404);
    assert!(unknown.json()["error"].as_str().unwrap().contains("no such version"));
    assert_eq!(server.get("/v2").json()["name"], "slirec");
    assert_eq!(server.get("/v2").json()["extensions"], json!(["binary_tensor_data"]));
    assert_eq!(server.get("/v2/models").json(), json!({"models": [name, "slirec"]}));
}

#[test]
fn health_is_told_as_clients_of_kserve_read_it() {
    let server = Server::start();
    for (path, expected) in [
        ("/v2/health/live", json!({"live": true})),
        ("/v2/health/ready", json!({"ready": true})),
        ("/v2/models/slirec/ready", json!({"name": "slirec", "ready": true})),
    ] {
        let response = server.get(path);
        assert_eq!((response.status, response.json()), (200, expected), "{path}");
    }
}

#[test]
fn numbers_are_times_and_a_byte_order_mark_is_passed_over() {
    let server = Server::start();
    let expected = infer(&server, &session(&["novel"])).json()["outputs"].take();
    for (name, body) in [
        ("F08b_bom", include_str!("../fixtures/oip_v2/bom.json")),
        ("F09_int64_timestamps", include_str!("../fixtures/oip_v2/int64_timestamps.json")),
        ("F09b_pd_json_ints", include_str!("../fixtures/oip_v2/pd_json_ints.json")),
    ] {
        let response = server.post(&format!("{MODEL}/infer"), body);
        assert_eq!(response.status, 200, "{name}: {}", response.text());
        assert_eq!(response.json()["outputs"][0]["data"], expected[0]["data"], "{name}");
    }
}

#[test]
fn answers_in_binary_form_have_the_values_of_those_in_json() {
    let server = Server::start();
    let expected = infer(&server, &session(&["novel"])).json();
    let mut body = session(&["novel"]);
    body["parameters"] = json!({"binary_data_output": true});
    let response = infer(&server, &body);
    assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    let length: usize = response.header("inference-header-content-length").unwrap().parse().unwrap();
    let (json, mut tensors) = response.body.split_at(length);
    let answer: Value = serde_json::from_slice(json).unwrap();
    let mut handles = Vec::new();
    let mut size = answer["outputs"][0]["parameters"]["binary_data_size"].as_u64().unwrap();
    while size > 0 {
        let (length, rest) = tensors.split_first_chunk().unwrap();
        let (text, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        size -= 4 + text.len() as u64;
        handles.push(String::from_utf8(text.to_vec()).unwrap());
        tensors = rest;
    }
    assert_eq!(json!(handles), expected["outputs"][0]["data"]);
    let scores = tensors.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    let expected = expected["outputs"][1]["data"].as_array().unwrap().iter();
    assert_eq!(scores.collect::<Vec<_>>(), expected.map(|score| score.as_f64().unwrap() as f32).collect::<Vec<_>>());
    assert!(answer["outputs"][0].get("data").is_none());
}

#[test]
fn too_many_rows_and_too_large_bodies_are_refused_in_the_protocol_s_form() {
    let server =
        Server::start_with(&[("SLIREC__INVOCATIONS__MAX_ROWS", "1"), ("SLIREC__SERVER__MAX_BODY_BYTES", "1000")]);
    let body = json!({"inputs": [
        tensor("items", &[2, 1], json!(["novel", "novel"])),
        tensor("timestamps", &[2, 1], json!(["1730807061", "1730807061"])),
    ]});
    let response = infer(&server, &body);
    assert_eq!(response.status, 400);
    assert_eq!(response.json()["error"], "inputs: `items`: has 2 rows, expected at most 1");
    let response = server.post(&format!("{MODEL}/infer"), "x".repeat(1_001));
    assert_eq!(response.status, 413);
    assert!(response.json()["error"].is_string());
}

#[test]
fn every_error_below_v2_has_the_protocol_s_form() {
    let server = Server::start_with(&[("SLIREC__AUTH__KEYS", "a-key-of-a-client-0001")]);
    let key = ("X-Api-Key", "a-key-of-a-client-0001");
    for (method, path, headers, status) in [
        ("POST", "/v2/models/slirec/infer", vec![], 401),
        ("GET", "/v2", vec![], 401),
        ("GET", "/v2/models/slirec/infer", vec![key], 405),
        ("GET", "/v2/nowhere", vec![key], 404),
        ("GET", "/v2/models/%FF", vec![key], 404),
        ("POST", "/v2/models/slirec/versions/%FF/infer", vec![key], 404),
    ] {
        let response = client::exchange(server.address, method, path, &headers, b"");
        assert_eq!(response.status, status, "{method} {path}");
        assert_eq!(response.header("content-type"), Some("application/json"), "{method} {path}");
        let answer = response.json();
        assert!(answer["error"].is_string() && answer.get("message").is_none(), "{method} {path}: {answer}");
    }
    assert!(server.get("/v2x").json()["message"].is_string());
}

#[test]
fn a_body_of_another_form_is_refused_in_words_of_the_protocol() {
    let server = Server::start();
    let session = session(&["novel"]);
    for (body, beginning) in [
        (json!([session["id"], session["inputs"]]), "body: invalid type: sequence, expected an object"),
        (json!({}), "body: missing field `inputs`"),
        (
            json!({"inputs": [["items", [1], "BYTES", ["novel"]]]}),
            "inputs[0]: invalid type: sequence, expected an object",
        ),
        (json!({"inputs": [tensor("items", &[1], json!("novel"))]}), "inputs: `items`: data: found a string: expected"),
        (
            json!({"inputs": [{"name": "items", "shape": [-1], "datatype": "BYTES"}]}),
            "inputs[0].shape[0]: invalid type: integer `-1`",
        ),
    ] {
        let response = infer(&server, &body);
        assert_eq!(response.status, 400, "{body}");
        let message = response.json()["error"].as_str().unwrap().to_owned();
        assert!(message.starts_with(beginning), "{body}: {message}");
        assert!(["u64", "usize", "struct"].iter().all(|internal| !message.contains(internal)), "{message}");
    }
    let cut_off = server.post(&format!("{MODEL}/infer"), "{");
    assert!(cut_off.json()["error"].as_str().unwrap().starts_with("body: EOF"), "{}", cut_off.text());
}

#[test]
fn nested_data_must_have_the_announced_shape() {
    let server = Server::start();
    let times = json!(["1730807061", "1730807061", "1730807061", "1730807061"]);
    let ask = |shape: &[usize], items: Value| {
        infer(&server, &json!({"inputs": [tensor("items", shape, items), tensor("timestamps", shape, times.clone())]}))
    };
    assert_eq!(ask(&[2, 2], json!([["novel", "atlas"], ["brush", "canvas"]])).status, 200);
    assert_eq!(ask(&[2, 2], json!(["novel", "atlas", "brush", "canvas"])).status, 200);
    for (shape, ragged) in [
        (&[2, 2][..], json!([["novel"], ["atlas", "brush", "canvas"]])),
        (&[2, 2], json!([["novel", "atlas", "brush", "canvas"]])),
        (&[4], json!([["novel", "atlas"], ["brush", "canvas"]])),
    ] {
        let response = ask(shape, ragged.clone());
        assert_eq!(response.status, 400, "{ragged}");
        let message = response.json()["error"].as_str().unwrap().to_owned();
        assert!(message.contains("is nested otherwise than its shape"), "{message}");
    }
}

#[test]
fn what_a_client_leaves_null_counts_as_left_out() {
    let server = Server::start();
    let mut body = session(&["novel"]);
    body["parameters"] = Value::Null;
    body["outputs"] = Value::Null;
    body["inputs"][0]["parameters"] = Value::Null;
    body["inputs"][1]["parameters"] = json!({"content_type": null, "binary_data_size": null});
    let response = infer(&server, &body);
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.json()["outputs"].as_array().unwrap().len(), 2);
}

#[test]
fn texts_in_an_unknown_encoding_are_refused() {
    let server = Server::start();
    let mut body = session(&["bm92ZWw="]);
    body["inputs"][1]["parameters"] = json!({"content_type": "base64"});
    let response = infer(&server, &body);
    assert_eq!(response.status, 400, "{}", response.text());
    assert!(response.json()["error"].as_str().unwrap().contains("`base64`"), "{}", response.text());
}
