//! Whether a value has its default's type. Values of a source enter, the first of another type leaves: the library
//! beneath would make a port of `true` and a whole number of 2.5.

use config::{Value, ValueKind};

/// What is wrong with a value; nothing when it has the type of the default. Texts of the environment may stand for
/// anything.
pub(super) fn problem(value: &Value, default: &Value, from_environment: bool) -> Option<String> {
    let text = text_of(value).filter(|_| from_environment);
    match &default.kind {
        ValueKind::Boolean(_) => {
            let fits = matches!(value.kind, ValueKind::Boolean(_)) || text.is_some_and(is_truth);
            (!fits).then(|| format!("found {}: expected true or false", shown(value)))
        }
        ValueKind::String(_) => {
            let fits = text_of(value).is_some();
            (!fits).then(|| format!("found {}: expected a text", kind(value)))
        }
        ValueKind::Array(_) => {
            let texts = |values: &Vec<Value>| values.iter().all(|value| text_of(value).is_some());
            let fits = matches!(&value.kind, ValueKind::Array(values) if texts(values));
            (!fits).then(|| format!("found {}: expected a list of texts", kind(value)))
        }
        ValueKind::Float(_) => {
            let number = is_whole(value) || matches!(value.kind, ValueKind::Float(_));
            let fits = number || text.is_some_and(|text| text.parse::<f64>().is_ok());
            (!fits).then(|| format!("found {}: expected a number", shown(value)))
        }
        _ => {
            let fits = is_whole(value) || text.is_some_and(|text| text.parse::<i128>().is_ok());
            // No setting is below 0.
            let is_negative = fits && shown(value).trim_start_matches('"').starts_with('-');
            (!fits || is_negative).then(|| format!("found {}: expected a whole number from 0", shown(value)))
        }
    }
}

fn text_of(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::String(text) => Some(text),
        _ => None,
    }
}

/// What the library reads as a truth value.
fn is_truth(text: &str) -> bool {
    ["true", "on", "yes", "1", "false", "off", "no", "0"].iter().any(|truth| truth.eq_ignore_ascii_case(text))
}

fn is_whole(value: &Value) -> bool {
    matches!(value.kind, ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_))
}

/// A value where a number or a truth value belongs; such keys hold no secrets.
fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => format!("{:?}", cut(text)),
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => kind(value).to_owned(),
        other => other.to_string(),
    }
}

/// The beginning of a text that may be of any length.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

/// What a value is, where it may be a secret.
pub(super) fn kind(value: &Value) -> &'static str {
    match &value.kind {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "a truth value",
        ValueKind::String(_) => "a text",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(values) if values.iter().all(|value| text_of(value).is_some()) => "a list",
        ValueKind::Array(_) => "a list of something else",
        _ => "a number",
    }
}
