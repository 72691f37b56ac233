//! Why a product has its score: what the engine explains enters, what clients read leaves, by the handles of the views.

use std::collections::HashMap;

use serde::Serialize;
use slirec_engine::{ExplainedLogit, Explanation, ViewHistory};
use utoipa::ToSchema;

/// Views that an explanation names at most.
const EXPLAINING_VIEWS: usize = 5;

/// Why the model gave a score.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
pub(super) struct Why<'a> {
    /// Share of the long-term interest; the rest is the short-term interest.
    #[schema(minimum = 0, maximum = 1)]
    long_term_share: f32,
    /// The products of the history that weighed most, at most five, by falling weight.
    attention: Vec<Weight<'a>>,
    /// What the score is made of, by the ranking network where its kernels score.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    logit: Option<Logit<'a>>,
}

/// How much the views of a product weighed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Weight)]
struct Weight<'a> {
    item: &'a str,
    /// Share of the attention; all views of the product together.
    #[schema(minimum = 0)]
    weight: f32,
}

/// What a score is made of: it is the exponential of the terms' sum less the normaliser, at most 1.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Logit)]
struct Logit<'a> {
    /// The sum of the terms.
    value: f32,
    /// The logarithm of the sum of all products' exponentials, which is the same for all.
    normaliser: f32,
    terms: Terms,
    /// What the views of a product gave to the terms that are sums over views (`long_term`, `last_view`, `transitions`,
    /// `repeats` and `cooccurrence`): the at most five products that gave or took most.
    views: Vec<Contribution<'a>>,
}

/// The terms of a logit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogitTerms)]
struct Terms {
    /// Of all views in their order, with the times between them.
    short_term: f32,
    /// Of all views, whatever their order.
    long_term: f32,
    /// Of the last view by itself.
    last_view: f32,
    /// Of the views, the last one and the time since then, mixed.
    mixed: f32,
    /// Of what is viewed after the last views.
    transitions: f32,
    /// Of the product, whatever the history.
    bias: f32,
    /// Of earlier views of the product itself.
    repeats: f32,
    /// Of counts of what is viewed near the last views.
    cooccurrence: f32,
}

/// What the views of a product gave to a logit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Contribution)]
struct Contribution<'a> {
    item: &'a str,
    contribution: f32,
}

impl<'a> Why<'a> {
    /// Attention and contributions are of the last views of the history.
    pub(super) fn new(history: &'a ViewHistory, explanation: Explanation<'_>) -> Self {
        let Explanation { long_term_share, attention, logit } = explanation;
        let weights = largest(history, attention).into_iter();
        Self {
            long_term_share,
            attention: weights.map(|(item, weight)| Weight { item, weight }).collect(),
            logit: logit.map(|logit| Logit::new(history, logit)),
        }
    }
}

impl<'a> Logit<'a> {
    fn new(history: &'a ViewHistory, explained: ExplainedLogit<'_>) -> Self {
        let ExplainedLogit { terms, views, normaliser } = explained;
        let contributions = largest(history, views).into_iter();
        Self {
            value: terms.sum(),
            normaliser,
            terms: Terms::from(terms),
            views: contributions.map(|(item, contribution)| Contribution { item, contribution }).collect(),
        }
    }
}

impl From<slirec_engine::Terms> for Terms {
    fn from(terms: slirec_engine::Terms) -> Self {
        let slirec_engine::Terms { short_term, long_term, last_view, mixed, transitions, bias, repeats, cooccurrence } =
            terms;
        Self { short_term, long_term, last_view, mixed, transitions, bias, repeats, cooccurrence }
    }
}

/// The products with the values of greatest magnitude, those of several views of one product added up.
fn largest<'a>(history: &'a ViewHistory, of_views: &[f32]) -> Vec<(&'a str, f32)> {
    let used = history.last(of_views.len());
    let mut sums: HashMap<&str, f32> = HashMap::new();
    for (view, value) in used.zip(of_views) {
        *sums.entry(view.handle).or_default() += value;
    }
    let mut sums: Vec<(&str, f32)> = sums.into_iter().collect();
    sums.sort_by(|left, right| right.1.abs().total_cmp(&left.1.abs()).then_with(|| left.0.cmp(right.0)));
    sums.truncate(EXPLAINING_VIEWS);
    sums
}
