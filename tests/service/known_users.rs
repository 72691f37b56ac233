//! Bundles with a table of known users: who is asked for by name alone is answered as one of whom everything is told.

use std::path::Path;

use serde_json::{Value, json};
use slirec_core::vocabulary::{KnownUsers, Vocabulary};

use crate::bundle::Bundle;
use crate::server::{Server, run};
use crate::users::{TIME, asked, bundle, items};

/// What a request says of them is the same as what the table knows of `ada`: a country and an age.
fn ada() -> Value {
    json!({"country": "FR", "age": 20})
}

/// A bundle that knows `ada` and, by a number, `7`, of whom it knows the country alone.
fn knowing() -> Bundle {
    let bundle = bundle();
    let vocabulary = Vocabulary::read(&bundle.file("vocabulary.json")).unwrap();
    let users: [(&str, &[u32]); 2] = [("ada", &[2, 1, 0, 0]), ("7", &[1, 0, 0, 0])];
    let path = bundle.file("users.bin");
    KnownUsers::new(vocabulary.user_features(), users).unwrap().write(&path).unwrap();
    bundle.replace("users.bin", |bytes| bytes);
    bundle
}

/// Why the service does not take a bundle.
fn check(bundle: &Bundle) -> String {
    let (code, message) = run(&["--check"], &[("SLIREC__MODEL__PATH", bundle.path())]);
    assert_eq!(code, Some(1), "{message}");
    message
}

fn serve() -> Server {
    Server::start_with(&[("SLIREC__MODEL__PATH", knowing().path())])
}

/// As [`asked`], by name too.
fn named(name: Value, user: &Value) -> Value {
    let mut body = asked(user);
    body["user_id"] = name;
    body
}

#[test]
fn a_name_alone_says_what_the_table_knows() {
    let server = serve();
    let ask = |name: Value, user: Value| items(&server.recommend(&named(name, &user)).json());
    let nothing = items(&server.recommend(&asked(&Value::Null)).json());
    let told = items(&server.recommend(&asked(&ada())).json());
    assert_ne!(told, nothing);
    assert_eq!(ask(json!("ada"), Value::Null), told);
    assert_eq!(ask(json!("eve"), Value::Null), nothing);
    assert_eq!(ask(json!(7), Value::Null), ask(Value::Null, json!({"country": "DE"})));
    assert_eq!(server.metric("slirec_known_users_total"), 2.0);
    assert_eq!(server.get("/v1/status").json()["model"]["known_users"], 2);
    let plain = Server::start().get("/v1/status").json();
    assert_eq!(plain["model"].get("known_users"), None);
}

#[test]
fn what_a_request_says_goes_before_the_table_attribute_by_attribute() {
    let server = serve();
    let ask = |name: Value, user: Value| items(&server.recommend(&named(name, &user)).json());
    let (name, nobody) = (json!("ada"), Value::Null);
    let german = json!({"country": "DE", "age": 20});
    assert_eq!(ask(name.clone(), json!({"country": "DE"})), ask(nobody.clone(), german));
    let older = json!({"country": "FR", "age": 50});
    assert_eq!(ask(name.clone(), json!({"age": 50, "country": null})), ask(nobody.clone(), older));
    // A country that training has not seen is not that of the table.
    assert_eq!(ask(name.clone(), json!({"country": "ES"})), ask(nobody, json!({"age": 20})));
    assert_eq!(server.metric("slirec_unknown_user_values_total"), 1.0);
    let refused = server.recommend(&named(name, &json!({"city": "Rome"})));
    assert_eq!((refused.status, refused.message().contains("user.city: the model has no such attribute")), (400, true));
}

#[test]
fn every_route_of_v1_that_asks_the_model_takes_a_name() {
    let server = serve();
    let post = |path: &str, body: &Value| items_of(&server.post(path, body.to_string()).json());
    let history = json!([{"item": "novel", "time": TIME}]);
    for (path, body) in [
        ("/v1/recommendations", json!({"history": history, "now": TIME})),
        ("/v1/recommendations:page", json!({"history": history, "now": TIME, "rails": [{}]})),
        ("/v1/rank", json!({"history": history, "now": TIME, "candidates": ["atlas", "brush"]})),
        ("/v1/related", json!({"item": "novel"})),
        ("/v1/complements", json!({"items": ["novel"], "limit": 100})),
    ] {
        let (mut by_name, mut told) = (body.clone(), body.clone());
        by_name["user_id"] = json!("ada");
        told["user"] = ada();
        assert_eq!(post(path, &by_name), post(path, &told), "{path}");
        assert_ne!(post(path, &by_name), post(path, &body), "{path}");
    }
    let batch = json!({"sessions": [named(json!("ada"), &Value::Null), asked(&ada())]});
    let answers = server.post("/v1/recommendations:batch", batch.to_string()).json()["answers"].clone();
    assert_eq!(items(&answers[0]), items(&answers[1]));
}

