//! The log: events enter, lines on standard output leave, JSON or text. Panics are logged too, without a trace. The level
//! can be changed while the service runs. With the feature `otel`, spans also leave as OpenTelemetry traces.

#[cfg(feature = "otel")]
pub(crate) mod telemetry;

use std::fmt;
use std::io::{IsTerminal, stdout};
use std::panic;
use std::sync::Arc;

use anyhow::Context;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::{LogFormat, LogSettings, TelemetrySettings};

/// Changes the level of the log.
#[derive(Clone)]
pub(crate) struct LogLevel(Arc<dyn Fn(EnvFilter) -> bool + Send + Sync>);

impl LogLevel {
    /// Takes a level as `log.level` has it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn set(&self, level: &str) -> Result<(), String> {
        let filter = EnvFilter::try_new(level).map_err(|error| error.to_string())?;
        if (self.0)(filter) { Ok(()) } else { Err("the log is gone".to_owned()) }
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LogLevel")
    }
}

/// What must live as long as the service: sends the last traces when dropped.
#[derive(Debug, Default)]
pub(crate) struct LogGuard {
    #[cfg(feature = "otel")]
    _telemetry: Option<telemetry::Telemetry>,
}

/// Starts logging for the whole process.
///
/// # Errors
/// When it was started before, the level cannot be read, or traces cannot be sent.
pub(crate) fn start(settings: &LogSettings, traces: &TelemetrySettings) -> anyhow::Result<(LogLevel, LogGuard)> {
    let filter = EnvFilter::try_new(&settings.level).context("log.level")?;
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer();
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match settings.format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
        LogFormat::Text => lines.with_ansi(stdout().is_terminal()).with_filter(filter).boxed(),
    };
    #[allow(unused_mut, reason = "without telemetry there is one layer")]
    let mut layers = vec![lines];
    let guard = telemetry(traces, &mut layers)?;
    let started = tracing_subscriber::registry().with(layers).try_init();
    started.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))?;
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, reason = panic.payload_as_str(), "panic");
    }));
    Ok((LogLevel(Arc::new(move |filter| handle.reload(filter).is_ok())), guard))
}

type Layers = Vec<Box<dyn Layer<Registry> + Send + Sync>>;

#[cfg(feature = "otel")]
fn telemetry(settings: &TelemetrySettings, layers: &mut Layers) -> anyhow::Result<LogGuard> {
    let telemetry = telemetry::Telemetry::start(settings)?;
    layers.extend(telemetry.as_ref().map(telemetry::Telemetry::layer));
    Ok(LogGuard { _telemetry: telemetry })
}

#[cfg(not(feature = "otel"))]
fn telemetry(_: &TelemetrySettings, _: &mut Layers) -> anyhow::Result<LogGuard> {
    Ok(LogGuard::default())
}
