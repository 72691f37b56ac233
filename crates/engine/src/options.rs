//! How an engine is to be loaded, by names that configuration, logs and metrics share.

use std::path::PathBuf;
use std::time::Duration;

use crate::ExecutionProvider;

/// How to load a bundle.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// ONNX Runtime's shared library; none: from `ORT_DYLIB_PATH`, or else `../lib/slirec` beside the program's folder,
    /// or else found by the system's loader. The first engine of a process decides.
    pub onnxruntime: Option<PathBuf>,
    /// Execution providers, most preferred first; behind all of them stands the processor.
    pub execution_providers: Vec<ExecutionProvider>,
    /// Whether the first of them must be usable; otherwise the next is taken, with a warning.
    pub require_provider: bool,
    /// Worker threads, each with its own sessions; at least 1.
    pub workers: usize,
    /// How long a request may wait for a worker, unless the catalogue makes each take long; none: until its deadline.
    pub queue_wait: Option<Duration>,
    /// Which code computes; falls back where the wanted one cannot.
    pub kernels: Kernels,
    /// From this many candidates on, a shortlist that has all of the best ones is scored instead of all, where the kernels can
    /// choose it: those of the ranking network. From twenty times as many on no exact rows of all candidates are kept.
    pub shortlist_from: usize,
    /// From this many candidates on, a request's blocks are spread over all workers that have nothing else to do.
    pub spread_from: usize,
}

impl Default for EngineOptions {
    /// One worker on the processor.
    fn default() -> Self {
        Self {
            onnxruntime: None,
            execution_providers: vec![ExecutionProvider::Cpu],
            require_provider: true,
            workers: 1,
            queue_wait: None,
            kernels: Kernels::Fused,
            shortlist_from: 5_000,
            spread_from: 1_000,
        }
    }
}

/// Which code computes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernels {
    /// Kernels of our own, on the processor and for graphs that they know; everything else falls back to the other.
    #[default]
    Fused,
    /// The graphs in ONNX Runtime.
    OnnxRuntime,
}

impl Kernels {
    /// The name in configuration, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::OnnxRuntime => "stock",
        }
    }
}