/// Of an answer, or of the first rail of a page.
fn items_of(answer: &Value) -> Vec<(String, f64)> {
    items(if answer["rails"].is_array() { &answer["rails"][0] } else { answer })
}

#[test]
fn invocations_know_users_by_their_column_in_every_form() {
    let server = serve();
    let times = || json!([TIME.to_string()]);
    let row = |user: &str| json!({"userId": user, "items": ["novel"], "timestamps": times()});
    let answers =
        |body: Value| server.post("/invocations", body.to_string()).json()["predictions"].as_array().unwrap().clone();
    let mut told = row("nobody");
    (told["user.country"], told["user.age"]) = (json!("FR"), json!(20));
    let expected = answers(json!({"instances": [row("nobody"), told]}));
    assert_ne!(expected[0], expected[1]);
    let columns =
        json!({"userId": ["nobody", "ada"], "items": [["novel"], ["novel"]], "timestamps": [times(), times()]});
    let split = json!({
        "columns": ["timestamps", "userId", "items"],
        "data": [[times(), "nobody", ["novel"]], [times(), "ada", ["novel"]]],
    });
    for body in [
        json!({"inputs": [row("nobody"), row("ada")]}),
        json!({"inputs": columns}),
        json!({"dataframe_records": [row("nobody"), row("ada")]}),
        json!({"dataframe_split": split}),
        json!({"dataframe_split": {"data": columns}}),
    ] {
        assert_eq!(answers(body.clone()), expected, "{body}");
    }
    let mut overruled = row("ada");
    (overruled["user.country"], overruled["user.age"]) = (json!("DE"), Value::Null);
    let mut german = row("nobody");
    (german["user.country"], german["user.age"]) = (json!("DE"), json!(20));
    let both = answers(json!({"inputs": [overruled, german]}));
    assert_eq!(both[0], both[1]);
}

#[test]
fn the_open_inference_protocol_knows_users_by_their_input() {
    let server = serve();
    let tensor = |name: &str, data: Value| json!({"name": name, "shape": [1], "datatype": "BYTES", "data": data});
    let ask = |further: &[Value]| {
        let inputs = [tensor("items", json!(["novel"])), tensor("timestamps", json!([TIME.to_string()]))];
        let inputs = [&inputs, further].concat();
        server.post("/v2/models/slirec/infer", json!({"inputs": inputs}).to_string())
    };
    let outputs = |further: &[Value]| ask(further).json()["outputs"].clone();
    let age = json!({"name": "user.age", "shape": [1], "datatype": "FP64", "data": [20.0]});
    let told = outputs(&[tensor("user.country", json!(["FR"])), age]);
    assert_eq!(outputs(&[tensor("userId", json!(["ada"]))]), told);
    assert_ne!(outputs(&[tensor("userId", json!(["eve"]))]), told);
    let two = json!({"name": "userId", "shape": [2], "datatype": "BYTES", "data": ["ada", "eve"]});
    let refused = ask(&[two]);
    let message = refused.json()["error"].as_str().unwrap().to_owned();
    assert_eq!(refused.status, 400);
    assert!(message.contains("inputs: `userId`: has 2 elements: expected 1, one for each session"), "{message}");
}

#[test]
fn a_table_that_was_changed_is_not_served() {
    let bundle = knowing();
    bundle.spoil("users.bin", |mut bytes| {
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    });
    assert!(check(&bundle).contains("users.bin: has SHA-256"));
    for (change, expected) in [
        (
            &(|bytes: Vec<u8>| bytes[..30].to_vec()) as &dyn Fn(Vec<u8>) -> Vec<u8>,
            "users.bin: has 30 bytes: expected 56",
        ),
        (&|_| Vec::new(), "users.bin: does not begin as a table of users"),
        (&|bytes| [&bytes[..55], &[9]].concat(), "users.bin: user 2 has id 9 of attribute 4: expected less than 3"),
        (&|bytes| [&bytes[..24], &bytes[24..36], &bytes[24..36], &bytes[48..]].concat(), "is not above the one before"),
    ] {
        let bundle = knowing();
        bundle.replace("users.bin", change);
        let found = check(&bundle);
        assert!(found.contains(expected), "{found}");
    }
    let missing = knowing();
    std::fs::remove_file(missing.file("users.bin")).unwrap();
    assert!(check(&missing).contains("users.bin"));
}

#[test]
fn a_table_that_the_manifest_does_not_name_is_not_read() {
    let bundle = bundle();
    std::fs::copy(knowing().file("users.bin"), bundle.file("users.bin")).unwrap();
    let server = Server::start_with(&[("SLIREC__MODEL__PATH", bundle.path())]);
    assert_eq!(server.get("/v1/status").json()["model"].get("known_users"), None);
    assert!(Path::new(bundle.path()).join("users.bin").exists());
    let plain = Bundle::new();
    plain.add("users.bin", std::fs::read(bundle.file("users.bin")).unwrap());
    assert!(check(&plain).contains("users.bin: has 4 attributes: expected the vocabulary's 0"));
}
