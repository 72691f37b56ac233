//! Bodies that are read, and bodies that are refused with the name of the input.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const LIMITS: Limits = Limits { rows: 3, history: 5 };

fn read(body: &Value) -> Result<Inference, String> {
    parse(body.to_string().as_bytes(), None, LIMITS, &UserLookup::default())
}

fn tensors(items: Value, timestamps: Value) -> Value {
    let tensor = |name: &str, mut tensor: Value| {
        tensor["name"] = json!(name);
        if tensor["datatype"].is_null() {
            tensor["datatype"] = json!("BYTES");
        }
        tensor
    };
    json!({"inputs": [tensor("items", items), tensor("timestamps", timestamps)]})
}

fn handles(inference: &Inference) -> Vec<Vec<&str>> {
    inference.sessions.iter().map(|views| views.iter().map(|view| view.handle).collect()).collect()
}

fn times(inference: &Inference) -> Vec<f64> {
    inference.sessions.iter().flat_map(|views| views.iter().map(|view| view.timestamp).collect::<Vec<_>>()).collect()
}

#[test]
fn one_session_and_several_are_read_in_every_form() {
    let moments = json!({"shape": [2], "data": ["1730807061", "1730807062"]});
    let flat = read(&tensors(json!({"shape": [2], "data": ["a", "b"]}), moments)).unwrap();
    assert_eq!((handles(&flat), flat.form), (vec![vec!["a", "b"]], Form::Flat));
    assert_eq!(times(&flat), [1_730_807_061.0, 1_730_807_062.0]);
    let moments = json!({"shape": [2, 1], "data": [["1730807061"], ["1730807062"]]});
    let rows = read(&tensors(json!({"shape": [2, 1], "data": ["a", "b"]}), moments)).unwrap();
    assert_eq!((handles(&rows), rows.form), (vec![vec!["a"], vec!["b"]], Form::Rows));
    let parameters = json!({"content_type": "pd_json"});
    let listed = |text: &str| json!({"shape": [1, 1], "data": [text], "parameters": parameters});
    let lists = read(&tensors(listed(r#"["a", "b"]"#), listed(r#"["1", "2"]"#))).unwrap();
    assert_eq!(handles(&lists), [["a", "b"]]);
    let empty = json!({"shape": [0], "data": []});
    assert_eq!(handles(&read(&tensors(empty.clone(), empty)).unwrap()), [[] as [&str; 0]]);
    let empty = json!({"shape": [2, 0], "data": []});
    assert_eq!(read(&tensors(empty.clone(), empty)).unwrap().sessions.len(), 2);
}

#[test]
fn numbers_are_times_and_ids() {
    let items = json!({"shape": [1], "data": ["novel"]});
    for (datatype, time) in [
        ("INT64", json!(1_730_807_061)),
        ("INT64", json!(1_730_807_061_000_i64)),
        ("INT32", json!(1_730_807_061)),
        ("UINT32", json!(1_730_807_061)),
        ("UINT64", json!(1_730_807_061)),
        ("FP64", json!(1_730_807_061.0)),
    ] {
        let moments = json!({"shape": [1], "datatype": datatype, "data": [time]});
        assert_eq!(times(&read(&tensors(items.clone(), moments)).unwrap()), [1_730_807_061.0], "{datatype} {time}");
    }
    let ids = json!({"shape": [2], "datatype": "INT64", "data": [5, 42]});
    let moments = json!({"shape": [2], "datatype": "INT64", "data": [1, 2]});
    assert_eq!(handles(&read(&tensors(ids, moments)).unwrap()), [["5", "42"]]);
    let parameters = json!({"content_type": "pd_json"});
    let listed = |text: &str| json!({"shape": [1], "data": [text], "parameters": parameters});
    let lists = read(&tensors(listed(r#"[7, "b"]"#), listed("[1730807061, 1730807061.5]"))).unwrap();
    assert_eq!((handles(&lists), times(&lists)), (vec![vec!["7", "b"]], vec![1_730_807_061.0, 1_730_807_061.5]));
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let one = |text: &str| json!({"shape": [1], "data": [text]});
    let body = format!("\u{feff}{}", tensors(one("novel"), one("1730807061")));
    assert_eq!(parse(body.as_bytes(), None, LIMITS, &UserLookup::default()).unwrap().sessions.len(), 1);
}

#[test]
fn binary_tensors_follow_the_json() {
    let shape = |size: usize| json!({"shape": [1], "parameters": {"binary_data_size": size}});
    let json = tensors(shape(5), shape(14)).to_string();
    let mut body = json.clone().into_bytes();
    body.extend(b"\x01\0\0\0a\x0a\0\0\x001730807061");
    let inference = parse(&body, Some(json.len()), LIMITS, &UserLookup::default()).unwrap();
    assert_eq!(inference.sessions[0], ViewHistory::from_iter([("a", 1_730_807_061.0)]));
    let message = parse(&body[..body.len() - 1], Some(json.len()), LIMITS, &UserLookup::default()).unwrap_err();
    assert!(message.contains("less binary data"), "{message}");
    assert!(parse(&body, Some(body.len() + 1), LIMITS, &UserLookup::default()).is_err());
}

#[test]
fn binary_answers_are_asked_for_together_or_one_by_one() {
    let one = |text: &str| json!({"shape": [1], "data": [text]});
    let outputs = |mut asked: Value| {
        asked["inputs"] = tensors(one("novel"), one("1"))["inputs"].take();
        read(&asked).unwrap().outputs.iter().map(|output| (output.name, output.binary)).collect::<Vec<_>>()
    };
    assert_eq!(outputs(json!({})), [("itemIds", false), ("preds", false)]);
    let all = json!({"binary_data_output": true});
    assert_eq!(outputs(json!({"parameters": all})), [("itemIds", true), ("preds", true)]);
    let named = json!([{"name": "preds", "parameters": {"binary_data": true}}, {"name": "itemIds"}]);
    assert_eq!(outputs(json!({"outputs": named})), [("preds", true), ("itemIds", false)]);
    let but_one = json!([{"name": "preds", "parameters": {"binary_data": false}}, {"name": "itemIds"}]);
    assert_eq!(outputs(json!({"outputs": but_one, "parameters": all})), [("preds", false), ("itemIds", true)]);
}

#[test]
fn what_is_wrong_is_named() {
    let one = |data: Value| json!({"shape": [1], "data": data});
    let of = |datatype: &str, data: Value| json!({"shape": [1], "datatype": datatype, "data": data});
    let pd_json = |text: &str| json!({"shape": [1], "data": [text], "parameters": {"content_type": "pd_json"}});
    let times = one(json!(["1"]));
    for (body, beginning) in [
        (json!({"inputs": []}), "inputs: `items` is missing"),
        (json!({}), "body: missing field `inputs`"),
        (tensors(one(json!(["a"])), one(json!(["noon"]))), "inputs: `timestamps`: data[0]: `noon` is not a Unix time"),
        (tensors(one(json!(["a", "b"])), times.clone()), "inputs: `items`: has more elements than its shape [1] says"),
        (tensors(one(json!([])), times.clone()), "inputs: `items`: has fewer elements than its shape [1] says"),
        (tensors(one(json!([1])), times.clone()), "inputs: `items`: data[0]: found a number: expected a string"),
        (tensors(one(json!("a")), times.clone()), "inputs: `items`: data: found a string: expected a list"),
        (
            tensors(of("INT64", json!(["5"])), times.clone()),
            "inputs: `items`: data[0]: found a string: expected a whole",
        ),
        (tensors(of("FP64", json!([5.0])), times.clone()), "inputs: `items`: data[0]: found 5: expected a string or"),
        (tensors(one(json!([["a"]])), times.clone()), "inputs: `items`: is nested otherwise than its shape [1] says"),
        (tensors(pd_json("{}"), pd_json("[]")), "inputs: `items`: data[0]: found an object: expected each element"),
        (tensors(pd_json("[[]]"), pd_json("[]")), "inputs: `items`: data[0]: [0]: found a list: expected a string"),
        (tensors(json!({"shape": [1]}), times.clone()), "inputs: `items`: has no data"),
        (tensors(json!({"shape": [1, 1, 1], "data": ["a"]}), times.clone()), "inputs: `items`: has shape [1, 1, 1]"),
        (tensors(json!({"shape": [2], "data": ["a", "b"]}), times.clone()), "row 0: has 2 items and 1 timestamps"),
        (
            tensors(json!({"shape": [4, 1], "data": ["a", "b", "c", "d"]}), times.clone()),
            "inputs: `items`: has 4 rows, expected at most 3",
        ),
        (
            tensors(json!({"shape": [6], "data": []}), times.clone()),
            "inputs: `items`: has 6 elements, expected at most 5",
        ),
        (
            tensors(pd_json(r#"["a", "a", "a", "a", "a", "a"]"#), times.clone()),
            "inputs: `items`: data[0]: [5]: is one element more than 5: expected at most 5",
        ),
        (
            json!({"inputs": [{"name": "userId", "shape": [1], "datatype": "STRING", "data": ["u"]}]}),
            "inputs[0].datatype: `STRING` is no datatype",
        ),
        (
            json!({"inputs": [{"name": "userId", "shape": [1], "datatype": "FP32", "data": [1]}]}),
            "inputs[0].datatype: is FP32: expected BYTES",
        ),
        (
            json!({"inputs": [{"name": "age", "shape": [1], "datatype": "BYTES", "data": ["1"]}]}),
            "inputs: unknown input `age`",
        ),
        (
            json!({"inputs": vec![json!({"name": "age", "shape": [1], "datatype": "BYTES", "data": []}); 33]}),
            "inputs: has more than 32 elements",
        ),
    ] {
        let message = read(&body).unwrap_err();
        assert!(message.starts_with(beginning), "{body}: {message}");
    }
    let mut body = tensors(one(json!(["a"])), one(json!(["1"])));
    body["outputs"] = json!([{"name": "age"}]);
    assert!(read(&body).unwrap_err().starts_with("outputs: unknown output `age`"));
}

#[test]
fn what_is_quoted_is_cut() {
    let long = "x".repeat(1_000_000);
    let body = json!({"inputs": [{"name": long, "shape": [1], "datatype": "BYTES", "data": []}]});
    assert!(read(&body).unwrap_err().len() < 200);
    let body = json!({"inputs": [{"name": "items", "shape": [1], "datatype": long}]});
    assert!(read(&body).unwrap_err().len() < 800);
}

proptest! {
    #[test]
    fn any_binary_data_is_read_or_refused(
        datatype in prop::sample::select(vec!["BYTES", "INT32", "INT64", "UINT32", "UINT64", "FP64"]),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        size in 0_usize..3,
    ) {
        let parameters = json!({"binary_data_size": bytes.len()});
        let items = json!({"shape": [size], "datatype": datatype, "parameters": parameters});
        let json = tensors(items, json!({"shape": [0], "data": []})).to_string();
        let body = [json.as_bytes(), &bytes].concat();
        let _ = parse(&body, Some(json.len()), LIMITS, &UserLookup::default());
    }
}
