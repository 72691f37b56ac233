//! Checked values of the bodies: JSON enters, a value that can be used leaves, or a message that says what was expected.
//! Each has the same bounds here and in the OpenAPI document.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use slirec_core::timestamp;

/// A text that names something: not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name(pub(crate) String);

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count<const LEAST: u64, const MOST: u64>(pub(crate) usize);

/// A probability, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Probability(pub(crate) f32);

/// Unix seconds, from seconds or milliseconds, a number or a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Time(pub(crate) f64);

/// For optional members: present means a value, `null` is none.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name.is_empty() {
            return Err(D::Error::invalid_value(Unexpected::Str(""), &"a name that is not empty"));
        }
        Ok(Self(name))
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

/// Fewer digits are no Unix time that anybody means: 100,000,000 seconds are in 1973.
const FEWEST_DIGITS: usize = 9;

/// The last millisecond of the times that are accepted.
const LAST_MILLISECOND: f64 = 99_999_999_999_999.0;

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
        // As the API's document has it, to the millisecond.
        if value > LAST_MILLISECOND {
            return Err(E::custom(timestamp::TimestampError::OutOfRange(value)));
        }
        timestamp::from_number(value).map(Time).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Time, E> {
        let time = timestamp::from_text(value).map_err(E::custom)?;
        let whole = value.trim().split('.').next().unwrap_or_default();
        if whole.len() < FEWEST_DIGITS || !whole.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(E::invalid_value(Unexpected::Str(value), &"at least 9 digits, or a number instead of a text"));
        }
        Ok(Time(time))
    }
}
