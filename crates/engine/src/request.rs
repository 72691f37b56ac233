//! What the engine is asked and what it answers: plain data, parsed by the caller.

use std::sync::Arc;
use std::time::Duration;

use slirec_core::activity::Window;
use slirec_core::arrangement::Arrangement;
use slirec_core::product_set::ProductSet;
use slirec_core::sources::Sources;
use slirec_core::vocabulary::KnownUser;
use slirec_kernels::request::ranking::{ExplainedLogits, Terms};

use crate::history::ViewHistory;
use crate::source::{Counted, Source};
use crate::texts::Texts;

/// Asks for the best products after a history.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendationRequest {
    /// What the shopper viewed, in order of arrival, of any length; nothing is sorted. Requests may share it.
    pub history: Arc<ViewHistory>,
    /// Time of the prediction, Unix seconds.
    pub now: f64,
    /// How many products to answer at most.
    pub limit: usize,
    /// Which of the available products may be answered.
    pub selection: Selection,
    /// How they are arranged.
    pub arrangement: Arrangement,
    /// What may answer.
    pub sources: Sources,
    /// Time in which demand is counted.
    pub window: Window,
    /// What is known of the shopper, as [`crate::Engine::users`] finds it.
    pub user: KnownUser,
    /// Whether to say which views weighed most, and where products would stand by their scores alone.
    pub explain: bool,
}

impl RecommendationRequest {
    /// Asks for the best of all available products, unexplained.
    pub fn new(history: ViewHistory, now: f64, limit: usize) -> Self {
        Self {
            history: Arc::new(history),
            now,
            limit,
            selection: Selection::default(),
            arrangement: Arrangement::default(),
            sources: Sources::default(),
            window: Window::default(),
            user: KnownUser::default(),
            explain: false,
        }
    }
}

/// Narrows an answer; the default narrows nothing. Products that the catalogue calls unavailable are never answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// Products to leave out at the beginning of the answer.
    pub offset: usize,
    /// Lowest score to answer.
    pub min_score: Option<f32>,
    /// Leaves out what the history holds.
    pub exclude_seen: bool,
    /// Leaves out what the history says was bought.
    pub exclude_purchased: bool,
    /// The only products of the catalogue that may be answered.
    pub allowed: Option<Arc<ProductSet>>,
    /// Handles to leave out.
    pub exclude: Texts,
    /// The only handles that may be answered.
    pub include_only: Option<Texts>,
    /// The only categories that may be answered.
    pub categories: Option<Texts>,
    /// Categories to leave out.
    pub exclude_categories: Texts,
    /// Most products of one category in the answer, counted from the best product on, whatever the offset.
    pub per_category: Option<usize>,
}

/// A product with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredProduct {
    /// Index into the products of [`crate::Engine::catalog`].
    pub product: usize,
    /// Probability from the model; for popular products, interactions as a share of the most popular one's; of counts a
    /// share from 0 to 1, too.
    pub score: f32,
}

/// Why the model gave a product its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Explanation<'a> {
    /// Share of the long-term interest in the score, 0 to 1; the rest is the short-term interest that `attention` is of.
    pub long_term_share: f32,
    /// Attention to each of the last positions of the history, in their order; the sum is 1. The ranking network reads no
    /// views of products that it does not know: theirs is 0.
    pub attention: &'a [f32],
    /// What the logit is made of; of the ranking network alone, where its kernels score.
    pub logit: Option<ExplainedLogit<'a>>,
}

/// What the logit of a product is made of: `score = min(1, exp(sum of the terms - normaliser))`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExplainedLogit<'a> {
    /// Its terms, whose sum it is.
    pub terms: Terms,
    /// What each of the last positions of the history, in their order, gave to the terms that are sums over views: the
    /// long-term interest, the last view, transitions, repeats and co-occurrence. Their sum is that of these terms.
    pub views: &'a [f32],
    /// The logarithm of the sum of all items' exponentials.
    pub normaliser: f32,
}

