//! JSON objects field by field: text enters, names and raw values are handed out, nothing is copied that is not asked for.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Text, or a number as text: ids come as either.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text or a number")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Text or a number; none for null.
pub(crate) fn text(value: &RawValue) -> Result<Option<Text<'_>>, String> {
    // Most values are text without escapes, which stands there ready.
    let raw = value.get();
    if let Some(plain) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'))
        && memchr::memchr(b'\\', plain.as_bytes()).is_none()
    {
        return Ok(Some(Text(Cow::Borrowed(plain))));
    }
    parse(value)
}

/// A value of any type.
pub(crate) fn parse<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, String> {
    serde_json::from_str(value.get()).map_err(problem)
}

/// serde_json's message: line 1 of a JSON line says nothing.
pub(crate) fn problem(error: serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at byte ")
}

/// Calls `visit` with every field of an object.
pub(crate) fn visit<'a>(
    object: &'a str,
    visit: &mut dyn FnMut(&str, &'a RawValue) -> Result<(), String>,
) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_str(object);
    deserializer.deserialize_map(FieldVisitor(visit)).map_err(problem)?;
    deserializer.end().map_err(problem)
}

struct FieldVisitor<'v, 'a>(&'v mut dyn FnMut(&str, &'a RawValue) -> Result<(), String>);

impl<'a> Visitor<'a> for FieldVisitor<'_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Text<'a>>()? {
            let value: &'a RawValue = map.next_value()?;
            (self.0)(&name, value).map_err(|problem| de::Error::custom(format!("{}: {problem}", &*name)))?;
        }
        Ok(())
    }
}
