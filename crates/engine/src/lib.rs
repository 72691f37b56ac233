//! Bundle in, scores out: the only crate that names ONNX Runtime.
//!
//! An [`Engine`] loads a bundle, prepares its candidates once and answers [`RecommendationRequest`]s on a few worker
//! threads. A [`BundleScorer`] scores any candidates on the caller's thread, for evaluation and export. What computes is
//! one of two backends: kernels of our own, or ONNX Runtime.

mod backend;
mod blocks;
mod bundle_scorer;
mod candidates;
mod counts;
mod diversity;
mod engine;
mod error;
mod front;
mod graphs;
mod history;
mod intake;
mod model;
mod options;
mod order;
mod overload;
mod page;
mod queue;
mod ranking;
mod recommender;
mod request;
mod runtime;
mod selection;
mod self_contained;
mod shortlist;
#[cfg(test)]
mod simulation;
mod source;
mod spread;
mod sync;
mod tensors;
mod texts;
mod unscored;
mod worker;

pub use bundle_scorer::BundleScorer;
pub use candidates::CandidateIds;
pub use engine::{Ended, Engine};
pub use error::{EngineError, Overloaded};
pub use graphs::check as check_graphs;
pub use history::{ViewHistory, ViewedItem};
pub use intake::Admission;
pub use options::{EngineOptions, Kernels};
pub use queue::Priority;
pub use request::{
    ExplainedLogit, Explanation, Explanations, RecommendationRequest, Recommendations, ScoredProduct, Selection,
    Timings,
};
pub use runtime::{Device, ExecutionProvider};
pub use self_contained::{Answer, SELF_CONTAINED_GRAPH, SelfContainedModel, self_contained};
pub use slirec_kernels::request::ranking::Terms;
pub use source::{Counted, Evidence, Source};
pub use texts::Texts;
pub use worker::Caller;
