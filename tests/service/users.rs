//! What is known of shoppers: told in every protocol, refused where the model cannot read it, counted where training has not
//! seen it.

use serde_json::{Value, json};
use slirec_onnx::builder::{Body, Element, Size, integer, value};
use slirec_onnx::proto::{GraphProto, ModelProto};

use crate::bundle::{Bundle, graph};
use crate::server::Server;

/// The demo bundle, whose model reads a country, an age and a list of likes besides: of an unknown one nothing, so that its
/// golden requests hold.
pub(crate) fn bundle() -> Bundle {
    let bundle = Bundle::new();
    bundle.replace("vocabulary.json", |bytes| {
        let mut vocabulary: Value = serde_json::from_slice(&bytes).unwrap();
        vocabulary["user_features"] = json!([
            {"name": "country", "values": {"texts": ["DE", "FR"]}},
            {"name": "age", "values": {"bounds": [30.0]}},
            {"name": "likes.1", "list": "likes", "values": {"texts": ["art", "garden"]}},
            {"name": "likes.2", "list": "likes", "values": {"texts": ["tea", "books"]}},
        ]);
        vocabulary.to_string().into_bytes()
    });
    let mut width = 0;
    bundle.change_manifest(|manifest| {
        let size = manifest["model"]["item_embedding_size"].clone();
        width = usize::try_from(size.as_u64().unwrap()).unwrap();
        let feature = |name: &str| json!({"name": name, "embedding_size": size});
        manifest["model"]["user_features"] = json!(FEATURES.map(feature));
    });
    bundle.replace("history.onnx", graph(|model| add_users(model, width)));
    bundle
}

/// The attributes, of the list its parts.
const FEATURES: [&str; 4] = ["country", "age", "likes.1", "likes.2"];

/// Adds embeddings of all attributes to that of the moment.
fn add_users(model: &mut ModelProto, width: usize) {
    let graph = model.graph.as_mut().unwrap();
    let place = graph.node.iter().position(|node| node.op_type() == "Gather" && node.input[0] == "now").unwrap();
    let moment = std::mem::replace(&mut graph.node[place].output[0], "moment".to_owned());
    let mut body = Body::new("users_");
    let mut sum = "moment".to_owned();
    for (place, name) in (0..).zip(FEATURES) {
        let value = |at: usize| if at < width { 0.0 } else { (at as f32 + 1e3 * place as f32).sin() };
        let values: Vec<f32> = (0..3 * width).map(value).collect();
        let table = body.floats(&format!("user.{name}"), &[3, width], &values);
        let place = body.integers(&[place]);
        let id = body.node("Gather", &["user_ids", &place]);
        let row = body.node_with("Gather", &[&table, &id], vec![integer("axis", 0)]);
        sum = body.node("Add", &[&sum, &row]);
    }
    body.named("Identity", &[&sum], &[&moment], Vec::new());
    let GraphProto { node, initializer, .. } = body.into_graph("users", Vec::new(), Vec::new());
    graph.node.splice(place + 1..place + 1, node);
    graph.initializer.extend(initializer);
    graph.input.push(value("user_ids", Element::Int64, &[Size::Fixed(FEATURES.len())]));
}

fn serve() -> Server {
    Server::start_with(&[("SLIREC__MODEL__PATH", bundle().path())])
}

pub(crate) const TIME: u64 = 1_730_807_061;

pub(crate) fn asked(user: &Value) -> Value {
    json!({"history": [{"item": "novel", "time": TIME}], "now": TIME + 60, "user": user})
}

/// Handles and scores.
pub(crate) fn items(answer: &Value) -> Vec<(String, f64)> {
    let items = answer["items"].as_array().unwrap().iter();
    items.map(|item| (item["gid"].as_str().unwrap().to_owned(), item["score"].as_f64().unwrap())).collect()
}

#[test]
fn what_is_told_of_a_shopper_changes_the_answer_and_unknown_values_are_counted() {
    let server = serve();
    let ask = |user: Value| items(&server.recommend(&asked(&user)).json());
    let nothing = ask(Value::Null);
    let (german, french) = (ask(json!({"country": "DE", "age": 44})), ask(json!({"country": "FR"})));
    assert!(german != nothing && french != nothing && german != french);
    assert_eq!(ask(json!({"country": "DE", "age": 30.0})), german);
    assert_eq!((ask(json!({"country": "ES", "age": null})), ask(json!({}))), (nothing.clone(), nothing));
    assert_eq!(server.metric("slirec_unknown_user_values_total"), 1.0);
    let told = server.get("/v1/status").json()["model"]["user_attributes"].clone();
    let types = [("country", "text"), ("age", "number"), ("likes", "list")];
    assert_eq!(told, json!(types.map(|(name, kind)| json!({"name": name, "type": kind}))));
    let values = server.get("/v1/catalog").json()["user_attributes"].clone();
    assert_eq!(values[0], json!({"name": "country", "type": "text", "values": ["DE", "FR"]}));
    assert_eq!(values[2]["values"], json!(["art", "garden", "tea", "books"]));
    let plain = Server::start();
    assert_eq!(plain.get("/v1/catalog").json().get("user_attributes"), None);
}

