//! The answers of `/v1`: what the engine recommends enters, what clients read leaves.

use serde::Serialize;
use slirec_core::catalog::Product;
use slirec_engine::Recommendations;
use utoipa::ToSchema;

use super::evidence::{Again, Counts, SourceName, Together};
use super::explanations::Why;
use super::names::Warning;
use super::requests::Echo;
use super::ruled::Acting;
use crate::attributes::ShownAttributes;
use crate::http::values::SessionId;
use crate::registry::Registered;
use crate::serving::Served;

/// The best products of a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recommendations)]
pub(crate) struct RecommendationAnswer<'a> {
    /// The request's, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    id: Option<&'a SessionId>,
    model: Model<'a>,
    /// What gave the first products: `model`, or `popular` for an empty or unknown history and for an overloaded service,
    /// or what was counted.
    source: SourceName,
    /// The scenario whose rules applied; left out without one, or when it is not in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scenario: Option<&'a str>,
    /// Falling scores, unless rules or variety put products into another order.
    items: Vec<Item<'a>>,
    /// Views whose product the service does not know, among the last ones, which the model uses.
    unknown_items: usize,
    /// What in the request names nothing, and so had no effect; left out when there is nothing to say.
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    #[schema(required = false)]
    warnings: &'a [Warning],
}

/// The best products of several sessions, in their order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchRecommendations)]
pub(crate) struct BatchAnswer<'a> {
    model: Model<'a>,
    /// One for each session.
    answers: Vec<Session<'a>>,
}

/// Given products in the order of their scores.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ranking)]
pub(crate) struct RankAnswer<'a> {
    model: Model<'a>,
    /// What gave the first products: `model`, or `popular` for an empty or unknown history and for an overloaded service,
    /// or what was counted.
    source: SourceName,
    /// Falling scores, unless rules or variety put products into another order.
    items: Vec<Item<'a>>,
    /// Views whose product the service does not know, among the last ones, which the model uses.
    unknown_items: usize,
    /// What in the request names nothing, and so had no effect; left out when there is nothing to say.
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    #[schema(required = false)]
    warnings: &'a [Warning],
    /// Candidates that are not in the catalogue or not available, as they were given.
    unranked: &'a [String],
}

/// Which model answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(super) struct Model<'a> {
    #[schema(example = "slirec-demo")]
    name: &'a str,
    #[schema(example = "1")]
    version: &'a str,
    /// What it is called in the registry, if it came from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    registry: Option<&'a Registered>,
}

/// The best products of one session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionRecommendations)]
pub(super) struct Session<'a> {
    /// The request's, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, nullable = false)]
    id: Option<&'a SessionId>,
    /// What gave the first products: `model`, or `popular` for an empty or unknown history and for an overloaded service,
    /// or what was counted.
    source: SourceName,
    /// The scenario whose rules applied; left out without one, or when it is not in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scenario: Option<&'a str>,
    /// Falling scores, unless rules or variety put products into another order.
    items: Vec<Item<'a>>,
    /// Views whose product the service does not know, among the last ones, which the model uses.
    unknown_items: usize,
    /// What in the request names nothing, and so had no effect; left out when there is nothing to say.
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    #[schema(required = false)]
    warnings: &'a [Warning],
}

/// A recommended product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Item)]
struct Item<'a> {
    #[schema(example = "atlas")]
    handle: &'a str,
    #[schema(example = "gid://shopify/Product/14809003753817")]
    gid: &'a str,
    title: &'a str,
    category: &'a str,
    /// Of the model: a probability. Of popularity: interactions as a share of the most popular product's. Of `trending`
    /// and `buy_again`: a share of the greatest one's. Of `bought_together` and `viewed_together`: the mean confidence
    /// over the products of the cart.
    #[schema(minimum = 0, maximum = 1)]
    score: f32,
    /// Where this score comes from; left out where it is the answer's source.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    source: Option<SourceName>,
    /// What was counted, of products that are bought or viewed together with those of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    together: Option<Together<'a>>,
    /// How the shopper buys it, of products that are bought again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    again: Option<Again>,
    /// Why the model gave this score, if the request asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    explanation: Option<Why<'a>>,
    /// What the scenario's rules did to it, if the request asked for explanations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rules: Option<Acting<'a>>,
    /// Values of the attributes that the request asked for and the product has, by name; left out when there are none.
    #[serde(skip_serializing_if = "ShownAttributes::is_empty")]
    #[schema(value_type = Object, required = false)]
    attributes: ShownAttributes<'a>,
}

impl<'a> RecommendationAnswer<'a> {
    pub(super) fn new(served: &'a Served, echo: &'a Echo, found: &Recommendations) -> Self {
        let Session { id, source, scenario, items, unknown_items, warnings } = Session::new(served, echo, found);
        Self { id, model: Model::new(served), source, scenario, items, unknown_items, warnings }
    }
}

impl<'a> BatchAnswer<'a> {
    pub(super) fn new(served: &'a Served, echoes: &'a [Echo], found: &[Recommendations]) -> Self {
        let answers = echoes.iter().zip(found).map(|(echo, found)| Session::new(served, echo, found));
        Self { model: Model::new(served), answers: answers.collect() }
    }
}

impl<'a> RankAnswer<'a> {
    pub(super) fn new(served: &'a Served, echo: &'a Echo, found: &Recommendations, unranked: &'a [String]) -> Self {
        let Session { source, items, unknown_items, warnings, .. } = Session::new(served, echo, found);
        Self { model: Model::new(served), source, items, unknown_items, warnings, unranked }
    }
}

impl<'a> Model<'a> {
    pub(super) fn new(served: &'a Served) -> Self {
        let model = served.engine.model();
        Self { name: &model.name, version: &model.version, registry: served.registered.as_ref() }
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(served: &'a Served, echo: &'a Echo, found: &Recommendations) -> Self {
        let (engine, products) = (&served.engine, found.products.iter().enumerate());
        let items = products.filter_map(|(index, scored)| {
            let product = engine.catalog().products().get(scored.product)?;
            let counted = found.counted.get(index).copied().flatten();
            let counts = Counts::new(served, counted, found.source, found.rest);
            // What counts gave has no score of the model to explain.
            let why = found.explanations.get(index).filter(|_| counted.is_none());
            let why = why.map(|why| Why::new(&echo.explained, why));
            let ruled = echo.ruled.as_ref().filter(|_| echo.is_explained);
            let position = found.positions_by_score.get(index).copied();
            let rules = ruled.and_then(|ruled| ruled.acting(served, scored.product, position));
            Some(Item::new(product, scored.score, counts, why, rules, ShownAttributes::new(product, &echo.attributes)))
        });
        Self {
            id: echo.id.as_ref(),
            source: found.source.into(),
            scenario: echo.ruled.as_ref().and_then(|ruled| ruled.scenario.as_deref()),
            items: items.collect(),
            unknown_items: found.unknown_items,
            warnings: &echo.warnings,
        }
    }
}

impl<'a> Item<'a> {
    fn new(
        product: &'a Product,
        score: f32,
        Counts { source, together, again }: Counts<'a>,
        explanation: Option<Why<'a>>,
        rules: Option<Acting<'a>>,
        attributes: ShownAttributes<'a>,
    ) -> Self {
        let Product { handle, gid, title, category, .. } = product;
        Self { handle, gid, title, category, score, source, together, again, explanation, rules, attributes }
    }
}
