//! `slirec registry push`: a bundle, and perhaps the run it came from, enter; a version of a registered model leaves.
//! The same bundle again is found and not published twice.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, anyhow};
use slirec_connect::mlflow::{
    Artifact, Content, DEFAULT_MODEL, Metric, Publication, Signature, model_directory, publish,
};
use slirec_connect::signing::{LARGEST_SIGNATURE, SIGNATURE, SigningKey, covered, sign};
use slirec_core::bundle::{Bundle, MANIFEST, Manifest};
use slirec_core::files::read_small;
use slirec_engine::{SelfContainedModel, self_contained};
use slirec_train::report::REPORT;
use slirec_train::run::RunSummary;

use super::gate;
use crate::mlflow_server::{Server, ServerArguments, transfer};
use crate::train::tracking::{LiveRun, epoch_metrics, parameters};
use crate::{output, progress};

/// Files of a run directory that the registry shows.
const REPORTS: [&str; 4] = [REPORT, "analysis.json", "metrics.jsonl", "hyperparameters.toml"];

/// Publish a bundle in a registry
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Bundle directory of `slirec export`
    #[arg(long, value_name = "DIRECTORY")]
    bundle: PathBuf,
    /// Run directory that the bundle came from: its report and its metrics of each epoch are published too
    #[arg(long, value_name = "DIRECTORY")]
    run: Option<PathBuf>,
    /// Registered model; catalog.schema.model in Unity Catalog
    #[arg(long, default_value = DEFAULT_MODEL)]
    model: String,
    /// Alias that shall point to the version, such as champion; may be given again
    #[arg(long = "alias", value_name = "ALIAS")]
    aliases: Vec<String>,
    /// Experiment of the MLflow run
    #[arg(long, default_value = "slirec")]
    experiment: String,
    /// Sign what is published with this private key (PEM); by default a bundle is published with the signature that it has
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    /// How many products MLflow's own server answers with
    #[arg(long, value_name = "PRODUCTS", default_value_t = 16)]
    limit: usize,
    /// ONNX Runtime's shared library; by default from ORT_DYLIB_PATH
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// Move the aliases even to a model that loses to a baseline, or to the alias's present version on the same test rows
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    server: ServerArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let key = arguments.sign.as_deref().map(SigningKey::read).transpose()?;
    let server = arguments.server.connect()?;
    let address = server.client().connection().address();
    let bundle = Bundle::read(&arguments.bundle)?;
    let signature = signature(&bundle, &arguments.bundle.join(SIGNATURE), key.as_ref())?;
    let run = arguments.run.as_deref().map(RunSummary::read).transpose()?;
    if let Some(run) = &run {
        check_run(&bundle, run, arguments.run.as_deref().unwrap_or(Path::new("")))?;
    }
    if !arguments.force {
        check_aliases(&server, arguments, &bundle)?;
    }
    let graph = {
        let _step = progress::step("making the graph for MLflow's own server".to_owned());
        let graph = self_contained(&bundle, arguments.limit)?;
        SelfContainedModel::load(&graph, arguments.onnxruntime.as_deref())?.check_golden(&bundle)?;
        graph
    };
    let live = arguments.run.as_deref().and_then(|run| LiveRun::read(run, &address));
    let publication = Publication { signature, ..publication(arguments, &bundle, run.as_ref(), live, graph)? };
    let mut total = 0;
    for file in publication.model_files.iter().chain(&publication.reports) {
        total += file.content.length()?;
    }
    let (tell, bar) = transfer(total);
    let published = server.wait(publish(server.client(), &publication, &tell));
    bar.finish_and_clear();
    let published = published?;
    let (model, version) = (&publication.model, &published.version);
    let what = if published.was_there { "was published already as" } else { "is" };
    output::print(format!("{} {what} version {version} of {model} at {address}", arguments.bundle.display()))?;
    if let Some(signature) = &publication.signature {
        output::print(format!("signed with the key {}", signature.key))?;
    }
    for alias in &publication.aliases {
        output::print(format!("models:/{model}@{alias} is version {version}"))?;
    }
    output::print(format!("run {}", published.run_id))
}

/// A new signature, or that of the bundle, which must be of what is published.
fn signature(bundle: &Bundle, path: &Path, key: Option<&SigningKey>) -> Result<Option<Signature>> {
    let Bundle { manifest, sha256, .. } = bundle;
    if let Some(key) = key {
        let (bytes, key) = (sign(manifest, sha256, key)?, key.public().fingerprint().to_owned());
        return Ok(Some(Signature { bytes, key }));
    }
    if !path.exists() {
        return Ok(None);
    }
    let bytes = read_small(path, LARGEST_SIGNATURE)?;
    let key = covered(&bytes, manifest, sha256).map_err(|problem| anyhow!("{}: {problem}", path.display()))?;
    Ok(Some(Signature { bytes, key }))
}

