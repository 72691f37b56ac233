//! JSON that is looked at before it is known what it must be: the text of a value enters, its kind, its text or its
//! elements leave. Nothing is built of what is skipped.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a truth value",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::List => "a list",
            Self::Object => "an object",
        })
    }
}

/// The kind, by the first byte.
pub(crate) fn kind(value: &RawValue) -> Kind {
    match value.get().as_bytes().first() {
        Some(b'"') => Kind::Text,
        Some(b'[') => Kind::List,
        Some(b'{') => Kind::Object,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'n') => Kind::Null,
        _ => Kind::Number,
    }
}

/// The text that a value is; none for other values. Borrowed unless it has escapes.
pub(crate) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let inner = value.get().strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(value.get()).ok().map(Cow::Owned)
}

/// Hands the elements of a list to `take`, until it refuses one.
///
/// # Errors
/// That of `take`; that of a value that is no list.
pub(crate) fn each<'a, E: From<serde_json::Error>>(
    list: &'a RawValue,
    mut take: impl FnMut(usize, &'a RawValue) -> Result<(), E>,
) -> Result<(), E> {
    let mut position = 0;
    let mut refused = None;
    let visitor = ListVisitor(|element: &'a RawValue| {
        let taken = take(position, element);
        position += 1;
        taken.map_err(|error| refused = Some(error)).is_ok()
    });
    let read = serde_json::Deserializer::from_str(list.get()).deserialize_seq(visitor);
    refused.map_or(read.map_err(E::from), Err)
}

/// As [`each`], with plain messages.
///
/// # Errors
/// As for [`each`].
pub(crate) fn each_or_say<'a>(
    list: &'a RawValue,
    mut take: impl FnMut(usize, &'a RawValue) -> Result<(), String>,
) -> Result<(), String> {
    each(list, |position, element| take(position, element).map_err(ElementError))
        .map_err(|ElementError(message)| message)
}

/// A message as an error.
struct ElementError(String);

impl From<serde_json::Error> for ElementError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// Hands the members of an object to `take`, in their order, until it refuses one.
///
/// # Errors
/// That of `take`; that of a value that is no object.
pub(crate) fn members<'a, E: From<serde_json::Error>>(
    object: &'a RawValue,
    mut take: impl FnMut(Cow<'a, str>, &'a RawValue) -> Result<(), E>,
) -> Result<(), E> {
    let mut refused = None;
    let visitor = ObjectVisitor(|name: Cow<'a, str>, value: &'a RawValue| {
        take(name, value).map_err(|error| refused = Some(error)).is_ok()
    });
    let read = serde_json::Deserializer::from_str(object.get()).deserialize_map(visitor);
    refused.map_or(read.map_err(E::from), Err)
}

/// Passes one element after the other to a function that says whether to go on.
struct ListVisitor<F>(F);

impl<'de, F: FnMut(&'de RawValue) -> bool> Visitor<'de> for ListVisitor<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            if !(self.0)(element) {
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

struct ObjectVisitor<F>(F);

/// Borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue) -> bool> Visitor<'de> for ObjectVisitor<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some((Name(name), value)) = members.next_entry()? {
            if !(self.0)(name, value) {
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_first_byte_tells_the_kind() {
        for (value, expected) in [
            ("null", Kind::Null),
            (" true", Kind::Bool),
            ("-1e999", Kind::Number),
            ("\"a\"", Kind::Text),
            ("[1]", Kind::List),
            ("{}", Kind::Object),
        ] {
            assert_eq!(kind(raw(value)), expected, "{value}");
        }
    }

    #[test]
    fn elements_and_members_come_in_order_until_one_is_refused() {
        let mut seen = Vec::new();
        let read = each(raw(r#"[1, "b", [2]]"#), |position, element| {
            seen.push((position, element.get()));
            if position < 1 { Ok(()) } else { Err(serde_json::Error::custom("enough")) }
        });
        assert_eq!(read.unwrap_err().to_string(), "enough");
        assert_eq!(seen, [(0, "1"), (1, "\"b\"")]);
        let mut names = Vec::new();
        members::<serde_json::Error>(raw(r#"{"a": 1, "\u00e9": 2, "a": 3}"#), |name, value| {
            names.push((name.into_owned(), value.get()));
            Ok(())
        })
        .unwrap();
        let expected = [("a", "1"), ("é", "2"), ("a", "3")];
        assert_eq!(names, expected.map(|(name, value)| (name.to_owned(), value)));
        assert!(each::<serde_json::Error>(raw("{}"), |_, _| Ok(())).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_serde_json_reads_it(expected in any::<String>()) {
            let json = serde_json::to_string(&expected).unwrap();
            prop_assert_eq!(text(raw(&json)).unwrap(), expected);
            prop_assert_eq!(text(raw("1")), None);
        }
    }
}
