//! Bundle in, scores out: the only crate that names ONNX Runtime.
//!
//! An [`Engine`] loads a bundle, prepares its candidates once and answers [`RecommendationRequest`]s on a few worker
//! threads. A [`BundleScorer`] scores any candidates on the caller's thread, for evaluation and export.

mod candidates;
mod engine;
mod error;
mod fused;
mod graphs;
mod history;
mod model;
mod overload;
mod queue;
mod ranking;
mod request;
mod runtime;
mod scorer;
mod selection;
mod self_contained;
mod spread;
mod stock;
mod texts;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use slirec_core::bundle::Bundle;
use slirec_core::history::EncodedHistory;

pub use candidates::CandidateIds;
pub use engine::{Admission, Ended, Engine};
pub use error::{EngineError, Overloaded};
pub use graphs::check as check_graphs;
pub use history::{ViewHistory, ViewedItem};
pub use queue::Priority;
pub use request::{Explanation, RecommendationRequest, Recommendations, ScoredProduct, Selection, Source, Timings};
pub use runtime::ExecutionProvider;
pub use scorer::{Kernels, Precision, PreparedCandidates};
pub use self_contained::{Answer, SELF_CONTAINED_GRAPH, SelfContainedModel, self_contained};
pub use texts::Texts;
pub use worker::Caller;

use runtime::SessionMaker;
use scorer::{Backend, Scorer};

/// How to load a bundle.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// ONNX Runtime's shared library; none: from `ORT_DYLIB_PATH`, or else `../lib/slirec` beside the program's folder, or
    /// else found by the system's loader. The first
    /// engine of a process decides.
    pub onnxruntime: Option<PathBuf>,
    /// Execution providers, most preferred first; those that are not available are passed over with a log line.
    pub execution_providers: Vec<ExecutionProvider>,
    /// Worker threads, each with its own sessions; at least 1.
    pub workers: usize,
    /// How long a request may wait for a worker, unless the catalogue makes each take long; none: until its deadline.
    pub queue_wait: Option<Duration>,
    /// Which code computes; falls back where the wanted one cannot.
    pub kernels: Kernels,
    /// How precisely all candidates of a large catalogue are scored; falls back where the wanted one would not be faster.
    pub precision: Precision,
    /// From this many candidates on they are scored roughly first, if `precision` says so.
    pub approximate_from: usize,
    /// Scores roughly even where the processor has no instructions for it, in plain code: slower, for tests.
    pub emulate_bf16: bool,
    /// From this many candidates on, a request's blocks are spread over all workers that have nothing else to do.
    pub spread_from: usize,
}

impl Default for EngineOptions {
    /// One worker on the processor.
    fn default() -> Self {
        Self {
            onnxruntime: None,
            execution_providers: vec![ExecutionProvider::Cpu],
            workers: 1,
            queue_wait: None,
            kernels: Kernels::Fused,
            precision: Precision::F32,
            approximate_from: 1_000,
            emulate_bf16: false,
            spread_from: 1_000,
        }
    }
}

/// Which model an engine serves.
#[derive(Debug, Clone)]
pub struct ModelInfo {
    /// Name from the manifest.
    pub name: String,
    /// Version from the manifest.
    pub version: String,
    /// SHA-256 of the manifest.
    pub sha256: String,
    /// When it was made, RFC 3339.
    pub created: String,
}

/// The graphs of a bundle on the caller's thread, for any candidates.
#[derive(Debug)]
pub struct BundleScorer {
    backend: Backend,
    scorer: Scorer,
}

impl BundleScorer {
    /// Reads and checks a bundle, without its golden requests, and runs it on the processor.
    ///
    /// # Errors
    /// [`EngineError`] when the bundle or ONNX Runtime cannot be used.
    pub fn load(directory: &Path, onnxruntime: Option<&Path>) -> Result<Self, EngineError> {
        Self::from_bundle(&Bundle::read(directory)?, onnxruntime)
    }

    /// As [`BundleScorer::load`], for a bundle in memory: by ONNX Runtime, as anybody who uses the files.
    ///
    /// # Errors
    /// [`EngineError`] when a graph or ONNX Runtime cannot be used.
    pub fn from_bundle(bundle: &Bundle, onnxruntime: Option<&Path>) -> Result<Self, EngineError> {
        Self::with_kernels(bundle, onnxruntime, Kernels::Stock)
    }

    /// As [`BundleScorer::from_bundle`], by other kernels where they can be used.
    ///
    /// # Errors
    /// As for [`BundleScorer::from_bundle`].
    pub fn with_kernels(bundle: &Bundle, onnxruntime: Option<&Path>, kernels: Kernels) -> Result<Self, EngineError> {
        graphs::check(bundle)?;
        let graph = &bundle.scores_graph;
        let providers = [ExecutionProvider::Cpu];
        let maker = SessionMaker::choose(onnxruntime, &providers, slirec_core::bundle::SCORES_GRAPH, graph)?;
        let backend = Backend::choose(kernels, None, &maker, bundle)?;
        Ok(Self { scorer: backend.scorers(&maker, bundle).scorer()?, backend })
    }

    /// Which code computes.
    pub fn kernels(&self) -> Kernels {
        self.backend.kernels()
    }

    /// Computes what depends on the candidates alone.
    ///
    /// # Errors
    /// [`EngineError::Session`] for ids beyond the embedding tables.
    pub fn prepare(&mut self, ids: &CandidateIds) -> Result<PreparedCandidates, EngineError> {
        self.backend.prepare(ids)
    }

    /// A score for every candidate, in their order.
    ///
    /// # Errors
    /// [`EngineError::Session`] when ONNX Runtime fails.
    pub fn score(
        &mut self,
        history: &EncodedHistory,
        candidates: &PreparedCandidates,
    ) -> Result<Vec<f32>, EngineError> {
        self.scorer.score(history, candidates)
    }

    /// Why each candidate gets its score.
    ///
    /// # Errors
    /// As for [`BundleScorer::score`].
    pub fn explain(
        &mut self,
        history: &EncodedHistory,
        candidates: &PreparedCandidates,
    ) -> Result<Vec<Explanation>, EngineError> {
        let history = self.scorer.encode(history)?;
        self.scorer.explain(&history, candidates)
    }
}
