//! Texts and maps from files that are not trusted: lengths are bounded, names stand once, and messages show no more
//! than the beginning of what was found.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Longest name of a product, a category or a feature's value, in bytes.
pub const LONGEST_NAME: usize = 1_024;
/// Longest title or attribute of a product, in bytes.
pub const LONGEST_TEXT: usize = 65_536;
/// Most names of one kind in a file: products, items, values of a feature.
pub const MOST_NAMES: usize = 1 << 21;

/// Bytes of a message at its beginning and its end.
const SHOWN: (usize, usize) = (200, 60);

/// A message that quotes what was found, in one line, cut to a bounded length: its beginning and its end, where places
/// stand. Line ends and other control characters of what was found are escaped.
pub fn shortened(message: &str) -> String {
    if message.len() <= SHOWN.0 + SHOWN.1 {
        return escaped(message);
    }
    let start = message.get(..message.floor_char_boundary(SHOWN.0)).unwrap_or_default();
    let end = message.get(message.ceil_char_boundary(message.len() - SHOWN.1)..).unwrap_or_default();
    format!("{}…{}", escaped(start), escaped(end))
}

fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            character if character.is_control() => shown.extend(character.escape_default()),
            character => shown.push(character),
        }
    }
    shown
}

/// Refuses a text that is too long, which the message does not repeat.
///
/// # Errors
/// What `what` is and may be.
pub fn check_length(what: impl fmt::Display, text: &str, longest: usize) -> Result<(), String> {
    match text.len() {
        length if length > longest => Err(format!("{what} has {length} bytes: expected at most {longest}")),
        _ => Ok(()),
    }
}

/// A map whose every key stands once; serde itself would silently keep the last.
pub(crate) fn unique<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Unique<V>(PhantomData<V>);

    impl<'de, V: Deserialize<'de>> Visitor<'de> for Unique<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = entries.next_entry::<String, V>()? {
                if map.contains_key(&key) {
                    return Err(A::Error::custom(format_args!("`{}` stands twice", shortened(&key))));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Unique(PhantomData))
}

/// A list of at most [`MOST_NAMES`]: the first one too many ends the reading.
pub(crate) fn bounded<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some(entry) = entries.next_element()? {
                if list.len() == MOST_NAMES {
                    return Err(A::Error::custom(format_args!("more than {MOST_NAMES} entries")));
                }
                list.push(entry);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(Bounded(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_keeps_its_beginning_and_its_end() {
        let message = format!("unknown field `{}` at line 3 column 7", "ä".repeat(1_000));
        let short = shortened(&message);
        assert!(short.len() < 270 && short.starts_with("unknown field `ä") && short.ends_with("ä` at line 3 column 7"));
        assert_eq!(shortened("short"), "short");
    }

    #[test]
    fn a_key_that_stands_twice_is_named() {
        let parse = |text| unique::<_, u32>(&mut serde_json::Deserializer::from_str(text));
        assert_eq!(parse(r#"{"a": 1, "b": 2}"#).unwrap().len(), 2);
        let twice = parse(r#"{"a": 1, "a": 2}"#).unwrap_err().to_string();
        assert!(twice.starts_with("`a` stands twice"), "{twice}");
    }

    #[test]
    fn a_list_that_never_ends_is_read_up_to_its_bound() {
        let text = format!("[{}0]", "0,".repeat(MOST_NAMES));
        let error = bounded::<_, u8>(&mut serde_json::Deserializer::from_str(&text)).unwrap_err().to_string();
        assert!(error.starts_with("more than 2097152 entries"), "{error}");
    }
}
