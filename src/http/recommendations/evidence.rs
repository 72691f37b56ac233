//! What counts say of a product of an answer: the engine's evidence enters, what clients read leaves.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use slirec_engine::{Counted, Evidence, Source};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::serving::Served;

/// Where the scores come from, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SourceName(Source);

impl From<Source> for SourceName {
    fn from(source: Source) -> Self {
        Self(source)
    }
}

impl Serialize for SourceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl PartialSchema for SourceName {
    fn schema() -> RefOr<Schema> {
        let names = Some(Source::ALL.map(Source::name));
        let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(names);
        schema.description(Some("Where the scores come from.")).into()
    }
}

impl ToSchema for SourceName {
    fn name() -> Cow<'static, str> {
        "Source".into()
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
