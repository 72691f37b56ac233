//! Configuration: defaults, a file, the environment and flags enter; checked [`Settings`] leave, or one line that names
//! the key and where its value came from. Nothing is bound before.

mod arguments;
mod closest;
mod environment;
mod layers;
mod retired;
mod sections;
mod types;
mod values;

use serde::Deserialize;
use thiserror::Error;

use crate::log_filter;
use crate::memory::MemoryBudget;
use types::cut;

pub(crate) use arguments::Arguments;
pub(crate) use layers::{from_variables, load};
pub(crate) use sections::{
    AdminSettings, AuthSettings, CorsSettings, EngineSettings, InferenceSettings, InvocationSettings, LimitSettings,
    LogSettings, ModelSettings, RegistrySettings, ScenarioSettings, ServerSettings, TelemetrySettings, TlsSettings,
    WebhookSettings,
};
pub(crate) use values::{LogFormat, OverloadAnswer};

/// Longest part of a name in a message, characters.
const SHOWN: usize = 100;

/// A setting that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// A source cannot be read.
    #[error("{0}")]
    Source(#[from] config::ConfigError),
    /// A key or variable that does not exist.
    #[error("{source_name}: unknown {name}: {hint}")]
    Unknown { source_name: String, name: String, hint: String },
    /// A value of the wrong type or beyond what is possible.
    #[error("{source_name}: `{key}`: {problem}")]
    Value { source_name: String, key: String, problem: String },
}

impl SettingsError {
    fn unknown_key(source_name: &str, key: &str, closest: Vec<String>) -> Self {
        let key: String = key.chars().take(SHOWN).collect();
        Self::Unknown { source_name: source_name.to_owned(), name: format!("key `{key}`"), hint: hint(&closest) }
    }

    fn unknown_variable(name: &str, closest: Vec<String>) -> Self {
        let name: String = name.chars().take(SHOWN).collect();
        Self::Unknown {
            source_name: "the environment".to_owned(),
            name: format!("variable {name}"),
            hint: hint(&closest),
        }
    }
}

/// What was probably meant, if anything is close.
fn hint(closest: &[String]) -> String {
    match closest {
        [] => "config/server.toml lists all keys".to_owned(),
        names => format!("expected {}? config/server.toml lists all keys", names.join(" or ")),
    }
}

/// Everything that can be set; `config/server.toml` documents each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) server: ServerSettings,
    pub(crate) admin: AdminSettings,
    pub(crate) model: ModelSettings,
    pub(crate) scenarios: ScenarioSettings,
    pub(crate) registry: RegistrySettings,
    pub(crate) engine: EngineSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) invocations: InvocationSettings,
    pub(crate) inference: InferenceSettings,
    pub(crate) auth: AuthSettings,
    pub(crate) webhooks: WebhookSettings,
    pub(crate) cors: CorsSettings,
    pub(crate) tls: TlsSettings,
    pub(crate) log: LogSettings,
    pub(crate) telemetry: TelemetrySettings,
    /// What the log is to say of the configuration.
    #[serde(skip)]
    pub(crate) warnings: Vec<String>,
}

