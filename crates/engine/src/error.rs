//! What can go wrong between a bundle and an answer.

use std::path::PathBuf;

use slirec_core::bundle::BundleError;
use slirec_core::history::HistoryError;
use slirec_onnx::check::GraphError;
use thiserror::Error;

/// Why there is no engine or no answer.
#[derive(Debug, Error)]
pub enum EngineError {
    /// ONNX Runtime's shared library cannot be loaded.
    #[error("cannot load ONNX Runtime from {path}: {problem}; fetch it with `make onnxruntime` or set ORT_DYLIB_PATH")]
    Library {
        /// Where it was looked for.
        path: PathBuf,
        /// Why it cannot be used.
        problem: String,
    },
    /// The bundle is refused.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A graph is refused before ONNX Runtime sees it.
    #[error("{graph}: {reason}")]
    Graph {
        /// The file.
        graph: &'static str,
        /// Why.
        reason: GraphError,
    },
    /// ONNX Runtime refuses a graph.
    #[error("{graph}: {problem}")]
    Session {
        /// The file.
        graph: &'static str,
        /// Why.
        problem: String,
    },
    /// A graph answers something else than was agreed.
    #[error("{graph}: output `{output}` is {found}: expected {expected}")]
    Output {
        /// The file.
        graph: &'static str,
        /// The output.
        output: String,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A bundle cannot become one graph.
    #[error("model.onnx: {0}")]
    SelfContained(String),
    /// The engine disagrees with the scores that training recorded.
    #[error("golden request {request}: {problem}")]
    Golden {
        /// Number of the request in the manifest, from 1.
        request: usize,
        /// What was found and what was expected.
        problem: String,
    },
    /// The execution provider that is required cannot be used.
    #[error(
        "execution provider `{provider}` cannot be used: {missing} (engine.require_provider = false: the processor instead)"
    )]
    Provider {
        /// Its name.
        provider: &'static str,
        /// What it misses.
        missing: String,
    },
    /// The history cannot be encoded.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A worker thread cannot be started.
    #[error("cannot start a worker thread")]
    Thread(#[from] std::io::Error),
    /// A worker failed inside; the request was given up, the engine goes on.
    #[error("scoring failed unexpectedly")]
    Worker,
    /// The engine takes no more requests.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
}

impl EngineError {
    /// Whether what computed may be at fault, and not what was asked.
    pub(crate) fn is_fault(&self) -> bool {
        matches!(self, Self::Session { .. } | Self::Output { .. } | Self::Worker)
    }
}

/// The engine has more to do than it can: try again later.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum Overloaded {
    /// The work ahead of the request does not fit the time that it may wait, or its deadline.
    #[error("the engine is overloaded: the request would wait too long")]
    QueueFull,
    /// The request had waited too long when its turn came.
    #[error("the engine is overloaded: the request waited too long")]
    WaitedTooLong,
    /// Its deadline was nearer than an answer when the request's turn came.
    #[error("the engine is overloaded: the request's deadline is too near")]
    DeadlineTooNear,
}
