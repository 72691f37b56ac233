//! Bodies that are read, and bodies that are refused with the path of the field.

use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::http::recommendations::RelatedBody;
use crate::http::recommendations::lists::{Limits, parse_within};

const LIMITS: Limits = Limits { history: 1_000, sessions: 2, names: 3 };

fn read(body: &str) -> Result<RecommendationBody, String> {
    parse_within(LIMITS, body.as_bytes())
}

fn refused(body: &str) -> String {
    read(body).expect_err("a refusal")
}

fn views(body: &str) -> Vec<(String, f64)> {
    let history = read(body).unwrap().history.0;
    history.iter().map(|view| (view.handle.to_owned(), view.timestamp)).collect()
}

#[test]
fn times_may_be_numbers_or_text_seconds_or_milliseconds() {
    let body = r#"{"history": [{"item": "a", "time": 1730807061}, {"item": "b", "time": "1730807061000"},
        {"item": "c", "time": "2024-11-05 11:44:21+00:00"}], "now": 1730807070.5}"#;
    let expected = ["a", "b", "c"].map(|item| (item.to_owned(), 1_730_807_061.0));
    assert_eq!(views(body), expected);
    assert_eq!(read(body).unwrap().now, Some(Time(1_730_807_070.5)));
}

/// Every optional field of `/v1`, and a body that says nothing else.
fn optional_fields() -> Vec<(&'static str, Value, &'static str)> {
    let session = json!({"history": []});
    let options = "id user_id history_order now limit offset min_score exclude_seen exclude_purchased exclude include_only categories \
                   exclude_categories per_category explain";
    vec![
        ("recommendations", session, options),
        ("rank", json!({"history": [], "candidates": []}), "user_id history_order now explain"),
        ("related", json!({"item": "a"}), "limit offset exclude categories exclude_categories per_category"),
    ]
}

#[test]
fn null_is_as_good_as_leaving_a_field_out_everywhere() {
    for (route, plain, fields) in optional_fields() {
        let shown = |body: &Value| match route {
            "rank" => format!("{:?}", parse_within::<RankBody>(LIMITS, body.to_string().as_bytes())),
            "related" => format!("{:?}", parse_within::<RelatedBody>(LIMITS, body.to_string().as_bytes())),
            _ => format!("{:?}", read(&body.to_string())),
        };
        let mut all = plain.clone();
        for field in fields.split_whitespace() {
            let mut body = plain.clone();
            body[field] = Value::Null;
            all[field] = Value::Null;
            assert_eq!(shown(&body), shown(&plain), "{route}: {field}");
        }
        assert_eq!(shown(&all), shown(&plain), "{route}");
        assert!(shown(&plain).starts_with("Ok("), "{}", shown(&plain));
        let batch = json!({"sessions": [all]}).to_string();
        if route == "recommendations" {
            assert!(parse_within::<BatchBody>(LIMITS, batch.as_bytes()).is_ok());
        }
    }
}

