//! The log: events enter, lines on standard output leave, JSON or text. Panics are logged too, without a trace.

use std::io::{IsTerminal, stdout};
use std::panic;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LogSettings};

/// Starts logging for the whole process.
///
/// # Errors
/// When it was started before or the level cannot be read.
pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.level).context("log.level")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let started = match settings.format {
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).try_init(),
        LogFormat::Text => builder.with_ansi(stdout().is_terminal()).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))?;
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, reason = panic.payload_as_str(), "panic");
    }));
    Ok(())
}
