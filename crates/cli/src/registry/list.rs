//! `slirec registry list`: the versions of a model, newest first, with their aliases.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Result, bail};
use serde::Serialize;
use slirec_connect::mlflow::{BUNDLE_TAG, DEFAULT_MODEL, ModelVersion, RegisteredModel};

use crate::mlflow_server::ServerArguments;
use crate::output;

/// List the versions of a model
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Registered model
    #[arg(default_value = DEFAULT_MODEL)]
    model: String,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

/// A line of the list.
#[derive(Debug, Serialize)]
struct VersionRow {
    version: String,
    aliases: Vec<String>,
    created: String,
    status: String,
    /// SHA-256 of the bundle's manifest; none for a model of another program.
    bundle_sha256: Option<String>,
    run_id: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (model, server) = (&arguments.model, arguments.server.connect()?);
    let Some(registered) = server.wait(server.client().registered_model(model))? else {
        bail!("{}: no model `{model}` is registered", server.client().connection().address())
    };
    let versions = server.wait(server.client().versions(model))?;
    let rows: Vec<VersionRow> = versions.into_iter().map(|version| row(version, &registered)).collect();
    if arguments.json {
        return output::print_json(&rows);
    }
    output::print(format!(
        "{:>7}  {:20}  {:20}  {:12}  {:16}  run",
        "version", "aliases", "created", "status", "bundle"
    ))?;
    for VersionRow { version, aliases, created, status, bundle_sha256, run_id } in rows {
        let bundle = bundle_sha256.as_deref().and_then(|hash| hash.get(..16)).unwrap_or("not ours");
        let shown =
            [aliases.join(" "), created, status, bundle.to_owned(), run_id].map(|text| output::printable(&text));
        let [aliases, created, status, bundle, run_id] = shown;
        output::print(format!("{version:>7}  {aliases:20}  {created:20}  {status:12}  {bundle:16}  {run_id}"))?;
    }
    Ok(())
}

fn row(version: ModelVersion, registered: &RegisteredModel) -> VersionRow {
    let aliases = registered.aliases.iter().filter(|(_, target)| **target == version.version);
    let created = UNIX_EPOCH + Duration::from_millis(u64::try_from(version.created).unwrap_or(0));
    VersionRow {
        aliases: aliases.map(|(alias, _)| alias.clone()).collect(),
        created: humantime::format_rfc3339_seconds(created).to_string(),
        status: version.status,
        bundle_sha256: version.tags.get(BUNDLE_TAG).cloned(),
        run_id: version.run_id,
        version: version.version,
    }
}
