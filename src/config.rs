//! Configuration: defaults, a file, the environment and flags enter; checked [`Settings`] leave, or one line that names the
//! key and where its value came from. Nothing is bound before.

mod arguments;
mod layers;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use slirec_engine::{EngineOptions, ExecutionProvider};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

pub(crate) use arguments::Arguments;
pub(crate) use layers::load;

/// Where `make onnxruntime` puts ONNX Runtime.
const FETCHED_LIBRARY: &str = "vendor/onnxruntime/libonnxruntime.so";

/// A setting that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// A source cannot be read.
    #[error("{0}")]
    Source(#[from] config::ConfigError),
    /// A key that does not exist.
    #[error("{source_name}: unknown key `{key}`: config/server.toml lists all keys")]
    UnknownKey { source_name: String, key: String },
    /// A value of the wrong type or beyond what is possible.
    #[error("{source_name}: `{key}`: {problem}")]
    Value { source_name: String, key: String, problem: String },
}

/// Everything that can be set; `config/server.toml` documents each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) server: ServerSettings,
    pub(crate) model: ModelSettings,
    pub(crate) engine: EngineSettings,
    pub(crate) invocations: InvocationSettings,
    pub(crate) log: LogSettings,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSettings {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) max_body_bytes: usize,
    read_timeout_seconds: u64,
    drain_seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelSettings {
    pub(crate) path: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EngineSettings {
    onnxruntime: String,
    #[serde(deserialize_with = "providers")]
    execution_providers: Vec<ExecutionProvider>,
    workers: usize,
    queue_length: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvocationSettings {
    pub(crate) limit: usize,
    pub(crate) max_rows: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogSettings {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Json,
    Text,
}

impl ServerSettings {
    /// How long a client may be silent while it sends a request.
    pub(crate) fn read_timeout(&self) -> Duration {
        Duration::from_secs(self.read_timeout_seconds)
    }

    /// How long requests in flight have once the service stops.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

impl EngineSettings {
    /// As the engine wants them.
    pub(crate) fn options(&self) -> EngineOptions {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        EngineOptions {
            onnxruntime: self.library(),
            execution_providers: self.execution_providers.clone(),
            workers: if self.workers == 0 { cores() } else { self.workers },
            queue_length: self.queue_length,
        }
    }

    /// None leaves the choice to the engine: `ORT_DYLIB_PATH`, or else the system's loader.
    fn library(&self) -> Option<PathBuf> {
        if !self.onnxruntime.is_empty() {
            return Some(PathBuf::from(&self.onnxruntime));
        }
        let fetched = PathBuf::from(FETCHED_LIBRARY);
        (std::env::var_os("ORT_DYLIB_PATH").is_none() && fetched.exists()).then_some(fetched)
    }

    /// Rows of one request that wait for the engine at a time: enough to keep workers busy, few enough that a batch does
    /// not fill the queue for everybody.
    pub(crate) fn rows_at_once(&self) -> usize {
        self.queue_length.min(4)
    }
}

impl Settings {
    /// Values that have the right type and still make no sense: the key and what is wrong.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let ranges = [
            ("server.max_body_bytes", self.server.max_body_bytes as u64, 1, 1 << 32),
            ("server.read_timeout_seconds", self.server.read_timeout_seconds, 1, 3_600),
            ("server.drain_seconds", self.server.drain_seconds, 0, 3_600),
            ("engine.workers", self.engine.workers as u64, 0, 1_024),
            ("engine.queue_length", self.engine.queue_length as u64, 1, 1_000_000),
            ("invocations.limit", self.invocations.limit as u64, 1, 1_000),
            ("invocations.max_rows", self.invocations.max_rows as u64, 1, 1_000_000),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err((key, format!("{value}: expected {least} to {most}")));
            }
        }
        if self.server.host.is_empty() {
            return Err(("server.host", "is empty: expected an address".to_owned()));
        }
        if self.model.path.as_os_str().is_empty() {
            return Err(("model.path", "is empty: expected the directory of a bundle".to_owned()));
        }
        if self.engine.execution_providers.is_empty() {
            return Err(("engine.execution_providers", "is empty: expected `cuda`, `cpu`".to_owned()));
        }
        EnvFilter::try_new(&self.log.level).map(|_| ()).map_err(|error| ("log.level", error.to_string()))
    }
}

/// A list, or names between commas as an environment variable has them.
fn providers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ExecutionProvider>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        List(Vec<String>),
        Text(String),
    }
    let names = match Names::deserialize(deserializer)? {
        Names::List(names) => names,
        Names::Text(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
    };
    let provider = |name: &String| match name.as_str() {
        "cuda" => Ok(ExecutionProvider::Cuda),
        "cpu" => Ok(ExecutionProvider::Cpu),
        other => Err(serde::de::Error::custom(format!("`{other}`: expected `cuda` or `cpu`"))),
    };
    names.iter().map(provider).collect()
}
