//! Bodies that are read, and bodies that are refused with the name of the input.

use serde_json::json;

use super::*;

const LIMITS: Limits = Limits { rows: 3, history: 5 };

fn read(body: &Value) -> Result<Inference, String> {
    parse(body.to_string().as_bytes(), None, LIMITS)
}

fn tensors(items: Value, timestamps: Value) -> Value {
    let tensor = |name: &str, mut tensor: Value| {
        tensor["name"] = json!(name);
        tensor["datatype"] = json!("BYTES");
        tensor
    };
    json!({"inputs": [tensor("items", items), tensor("timestamps", timestamps)]})
}

fn handles(inference: &Inference) -> Vec<Vec<&str>> {
    inference.sessions.iter().map(|views| views.iter().map(|view| view.handle).collect()).collect()
}

#[test]
fn one_session_and_several_are_read_in_every_form() {
    let times = json!({"shape": [2], "data": ["1730807061", "1730807062"]});
    let flat = read(&tensors(json!({"shape": [2], "data": ["a", "b"]}), times)).unwrap();
    assert_eq!((handles(&flat), flat.form), (vec![vec!["a", "b"]], Form::Flat));
    assert_eq!(flat.sessions[0].get(1).unwrap().timestamp, 1_730_807_062.0);
    let times = json!({"shape": [2, 1], "data": [["1730807061"], ["1730807062"]]});
    let rows = read(&tensors(json!({"shape": [2, 1], "data": ["a", "b"]}), times)).unwrap();
    assert_eq!((handles(&rows), rows.form), (vec![vec!["a"], vec!["b"]], Form::Rows));
    let parameters = json!({"content_type": "pd_json"});
    let listed = |text: &str| json!({"shape": [1, 1], "data": [text], "parameters": parameters});
    let lists = read(&tensors(listed(r#"["a", "b"]"#), listed(r#"["1", "2"]"#))).unwrap();
    assert_eq!(handles(&lists), [["a", "b"]]);
    let empty = json!({"shape": [0], "data": []});
    assert_eq!(handles(&read(&tensors(empty.clone(), empty)).unwrap()), [[] as [&str; 0]]);
}

#[test]
fn binary_tensors_follow_the_json() {
    let shape = |size: usize| json!({"shape": [1], "parameters": {"binary_data_size": size}});
    let json = tensors(shape(5), shape(14)).to_string();
    let mut body = json.clone().into_bytes();
    body.extend(b"\x01\0\0\0a\x0a\0\0\x001730807061");
    let inference = parse(&body, Some(json.len()), LIMITS).unwrap();
    assert_eq!(inference.sessions[0], ViewHistory::from_iter([("a", 1_730_807_061.0)]));
    let message = parse(&body[..body.len() - 1], Some(json.len()), LIMITS).unwrap_err();
    assert!(message.contains("less binary data"), "{message}");
    assert!(parse(&body, Some(body.len() + 1), LIMITS).is_err());
}

#[test]
fn what_is_wrong_is_named() {
    let one = |data: Value| json!({"shape": [1], "data": data});
    for (body, beginning) in [
        (json!({"inputs": []}), "inputs: `items` is missing"),
        (json!({}), "body: missing field `inputs`"),
        (tensors(one(json!(["a"])), one(json!(["noon"]))), "row 0: timestamps[0]: `noon` is not a Unix time"),
        (tensors(one(json!(["a", "b"])), one(json!(["1"]))), "inputs: `items`: has 2 elements: the shape [1]"),
        (tensors(one(json!([1])), one(json!(["1"]))), "inputs: `items`: data: expected a list of strings"),
        (tensors(json!({"shape": [1]}), one(json!(["1"]))), "inputs: `items`: has no data"),
        (
            tensors(json!({"shape": [1, 1, 1], "data": ["a"]}), one(json!(["1"]))),
            "inputs: `items`: has shape [1, 1, 1]",
        ),
        (tensors(json!({"shape": [2], "data": ["a", "b"]}), one(json!(["1"]))), "row 0: has 2 items and 1 timestamps"),
        (
            tensors(json!({"shape": [4, 1], "data": ["a", "b", "c", "d"]}), one(json!(["1"]))),
            "inputs: `items`: has 4 rows, expected at most 3",
        ),
        (
            json!({"inputs": [{"name": "userId", "shape": [1], "datatype": "STRING", "data": ["u"]}]}),
            "inputs[0].datatype: is no datatype",
        ),
        (
            json!({"inputs": [{"name": "userId", "shape": [1], "datatype": "FP32", "data": [1]}]}),
            "inputs[0].datatype: is FP32: expected BYTES",
        ),
        (
            json!({"inputs": [{"name": "age", "shape": [1], "datatype": "BYTES", "data": ["1"]}]}),
            "inputs: unknown input `age`",
        ),
    ] {
        let message = read(&body).unwrap_err();
        assert!(message.starts_with(beginning), "{body}: {message}");
    }
    let mut body = tensors(one(json!(["a"])), one(json!(["1"])));
    body["outputs"] = json!([{"name": "age"}]);
    assert!(read(&body).unwrap_err().starts_with("outputs: unknown output `age`"));
}
