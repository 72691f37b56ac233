//! The body of `POST /v1/recommendations`: bytes enter, a checked request leaves, or a message that names the field.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use slirec_core::timestamp;
use slirec_engine::ViewedItem;

use crate::http::object::Object;

const LIMITS: std::ops::RangeInclusive<u64> = 1..=100;
const DEFAULT_LIMIT: usize = 16;

/// One session to answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) history: Vec<ViewedItem>,
    /// How many products to answer at most.
    pub(crate) limit: usize,
    /// Time of the prediction, Unix seconds; none for the service's clock.
    pub(crate) now: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    #[expect(dead_code, reason = "accepted for the clients' sake; the model has no use for users")]
    user_id: Option<String>,
    history: Vec<Object<Viewed>>,
    #[serde(default)]
    limit: Limit,
    now: Option<Time>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Viewed {
    item: Handle,
    time: Time,
}

struct Handle(String);
struct Limit(usize);
struct Time(f64);

/// Reads a body. The message begins with the path of the field, such as `history[3].time`.
pub(crate) fn parse(body: &[u8]) -> Result<Request, String> {
    let deserializer = &mut serde_json::Deserializer::from_slice(body);
    let Object(document): Object<Document> = serde_path_to_error::deserialize(&mut *deserializer).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner().to_string());
        // A document that breaks off has no field to blame, and the root's own path is a dot.
        if error.inner().is_data() && path != "." { format!("{path}: {inner}") } else { format!("body: {inner}") }
    })?;
    deserializer.end().map_err(|error| format!("body: {error}"))?;
    let history = document.history.into_iter();
    let history = history.map(|Object(viewed)| ViewedItem { handle: viewed.item.0, timestamp: viewed.time.0 });
    Ok(Request { history: history.collect(), limit: document.limit.0, now: document.now.map(|time| time.0) })
}

impl<'de> Deserialize<'de> for Handle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let handle = String::deserialize(deserializer)?;
        if handle.is_empty() {
            return Err(D::Error::invalid_value(Unexpected::Str(""), &"the handle of a product"));
        }
        Ok(Self(handle))
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_LIMIT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        let limit =
            Some(number).filter(|number| LIMITS.contains(number)).and_then(|number| usize::try_from(number).ok());
        limit.map(Self).ok_or_else(|| D::Error::invalid_value(Unexpected::Unsigned(number), &"1 to 100"))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Time;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a Unix time in seconds or milliseconds, as a number or a string")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Time, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Time, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Time, E> {
        timestamp::from_number(value).map(Time).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Time, E> {
        timestamp::from_text(value).map(Time).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(body: &str) -> String {
        parse(body.as_bytes()).expect_err("a refusal")
    }

    #[test]
    fn times_may_be_numbers_or_text_seconds_or_milliseconds() {
        let body = r#"{"history": [{"item": "a", "time": 1730807061}, {"item": "b", "time": "1730807061000"}], "now": 1730807070.5}"#;
        let request = parse(body.as_bytes()).unwrap();
        assert_eq!(request.limit, 16);
        assert_eq!(request.now, Some(1_730_807_070.5));
        assert_eq!(request.history[0], ViewedItem { handle: "a".into(), timestamp: 1_730_807_061.0 });
        assert_eq!(request.history[1], ViewedItem { handle: "b".into(), timestamp: 1_730_807_061.0 });
    }

    #[test]
    fn every_message_begins_with_the_path_of_its_field() {
        for (body, beginning) in [
            (
                r#"{"history": [{"item": "a", "time": 1}, {"item": "b", "time": true}]}"#,
                "history[1].time: invalid type: boolean",
            ),
            (r#"{"history": [{"item": "a", "time": "noon"}]}"#, "history[0].time: `noon` is not a Unix time"),
            (r#"{"history": [{"item": "a", "time": -1}]}"#, "history[0].time: -1 is not a usable Unix time"),
            (
                r#"{"history": [{"item": 3, "time": 1}]}"#,
                "history[0].item: invalid type: integer `3`, expected a string",
            ),
            (
                r#"{"history": [{"item": "", "time": 1}]}"#,
                "history[0].item: invalid value: string \"\", expected the handle",
            ),
            (r#"{"history": [{"item": "a"}]}"#, "history[0]: missing field `time`"),
            (
                r#"{"history": [{"item": "a", "time": 1, "x": 2}]}"#,
                "history[0].x: unknown field `x`, expected `item` or `time`",
            ),
            (r#"{"history": {}}"#, "history: invalid type: map, expected a sequence"),
            (r#"{"history": [], "limit": 0}"#, "limit: invalid value: integer `0`, expected 1 to 100"),
            (r#"{"history": [], "limit": 101}"#, "limit: invalid value: integer `101`, expected 1 to 100"),
            (r#"{"history": [], "limit": "5"}"#, "limit: invalid type: string \"5\""),
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

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(parse(&body).is_err());
        }

        #[test]
        fn any_time_is_read_or_blamed(time in any::<f64>()) {
            let body = format!(r#"{{"history": [{{"item": "a", "time": {time:?}}}]}}"#);
            match parse(body.as_bytes()) {
                Ok(request) => prop_assert!(request.history[0].timestamp.is_finite()),
                Err(message) => prop_assert!(message.starts_with("history[0].time: ") || message.starts_with("body: ")),
            }
        }
    }
}
