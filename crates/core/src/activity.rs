//! What shoppers did, counted: what was bought together, what is in demand, what is bought again. `export` counts it, a
//! bundle carries it as `activity.json`, the service answers from it. Products are ids of the bundle's vocabulary.
//!
//! Nothing of the file is trusted: [`Activity::parse`] leaves counts that agree with each other and with the vocabulary.

pub mod again;
mod check;

use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::event::Event;
use crate::files::{self, FileError};
use crate::text::{bounded, shortened};
use crate::timestamp::DAY;

/// Format of the file that this version writes and reads.
pub const FORMAT: &str = "slirec-activity/1";
/// Products that stand beside one at most.
pub const MOST_TOGETHER: usize = 20;
/// Counts of fewer baskets say nothing.
pub const LEAST_SUPPORT: u32 = 2;

/// A file of counts that contradicts itself.
#[derive(Debug, Error)]
#[error("{file}: {problem}")]
pub struct ActivityError {
    /// Where it was read.
    pub file: String,
    /// What was found and what was expected.
    pub problem: String,
}

/// Seconds without a purchase that end a basket.
pub const BASKET_GAP: f64 = 1_800.0;

/// A time before the end of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
pub enum Window {
    /// The last day.
    #[serde(rename = "1d")]
    Day,
    /// The last 7 days.
    #[default]
    #[serde(rename = "7d")]
    Week,
    /// The last 30 days.
    #[serde(rename = "30d")]
    Month,
    /// From the first day on.
    #[serde(rename = "all")]
    All,
}

impl Window {
    /// All of them, in the order of the file.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::All];

    /// The name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::All => "all",
        }
    }

    /// Its length in seconds; none for all of the time.
    pub fn seconds(self) -> Option<f64> {
        match self {
            Self::Day => Some(DAY),
            Self::Week => Some(7.0 * DAY),
            Self::Month => Some(30.0 * DAY),
            Self::All => None,
        }
    }

    /// How much an event of an age counts: half as much for each half of the window, nothing before it; of all the time
    /// every event counts alike.
    pub fn share(self, age: f64) -> f64 {
        match self.seconds() {
            None => 1.0,
            Some(seconds) if (0.0..seconds).contains(&age) => (-2.0 * age / seconds).exp2(),
            Some(_) => 0.0,
        }
    }
}

/// Counts of one dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    format: String,
    /// Unix seconds of the last interaction, from which the windows reach back.
    pub end: f64,
    /// What baskets hold: purchases, or views of one session where there are no purchases.
    pub baskets_of: Event,
    /// A basket ends where the user does nothing for so many seconds.
    pub basket_gap: f64,
    /// Number of baskets.
    pub baskets: u64,
    /// Products with any count, in the order of their ids.
    #[serde(deserialize_with = "bounded")]
    pub products: Vec<ProductActivity>,
}

/// Counts of a product.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductActivity {
    /// Its id in the vocabulary.
    pub id: u32,
    /// Baskets with it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub baskets: u32,
    /// Ids of the products that stand in the same baskets, and in how many, at most [`MOST_TOGETHER`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<(u32, u32)>,
    /// How much it was in demand in each [`Window`].
    #[serde(default, skip_serializing_if = "is_without_demand")]
    pub demand: [f64; 4],
    /// How it is bought again; none without a purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Repeats>,
}

/// How a product is bought again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeats {
    /// Users who bought it.
    pub buyers: u32,
    /// Those who bought it in more than one basket.
    pub repeaters: u32,
    /// Median of the seconds between two such purchases; none without repeaters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<f64>,
}

/// How sure it is that what stands in a basket with one product has another, by the baskets with both and with the one.
pub fn confidence(support: u32, baskets: u32) -> f64 {
    f64::from(support) / f64::from(baskets.max(1))
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn is_without_demand(demand: &[f64; 4]) -> bool {
    *demand == [0.0; 4]
}

impl Activity {
    /// Counts that were just made.
    pub fn new(end: f64, baskets_of: Event, basket_gap: f64, baskets: u64, products: Vec<ProductActivity>) -> Self {
        Self { format: FORMAT.to_owned(), end, baskets_of, basket_gap, baskets, products }
    }

    /// Parses the content of an `activity.json` for a vocabulary of `items` items; `path` is only named in errors.
    ///
    /// # Errors
    /// [`ActivityError`], naming the file and what is wrong in it.
    pub fn parse(bytes: &[u8], items: usize, path: &Path) -> Result<Self, ActivityError> {
        let invalid = |problem| ActivityError { file: path.display().to_string(), problem };
        let activity: Self = serde_json::from_slice(bytes).map_err(|error| invalid(shortened(&error.to_string())))?;
        activity.check(items).map_err(invalid)?;
        Ok(activity)
    }

    /// Writes `activity.json`.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        // Compact, as it holds many numbers.
        let bytes = serde_json::to_vec(self).map_err(|reason| FileError::Json { path: path.to_owned(), reason })?;
        files::write_aside(path, &bytes)
    }
}

#[cfg(test)]
mod tests;
