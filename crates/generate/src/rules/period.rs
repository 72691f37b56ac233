//! The recorded period of the rules: its length, its start and its hours, as values that cannot be wrong.

use std::str::FromStr;

use rand::Rng;
use serde::Deserialize;
use slirec_core::timestamp;

use super::values::{ValueError, wrong};
use crate::weighted::{Weighted, whole};

/// Hours of a day.
const HOURS: usize = 24;

/// Most days that can be recorded: a century.
const MOST_DAYS: u32 = 36_500;

/// One past the latest start, the year 3000: a century later is still a time that can be told from milliseconds.
const LATEST_START: f64 = 32_503_680_000.0;

/// Length of the recorded period, 1 to 36,500 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Days(u32);

impl Days {
    /// One of the default values, known to be in range.
    pub(super) const fn known(value: u32) -> Self {
        Self(value)
    }

    /// The number of days.
    pub fn count(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Days {
    type Error = ValueError;

    fn try_from(value: u32) -> Result<Self, ValueError> {
        let fits = (1..=MOST_DAYS).contains(&value);
        if fits { Ok(Self(value)) } else { Err(wrong(value, "1 to 36500 days")) }
    }
}

impl FromStr for Days {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse()
            .map_err(|_| wrong(format!("`{text}`"), "1 to 36500 days"))
            .and_then(|days: u32| Self::try_from(days))
    }
}

/// When the recorded period starts, in whole Unix seconds before the year 3000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct Start(u64);

const START: &str = "a time before the year 3000 such as \"2026-10-01T00:00:00Z\", or Unix seconds";

impl Start {
    /// One of the default values, known to be in range.
    pub(super) const fn known(value: u64) -> Self {
        Self(value)
    }

    /// Unix seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }

    fn from_seconds(seconds: f64, found: &str) -> Result<Self, ValueError> {
        match timestamp::from_number(seconds) {
            // Whole seconds below 2^35.
            Ok(seconds) if seconds < LATEST_START => Ok(Self(seconds as u64)),
            _ => Err(wrong(format!("`{found}`"), START)),
        }
    }
}

impl FromStr for Start {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if let Ok(seconds) = timestamp::from_text(text) {
            return Self::from_seconds(seconds, text);
        }
        let seconds = timestamp::from_iso(text).ok_or_else(|| wrong(format!("`{text}`"), START))?;
        Self::from_seconds(seconds, text)
    }
}

impl TryFrom<toml::Value> for Start {
    type Error = ValueError;

    fn try_from(value: toml::Value) -> Result<Self, ValueError> {
        match value {
            toml::Value::String(text) => text.parse(),
            toml::Value::Integer(seconds) => Self::from_seconds(seconds as f64, &seconds.to_string()),
            toml::Value::Datetime(time) => time.to_string().parse(),
            other => Err(wrong(other, START)),
        }
    }
}

/// How likely a session starts in each hour of the day, from midnight on, UTC.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Vec<f64>")]
pub struct Hours(Weighted);

impl Hours {
    /// One of the default values, known to be in range.
    pub(super) fn known(weights: [u32; HOURS]) -> Self {
        Self(Weighted::new(weights.map(f64::from).map(whole)))
    }

    /// An hour from 0 to 23.
    pub(crate) fn draw(&self, random: &mut impl Rng) -> u32 {
        // One of 24 positions; there is one, as not all weights are 0.
        self.0.draw(random).unwrap_or_default() as u32
    }
}

impl TryFrom<Vec<f64>> for Hours {
    type Error = ValueError;

    fn try_from(weights: Vec<f64>) -> Result<Self, ValueError> {
        let fits = weights.len() == HOURS
            && weights.iter().all(|weight| (0.0..=1e6).contains(weight))
            && weights.iter().any(|weight| *weight > 0.0);
        if !fits {
            let expected = "24 weights from 0 to 1000000, one for each hour, not all of them 0";
            return Err(wrong(format!("{} numbers, {weights:?}", weights.len()), expected));
        }
        Ok(Self(Weighted::new(weights.into_iter().map(whole))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_hours_out_of_range_are_refused() {
        assert!(Days::try_from(0).is_err() && "x".parse::<Days>().is_err());
        assert!(Hours::try_from(vec![1.0; 23]).is_err() && Hours::try_from(vec![0.0; 24]).is_err());
    }

    #[test]
    fn a_start_is_text_or_a_number_of_seconds() {
        for text in ["2026-10-01T00:00:00Z", "2026-10-01 00:00:00", "1790812800", "1790812800000"] {
            assert_eq!(text.parse::<Start>().map(Start::seconds), Ok(1_790_812_800), "{text}");
        }
        for text in ["tomorrow", "2026-13-01T00:00:00Z", "-5", "40000000000"] {
            assert!(text.parse::<Start>().is_err(), "{text}");
        }
    }
}
