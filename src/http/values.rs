//! Checked values of the bodies: JSON enters, a value that can be used leaves, or a message that says what was
//! expected. Each has the same bounds here and in the OpenAPI document. Where the meaning is certain, other spellings
//! are read too: `5.0` for a whole number, a number for the text of an id, ISO 8601 for a Unix time.

use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, Unexpected, Visitor};
use serde_json::Number;
use slirec_core::timestamp::{self, TimestampError};

/// From here on not every whole number is a floating point number: which one was meant is uncertain.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// Characters of an id that is echoed.
const LONGEST_ID: usize = 128;

/// A text that names something: not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name(pub(crate) String);

/// What a shop calls a shopper: a text, or a whole number as its digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserId(pub(crate) String);

/// What a client calls a session of its own, echoed as it came: a text of at most 128 characters, or a number.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum SessionId {
    Text(String),
    Number(Number),
}

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count<const LEAST: u64, const MOST: u64>(pub(crate) usize);

/// A probability, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Probability(pub(crate) f32);

/// Unix seconds, from seconds or milliseconds, a number, digits or ISO 8601.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Time(pub(crate) f64);

/// The whole number that a floating point number stands for.
fn whole(number: f64) -> Option<f64> {
    (number.fract() == 0.0 && number.abs() < FIRST_INEXACT).then_some(number)
}

/// Reads a name that may stand in the document as a whole number, and hands on its text.
pub(crate) struct NameText<F>(pub(crate) F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for NameText<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for NameText<F> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, or a whole number as an id")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(self.0(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok(self.0(&number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        Ok(self.0(&number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        match whole(number) {
            // Adding nothing turns a negative zero into zero.
            Some(number) => Ok(self.0(&format!("{:.0}", number + 0.0))),
            None => Err(E::invalid_type(Unexpected::Float(number), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = NameText(str::to_owned).deserialize(deserializer)?;
        if name.is_empty() {
            return Err(D::Error::invalid_value(Unexpected::Str(""), &"a name that is not empty"));
        }
        Ok(Self(name))
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NameText(|text: &str| Self(text.to_owned())).deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SessionIdVisitor)
    }
}

struct SessionIdVisitor;

impl Visitor<'_> for SessionIdVisitor {
    type Value = SessionId;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a string of at most {LONGEST_ID} characters, or a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SessionId, E> {
        match text.chars().nth(LONGEST_ID) {
            Some(_) => Err(E::invalid_length(text.chars().count(), &self)),
            None => Ok(SessionId::Text(text.to_owned())),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<SessionId, E> {
        Ok(SessionId::Number(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<SessionId, E> {
        Ok(SessionId::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<SessionId, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::invalid_type(Unexpected::Float(number), &self))?;
        Ok(SessionId::Number(number))
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Count<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(CountVisitor)
    }
}

struct CountVisitor<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> Visitor<'_> for CountVisitor<LEAST, MOST> {
    type Value = Count<LEAST, MOST>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a whole number from {LEAST} to {MOST}")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        let within = Some(number).filter(|number| (LEAST..=MOST).contains(number));
        let count = within.and_then(|number| usize::try_from(number).ok());
        count.map(Count).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        match whole(number).filter(|number| *number >= 0.0) {
            // Neither negative nor beyond what a floating point number counts exactly.
            Some(number) => self.visit_u64(number as u64),
            None => Err(E::invalid_value(Unexpected::Float(number), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(ProbabilityVisitor)
    }
}

struct ProbabilityVisitor;

impl Visitor<'_> for ProbabilityVisitor {
    type Value = Probability;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number from 0 to 1")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Probability, E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Probability, E> {
        if !(0.0..=1.0).contains(&number) {
            return Err(E::invalid_value(Unexpected::Float(number), &self));
        }
        // Within 0 to 1 narrowing only rounds.
        Ok(Probability(number as f32))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

/// Fewer digits are no Unix time that is meant: 100,000,000 seconds are in 1973, and 8 digits may be a date.
const FEWEST_DIGITS: usize = 9;

/// The last millisecond of the times that are accepted.
const LAST_MILLISECOND: f64 = 99_999_999_999_999.0;

impl Visitor<'_> for TimeVisitor {
    type Value = Time;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Unix seconds or milliseconds, or ISO 8601 such as 2026-11-02T09:15:00Z")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Time, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Time, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Time, E> {
        // As the API's document has it, to the millisecond.
        if value > LAST_MILLISECOND {
            return Err(E::custom(TimestampError::OutOfRange(value)));
        }
        timestamp::from_number(value).map(Time).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Time, E> {
        if let Some(seconds) = timestamp::from_iso(value) {
            return timestamp::from_number(seconds).map(Time).map_err(E::custom);
        }
        let whole = value.trim().split('.').next().unwrap_or_default();
        if whole.is_empty() || !whole.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(E::invalid_value(Unexpected::Str(value), &self));
        }
        if whole.len() < FEWEST_DIGITS {
            return Err(E::invalid_value(Unexpected::Str(value), &"at least 9 digits, or a number instead of a text"));
        }
        timestamp::from_text(value).map(Time).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests;
