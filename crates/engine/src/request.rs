//! What the engine is asked and what it answers: plain data, parsed by whoever calls.

/// One product that the shopper viewed.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewedItem {
    /// Handle of the product; the engine need not know it.
    pub handle: String,
    /// When it was viewed, Unix seconds.
    pub timestamp: f64,
}

/// Asks for the best products after a history.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendationRequest {
    /// What the shopper viewed, in order of arrival, of any length; nothing is sorted.
    pub history: Vec<ViewedItem>,
    /// Time of the prediction, Unix seconds.
    pub now: f64,
    /// How many products to answer at most.
    pub limit: usize,
}

/// Where the scores come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The model scored the candidates for this history.
    Model,
    /// The history is empty or holds no known item: products by their number of training interactions.
    Popular,
}

/// A product with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredProduct {
    /// Index into the products of [`crate::Engine::catalog`].
    pub product: usize,
    /// Probability from the model; for popular products, interactions as a share of the most popular one's.
    pub score: f32,
}

/// The answer: falling scores, equal scores in order of the handles.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendations {
    /// Where the scores come from.
    pub source: Source,
    /// At most `limit` available products.
    pub products: Vec<ScoredProduct>,
    /// Number of history items that the model does not know.
    pub unknown_items: usize,
    /// Number of candidates that were scored for this answer.
    pub scored_candidates: usize,
}
