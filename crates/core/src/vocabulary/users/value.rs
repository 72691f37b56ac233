//! What is said of a shopper: a text, a number, a truth value or a list of JSON enters, a value of an attribute leaves.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// What is said of a shopper.
#[derive(Debug, Clone, PartialEq)]
pub enum UserValue {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Several texts, in any order.
    List(Vec<String>),
}

/// Most entries of a list.
pub const MOST_ENTRIES: usize = 1_000;

impl UserValue {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
        }
    }
}

impl From<String> for UserValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for UserValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Text(text) => text.fmt(formatter),
            Self::List(texts) => texts.join(", ").fmt(formatter),
        }
    }
}

impl Serialize for UserValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(texts) => serializer.collect_seq(texts),
        }
    }
}

impl<'de> Deserialize<'de> for UserValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = UserValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a number or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<UserValue, E> {
        Ok(UserValue::Text(text.to_owned()))
    }

    /// Truth values are texts.
    fn visit_bool<E: Error>(self, value: bool) -> Result<UserValue, E> {
        self.visit_str(if value { "true" } else { "false" })
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<UserValue, E> {
        Ok(UserValue::Number(number))
    }

    /// Entries that are numbers or truth values are texts.
    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<UserValue, A::Error> {
        let mut texts = Vec::new();
        while let Some(entry) = entries.next_element::<UserValue>()? {
            if texts.len() == MOST_ENTRIES {
                return Err(A::Error::custom(format_args!("a list has more than {MOST_ENTRIES} entries")));
            }
            match entry {
                UserValue::List(_) => return Err(A::Error::custom("a list in a list, expected a list of texts")),
                entry => texts.push(entry.to_string()),
            }
        }
        Ok(UserValue::List(texts))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<UserValue, E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<UserValue, E> {
        self.visit_f64(number as f64)
    }
}