type Problem = (&'static str, String);

impl Settings {
    /// Values that have the right type and still make no sense: the key and what is wrong.
    fn check(&self) -> Result<(), Problem> {
        self.check_numbers()?;
        self.check_texts()?;
        self.check_security()?;
        log_filter::parse(&self.log.level).map(|_| ()).map_err(|problem| ("log.level", problem))
    }

    fn check_numbers(&self) -> Result<(), Problem> {
        let Self { server, admin, model, registry, engine, limits, invocations, .. } = self;
        let ranges = [
            ("server.max_body_bytes", server.max_body_bytes as u64, 1, 1 << 32),
            ("server.max_connections", server.max_connections as u64, 1, 1_000_000),
            ("server.read_timeout_seconds", server.read_timeout_seconds, 1, 3_600),
            ("server.idle_timeout_seconds", server.idle_timeout_seconds, 1, 86_400),
            ("server.drain_delay_seconds", server.drain_delay_seconds, 0, 3_600),
            ("server.drain_seconds", server.drain_seconds, 0, 3_600),
            ("model.poll_seconds", model.poll_seconds, 1, 86_400),
            ("model.max_bytes", model.max_bytes, 1 << 20, slirec_core::bundle::LARGEST_BUNDLE),
            ("model.load_seconds", model.load_seconds, 1, 86_400),
            ("registry.poll_seconds", registry.poll_seconds, 1, 86_400),
            ("registry.timeout_seconds", registry.timeout_seconds, 1, 3_600),
            ("registry.download_seconds", registry.download_seconds, 1, 86_400),
            ("engine.workers", engine.workers as u64, 0, 1_024),
            ("limits.in_flight", limits.in_flight as u64, 1, 1_000_000),
            ("limits.memory_bytes", limits.memory_bytes as u64, 1, 1 << 40),
            ("limits.deadline_ms", limits.deadline_ms, 1, 3_600_000),
            ("limits.history", limits.history as u64, 1, 100_000_000),
            ("limits.sessions", limits.sessions as u64, 1, 100_000),
            ("limits.candidates", limits.candidates as u64, 1, 1_000_000),
            ("invocations.limit", invocations.limit as u64, 1, 1_000),
            ("invocations.max_rows", invocations.max_rows as u64, 1, 1_000_000),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err((key, format!("{value}: expected {least} to {most}")));
            }
        }
        if !(0.0..=60_000.0).contains(&limits.queue_wait_ms) {
            return Err(("limits.queue_wait_ms", format!("{}: expected 0 to 60000", limits.queue_wait_ms)));
        }
        let needed = MemoryBudget::needed(server.max_body_bytes);
        if limits.memory_bytes < needed {
            let problem = format!(
                "{}: expected at least {needed}, what a body of server.max_body_bytes, {}, may need",
                limits.memory_bytes, server.max_body_bytes
            );
            return Err(("limits.memory_bytes", problem));
        }
        let port = admin.port(server.port);
        if port != 0 && port == server.port && admin.shares_address(&server.host) {
            return Err(("admin.port", format!("{port} is the port of server.port too: expected another")));
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), Problem> {
        let empty = |expected: &str| format!("is empty: expected {expected}");
        if self.server.host.is_empty() {
            return Err(("server.host", empty("an address")));
        }
        if self.admin.host.is_empty() {
            return Err(("admin.host", empty("an address")));
        }
        if self.model.path.as_os_str().is_empty() {
            return Err(("model.path", empty("the directory of a bundle")));
        }
        let reference = self.model.reference();
        if let Err(problem) = &reference {
            return Err(("model.path", problem.to_string()));
        }
        if matches!(reference, Ok(Some(_))) && self.model.pointer().is_some() {
            let problem = "is set while model.path names a registered model: expected one of the two".to_owned();
            return Err(("model.pointer", problem));
        }
        if let Some(number) = self.model.trust.iter().position(|path| path.as_os_str().is_empty()) {
            return Err(("model.trust", format!("file {} has no name: expected that of a public key", number + 1)));
        }
        if self.registry.cache.as_os_str().is_empty() {
            return Err(("registry.cache", empty("a directory that outlives the service")));
        }
        let is_word = |name: &String| !name.is_empty() && !name.contains(|letter: char| letter.is_whitespace());
        if let Some(number) = self.inference.names.iter().position(|name| !is_word(name)) {
            return Err(("inference.names", format!("name {} is empty or has spaces: expected none", number + 1)));
        }
        if self.engine.execution_providers.is_empty() {
            return Err(("engine.execution_providers", empty("`cuda`, `cpu`")));
        }
        Ok(())
    }

    fn check_security(&self) -> Result<(), Problem> {
        if !self.admin.is_loopback() && self.admin.keys.is_empty() {
            let problem =
                format!("{} can be reached from other machines: expected admin.keys to be set", cut(&self.admin.host));
            return Err(("admin.host", problem));
        }
        for (key, keys) in [("auth.keys", &self.auth.keys), ("admin.keys", &self.admin.keys)] {
            crate::keys::check(keys).map_err(|problem| (key, problem))?;
        }
        if self.webhooks.are_on() && self.webhooks.changes.as_os_str().is_empty() {
            let problem = "is empty while webhooks have a secret: expected a file that outlives the service".to_owned();
            return Err(("webhooks.changes", problem));
        }
        let shop = &self.webhooks.shop;
        if !shop.is_empty() && !is_host(shop) {
            return Err(("webhooks.shop", format!("`{}`: expected a host such as example.myshopify.com", cut(shop))));
        }
        let tls = &self.tls;
        if tls.is_set() && tls.key.as_os_str().is_empty() {
            return Err(("tls.key", "is empty while tls.certificate is set: expected both or none".to_owned()));
        }
        if tls.is_set() && tls.certificate.as_os_str().is_empty() {
            return Err(("tls.certificate", "is empty while tls.key is set: expected both or none".to_owned()));
        }
        if !self.telemetry.endpoint.is_empty() && !cfg!(feature = "otel") {
            let problem = "this build sends no traces: expected one with the feature `otel`".to_owned();
            return Err(("telemetry.endpoint", problem));
        }
        match self.cors.origins.iter().find(|origin| *origin != "*" && !is_origin(origin)) {
            Some(origin) => {
                let expected = "expected an origin such as https://shop.example, in small letters and without a path";
                Err(("cors.origins", format!("`{}`: {expected}", cut(origin))))
            }
            None => Ok(()),
        }
    }
}

/// As browsers write it; another form would never be equal to theirs.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let of_scheme = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "+-.".contains(letter);
    let of_host =
        |letter: char| letter.is_ascii_graphic() && !letter.is_ascii_uppercase() && !"/?#@*,".contains(letter);
    !scheme.is_empty() && scheme.chars().all(of_scheme) && !host.is_empty() && host.chars().all(of_host)
}

fn is_host(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.".contains(letter))
}