#[test]
fn entries_of_a_list_count_whatever_their_order_and_those_that_are_not_known_are_counted() {
    let server = serve();
    let ask = |likes: Value| items(&server.recommend(&asked(&json!({"likes": likes}))).json());
    let (nothing, both) = (ask(Value::Null), ask(json!(["art", "tea"])));
    assert_eq!(ask(json!(["tea", "never", "art", 7])), both);
    assert!(ask(json!(["art"])) != both && ask(json!(["tea"])) != both);
    assert_eq!(ask(json!([])), nothing);
    // Of two in one part that of fewer users.
    assert_eq!(ask(json!(["art", "garden"])), ask(json!(["garden"])));
    assert_eq!(server.metric("slirec_unknown_user_values_total"), 2.0);
}

#[test]
fn every_route_of_v1_that_asks_the_model_reads_a_shopper() {
    let server = serve();
    let user = json!({"country": "FR", "age": 20});
    let post = |path: &str, body: Value| server.post(path, body.to_string()).json();
    let single = items(&server.recommend(&asked(&user)).json());
    let batch = post("/v1/recommendations:batch", json!({"sessions": [asked(&Value::Null), asked(&user)]}));
    assert_eq!(items(&batch["answers"][1]), single);
    assert_ne!(items(&batch["answers"][0]), single);
    let mut page = asked(&user);
    page["rails"] = json!([{}]);
    assert_eq!(items(&post("/v1/recommendations:page", page)["rails"][0]), single);
    for (path, body) in [
        ("/v1/rank", json!({"history": [{"item": "novel", "time": TIME}], "candidates": ["atlas", "brush"]})),
        ("/v1/related", json!({"item": "novel"})),
        ("/v1/complements", json!({"items": ["novel"], "limit": 100})),
    ] {
        let mut told = body.clone();
        told["user"] = user.clone();
        assert_ne!(items(&post(path, told)), items(&post(path, body)), "{path}");
    }
}

#[test]
fn attributes_that_the_model_cannot_read_are_refused_by_their_names() {
    let server = serve();
    for (user, expected) in [
        (json!({"city": "Rome"}), "user.city: the model has no such attribute: expected `country`, `age`, `likes`"),
        (json!({"age": "old"}), "user.age: found a text: expected a number"),
        (json!({"country": 3}), "user.country: found a number: expected a text"),
        (json!({"country": ["DE"]}), "user.country: found a list: expected a text"),
        (json!({"likes": "art"}), "user.likes: found a text: expected a list of texts"),
        (json!({"likes": [["art"]]}), "user.likes: a list in a list, expected a list of texts"),
        (json!({"likes": vec!["art"; 1_001]}), "user.likes: a list has more than 1000 entries"),
        (json!(["DE"]), "user: invalid type: sequence, expected an object of attributes"),
    ] {
        let answer = server.recommend(&asked(&user));
        assert_eq!(answer.status, 400, "{user}");
        assert!(answer.message().contains(expected), "{user}: {}", answer.message());
    }
    let sessions = json!({"sessions": [asked(&Value::Null), asked(&json!({"age": "old"}))]});
    let message = server.post("/v1/recommendations:batch", sessions.to_string()).message();
    assert!(message.starts_with("sessions[1].user.age: found a text"), "{message}");
    let plain = Server::start();
    let message = plain.recommend(&asked(&json!({"age": 3}))).message();
    assert_eq!(message, "user.age: the model has no such attribute: expected none at all");
}

