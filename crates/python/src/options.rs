//! What a call asks for beside its sessions: a dictionary of Python's enters, checked values leave.

use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use slirec_core::timestamp;
use slirec_engine::{Selection, Texts};
use slirec_merchandising::Wish;

use crate::errors::{failure, unusable};

/// As `../python/slirec/_serving.py` passes it; the service's fields of the same names.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    limit: i64,
    offset: i64,
    exclude_seen: bool,
    exclude_purchased: bool,
    min_score: Option<f32>,
    exclude: Vec<String>,
    include_only: Option<Vec<String>>,
    categories: Option<Vec<String>>,
    exclude_categories: Vec<String>,
    per_category: Option<i64>,
    filter: Option<String>,
    per: Option<Vec<(String, i64)>>,
    diversity: Option<f32>,
    now: Option<f64>,
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
        let cap = |(name, most): (String, i64)| Ok((name, count("per", most, 1)?));
        let per = self.per.map(|per| per.into_iter().map(cap).collect::<PyResult<_>>()).transpose()?;
        let diversity = probability("diversity", self.diversity)?;
        let wishes = self.filter.is_some() || per.is_some() || diversity.is_some();
        let wish = Wish { scenario: None, filter: self.filter, per, diversity, viewed: None, now };
        Ok(Question {
            limit: count("limit", self.limit, 1)?,
            now,
            selection: Selection {
                offset: count("offset", self.offset, 0)?,
                min_score: probability("min_score", self.min_score)?,
                exclude_seen: self.exclude_seen,
                exclude_purchased: self.exclude_purchased,
                allowed: None,
                exclude: products(self.exclude),
                include_only: self.include_only.map(products),
                categories: self.categories.map(Texts::from_iter),
                exclude_categories: Texts::from_iter(self.exclude_categories),
                per_category: self.per_category.map(|most| count("per_category", most, 1)).transpose()?,
            },
            wish: wishes.then_some(wish),
        })
    }
}

fn count(name: &str, value: i64, least: usize) -> PyResult<usize> {
    let found = usize::try_from(value).ok().filter(|value| *value >= least);
    found.ok_or_else(|| unusable(format!("{name} is {value}: expected a whole number from {least}")))
}

fn clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

/// Unix seconds of a time as text: a number of seconds or milliseconds, or ISO 8601.
#[pyfunction]
pub(crate) fn seconds(text: &str) -> PyResult<f64> {
    let seconds = timestamp::from_iso(text).map_or_else(|| timestamp::from_text(text), timestamp::from_number);
    seconds.map_err(|error| unusable(error.to_string()))
}
