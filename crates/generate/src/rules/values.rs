//! Values of the rules: numbers and text as they stand in the file enter, values that cannot be wrong leave.

use std::str::FromStr;

use rand::Rng;
use serde::Deserialize;
use slirec_core::timestamp;
use thiserror::Error;

use crate::weighted::{Weighted, whole};

/// Hours of a day.
const HOURS: usize = 24;

/// Most days that can be recorded: a century.
const MOST_DAYS: u32 = 36_500;

/// One past the latest start, the year 3000: a century later is still distinct from milliseconds.
const LATEST_START: f64 = 32_503_680_000.0;

/// A value that is out of its range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("found {found}: expected {expected}")]
pub struct ValueError {
    found: String,
    expected: &'static str,
}

fn wrong(found: impl ToString, expected: &'static str) -> ValueError {
    ValueError { found: found.to_string(), expected }
}

/// A probability from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Probability(f64);

impl Probability {
    /// One of the default values, known to be in range.
    pub(super) const fn known(value: f64) -> Self {
        Self(value)
    }

    /// Whether it happens this time.
    pub(crate) fn happens(self, random: &mut impl Rng) -> bool {
        random.random_bool(self.0)
    }
}

impl TryFrom<f64> for Probability {
    type Error = ValueError;

    fn try_from(value: f64) -> Result<Self, ValueError> {
        let fits = (0.0..=1.0).contains(&value);
        if fits { Ok(Self(value)) } else { Err(wrong(value, "a probability from 0 to 1")) }
    }
}

/// How often something is drawn, compared with the others: above 0, at most 1e6.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Weight(f64);

impl Weight {
    pub(crate) fn whole(self) -> u64 {
        whole(self.0)
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f64> for Weight {
    type Error = ValueError;

    fn try_from(value: f64) -> Result<Self, ValueError> {
        let fits = value > 0.0 && value <= 1e6;
        if fits { Ok(Self(value)) } else { Err(wrong(value, "a weight above 0, at most 1000000")) }
    }
}

/// Exponent of a Zipf distribution, from 0 (all the same) to 3.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Skew(f64);

impl Skew {
    /// One of the default values, known to be in range.
    pub(super) const fn known(value: f64) -> Self {
        Self(value)
    }

    /// Weight of a rank, from 0: 1 / (rank + 1)^skew.
    pub(crate) fn weight(self, rank: usize) -> u64 {
        whole((rank as f64 + 1.0).powf(-self.0))
    }
}

impl TryFrom<f64> for Skew {
    type Error = ValueError;

    fn try_from(value: f64) -> Result<Self, ValueError> {
        let fits = (0.0..=3.0).contains(&value);
        if fits { Ok(Self(value)) } else { Err(wrong(value, "an exponent from 0 to 3")) }
    }
}

/// A number from `min` to `max`, both included, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawInterval")]
pub struct Interval {
    min: u32,
    max: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInterval {
    min: u32,
    max: u32,
}

impl Interval {
    /// One of the default values, known to be in range.
    pub(super) const fn known(min: u32, max: u32) -> Self {
        Self { min, max }
    }

    /// Checks 1 <= `min` <= `max`.
    pub fn new(min: u32, max: u32) -> Result<Self, ValueError> {
        let fits = 1 <= min && min <= max;
        let found = || format!("min = {min}, max = {max}");
        if fits { Ok(Self { min, max }) } else { Err(wrong(found(), "min of at least 1 and max not below min")) }
    }

    /// The smallest number.
    pub fn min(self) -> u32 {
        self.min
    }

    /// The largest number.
    pub fn max(self) -> u32 {
        self.max
    }

    /// Any number of the interval, all alike.
    pub(crate) fn draw(self, random: &mut impl Rng) -> u32 {
        random.random_range(self.min..=self.max)
    }

    /// A number of the interval, small ones more likely: half of them lie in the lowest eighth.
    pub(crate) fn draw_small(self, random: &mut impl Rng) -> u32 {
        let part: f64 = random.random();
        let width = f64::from(self.max) - f64::from(self.min) + 1.0;
        // Below `width`, as `part` is below 1.
        self.min.saturating_add((width * part * part * part) as u32).min(self.max)
    }
}

impl TryFrom<RawInterval> for Interval {
    type Error = ValueError;

    fn try_from(raw: RawInterval) -> Result<Self, ValueError> {
        Self::new(raw.min, raw.max)
    }
}

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
        let since = humantime::parse_rfc3339_weak(text.trim())
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .ok_or_else(|| wrong(format!("`{text}`"), START))?;
        Self::from_seconds(since.as_secs_f64(), text)
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
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn values_out_of_range_say_what_was_found_and_expected() {
        assert_eq!(
            Probability::try_from(1.5).unwrap_err().to_string(),
            "found 1.5: expected a probability from 0 to 1"
        );
        assert!(Probability::try_from(f64::NAN).is_err());
        assert!(Weight::try_from(0.0).is_err() && Weight::try_from(f64::INFINITY).is_err());
        assert!(Skew::try_from(-0.1).is_err());
        assert!(Interval::new(3, 2).unwrap_err().to_string().starts_with("found min = 3, max = 2: expected"));
        assert!(Interval::new(0, 2).is_err());
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

    #[test]
    fn drawn_numbers_stay_in_their_interval_and_small_ones_are_more_likely_when_asked() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let interval = Interval::new(4, 240).unwrap();
        let small: Vec<u32> = (0..4000).map(|_| interval.draw_small(&mut random)).collect();
        assert!(small.iter().all(|number| (4..=240).contains(number)));
        let low = small.iter().filter(|number| **number < 34).count();
        assert!((1850..2150).contains(&low), "{low}");
        assert!((0..1000).all(|_| (4..=240).contains(&interval.draw(&mut random))));
        let widest = Interval::new(1, u32::MAX).unwrap();
        assert!((0..1000).all(|_| widest.draw_small(&mut random) >= 1));
    }
}
