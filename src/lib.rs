//! The service `slirec-server`: configuration and a bundle enter, recommendations over HTTP leave. A library, so that tests
//! and fuzz targets have it in process ([`InProcess`]); the program is [`run`].
//!
//! In the order of a start: `config` merges and checks the settings, `logging` begins, `serving` loads the
//! bundle, `http` builds the routes around `state`, `server` serves them until it is asked to stop, `reload`
//! puts other bundles into service. `registry` brings them from elsewhere. `webhooks` keeps the changes of products that
//! a shop delivers, `patches` those that operators send, `scoring` hands requests to the engine's threads, `keys`
//! checks API keys, `files` reads without delaying requests, `metrics` counts, `attributes` shows what products have,
//! `probe` asks a running service whether it is ready.

mod attributes;
mod certificate;
mod config;
mod files;
mod http;
mod keys;
mod log_filter;
mod logging;
mod memory;
mod metrics;
mod patches;
mod probe;
mod registry;
mod reload;
mod scoring;
mod server;
mod serving;
mod state;
mod sync;
mod user_attributes;
mod webhooks;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;

pub use http::in_process::{Address, Answer, InProcess};

use crate::config::{Arguments, Settings};
use crate::metrics::Metrics;
use crate::server::Signals;
use crate::state::AppState;

/// Time for threads to end with the service.
const LAST_MOMENT: Duration = Duration::from_millis(500);
/// Tasks of its own that a thread of the runtime runs before it looks for answers of the engine.
const GLOBAL_QUEUE_INTERVAL: u32 = 2;
/// Exit code for a configuration that cannot be used.
const BAD_CONFIGURATION: u8 = 2;

/// The program: reads its arguments and serves until it is asked to stop.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let settings = match config::load(&arguments) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    let outcome = if arguments.probe { probe::probe(&settings) } else { serve(settings, arguments.check) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: Settings, check: bool) -> anyhow::Result<()> {
    let (log_level, _guard) = logging::start(&settings.log, &settings.telemetry)?;
    settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    // Before the model is loaded, which may take its time: it may have to be brought first.
    let signals = if check { None } else { Some(Signals::listen()?) };
    let state = AppState::new(Metrics::new()?, settings, log_level)?;
    let Some(signals) = signals else {
        let served = state.served();
        let model = served.engine.model();
        println!("configuration and bundle are valid: {} version {}", model.name, model.version);
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Answers come from the engine's threads, by the runtime's global queue. By default a busy thread looks there
        // after every 61 other tasks: under load, milliseconds that a request which was already scored would wait.
        .global_queue_interval(GLOBAL_QUEUE_INTERVAL)
        .build()?;
    let serving = Arc::clone(&state.serving);
    let outcome = runtime.block_on(server::serve(state, signals));
    // Requests that are still in flight were given their time; a bundle that is being loaded is not waited for.
    runtime.shutdown_timeout(LAST_MOMENT);
    let ended = serving.ended();
    drop(serving);
    ended.iter().for_each(|ended| ended.wait(LAST_MOMENT));
    outcome
}
