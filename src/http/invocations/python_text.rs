//! Values as Python prints them: what a scoring server quotes back in its messages.

use std::fmt::Write;

use super::json::Json;

/// Longest text of a value that a message quotes; the client knows what it sent.
const LONGEST: usize = 1_000;

/// `repr(value)`, cut after a thousand characters.
pub(crate) fn repr(value: &Json) -> String {
    let mut text = String::new();
    write_repr(value, &mut text);
    shorten(text)
}

/// `str(value)`: as [`repr`], but a text stands without quotes.
pub(crate) fn plain(value: &Json) -> String {
    match value {
        Json::Text(text) => shorten(text.clone()),
        other => repr(other),
    }
}

/// `str(numpy.array(values))` of lists of equal lengths, whose values numpy turns into text: `['a' 'b']`.
pub(crate) fn array_of_text(values: &[Json]) -> String {
    const WIDTH: usize = 75;
    shorten(array_block(values, 1, WIDTH).0)
}

/// One list of an array, and how many dimensions it has. Lines end before `width`; `indent` stands before each but the
/// first.
fn array_block(values: &[Json], indent: usize, width: usize) -> (String, usize) {
    let margin = " ".repeat(indent);
    let mut text = String::from("[");
    let (mut column, mut dimensions) = (indent, 1);
    for (index, value) in values.iter().enumerate() {
        if text.len() > LONGEST {
            break;
        }
        if let Json::List(inner) = value {
            let (block, inner_dimensions) = array_block(inner, indent + 1, width.saturating_sub(1));
            if index > 0 {
                text.push_str(&"\n".repeat(inner_dimensions));
                text.push_str(&margin);
            }
            text.push_str(&block);
            dimensions = inner_dimensions + 1;
            continue;
        }
        let word = quoted(&plain(value));
        let length = word.chars().count();
        // A space stands between two values, a bracket or a space after the last one of a line.
        column += usize::from(index > 0);
        if column > indent && column + length > width.saturating_sub(1) {
            text.push('\n');
            text.push_str(&margin);
            column = indent;
        } else if index > 0 {
            text.push(' ');
        }
        text.push_str(&word);
        column += length;
    }
    text.push(']');
    (text, dimensions)
}

/// `repr(text)`: single quotes unless only double ones spare escapes.
pub(crate) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut result = String::with_capacity(text.len() + 2);
    result.push(quote);
    for character in text.chars() {
        match character {
            '\n' => result.push_str("\\n"),
            '\r' => result.push_str("\\r"),
            '\t' => result.push_str("\\t"),
            '\\' => result.push_str("\\\\"),
            _ if character == quote => result.extend(['\\', quote]),
            _ if character.is_ascii_control() => {
                // Writing to a string cannot fail.
                let _ = write!(result, "\\x{:02x}", u32::from(character));
            }
            _ => result.push(character),
        }
    }
    result.push(quote);
    result
}

/// `repr(bytes)`, cut after a thousand bytes.
pub(crate) fn quoted_bytes(bytes: &[u8]) -> String {
    let shown = bytes.get(..LONGEST).unwrap_or(bytes);
    let quote = if shown.contains(&b'\'') && !shown.contains(&b'"') { b'"' } else { b'\'' };
    let mut result = String::from("b");
    result.push(char::from(quote));
    for byte in shown {
        match byte {
            b'\n' => result.push_str("\\n"),
            b'\r' => result.push_str("\\r"),
            b'\t' => result.push_str("\\t"),
            b'\\' => result.push_str("\\\\"),
            byte if *byte == quote => result.extend(['\\', char::from(quote)]),
            b' '..=b'~' => result.push(char::from(*byte)),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(result, "\\x{byte:02x}");
            }
        }
    }
    if shown.len() < bytes.len() {
        result.push_str("...");
    }
    result.push(char::from(quote));
    result
}

