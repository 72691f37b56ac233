//! Bodies that are read and bodies that are refused.

use proptest::prelude::*;

use super::super::cells::CellRules;
use super::*;

const RULES: Rules = Rules { cells: CellRules { history: 1_000_000, number_times: true }, rows: 100_000 };

fn read(body: &str) -> Result<Invocation, Refusal> {
    parse(body.as_bytes(), RULES)
}

fn handles(body: &str) -> Vec<Vec<String>> {
    let sessions = read(body).unwrap().sessions;
    sessions.iter().map(|session| session.iter().map(|view| view.handle.to_owned()).collect()).collect()
}

#[test]
fn every_form_gives_its_rows() {
    let row = r#"{"userId": "u", "items": ["novel"], "timestamps": ["1"]}"#;
    let expected = [["novel".to_owned()].to_vec()];
    for form in ["inputs", "instances"] {
        assert_eq!(handles(&format!(r#"{{"{form}": {row}}}"#)), expected);
        assert_eq!(handles(&format!(r#"{{"{form}": [{row}]}}"#)), expected);
    }
    assert_eq!(handles(&format!(r#"{{"dataframe_records": [{row}]}}"#)), expected);
    assert_eq!(handles(r#"{"inputs": {"userId": ["u"], "items": [["novel"]], "timestamps": [["1"]]}}"#), expected);
    for split in [
        r#""columns": ["timestamps", "userId", "items"], "data": [[["1"], "u", ["novel"]]]"#,
        // The columns may follow the data, as they do when names are sorted.
        r#""data": [["u", ["novel"], ["1"]]], "columns": ["userId", "items", "timestamps"], "index": [0]"#,
        r#""data": {"userId": ["u"], "items": [["novel"]], "timestamps": [["1"]]}"#,
        r#""data": [{"userId": "u", "items": ["novel"], "timestamps": ["1"]}]"#,
    ] {
        assert_eq!(handles(&format!(r#"{{"dataframe_split": {{{split}}}}}"#)), expected, "{split}");
    }
}

#[test]
fn numbers_are_times_everywhere_but_below_inputs() {
    let row = r#"{"userId": "u", "items": ["novel"], "timestamps": [1730807061]}"#;
    for body in [
        format!(r#"{{"instances": [{row}]}}"#),
        format!(r#"{{"dataframe_records": [{row}]}}"#),
        r#"{"dataframe_split": {"index": [0], "columns": ["userId", "items", "timestamps"],
            "data": [["u", ["novel"], [1730807061000]]]}}"#
            .to_owned(),
    ] {
        let session = &read(&body).unwrap().sessions[0];
        assert_eq!(session.get(0).unwrap().timestamp, 1_730_807_061.0, "{body}");
    }
    let refusal = read(&format!(r#"{{"inputs": {row}}}"#)).unwrap_err();
    assert!(refusal.message.starts_with("inputs[0].timestamps: found a list of numbers: expected"), "{refusal}");
}

#[test]
fn a_request_with_a_prompt_is_a_row_of_its_own_and_answered_bare() {
    let invocation = read(r#"{"prompt": "x", "userId": "u", "items": ["novel"], "timestamps": ["1"]}"#).unwrap();
    assert!(!invocation.wrapped);
    assert_eq!(invocation.sessions.len(), 1);
}

#[test]
fn a_byte_order_mark_is_passed_over_and_a_half_surrogate_of_a_user_does_not_matter() {
    let row = r#"{"inputs": {"userId": "\ud83d", "items": [], "timestamps": []}}"#;
    assert_eq!(read(&format!("\u{feff}{row}")).unwrap().sessions, [ViewHistory::new()]);
}

#[test]
fn of_members_with_one_name_the_last_one_counts() {
    let row = r#"{"inputs": 1, "inputs": {"userId": "u", "items": 5, "items": ["b"], "timestamps": ["1"]}}"#;
    assert_eq!(handles(row), [["b"]]);
}

#[test]
fn refusals_name_the_field_what_was_found_and_what_was_expected() {
    let message = |body: &str| read(body).unwrap_err().message;
    for (body, expected) in [
        ("{'inputs': {}}", "body: is not JSON: key must be a string at line 1 column 2"),
        ("[]", "body: found a list: expected an object with one of"),
        ("{}", "body: found none of them: expected an object with exactly one of"),
        (r#"{"inputs": {}, "instances": []}"#, "body: found inputs and instances: expected"),
        (r#"{"inputs": {"userId": "u", "items": ["a"]}}"#, "inputs: found no timestamps: expected the columns userId"),
        (r#"{"inputs": [1]}"#, "inputs[0]: found a number: expected an object"),
        (
            r#"{"dataframe_records": [{"userId": "u", "items": ["a"], "timestamps": ["1"]}, {"items": ["a"]}]}"#,
            "dataframe_records[1].timestamps: is missing: expected a list of strings",
        ),
        (
            r#"{"dataframe_records": [{"userId": "u", "items": null, "timestamps": ["1"]}]}"#,
            "dataframe_records[0].items: found null: expected a list of strings",
        ),
        (
            r#"{"dataframe_split": {"columns": ["userId", "items", "timestamps"], "data": [["u", ["a"], ["noon"]]]}}"#,
            "dataframe_split.data[0].timestamps[0]: `noon`",
        ),
        (r#"{"dataframe_split": {"foo": 1}}"#, "dataframe_split: found `foo`: expected"),
    ] {
        assert!(message(body).starts_with(expected), "{body}: {}", message(body));
    }
    assert_eq!(parse(b"{\"inputs\": \"\xff\"}", RULES).unwrap_err().message, "body: is not UTF-8 from byte 12 on");
}

#[test]
fn numbers_that_json_does_not_know_are_passed_over_where_the_model_does_not_look() {
    for number in ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"] {
        let row = format!(r#"{{"userId": {number}, "items": ["novel"], "timestamps": ["1"], "x": {number}}}"#);
        assert_eq!(handles(&format!(r#"{{"inputs": {row}, "params": {number}}}"#)), [["novel"]]);
        assert_eq!(handles(&format!(r#"{{"dataframe_records": [{row}]}}"#)), [["novel"]]);
    }
}

#[test]
fn numbers_that_json_does_not_know_are_no_items_and_no_times() {
    for number in ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"] {
        for (items, times) in [(number, r#""1""#), (r#""novel""#, number)] {
            let row = format!(r#"{{"userId": "u", "items": ["novel", {items}], "timestamps": ["1", {times}]}}"#);
            assert_eq!(read(&format!(r#"{{"inputs": {row}}}"#)).unwrap_err().code, "BAD_REQUEST", "{row}");
        }
    }
}

#[test]
fn rows_and_items_beyond_the_limits_are_refused_where_they_are_met() {
    let rules = Rules { cells: CellRules { history: 2, ..RULES.cells }, rows: 2 };
    let message = |body: String| parse(body.as_bytes(), rules).unwrap_err().message;
    let row = r#"{"userId": "u", "items": [], "timestamps": []}"#;
    for form in ["inputs", "instances", "dataframe_records"] {
        let body = format!(r#"{{"{form}": [{row}, {row}, {row}, 5]}}"#);
        assert_eq!(message(body), format!("{form}: found more than 2 rows: expected at most 2"));
    }
    let columns = r#"{"userId": "u", "items": [[], [], [], 5], "timestamps": []}"#;
    let body = format!(r#"{{"dataframe_split": {{"data": {columns}}}}}"#);
    assert_eq!(message(body), "dataframe_split.data.items: found more than 2 rows: expected at most 2");
    let row = r#"{"userId": "u", "items": ["a", "a", "a", 5], "timestamps": []}"#;
    let body = format!(r#"{{"inputs": {row}}}"#);
    assert_eq!(message(body), "inputs[0].items: found more than 2: expected at most 2");
}

#[test]
fn deep_nesting_is_no_crash() {
    let deep = "[".repeat(1_000_000);
    assert!(read(&format!(r#"{{"inputs": {deep}"#)).is_err());
    let deep = format!("{deep}{}", "]".repeat(1_000_000));
    let row = format!(r#"{{"userId": {deep}, "items": [], "timestamps": []}}"#);
    assert!(read(&format!(r#"{{"inputs": {row}}}"#)).is_ok());
    assert_eq!(read(&format!(r#"{{"inputs": {deep}}}"#)).unwrap_err().code, "INVALID_PARAMETER_VALUE");
}

#[test]
fn many_columns_beside_many_rows_take_no_longer_than_their_bytes() {
    let rows = vec!["[]"; 50_000].join(",");
    let beside: String = (0..50_000).map(|column| format!(r#", "{column}": 0"#)).collect();
    let data = format!(r#"{{"userId": "u", "items": [{rows}], "timestamps": [{rows}]{beside}}}"#);
    let invocation = read(&format!(r#"{{"dataframe_split": {{"data": {data}}}}}"#)).unwrap();
    assert_eq!(invocation.sessions.len(), 50_000);
    let names = vec![r#""items""#; 50_000].join(",");
    let data = format!(r#"{{"items": [{rows}]}}"#);
    let body = format!(r#"{{"dataframe_split": {{"columns": [{names}], "data": {data}}}}}"#);
    assert_eq!(read(&body).unwrap_err().code, "INVALID_PARAMETER_VALUE");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let name = prop::sample::select(vec!["userId", "items", "timestamps", "data", "columns", "index", "x"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["novel", "1730807061", "1e400", "nan"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        let members = prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_payload_is_read_or_refused(
        form in prop::sample::select([FORMS.as_slice(), WHOLE_REQUEST.as_slice()].concat()),
        payload in any_json(),
    ) {
        if let Err(refusal) = read(&serde_json::json!({ form: payload }).to_string()) {
            prop_assert!(["BAD_REQUEST", "INVALID_PARAMETER_VALUE"].contains(&refusal.code));
            prop_assert!(!refusal.message.is_empty() && refusal.message.len() < 600, "{}", refusal.message);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(parse(&body, RULES).is_err());
    }
}
