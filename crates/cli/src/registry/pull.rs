//! `slirec registry pull`: `models:/NAME@ALIAS` or `models:/NAME/VERSION` enters, its bundle leaves, verified.

use std::path::PathBuf;

use anyhow::Result;
use slirec_connect::mlflow::{ModelReference, pull};
use slirec_connect::signing::Trust;

use crate::mlflow_server::{ServerArguments, transfer};
use crate::output;

/// Bring the bundle of a version here
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// models:/NAME@ALIAS or models:/NAME/VERSION
    model: ModelReference,
    /// Bundle directory to write
    #[arg(long, value_name = "DIRECTORY")]
    output: PathBuf,
    /// Take only a bundle that is signed with this key: a file with its public half (PEM); may be given again
    #[arg(long = "trust", value_name = "KEY")]
    trust: Vec<PathBuf>,
    /// Replace an earlier bundle
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    server: ServerArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { model, output, force, .. } = arguments;
    let trust = (!arguments.trust.is_empty()).then(|| Trust::read(&arguments.trust)).transpose()?;
    let server = arguments.server.connect()?;
    let version = server.wait(server.client().resolve(model))?;
    let (tell, bar) = transfer(0);
    let pulled = server.wait(pull(server.client(), &model.name, &version, output, *force, trust.as_ref(), &tell));
    bar.finish_and_clear();
    let pulled = pulled?;
    output::print(format!(
        "{}: version {} of {}, {} {}",
        output.display(),
        version.version,
        model.name,
        output::printable(&pulled.manifest.name),
        output::printable(&pulled.manifest.version)
    ))?;
    output::print(format!("manifest SHA-256 {}", pulled.sha256))
}