/// `repr(number)`: the shortest digits, an exponent where Python uses one.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value != 0.0 && !(1e-4..1e16).contains(&value.abs()) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) => match exponent.strip_prefix('-') {
                Some(exponent) => format!("{digits}e-{exponent:0>2}"),
                None => format!("{digits}e+{exponent:0>2}"),
            },
            None => text,
        };
    }
    format!("{value:?}")
}

fn write_repr(value: &Json, text: &mut String) {
    if text.len() > LONGEST {
        return;
    }
    match value {
        Json::Null => text.push_str("None"),
        Json::Bool(true) => text.push_str("True"),
        Json::Bool(false) => text.push_str("False"),
        Json::Integer(number) => text.push_str(&number.to_string()),
        Json::Float(number) => text.push_str(&float(*number)),
        Json::Text(value) => text.push_str(&quoted(value.get(..LONGEST).unwrap_or(value))),
        Json::List(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate().take(LONGEST) {
                text.push_str(if index == 0 { "" } else { ", " });
                write_repr(element, text);
            }
            text.push(']');
        }
        Json::Object(members) => {
            text.push('{');
            for (index, (name, value)) in members.iter().enumerate().take(LONGEST) {
                text.push_str(if index == 0 { "" } else { ", " });
                text.push_str(&quoted(name));
                text.push_str(": ");
                write_repr(value, text);
            }
            text.push('}');
        }
    }
}

/// Cuts a text after a thousand characters.
pub(crate) fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repr_of(text: &str) -> String {
        repr(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn values_look_as_python_prints_them() {
        let text = r#"{"a": null, "b": 1.0, "c": 1e20, "d": 1e-7, "e": -0.0, "f": [true, false, 12], "g": "it's"}"#;
        let expected =
            r#"{'a': None, 'b': 1.0, 'c': 1e+20, 'd': 1e-07, 'e': -0.0, 'f': [True, False, 12], 'g': "it's"}"#;
        assert_eq!(repr_of(text), expected);
        assert_eq!(repr_of(r#""it's \"q\"\n""#), r#"'it\'s "q"\n'"#);
        assert_eq!(repr_of("1.5e-9"), "1.5e-09");
    }

    #[test]
    fn bytes_look_as_python_prints_them() {
        assert_eq!(quoted_bytes(b"{'inputs': {}}"), r#"b"{'inputs': {}}""#);
        assert_eq!(quoted_bytes(b"a\xff\n'\""), r#"b'a\xff\n\'"'"#);
    }

    #[test]
    fn long_values_are_cut() {
        let long = Json::List(vec![Json::Text("\u{e9}".repeat(600)); 100_000]);
        assert!(repr(&long).len() < 3_000);
        assert!(plain(&Json::Text("x".repeat(10_000))).ends_with("..."));
        assert!(quoted_bytes(&[b'x'; 100_000]).len() < 1_100);
    }

    #[test]
    fn arrays_of_text_look_as_numpy_prints_them() {
        assert_eq!(array_of_text(&[Json::Text("a".into()), Json::Integer(2)]), "['a' '2']");
        let rows: Json = serde_json::from_str(r#"[["a", "b"], ["c", "d"]]"#).unwrap();
        assert_eq!(array_of_text(rows.elements().unwrap()), "[['a' 'b']\n ['c' 'd']]");
        let blocks: Json = serde_json::from_str("[[[1]], [[2]]]").unwrap();
        assert_eq!(array_of_text(blocks.elements().unwrap()), "[[['1']]\n\n [['2']]]");
        let user = "7f3c1f52-7d2e-4a8e-9e0e-3f3c6d1f9a11";
        let users: Json = serde_json::from_str(&format!(r#"["{user}", "{user}", "a", "b"]"#)).unwrap();
        let expected = format!("['{user}'\n '{user}' 'a' 'b']");
        assert_eq!(array_of_text(users.elements().unwrap()), expected);
    }
}
