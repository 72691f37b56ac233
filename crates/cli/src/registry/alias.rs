//! `slirec registry alias`: a name points to a version, at once and for every client.

use anyhow::Result;
use slirec_connect::mlflow::DEFAULT_MODEL;

use crate::mlflow_server::ServerArguments;
use crate::output;

/// Point an alias to a version, or take it away
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Alias, such as champion
    alias: String,
    /// Version that it shall point to
    #[arg(required_unless_present = "delete")]
    version: Option<u32>,
    /// Take the alias away
    #[arg(long, conflicts_with = "version")]
    delete: bool,
    /// Registered model
    #[arg(long, default_value = DEFAULT_MODEL)]
    model: String,
    #[command(flatten)]
    server: ServerArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { alias, model, .. } = arguments;
    let server = arguments.server.connect()?;
    match arguments.version {
        Some(version) => {
            let version = version.to_string();
            server.wait(server.client().set_alias(model, alias, &version))?;
            output::print(format!("models:/{model}@{alias} is version {version}"))
        }
        None => {
            server.wait(server.client().delete_alias(model, alias))?;
            output::print(format!("models:/{model}@{alias} was removed"))
        }
    }
}
