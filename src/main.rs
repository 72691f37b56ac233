//! `slirec-server`: configuration and a bundle enter, recommendations over HTTP leave.
//!
//! In the order of a start: [`config`] merges and checks the settings, [`logging`] begins, the engine loads the bundle,
//! [`http`] builds the routes around [`state`], [`server`] serves them until it is asked to stop. [`scoring`] hands
//! requests to the engine's threads, [`metrics`] counts, [`probe`] asks a running service how it is.

mod config;
mod http;
mod logging;
mod metrics;
mod probe;
mod scoring;
mod server;
mod state;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use slirec_engine::Engine;

use crate::config::{Arguments, Settings};
use crate::metrics::Metrics;
use crate::state::AppState;

/// Exit code for a configuration that cannot be used.
const BAD_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let settings = match config::load(&arguments) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    let outcome = if arguments.probe { probe::probe(&settings.server) } else { run(settings, arguments.check) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: Settings, check: bool) -> anyhow::Result<()> {
    logging::start(&settings.log)?;
    let path = &settings.model.path;
    let engine = Engine::load(path, &settings.engine.options())
        .with_context(|| format!("cannot serve the bundle {} (key model.path)", path.display()))?;
    if check {
        let model = engine.model();
        println!("configuration and bundle are sound: {} version {}", model.name, model.version);
        return Ok(());
    }
    let state = AppState::new(engine, Metrics::new()?, settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(server::serve(http::router(state.clone()), &state))
}
