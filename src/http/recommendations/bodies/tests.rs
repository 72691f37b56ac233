//! Bodies that are read, and bodies that are refused with the path of the field.

use proptest::prelude::*;
use slirec_engine::ViewedItem;

use super::*;
use crate::http::parsing::parse;

const LIMITS: Limits = Limits { history: 1_000, sessions: 2, names: 3 };

fn read(body: &str) -> Result<RecommendationRequest, String> {
    parse::<RecommendationBody>(body.as_bytes())?.into_request(LIMITS, 7.0)
}

fn refused(body: &str) -> String {
    read(body).expect_err("a refusal")
}

#[test]
fn times_may_be_numbers_or_text_seconds_or_milliseconds() {
    let body = r#"{"history": [{"item": "a", "time": 1730807061}, {"item": "b", "time": "1730807061000"}], "now": 1730807070.5}"#;
    let request = read(body).unwrap();
    assert_eq!((request.limit, request.now), (16, 1_730_807_070.5));
    assert_eq!(request.history.get(0), Some(ViewedItem { handle: "a", timestamp: 1_730_807_061.0 }));
    assert_eq!(request.history.get(1), Some(ViewedItem { handle: "b", timestamp: 1_730_807_061.0 }));
    assert_eq!(read(r#"{"history": []}"#).unwrap().now, 7.0);
}

#[test]
fn every_option_reaches_the_engine() {
    let request = read(
        r#"{"history": [], "limit": 3, "offset": 6, "min_score": 0.5, "exclude_seen": true, "exclude": ["a"],
            "include_only": ["b", "c"], "categories": ["d"], "exclude_categories": ["e"], "per_category": 2,
            "explain": true, "user_id": ""}"#,
    )
    .unwrap();
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let expected = Selection {
        offset: 6,
        min_score: Some(0.5),
        exclude_seen: true,
        exclude: set(&["a"]),
        include_only: Some(set(&["b", "c"])),
        categories: Some(set(&["d"])),
        exclude_categories: set(&["e"]),
        per_category: Some(2),
    };
    assert_eq!((request.limit, request.explain), (3, true));
    assert_eq!(request.selection, expected);
}

#[test]
fn every_message_begins_with_the_path_of_its_field() {
    for (body, beginning) in [
        (
            r#"{"history": [{"item": "a", "time": 1}, {"item": "b", "time": true}]}"#,
            "history[1].time: invalid type: boolean",
        ),
        (r#"{"history": [{"item": "a", "time": "noon"}]}"#, "history[0].time: `noon` is not a Unix time"),
        (r#"{"history": [{"item": "a", "time": "12"}]}"#, "history[0].time: invalid value: string \"12\""),
        (r#"{"history": [{"item": "a", "time": -1}]}"#, "history[0].time: -1 is not a usable Unix time"),
        (r#"{"history": [{"item": 3, "time": 1}]}"#, "history[0].item: invalid type: integer `3`, expected a string"),
        (r#"{"history": [{"item": "", "time": 1}]}"#, "history[0].item: invalid value: string \"\", expected a name"),
        (r#"{"history": [{"item": "a"}]}"#, "history[0]: missing field `time`"),
        (
            r#"{"history": [{"item": "a", "time": 1, "x": 2}]}"#,
            "history[0].x: unknown field `x`, expected `item` or `time`",
        ),
        (r#"{"history": {}}"#, "history: invalid type: map, expected a sequence"),
        (r#"{"history": [], "limit": 0}"#, "limit: invalid value: integer `0`, expected a whole number from 1 to 100"),
        (
            r#"{"history": [], "limit": 101}"#,
            "limit: invalid value: integer `101`, expected a whole number from 1 to 100",
        ),
        (r#"{"history": [], "limit": "5"}"#, "limit: invalid type: string \"5\""),
        (r#"{"history": [], "limit": null}"#, "limit: invalid type: null"),
        (
            r#"{"history": [], "min_score": 1.5}"#,
            "min_score: invalid value: floating point `1.5`, expected a number from 0 to 1",
        ),
        (r#"{"history": [], "exclude": ["a", "b", "c", "d"]}"#, "exclude: has 4 elements, expected at most 3"),
        (r#"{"history": [], "exclude": [1]}"#, "exclude[0]: invalid type"),
        (r#"{"history": [], "now": "later"}"#, "now: `later` is not a Unix time"),
        (r#"{"history": [], "user_id": 7}"#, "user_id: invalid type: integer `7`"),
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
fn a_session_of_a_batch_is_named_by_its_place() {
    let read = |body: &str| parse::<BatchBody>(body.as_bytes()).and_then(|body| body.into_requests(LIMITS, 0.0));
    assert_eq!(read(r#"{"sessions": [{"history": []}, {"history": []}]}"#).unwrap().len(), 2);
    let message = read(r#"{"sessions": [{"history": []}, {"history": [], "limit": 0}]}"#).unwrap_err();
    assert!(message.starts_with("sessions[1].limit: "), "{message}");
    let message = read(r#"{"sessions": [{"history": [], "exclude": ["a", "b", "c", "d"]}]}"#).unwrap_err();
    assert!(message.starts_with("sessions[0].exclude: has 4"), "{message}");
    let message = read(r#"{"sessions": [{"history": []}, {"history": []}, {"history": []}]}"#).unwrap_err();
    assert_eq!(message, "sessions: has 3 elements, expected at most 2");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(parse::<RecommendationBody>(&body).is_err());
    }

    #[test]
    fn any_time_is_read_or_blamed(time in any::<f64>()) {
        let body = format!(r#"{{"history": [{{"item": "a", "time": {time:?}}}]}}"#);
        match read(&body) {
            Ok(request) => prop_assert!(request.history.iter().all(|view| view.timestamp.is_finite())),
            Err(message) => prop_assert!(message.starts_with("history[0].time: ") || message.starts_with("body: ")),
        }
    }
}
