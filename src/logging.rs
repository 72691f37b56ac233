//! The log: events enter, lines on standard output leave, JSON or text. Panics are logged too, without a trace. The
//! level can be changed while the service runs. A separate thread writes: a reader that is too slow loses lines and
//! never delays a request. With the feature `otel`, spans also leave as OpenTelemetry traces.

#[cfg(feature = "otel")]
pub(crate) mod telemetry;
mod text;

use std::fmt;
use std::io::{IsTerminal, stdout};
use std::panic;
use std::sync::Arc;

use anyhow::Context;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::{LogFormat, LogSettings, TelemetrySettings};
use crate::log_filter;

/// Changes the level of the log.
#[derive(Clone)]
pub(crate) struct LogLevel(Arc<dyn Fn(EnvFilter) -> bool + Send + Sync>);

impl LogLevel {
    /// Takes a level as `log.level` has it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn set(&self, level: &str) -> Result<(), String> {
        let filter = log_filter::parse(level)?;
        if (self.0)(filter) { Ok(()) } else { Err("the log is gone".to_owned()) }
    }

    /// The level of no log, for a service in process.
    pub(crate) fn unchanging() -> Self {
        Self(Arc::new(|_| true))
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LogLevel")
    }
}

/// What must live as long as the service: writes the last lines and sends the last traces when dropped.
#[derive(Debug)]
pub(crate) struct LogGuard {
    _writer: WorkerGuard,
    #[cfg(feature = "otel")]
    _telemetry: Option<telemetry::Telemetry>,
}

/// Starts logging for the whole process.
///
/// # Errors
/// When it was started before, the level cannot be read, or traces cannot be sent.
#[cfg_attr(not(feature = "otel"), expect(unused_variables, reason = "nothing sends traces"))]
pub(crate) fn start(settings: &LogSettings, traces: &TelemetrySettings) -> anyhow::Result<(LogLevel, LogGuard)> {
    let filter = log_filter::parse(&settings.level).map_err(anyhow::Error::msg).context("log.level")?;
    let (filter, handle) = reload::Layer::new(filter);
    let (writer, writer_guard) = tracing_appender::non_blocking(stdout());
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match settings.format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
        LogFormat::Text => {
            lines.with_ansi(stdout().is_terminal()).fmt_fields(text::fields()).with_filter(filter).boxed()
        }
    };
    #[cfg(feature = "otel")]
    let telemetry = telemetry::Telemetry::start(traces)?;
    let layers = vec![
        Some(lines),
        #[cfg(feature = "otel")]
        telemetry.as_ref().map(telemetry::Telemetry::layer),
    ];
    let started = tracing_subscriber::registry().with(layers.into_iter().flatten().collect::<Vec<_>>()).try_init();
    started.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))?;
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, reason = panic.payload_as_str(), "panic");
    }));
    let guard = LogGuard {
        _writer: writer_guard,
        #[cfg(feature = "otel")]
        _telemetry: telemetry,
    };
    Ok((LogLevel(Arc::new(move |filter| handle.reload(filter).is_ok())), guard))
}
