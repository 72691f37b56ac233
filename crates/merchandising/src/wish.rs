//! What one request wishes and what comes of it, as plain data.

use std::sync::Arc;

use slirec_core::arrangement::Arrangement;
use slirec_core::product_set::ProductSet;
use slirec_core::sources::Sources;
use thiserror::Error;

use crate::filter::FilterError;

/// What a request says beside its history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wish {
    /// The placement.
    pub scenario: Option<String>,
    /// The text of a filter; goes before the scenario's.
    pub filter: Option<String>,
    /// Most products for each value of some columns; goes before the scenario's.
    pub per: Option<Vec<(String, usize)>>,
    /// How different the products should be, 0 to 1; goes before the scenario's.
    pub diversity: Option<f32>,
    /// The product that the shopper viewed last.
    pub viewed: Option<usize>,
    /// Unix seconds.
    pub now: f64,
}

/// What a request wishes and cannot have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WishError {
    /// There is no such scenario.
    #[error("scenario: {0}")]
    Scenario(String),
    /// The filter cannot be used.
    #[error("filter: {0}")]
    Filter(FilterError),
    /// Products cannot be counted by a column.
    #[error("per: {0}")]
    Per(String),
}

/// How the filter of a request was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterUse {
    /// It had been read before.
    Known,
    /// It was read.
    New,
}

/// How the products are to be arranged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arranged {
    /// The only products that may be answered; none for all.
    pub allowed: Option<Arc<ProductSet>>,
    /// Their order.
    pub arrangement: Arrangement,
    /// What answers, if the scenario says so.
    pub sources: Option<Sources>,
    /// How the request's filter was found; none without one.
    pub filter: Option<FilterUse>,
    /// True when a scenario was named that is not in effect now.
    pub out_of_effect: bool,
}
