//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Serves SLi-Rec recommendations over HTTP.
#[derive(Debug, Default, Parser)]
#[command(name = "slirec-server", version)]
pub(crate) struct Arguments {
    /// Configuration file; without this flag config/server.toml, if it is there
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Address to listen on (key server.host)
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// Port to listen on, 0 for any free one (key server.port)
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Port of the admin address (key admin.port)
    #[arg(long, value_name = "PORT")]
    pub(crate) admin_port: Option<u16>,
    /// Directory of the bundle to serve, or models:/NAME@ALIAS of an MLflow registry (key model.path)
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) model: Option<PathBuf>,
    /// Check configuration and bundle, then exit
    #[arg(long, conflicts_with = "probe")]
    pub(crate) check: bool,
    /// Ask the service at the configured address whether it is ready, then exit: 0 if it is
    #[arg(long)]
    pub(crate) probe: bool,
    /// What to do: `serve`, which is also done without it (SageMaker starts containers as `docker run IMAGE serve`)
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<Command>,
}

/// What the program does.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Command {
    /// Serves until it is stopped.
    Serve,
}
