//! The whole model for serving: one history and any number of candidates enter, scores leave. The weights are those of a
//! bundle's graphs: normalisations folded in, first layers split into the shares of the query, of the history and of both.
//!
//! A history is encoded once ([`HistoryEncoder`]). For a position with key a, the attention's first layer is a plain
//! product over the candidates, `q · (diag(a) · Wp + Wq - Wd) + (a · (Wa + Wd) + bias)`, whose hidden values stay in the
//! nearest cache through the second layer to the logit ([`CandidateScorer`]). What is kept of a pair is its logit.

mod candidates;
mod history;
mod layers;
#[cfg(test)]
mod tests;

pub use candidates::{CandidateScorer, Candidates, Reasons, ScorerWeights, Workspace};
pub use history::{Encoded, HistoryEncoder, HistoryWeights, Padding, Views};
pub use layers::LayersWeights;