#[test]
fn invocations_have_a_column_for_each_attribute_in_every_form() {
    let server = serve();
    let ask = |body: &Value| server.post("/invocations", body.to_string());
    let row = json!({"userId": "u", "items": ["novel"], "timestamps": [TIME.to_string()]});
    let with = |user: &[(&str, Value)]| {
        let mut row = row.clone();
        user.iter().for_each(|(name, value)| row[*name] = value.clone());
        row
    };
    let (german, young) = (with(&[("user.country", json!("DE"))]), with(&[("user.age", json!(20))]));
    let arty = with(&[("user.likes", json!(["art", "tea"]))]);
    let answers = |body: Value| ask(&body).json()["predictions"].as_array().unwrap().clone();
    let expected = answers(json!({"instances": [row, german, young, arty]}));
    assert!(expected[0] != expected[1] && expected[1] != expected[2] && expected[3] != expected[0]);
    let times = || json!(vec![[TIME.to_string()]; 4]);
    let columns = json!({
        "userId": vec!["u"; 4], "items": vec![["novel"]; 4], "timestamps": times(),
        "user.country": [null, "DE", null, null], "user.age": [null, null, 20, null],
        "user.likes": [null, null, null, ["art", "tea"]],
    });
    let split = json!({
        "columns": ["user.age", "userId", "items", "user.country", "timestamps", "user.likes"],
        "data": [[null, "u", ["novel"], null, [TIME.to_string()], null], [null, "u", ["novel"], "DE", [TIME.to_string()], null],
                 [20, "u", ["novel"], null, [TIME.to_string()], null],
                 [null, "u", ["novel"], null, [TIME.to_string()], ["art", "tea"]]],
    });
    for body in [
        json!({"inputs": [row, german, young, arty]}),
        json!({"inputs": columns}),
        json!({"dataframe_records": [row, german, young, arty]}),
        json!({"dataframe_split": split}),
        json!({"dataframe_split": {"data": columns}}),
    ] {
        assert_eq!(answers(body.clone()), expected, "{body}");
    }
    assert_eq!(answers(json!({"inputs": german}))[0], expected[1]);
    assert_eq!(answers(json!({"inputs": arty}))[0], expected[3]);
    for (body, expected) in [
        (with(&[("user.city", json!("x"))]), "row 0: user.city: the model has no such attribute"),
        (with(&[("user.age", json!("old"))]), "row 0: user.age: found a text: expected a number"),
        (with(&[("user.country", json!([["DE"]]))]), "row 0: user.country: found a list: expected a text"),
    ] {
        let answer = ask(&json!({"inputs": body}));
        assert!(answer.status == 400 && answer.message().contains(expected), "{}", answer.message());
    }
}

#[test]
fn the_open_inference_protocol_has_optional_inputs_for_them() {
    let server = serve();
    let tensor = |name: &str, datatype: &str, data: Value| json!({"name": name, "shape": [data.as_array().unwrap().len()], "datatype": datatype, "data": data});
    let ask = |further: Vec<Value>| {
        let inputs =
            [tensor("items", "BYTES", json!(["novel"])), tensor("timestamps", "BYTES", json!([TIME.to_string()]))];
        let body = json!({"inputs": inputs.into_iter().chain(further).collect::<Vec<_>>()});
        server.post("/v2/models/slirec/infer", body.to_string())
    };
    let outputs = |further: Vec<Value>| ask(further).json()["outputs"].clone();
    let german = || tensor("user.country", "BYTES", json!(["DE"]));
    let nothing = outputs(vec![]);
    assert_ne!(outputs(vec![german()]), nothing);
    assert_ne!(outputs(vec![german(), tensor("user.age", "FP64", json!([20.0]))]), outputs(vec![german()]));
    assert_eq!(outputs(vec![tensor("user.country", "BYTES", json!([""]))]), nothing);
    let likes = |entries: &[&str]| outputs(vec![tensor("user.likes", "BYTES", json!(entries))]);
    assert!(likes(&["art", "tea"]) == likes(&["tea", "art"]) && likes(&["art", "tea"]) != likes(&["art"]));
    for (further, expected) in [
        (tensor("user.city", "BYTES", json!(["x"])), "unknown input `user.city`"),
        (tensor("user.age", "BYTES", json!(["x"])), "row 0: user.age: found a text: expected a number"),
        (tensor("user.age", "FP64", json!([1.0, 2.0])), "has 2 elements: expected 1, one for each session"),
    ] {
        let answer = ask(vec![further]);
        let message = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(answer.status == 400 && message.contains(expected), "{message}");
    }
    let metadata = server.get("/v2/models/slirec").json();
    let names: Vec<&str> =
        metadata["inputs"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["userId", "items", "timestamps", "user.country", "user.age", "user.likes"]);
    assert_eq!(metadata["inputs"][5]["shape"], json!([-1]));
    assert_eq!(metadata["inputs"][4], json!({"name": "user.age", "datatype": "FP64", "shape": [1], "optional": true}));
}
