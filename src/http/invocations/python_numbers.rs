//! Numbers that Python's JSON has and JSON has not: `NaN`, `Infinity` and `-Infinity`, which its clients write for
//! missing cells of a table. A body enters; where such a number stood, an empty object leaves, which no column of the
//! signature takes and which does not matter anywhere else.

use std::borrow::Cow;

use memchr::memmem;

const NUMBERS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];

/// Replaces them, with spaces up to their length; the body is copied only where there are some.
pub(crate) fn without_them(mut body: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if NUMBERS.iter().any(|number| memmem::find(&body, number).is_some()) {
        replace(body.to_mut());
    }
    body
}

fn replace(body: &mut [u8]) {
    let mut rest = body;
    while let Some(start) = rest.iter().position(|byte| matches!(byte, b'"' | b'N' | b'I' | b'-')) {
        rest = rest.split_at_mut(start).1;
        let length = match NUMBERS.iter().find(|number| rest.starts_with(number)) {
            Some(number) => {
                let (found, _) = rest.split_at_mut(number.len());
                found.fill(b' ');
                found.iter_mut().zip(b"{}").for_each(|(byte, brace)| *byte = *brace);
                number.len()
            }
            None if rest.starts_with(b"\"") => text_length(rest),
            None => 1,
        };
        rest = rest.split_at_mut(length).1;
    }
}

/// Bytes of a text with its quotes.
fn text_length(bytes: &[u8]) -> usize {
    let mut escaped = false;
    let end = bytes.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(bytes.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replaced(text: &str) -> String {
        String::from_utf8(without_them(Cow::Borrowed(text.as_bytes())).into_owned()).unwrap()
    }

    #[test]
    fn numbers_outside_of_texts_are_replaced() {
        let text = r#"{"a": NaN, "NaN": [-Infinity, Infinity, "\"NaN", -1], "I": "Infinity"}"#;
        let expected = r#"{"a": {} , "NaN": [{}       , {}      , "\"NaN", -1], "I": "Infinity"}"#;
        assert_eq!(replaced(text), expected);
    }

    #[test]
    fn what_is_no_number_there_either_stays_wrong() {
        for text in ["[-NaN]", "[1NaN]", "[NaN1]", "{NaN: 1}", "[Infinity", "NaN NaN", "\"NaN"] {
            let text = replaced(text);
            assert!(serde_json::from_str::<&serde_json::value::RawValue>(&text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn other_documents_stay_as_they_are(text in "[\\[\\]{},:\"\\\\NaInfity0-9eu.-]{0,32}") {
            if serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok() {
                prop_assert_eq!(replaced(&text), text);
            }
        }
    }
}
