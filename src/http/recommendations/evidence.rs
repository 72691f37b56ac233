//! What counts say of a product of an answer: the engine's evidence enters, what clients read leaves.

use serde::Serialize;
use slirec_engine::{Counted, Evidence, Source};
use utoipa::ToSchema;

use crate::serving::Served;

/// Where the scores come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Source)]
pub(super) enum SourceName {
    Model,
    Popular,
    BoughtTogether,
    ViewedTogether,
    BuyAgain,
    TrendingInCategory,
    Trending,
}

impl From<Source> for SourceName {
    fn from(source: Source) -> Self {
        match source {
            Source::Model => Self::Model,
            Source::Popular => Self::Popular,
            Source::BoughtTogether => Self::BoughtTogether,
            Source::ViewedTogether => Self::ViewedTogether,
            Source::BuyAgain => Self::BuyAgain,
            Source::TrendingInCategory => Self::TrendingInCategory,
            Source::Trending => Self::Trending,
        }
    }
}

/// That a product stands in the same baskets as one of the history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Together)]
pub(super) struct Together<'a> {
    /// The product that it stands beside most; left out when the catalogue does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "novel")]
    with: Option<&'a str>,
    /// Baskets with both.
    support: u32,
    /// Their share of the baskets with that product.
    #[schema(minimum = 0, maximum = 1)]
    confidence: f32,
}

/// How the shopper buys a product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Again)]
pub(super) struct Again {
    /// How often it was bought.
    count: u32,
    /// When it was bought last, Unix seconds, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last: Option<f64>,
    /// Seconds from one purchase to the next, by this shopper and all others.
    interval: f64,
    /// Whether a tenth of the interval has passed.
    due: bool,
}

/// What counts say of one product.
#[derive(Debug, Default)]
pub(super) struct Counts<'a> {
    /// Where its score comes from, if that is not where the answer's first ones do.
    pub(super) source: Option<SourceName>,
    pub(super) together: Option<Together<'a>>,
    pub(super) again: Option<Again>,
}

impl<'a> Counts<'a> {
    /// Of a product in an answer of this source; behind what counts gave stands what the rest of the chain ranked.
    pub(super) fn new(served: &'a Served, counted: Option<Counted>, of_answer: Source, rest: Source) -> Self {
        let source = counted.map_or(rest, |counted| counted.source);
        let source = (source != of_answer).then(|| source.into());
        let (mut together, mut again) = (None, None);
        match counted.map(|counted| counted.evidence) {
            Some(Evidence::Together { with, support, confidence }) => {
                let with = with.and_then(|with| served.engine.catalog().products().get(with));
                together = Some(Together { with: with.map(|product| product.handle.as_str()), support, confidence });
            }
            Some(Evidence::Again { count, last, interval, is_due }) => {
                again = Some(Again { count, last, interval, due: is_due });
            }
            Some(Evidence::Demand) | None => {}
        }
        Self { source, together, again }
    }
}
