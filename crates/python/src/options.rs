//! What a call asks for beside its sessions: a dictionary of Python's enters, checked values leave.

use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use slirec_core::timestamp::{self, TimestampError};
use slirec_core::vocabulary::{KnownUser, UserLookup, UserValue};
use slirec_engine::{Selection, Texts};
use slirec_merchandising::Wish;

use crate::errors::{failure, unusable};

/// As `../python/slirec/_serving.py` passes it, its whole numbers checked; the service's fields of the same names.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    limit: usize,
    offset: usize,
    exclude_seen: bool,
    exclude_purchased: bool,
    min_score: Option<f32>,
    exclude: Vec<String>,
    include_only: Option<Vec<String>>,
    categories: Option<Vec<String>>,
    exclude_categories: Vec<String>,
    per_category: Option<usize>,
    filter: Option<String>,
    per: Option<Vec<(String, usize)>>,
    diversity: Option<f32>,
    now: Option<f64>,
}

/// A value of an attribute of a shopper.
#[derive(FromPyObject)]
pub(crate) enum Said {
    Number(f64),
    Text(String),
    List(Vec<String>),
}

/// Who a session's shopper is, and what is said of them.
pub(crate) type Shopper = (Option<String>, Vec<(String, Said)>);

/// What the model knows of a shopper.
///
/// # Errors
/// A `ValueError` for an attribute that the model does not have, or whose value is of another type.
pub(crate) fn known((name, said): Shopper, users: &UserLookup) -> PyResult<KnownUser> {
    let value = |said| match said {
        Said::Number(number) => UserValue::Number(number),
        Said::Text(text) => UserValue::Text(text),
        Said::List(texts) => UserValue::List(texts),
    };
    let said: Vec<(String, UserValue)> = said.into_iter().map(|(name, said)| (name, value(said))).collect();
    let user = users.find(name.as_deref(), said.iter().map(|(name, value)| (name.as_str(), value)));
    user.map_err(|error| unusable(error.to_string()))
}

/// What every session of a call is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) limit: usize,
    pub(crate) now: f64,
    pub(crate) selection: Selection,
    /// None when nothing is wished; the viewed product is each session's own.
    pub(crate) wish: Option<Wish>,
}

impl Options {
    /// Checks the values; names of products become handles by `handle`.
    pub(crate) fn question(self, handle: impl Fn(&str) -> Option<String>) -> PyResult<Question> {
        let now = self.now.map_or_else(|| Ok(clock()), timestamp::from_number).map_err(failure)?;
        let products = |names: Vec<String>| names.iter().filter_map(|name| handle(name)).collect::<Texts>();
        let probability = |name: &str, value: Option<f32>| match value {
            Some(value) if !(0.0..=1.0).contains(&value) => {
                Err(unusable(format!("{name} is {value}: expected a number from 0 to 1")))
            }
            value => Ok(value),
        };
        let diversity = probability("diversity", self.diversity)?;
        let wishes = self.filter.is_some() || self.per.is_some() || diversity.is_some();
        let wish = Wish { scenario: None, filter: self.filter, per: self.per, diversity, viewed: None, now };
        Ok(Question {
            limit: self.limit,
            now,
            selection: Selection {
                offset: self.offset,
                min_score: probability("min_score", self.min_score)?,
                exclude_seen: self.exclude_seen,
                exclude_purchased: self.exclude_purchased,
                allowed: None,
                exclude: products(self.exclude),
                include_only: self.include_only.map(products),
                categories: self.categories.map(Texts::from_iter),
                exclude_categories: Texts::from_iter(self.exclude_categories),
                per_category: self.per_category,
            },
            wish: wishes.then_some(wish),
        })
    }
}

fn clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

/// Unix seconds of a time as text: a number of seconds or milliseconds, or ISO 8601.
#[pyfunction]
pub(crate) fn seconds(text: &str) -> PyResult<f64> {
    let seconds = match timestamp::from_iso(text) {
        // A far year is no number of milliseconds.
        Some(seconds) if seconds >= timestamp::MILLISECONDS_FROM => Err(TimestampError::OutOfRange(seconds)),
        Some(seconds) => timestamp::from_number(seconds),
        None => timestamp::from_text(text),
    };
    seconds.map_err(|error| unusable(error.to_string()))
}
