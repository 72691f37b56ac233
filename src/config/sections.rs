//! The sections of the configuration; `config/server.toml` documents each key.

mod engine;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use slirec_connect::mlflow::{MlflowError, ModelReference};

use super::values::{LogFormat, log_format};
pub(crate) use engine::{EngineSettings, LimitSettings};

/// From the port of the service to that of its operators.
const PORTS_APART: u16 = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSettings {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_connections: usize,
    pub(super) read_timeout_seconds: u64,
    pub(super) idle_timeout_seconds: u64,
    pub(super) drain_delay_seconds: u64,
    pub(super) drain_seconds: u64,
    pub(crate) metrics: bool,
    pub(crate) playground: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdminSettings {
    pub(crate) host: String,
    port: u16,
    pub(crate) keys: Vec<String>,
    products: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelSettings {
    pub(crate) path: PathBuf,
    pub(super) pointer: PathBuf,
    pub(crate) trust: Vec<PathBuf>,
    pub(super) poll_seconds: u64,
    pub(crate) max_bytes: u64,
    pub(super) load_seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScenarioSettings {
    file: PathBuf,
}

impl ScenarioSettings {
    /// The file of scenarios, if there is one.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        Some(&self.file).filter(|path| !path.as_os_str().is_empty())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrySettings {
    server: String,
    pub(crate) cache: PathBuf,
    pub(super) poll_seconds: u64,
    pub(super) timeout_seconds: u64,
    pub(super) download_seconds: u64,
}

impl RegistrySettings {
    /// Address of the server, unless it is that of the environment.
    pub(crate) fn server(&self) -> Option<&str> {
        (!self.server.is_empty()).then_some(&self.server)
    }

    /// Between two looks.
    pub(crate) fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_seconds)
    }

    /// Longest wait for an answer.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// Longest time for a whole version.
    pub(crate) fn download(&self) -> Duration {
        Duration::from_secs(self.download_seconds)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvocationSettings {
    pub(crate) limit: usize,
    pub(crate) max_rows: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InferenceSettings {
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthSettings {
    pub(crate) keys: Vec<String>,
    file: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookSettings {
    pub(crate) secret: String,
    secret_file: PathBuf,
    pub(crate) shop: String,
    pub(crate) changes: PathBuf,
}

/// Without the secret: settings may be logged.
impl fmt::Debug for WebhookSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret: _, secret_file, shop, changes } = self;
        let mut shown = formatter.debug_struct("WebhookSettings");
        shown.field("secret_file", secret_file).field("shop", shop).field("changes", changes).finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CorsSettings {
    pub(crate) origins: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSettings {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogSettings {
    #[serde(deserialize_with = "log_format")]
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TelemetrySettings {
    pub(crate) endpoint: String,
}

impl ServerSettings {
    /// How long a client may be silent while it sends a request.
    pub(crate) fn read_timeout(&self) -> Duration {
        Duration::from_secs(self.read_timeout_seconds)
    }

    /// How long a connection may be without a request.
    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_seconds)
    }

    /// How long the service serves on after it was asked to stop.
    pub(crate) fn drain_delay(&self) -> Duration {
        Duration::from_secs(self.drain_delay_seconds)
    }

    /// How long requests in flight have once the service stops.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

impl AdminSettings {
    /// The file of changed products, if there is one.
    pub(crate) fn products(&self) -> Option<&PathBuf> {
        Some(&self.products).filter(|path| !path.as_os_str().is_empty())
    }

    /// The port to bind when the service itself is asked to bind `server_port`.
    pub(crate) fn port(&self, server_port: u16) -> u16 {
        match (self.port, server_port) {
            (0, 0) => 0,
            // Beyond the last port there is any free one.
            (0, port) => port.checked_add(PORTS_APART).unwrap_or_default(),
            (port, _) => port,
        }
    }

    /// True when any other port does as well as the one that [`AdminSettings::port`] chose.
    pub(crate) fn port_may_change(&self) -> bool {
        self.port == 0
    }

    /// True when both cannot listen on one port.
    pub(super) fn shares_address(&self, server_host: &str) -> bool {
        let is_every = |host: &str| host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
        self.host == server_host || is_every(&self.host) || is_every(server_host)
    }

    /// False when machines beside this one may reach the address.
    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl ModelSettings {
    /// The file that names the bundle, if there is one.
    pub(crate) fn pointer(&self) -> Option<&PathBuf> {
        Some(&self.pointer).filter(|path| !path.as_os_str().is_empty())
    }

    /// The registered model, if the path is none; an error when it looks like one and is not.
    pub(crate) fn reference(&self) -> Result<Option<ModelReference>, MlflowError> {
        let text = self.path.to_string_lossy();
        if ModelReference::is_one(&text) { text.parse().map(Some) } else { Ok(None) }
    }

    /// Time between two looks at the pointer file.
    pub(crate) fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_seconds)
    }

    /// Longest time in which a bundle is read and checked.
    pub(crate) fn load(&self) -> Duration {
        Duration::from_secs(self.load_seconds)
    }
}

impl AuthSettings {
    /// The file of further keys, if there is one.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        Some(&self.file).filter(|path| !path.as_os_str().is_empty())
    }
}

impl WebhookSettings {
    /// True when deliveries are taken.
    pub(crate) fn are_on(&self) -> bool {
        !self.secret.is_empty() || self.secret_file().is_some()
    }

    /// The file of secrets, if there is one.
    pub(crate) fn secret_file(&self) -> Option<&PathBuf> {
        Some(&self.secret_file).filter(|path| !path.as_os_str().is_empty())
    }
}

impl TlsSettings {
    /// True when connections are to be encrypted.
    pub(crate) fn is_set(&self) -> bool {
        !self.certificate.as_os_str().is_empty() || !self.key.as_os_str().is_empty()
    }
}