#[test]
fn what_real_clients_send_is_read() {
    for case in [
        "F01_blank_parameters.json",
        "F05_numeric_user_id.json",
        "F06_whole_number_with_a_point.json",
        "F07_lone_surrogate.json",
        "F08_byte_order_mark.json",
    ] {
        let body = fs::read_to_string(format!("tests/fixtures/clients/{case}")).unwrap();
        assert!(read(&body).is_ok(), "{case}: {:?}", read(&body));
    }
    assert_eq!(views(r#"{"history":[{"item":"t-shirt \ud83d","time":1790812800}]}"#)[0].0, "t-shirt \u{fffd}");
    assert_eq!(views(r#"{"history":[{"item":10482917900289,"time":1790812800}]}"#)[0].0, "10482917900289");
    assert_eq!(read(r#"{"history":[],"limit":5.0}"#).unwrap().limit, Some(Count(5)));
}

#[test]
fn every_message_begins_with_the_path_of_its_field() {
    for (body, beginning) in [
        (
            r#"{"history": [{"item": "a", "time": 1}, {"item": "b", "time": true}]}"#,
            "history[1].time: invalid type: boolean",
        ),
        (
            r#"{"history": [{"item": "a", "time": "noon"}]}"#,
            "history[0].time: invalid value: string \"noon\", expected Unix seconds or milliseconds, or ISO 8601",
        ),
        (r#"{"history": [{"item": "a", "time": "12"}]}"#, "history[0].time: invalid value: string \"12\""),
        (r#"{"history": [{"item": "a", "time": -1}]}"#, "history[0].time: -1 is not a usable Unix time"),
        (
            r#"{"history": [{"item": 3.5, "time": 1}]}"#,
            "history[0].item: invalid type: floating point `3.5`, expected a string, or a whole number as an id",
        ),
        (r#"{"history": [{"item": "", "time": 1}]}"#, "history[0].item: invalid value: string \"\", expected a name"),
        (r#"{"history": [{"time": 1}]}"#, "history[0]: missing field `item`"),
        (r#"{"history": [{"item": "a", "event": "buy"}]}"#, "history[0].event: unknown variant `buy`"),
        (
            r#"{"history": [{"item": "a", "time": 1, "x": 2}]}"#,
            "history[0].x: unknown field `x`, expected one of `item`, `time`, `event`",
        ),
        (r#"{"history": {}}"#, "history: invalid type: map, expected a list"),
        (r#"{"history": null}"#, "history: invalid type: null, expected a list"),
        (
            r#"{"history": [], "history_order": "latest"}"#,
            "history_order: unknown variant `latest`, expected one of `oldest_first`, `newest_first`, `by_time`",
        ),
        (r#"{"history": [], "limit": 0}"#, "limit: invalid value: integer `0`, expected a whole number from 1 to 100"),
        (
            r#"{"history": [], "limit": 101}"#,
            "limit: invalid value: integer `101`, expected a whole number from 1 to 100",
        ),
        (r#"{"history": [], "limit": "5"}"#, "limit: invalid type: string \"5\""),
        (
            r#"{"history": [], "min_score": 1.5}"#,
            "min_score: invalid value: floating point `1.5`, expected a number from 0 to 1",
        ),
        (
            r#"{"history": [], "exclude": ["a", "b", "c", "d"]}"#,
            "exclude: has more than 3 elements, expected at most 3",
        ),
        (r#"{"history": [], "exclude": [true]}"#, "exclude[0]: invalid type: boolean"),
        (r#"{"history": [], "exclude": [null]}"#, "exclude[0]: invalid type: null"),
        (r#"{"history": [], "exclude": "a"}"#, "exclude: invalid type: string \"a\", expected a list"),
        (r#"{"history": [], "now": "later"}"#, "now: invalid value: string \"later\""),
        (r#"{"history": [], "user_id": true}"#, "user_id: invalid type: boolean"),
        (r#"{"history": [], "id": []}"#, "id: invalid type: sequence, expected a string of at most 128 characters"),
        (r#"{"history": [], "histroy": []}"#, "histroy: unknown field `histroy`, expected one of"),
        ("{}", "body: missing field `history`"),
        ("[]", "body: invalid type: sequence, expected an object"),
        (r#"[null, [], 5, null]"#, "body: invalid type: sequence, expected an object"),
        (r#"{"history": [["a", 1]]}"#, "history[0]: invalid type: sequence, expected an object"),
        ("", "body: EOF while parsing a value at line 1 column 0"),
        ("{\"history\": []} x", "body: trailing characters"),
        ("{\"history\": [{\"item\": \"a\", \"time\": 1e999}]}", "body: number out of range"),
    ] {
        let message = refused(body);
        assert!(message.starts_with(beginning), "{body}: {message}");
    }
}

#[test]
fn a_list_is_refused_at_its_first_element_too_many_before_the_rest_is_read() {
    // What follows is no JSON: it was never looked at.
    let message = refused(r#"{"history": [], "exclude": ["a", "b", "c", "d", #"#);
    assert!(message.starts_with("exclude: has more than 3 elements, expected at most 3"), "{message}");
    let views = r#"{"item": "a", "time": 1},"#.repeat(1_001);
    let message = refused(&format!(r#"{{"history": [{views} #"#));
    assert!(message.starts_with("history: has more than 1000 elements, expected at most 1000"), "{message}");
}

#[test]
fn a_session_of_a_batch_is_named_by_its_place() {
    let read = |body: &str| parse_within::<BatchBody>(LIMITS, body.as_bytes());
    assert_eq!(read(r#"{"sessions": [{"history": []}, {"history": []}]}"#).unwrap().sessions.0.len(), 2);
    let message = read(r#"{"sessions": [{"history": []}, {"history": [], "limit": 0}]}"#).unwrap_err();
    assert!(message.starts_with("sessions[1].limit: "), "{message}");
    let message = read(r#"{"sessions": [{"history": [], "exclude": ["a", "b", "c", "d"]}]}"#).unwrap_err();
    assert!(message.starts_with("sessions[0].exclude: has more than 3"), "{message}");
    let message = read(r#"{"sessions": [{"history": []}, {"history": []}, {"history": []}]}"#).unwrap_err();
    assert!(message.starts_with("sessions: has more than 2 elements, expected at most 2"), "{message}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(parse_within::<RecommendationBody>(LIMITS, &body).is_err());
    }

    #[test]
    fn any_time_is_read_or_blamed(time in any::<f64>()) {
        let body = format!(r#"{{"history": [{{"item": "a", "time": {time:?}}}]}}"#);
        match read(&body) {
            Ok(read) => prop_assert!(read.history.0.iter().all(|view| view.timestamp.is_finite())),
            Err(message) => prop_assert!(message.starts_with("history[0].time: ") || message.starts_with("body: ")),
        }
    }
}