/// No alias goes to a model that ranks worse than what it could be.
fn check_aliases(server: &Server, arguments: &Arguments, bundle: &Bundle) -> Result<()> {
    if arguments.aliases.is_empty() {
        return Ok(());
    }
    let mut reasons = gate::lost_to_baselines(&bundle.manifest);
    let registered = server.wait(server.client().registered_model(&arguments.model))?;
    let aliases = registered.map(|registered| registered.aliases).unwrap_or_default();
    let present: Vec<&String> = arguments.aliases.iter().filter_map(|alias| aliases.get(alias)).collect();
    if !present.is_empty() {
        let versions = server.wait(server.client().versions(&arguments.model))?;
        let of_aliases = versions.iter().filter(|version| present.contains(&&version.version));
        reasons
            .extend(of_aliases.filter_map(|present| gate::lost_to_version(&bundle.manifest, present, &bundle.sha256)));
    }
    anyhow::ensure!(
        reasons.is_empty(),
        "{} takes no alias: {}; nothing was published. --force publishes it and moves the alias all the same",
        arguments.bundle.display(),
        reasons.join("; ")
    );
    Ok(())
}

/// A run that the bundle did not come from would be a wrong record for ever.
fn check_run(bundle: &Bundle, run: &RunSummary, directory: &Path) -> Result<()> {
    let training = &bundle.manifest.training;
    let same = training.source_sha256 == run.record.dataset_sha256
        && training.seed == run.record.seed
        && training.best_epoch == run.record.best_epoch
        && training.hyperparameters == serde_json::to_value(&run.hyperparameters)?;
    anyhow::ensure!(
        same,
        "{}: the bundle did not come from this run (dataset, seed, best epoch or hyperparameters differ)",
        directory.display()
    );
    Ok(())
}

fn publication(
    arguments: &Arguments,
    bundle: &Bundle,
    run: Option<&RunSummary>,
    live: Option<LiveRun>,
    graph: Vec<u8>,
) -> Result<Publication> {
    let Manifest { name, version, created, training, golden_requests, .. } = &bundle.manifest;
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let file = |file: &str| Artifact {
        path: format!("{}/{file}", model_directory::BUNDLE),
        content: Content::File(arguments.bundle.join(file)),
    };
    let bundle_files = bundle.manifest.file_names().chain([MANIFEST]).map(file);
    let graph = Artifact { path: model_directory::GRAPH.to_owned(), content: Content::Bytes(graph) };
    let example = golden_requests.first();
    let example =
        example.map(|request| (request.items.clone(), request.timestamps.iter().map(f64::to_string).collect()));
    Ok(Publication {
        model: arguments.model.clone(),
        aliases: arguments.aliases.clone(),
        experiment: arguments.experiment.clone(),
        run_name: format!("{name} {version}"),
        bundle_sha256: bundle.sha256.clone(),
        signature: None,
        created: (created.clone(), milliseconds(created)?),
        parameters: parameters(&training.hyperparameters, training.seed),
        metrics: metrics(bundle, run, live.is_some()),
        run_id: live.map(|live| live.run_id),
        tags: [
            tag("slirec.bundle", &format!("{name} {version}")),
            tag("slirec.dataset_sha256", &training.source_sha256),
            tag("slirec.loses_to", &bundle.manifest.loses_to.join(", ")),
        ]
        .into_iter()
        .chain(gate::tags(&bundle.manifest))
        .collect(),
        description: format!("slirec bundle {name} {version}"),
        example: example.unwrap_or_default(),
        users: bundle.vocabulary.user_features().to_vec(),
        model_files: bundle_files.chain([graph]).collect(),
        reports: reports(arguments.run.as_deref()),
    })
}

/// Those of each epoch, unless they were logged while training; and those of the bundle.
fn metrics(bundle: &Bundle, run: Option<&RunSummary>, were_logged: bool) -> Vec<Metric> {
    let of_epochs = run.into_iter().filter(|_| !were_logged).flat_map(|run| run.metrics.iter().flat_map(epoch_metrics));
    let step = bundle.manifest.training.best_epoch;
    let of_bundle = bundle.manifest.metrics.iter().flat_map(|(set, values)| {
        values.iter().map(move |(name, value)| Metric { name: format!("bundle {set}/{name}"), value: *value, step })
    });
    of_epochs.chain(of_bundle).collect()
}

/// Those that are there.
fn reports(run: Option<&Path>) -> Vec<Artifact> {
    let paths = run.into_iter().flat_map(|run| REPORTS.map(|name| (name.to_owned(), run.join(name))));
    let there = paths.filter(|(_, path)| path.is_file());
    there.map(|(path, file)| Artifact { path, content: Content::File(file) }).collect()
}

fn milliseconds(created: &str) -> Result<u64> {
    let time = humantime::parse_rfc3339(created).with_context(|| format!("the bundle's `created` is `{created}`"))?;
    Ok(u64::try_from(time.duration_since(UNIX_EPOCH)?.as_millis())?)
}
