//! Values of the rules: numbers and text as they stand in the file enter, values that cannot be wrong leave.

use rand::Rng;
use serde::Deserialize;
use thiserror::Error;

use crate::weighted::whole;

/// A value that is out of its range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("found {found}: expected {expected}")]
pub struct ValueError {
    found: String,
    expected: &'static str,
}

pub(super) fn wrong(found: impl ToString, expected: &'static str) -> ValueError {
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
