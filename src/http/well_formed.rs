//! JSON as clients send it enters, JSON that a parser reads leaves: without the mark that some programs begin UTF-8
//! with, and with the replacement character U+FFFD where half of a surrogate pair is escaped, which no text can hold.
//! JavaScript cuts texts between the halves, and writes what is left.

use std::borrow::Cow;

use memchr::memchr;

/// What UTF-8 may begin with, to no purpose.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// An escape of one UTF-16 unit, `\uXXXX`.
const ESCAPE: usize = 6;

/// The same document, copied only where it must be changed.
pub(crate) fn well_formed(body: &[u8]) -> Cow<'_, [u8]> {
    let mut body = Cow::Borrowed(body.strip_prefix(MARK).unwrap_or(body));
    let mut at = 0;
    while let Some(found) = body.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        let escape = at + found;
        at = match unit(&body, escape) {
            // One of another kind: a backslash and a letter.
            None => escape + 2,
            Some(0xd800..=0xdbff) if matches!(unit(&body, escape + ESCAPE), Some(0xdc00..=0xdfff)) => {
                escape + 2 * ESCAPE
            }
            Some(0xd800..=0xdfff) => {
                if let Some(digits) = body.to_mut().get_mut(escape + 2..escape + ESCAPE) {
                    digits.copy_from_slice(b"fffd");
                }
                escape + ESCAPE
            }
            Some(_) => escape + ESCAPE,
        };
    }
    body
}

/// The UTF-16 unit that is escaped at a position.
fn unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit: u16, digit| {
        // Four digits fill 16 bits.
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Result<String, serde_json::Error> {
        serde_json::from_slice(&well_formed(json.as_bytes()))
    }

    #[test]
    fn halves_of_surrogate_pairs_are_replaced_and_pairs_stay() {
        for (json, text) in [
            (r#""t-shirt \ud83d""#, "t-shirt \u{fffd}"),
            (r#""\ude00 \uD83D\uDE00 \uD83D""#, "\u{fffd} 😀 \u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\\\ud83d\"""#, "\\\u{fffd}\""),
            (r#""\u00e9\n""#, "é\n"),
            ("\u{feff}\"novel\"", "novel"),
        ] {
            assert_eq!(read(json).unwrap(), text, "{json}");
        }
        assert!(matches!(well_formed(br#""\ud83d\ude00 \n""#), Cow::Borrowed(_)));
        for wrong in [r#""\ud8"#, r#""\u"#, "\"\\", r#""\uZZZZ""#, "\u{feff}\u{feff}1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_list_of_utf_16_units_is_read_as_python_would(units in prop::collection::vec(any::<u16>(), 0..12)) {
            let json: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            prop_assert_eq!(read(&format!("\"{json}\"")).unwrap(), String::from_utf16_lossy(&units));
        }

        #[test]
        fn documents_that_any_parser_reads_are_not_changed(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(read(&json).unwrap(), text);
        }

        #[test]
        fn any_bytes_are_looked_through(body in prop::collection::vec(prop::sample::select(b"\\ud8Df\"".to_vec()), 0..40)) {
            prop_assert!(well_formed(&body).len() <= body.len());
        }
    }
}
