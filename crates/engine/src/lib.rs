//! Bundle in, scores out: the only crate that names ONNX Runtime.

mod request;

use std::path::{Path, PathBuf};

use slirec_core::catalog::Catalog;
use thiserror::Error;

pub use request::{RecommendationRequest, Recommendations, ScoredProduct, Source, ViewedItem};

/// Hardware that ONNX Runtime may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionProvider {
    /// NVIDIA GPUs.
    Cuda,
    /// The processor; always there.
    Cpu,
}

/// How to load a bundle.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// ONNX Runtime's shared library; none: from `ORT_DYLIB_PATH`, or else found by the system's loader.
    pub onnxruntime: Option<PathBuf>,
    /// Execution providers, most preferred first; those that are not available are passed over with a log line.
    pub execution_providers: Vec<ExecutionProvider>,
    /// Worker threads, each with its own sessions.
    pub workers: usize,
    /// Requests that may wait for a worker.
    pub queue_length: usize,
}

/// Why there is no engine or no answer.
#[derive(Debug, Error)]
pub enum EngineError {
    /// Replaced by the real variants.
    #[error("not built yet")]
    NotBuilt,
}

/// All workers are busy and the queue is full (or the engine is stopping): try again later.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("the engine is overloaded: its queue is full")]
pub struct Overloaded;

/// A loaded bundle with its worker threads; cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {}

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

impl Engine {
    /// Loads and verifies a bundle, prepares its candidates and starts the workers. Blocks.
    pub fn load(_directory: &Path, _options: &EngineOptions) -> Result<Self, EngineError> {
        Err(EngineError::NotBuilt)
    }
    /// Which model this is.
    pub fn model(&self) -> &ModelInfo {
        unreachable!()
    }
    /// The products that answers point into.
    pub fn catalog(&self) -> &Catalog {
        unreachable!()
    }
    /// What the sessions really run on.
    pub fn execution_provider(&self) -> ExecutionProvider {
        unreachable!()
    }
    /// Hands a request to the workers and returns at once; `reply` is called on a worker thread.
    pub fn submit(
        &self,
        _request: RecommendationRequest,
        _reply: impl FnOnce(Result<Recommendations, EngineError>) + Send + 'static,
    ) -> Result<(), Overloaded> {
        unreachable!()
    }
    /// Answers on a worker thread and waits for it: for programs without an async runtime.
    pub fn recommend(&self, _request: RecommendationRequest) -> Result<Recommendations, EngineError> {
        unreachable!()
    }
}