/// Explanations of some products, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explanations {
    /// `[N]`
    long_term_shares: Vec<f32>,
    /// `[N, L]`
    attention: Vec<f32>,
    logits: Option<ExplainedLogits>,
}

impl Explanations {
    pub(crate) fn new(long_term_shares: Vec<f32>, attention: Vec<f32>) -> Self {
        Self { long_term_shares, attention, logits: None }
    }

    pub(crate) fn with_logits(self, logits: ExplainedLogits) -> Self {
        Self { logits: Some(logits), ..self }
    }

    /// From the positions that the model read to all used ones: the others have no part in anything.
    pub(crate) fn by_position(mut self, read: &[bool]) -> Self {
        let count = read.iter().filter(|read| **read).count();
        if count == read.len() {
            return self;
        }
        let spread = |rows: &[f32]| {
            let of_row = |row: &[f32]| {
                let mut values = row.iter().copied();
                read.iter().map(|read| if *read { values.next().unwrap_or_default() } else { 0.0 }).collect::<Vec<_>>()
            };
            rows.chunks(count.max(1)).flat_map(of_row).collect()
        };
        self.attention = spread(&self.attention);
        if let Some(logits) = &mut self.logits {
            logits.views = spread(&logits.views);
        }
        self
    }

    /// Number of products.
    pub fn len(&self) -> usize {
        self.long_term_shares.len()
    }

    /// True without a product.
    pub fn is_empty(&self) -> bool {
        self.long_term_shares.is_empty()
    }

    /// Of the product at a position.
    pub fn get(&self, position: usize) -> Option<Explanation<'_>> {
        let long_term_share = *self.long_term_shares.get(position)?;
        let length = self.attention.len() / self.len();
        let range = position * length..(position + 1) * length;
        let attention = self.attention.get(range.clone())?;
        let logit = self.logits.as_ref().and_then(|logits| {
            let (terms, views) = (*logits.terms.get(position)?, logits.views.get(range)?);
            Some(ExplainedLogit { terms, views, normaliser: logits.normaliser })
        });
        Some(Explanation { long_term_share, attention, logit })
    }

    /// Shares of the long-term interest, `[N]`.
    pub fn long_term_shares(&self) -> &[f32] {
        &self.long_term_shares
    }

    /// Attention to the last positions of the history, `[N, L]` row by row.
    pub fn attention(&self) -> &[f32] {
        &self.attention
    }
}

/// How long the parts of an answer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// Waiting for a worker.
    pub queued: Duration,
    /// From handles to what the history graph computes.
    pub encode: Duration,
    /// Scoring the candidates and ranking them.
    pub score: Duration,
}

/// The answer: falling scores, unless the request arranges products otherwise; equal ones of the model in order of the
/// handles, of popularity in that of the training.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendations {
    /// Where the scores of the first products come from.
    pub source: Source,
    /// Where those of products come from that nothing was counted of.
    pub rest: Source,
    /// At most `limit` available products.
    pub products: Vec<ScoredProduct>,
    /// What was counted of each product; empty where nothing was.
    pub counted: Vec<Option<Counted>>,
    /// One for each product, if the request asked for them and the model scored.
    pub explanations: Explanations,
    /// For each product its position by the scores alone, from 1, if the request asked for explanations and arranges
    /// products otherwise.
    pub positions_by_score: Vec<usize>,
    /// Number of items that the model does not know, among the last ones of the history, which it uses.
    pub unknown_items: usize,
    /// Number of candidates that were scored for this answer.
    pub scored_candidates: usize,
    /// How many of them were scored exactly, as all of the best are among them; none where all were.
    pub shortlist: Option<usize>,
    /// Number of scores that were not finite; such products are left out.
    pub spoiled_scores: usize,
    /// How long it took.
    pub timings: Timings,
}
