//! The body of an invocation: bytes enter, one session for each row leaves, or the refusal that an MLflow scoring server
//! would answer.

use slirec_engine::ViewHistory;

use super::frame::Frame;
use super::inputs;
use super::json::Json;
use super::python_json;
use super::python_text;
use super::refusal::{PROTOCOL_CHANGE, Refusal};

const EXPECTED: &str = "The input must be a JSON dictionary with exactly one of the input fields \
    {'dataframe_split', 'inputs', 'instances', 'dataframe_records'}";

const FORMS: [&str; 4] = ["dataframe_split", "inputs", "instances", "dataframe_records"];

/// Members that make MLflow take the whole request as the row, and answer without `predictions` around it.
const WHOLE_REQUEST: [&str; 3] = ["messages", "prompt", "input"];

/// What an invocation asks.
#[derive(Debug, PartialEq)]
pub(crate) struct Invocation {
    /// What each row's user viewed, in order.
    pub(crate) sessions: Vec<ViewHistory>,
    /// Whether the answer stands under `predictions`.
    pub(crate) wrapped: bool,
}

/// Reads a JSON body.
pub(crate) fn parse(body: &[u8]) -> Result<Invocation, Refusal> {
    let request = decode(body)?;
    let Json::Object(members) = &request else {
        let found = match &request {
            Json::List(_) => "a list.".to_owned(),
            other => format!("unexpected input type '<class '{}'>.", other.python_type()),
        };
        return Err(Refusal::invalid_input(&format!("{EXPECTED}. Received {found}")));
    };
    if members.iter().any(|(name, _)| WHOLE_REQUEST.contains(&name.as_str())) {
        return Ok(Invocation { sessions: inputs::from_request(&request)?, wrapped: false });
    }
    let mut forms: Vec<&str> = Vec::new();
    for (name, _) in members {
        if FORMS.contains(&name.as_str()) && !forms.contains(&name.as_str()) {
            forms.push(name);
        }
    }
    let [form] = forms.as_slice() else {
        let found: Vec<String> = forms.iter().map(|name| python_text::quoted(name)).collect();
        return Err(Refusal::bad_request(format!(
            "{EXPECTED}. Received dictionary with input fields: [{}]. {PROTOCOL_CHANGE}",
            found.join(", ")
        )));
    };
    let payload = request.member(form).unwrap_or(&Json::Null);
    let sessions = match *form {
        "inputs" => inputs::from_inputs(payload),
        "instances" => inputs::from_instances(payload),
        "dataframe_split" => Frame::from_split(payload).and_then(|frame| frame.sessions()),
        _ => Frame::from_records(payload).and_then(|frame| frame.sessions()),
    }?;
    Ok(Invocation { sessions, wrapped: true })
}

fn decode(body: &[u8]) -> Result<Json, Refusal> {
    let bytes = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(bytes).map_err(|error| not_json(&not_utf8(bytes, &error), body))?;
    serde_json::from_str(text).or_else(|_| python_json::parse(text)).map_err(|problem| {
        let problem = python_text::quoted(&problem);
        not_json(&format!("JSONDecodeError({problem})"), body)
    })
}

fn not_json(problem: &str, body: &[u8]) -> Refusal {
    let body = python_text::quoted_bytes(body);
    let detail = format!("Ensure that input is a valid JSON formatted string. Error: '{problem}'\nInput: \n{body}\n");
    Refusal::invalid_input(&detail)
}

/// Python's `UnicodeDecodeError`.
fn not_utf8(bytes: &[u8], error: &std::str::Utf8Error) -> String {
    let start = error.valid_up_to();
    let begins_nothing = matches!(bytes.get(start), Some(0x80..=0xc1 | 0xf5..));
    let (end, reason) = match error.error_len() {
        None => (bytes.len(), "unexpected end of data"),
        Some(_) if begins_nothing => (start + 1, "invalid start byte"),
        Some(length) => (start + length, "invalid continuation byte"),
    };
    format!("UnicodeDecodeError('utf-8', {}, {start}, {end}, '{reason}')", python_text::quoted_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(body: &[u8]) -> Refusal {
        parse(body).expect_err("a refusal")
    }

    fn handles(body: &str) -> Vec<Vec<String>> {
        let sessions = parse(body.as_bytes()).unwrap().sessions;
        sessions.into_iter().map(|session| session.iter().map(|item| item.handle.to_owned()).collect()).collect()
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
        let split =
            r#"{"dataframe_split": {"columns": ["timestamps", "userId", "items"], "data": [[["1"], "u", ["novel"]]]}}"#;
        assert_eq!(handles(split), expected);
        let columns =
            r#"{"dataframe_split": {"data": {"userId": ["u"], "items": [["novel"]], "timestamps": [["1"]]}}}"#;
        assert_eq!(handles(columns), expected);
    }

    #[test]
    fn a_request_with_a_prompt_is_a_row_of_its_own_and_answered_bare() {
        let body = r#"{"prompt": "x", "userId": "u", "items": ["novel"], "timestamps": ["1"]}"#;
        let invocation = parse(body.as_bytes()).unwrap();
        assert!(!invocation.wrapped);
        assert_eq!(invocation.sessions.len(), 1);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let body = "\u{feff}{\"inputs\": {\"userId\": \"u\", \"items\": [], \"timestamps\": []}}";
        assert_eq!(parse(body.as_bytes()).unwrap().sessions, [ViewHistory::new()]);
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused_as_python_does() {
        let refusal = refused(b"{\"inputs\": \"\xff\"}");
        assert!(
            refusal
                .message
                .contains(r#"UnicodeDecodeError('utf-8', b'{"inputs": "\xff"}', 12, 13, 'invalid start byte')"#)
        );
        assert!(refused(b"{\"inputs\": \"\xc3").message.contains("12, 13, 'unexpected end of data')"));
        assert!(refused(b"\xc3(").message.contains("0, 1, 'invalid continuation byte')"));
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
                assert_eq!(refused(format!(r#"{{"inputs": {row}}}"#).as_bytes()).code, "BAD_REQUEST");
            }
        }
    }

    #[test]
    fn many_columns_beside_many_rows_take_no_longer_than_their_bytes() {
        let rows = vec!["[]"; 50_000].join(",");
        let beside: String = (0..50_000).map(|column| format!(r#", "{column}": 0"#)).collect();
        let data = format!(r#"{{"userId": "u", "items": [{rows}], "timestamps": [{rows}]{beside}}}"#);
        let invocation = parse(format!(r#"{{"dataframe_split": {{"data": {data}}}}}"#).as_bytes()).unwrap();
        assert_eq!(invocation.sessions.len(), 50_000);
        let names = vec![r#""items""#; 50_000].join(",");
        let data = format!(r#"{{"items": [{rows}]}}"#);
        let body = format!(r#"{{"dataframe_split": {{"columns": [{names}], "data": {data}}}}}"#);
        assert_eq!(refused(body.as_bytes()).code, "INVALID_PARAMETER_VALUE");
        let records = vec![r#"{"items": []}"#; 50_000].join(",");
        let body = format!(r#"{{"dataframe_split": {{"columns": [{names}], "data": [{records}]}}}}"#);
        assert_eq!(refused(body.as_bytes()).code, "INVALID_PARAMETER_VALUE");
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
            let body = serde_json::json!({ form: payload }).to_string();
            if let Err(refusal) = parse(body.as_bytes()) {
                prop_assert!(["BAD_REQUEST", "INVALID_PARAMETER_VALUE"].contains(&refusal.code));
                prop_assert!(!refusal.message.is_empty() && refusal.message.len() < 20_000);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(parse(&body).is_err());
        }
    }
}
