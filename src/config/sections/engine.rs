//! The sections `engine` and `limits`: what the engine is loaded with, and what a request may take.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use slirec_engine::{EngineOptions, ExecutionProvider, Kernels};

use crate::config::values::{OverloadAnswer, kernels, overload, providers};

/// Where `make onnxruntime` puts ONNX Runtime.
const FETCHED_LIBRARY: &str = "vendor/onnxruntime/libonnxruntime.so";
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EngineSettings {
    onnxruntime: String,
    #[serde(deserialize_with = "providers")]
    pub(in crate::config) execution_providers: Vec<ExecutionProvider>,
    require_provider: bool,
    pub(in crate::config) workers: usize,
    spread_from: usize,
    shortlist_from: usize,
    #[serde(deserialize_with = "kernels")]
    kernels: Kernels,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitSettings {
    pub(crate) in_flight: usize,
    /// Bytes that requests may take together.
    pub(crate) memory_bytes: usize,
    pub(in crate::config) queue_wait_ms: f64,
    pub(in crate::config) deadline_ms: u64,
    #[serde(deserialize_with = "overload")]
    pub(crate) overload: OverloadAnswer,
    pub(crate) history: usize,
    pub(crate) sessions: usize,
    pub(crate) candidates: usize,
}

impl EngineSettings {
    /// In the engine's units.
    pub(crate) fn options(&self, limits: &LimitSettings) -> EngineOptions {
        let wait = limits.queue_wait_ms;
        EngineOptions {
            onnxruntime: self.library(),
            execution_providers: self.execution_providers.clone(),
            require_provider: self.require_provider,
            workers: self.workers(),
            queue_wait: (wait > 0.0).then(|| Duration::from_secs_f64(wait / 1000.0)),
            kernels: self.kernels,
            shortlist_from: self.shortlist_from,
            spread_from: self.spread_from,
        }
    }

    /// Threads that score.
    pub(crate) fn workers(&self) -> usize {
        // Asking reads the control group's files, which takes longer than to read a request.
        static CORES: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));
        if self.workers == 0 { *CORES } else { self.workers }
    }

    /// None leaves the choice to the engine: `ORT_DYLIB_PATH`, the prefix that the service is installed in, the
    /// system's loader.
    fn library(&self) -> Option<PathBuf> {
        if !self.onnxruntime.is_empty() {
            return Some(PathBuf::from(&self.onnxruntime));
        }
        let fetched = PathBuf::from(FETCHED_LIBRARY);
        (std::env::var_os("ORT_DYLIB_PATH").is_none() && fetched.exists()).then_some(fetched)
    }

    /// Rows of one request that wait for the engine at a time: enough to keep workers busy, few enough that batches
    /// take turns.
    pub(crate) fn rows_at_once(&self) -> usize {
        2 * self.workers()
    }
}

impl LimitSettings {
    /// From a request's headers to its answer.
    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}
