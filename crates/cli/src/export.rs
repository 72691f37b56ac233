//! `slirec export`: a run, or weights of the original, and a catalogue enter; a checked bundle leaves.
//!
//! The bundle gets its name only after ONNX Runtime and the trained network scored the same histories alike.

mod host;
mod self_contained;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use slirec_connect::signing::SigningKey;
use slirec_connect::user_table;
use slirec_core::bundle::{Manifest, TrainingRecord};
use slirec_core::catalog::Catalog;
use slirec_core::files;
use slirec_core::vocabulary::Vocabulary;
use slirec_train::dataset::Dataset;
use slirec_train::export::bundle;
pub(crate) use slirec_train::export::bundle::{Source, Target};
use slirec_train::export::catalog;
use slirec_train::export::known_users::known_users;
use slirec_train::hyperparameters::{Hyperparameters, ModelHyperparameters};
use slirec_train::run::{KeptWeights, Run, table_rows};
use slirec_train::weights::Weights;

use crate::original::original_vocabulary;
use crate::output;
pub(crate) use host::Program;

/// Write the bundle that the server serves
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run directory of `slirec train`
    #[arg(long, value_name = "DIRECTORY", required_unless_present_any = ["from", "bundle"], conflicts_with = "from")]
    run: Option<PathBuf>,
    /// Weights as safetensors, under our names or TensorFlow's, instead of a run
    #[arg(long, value_name = "FILE", requires_all = ["item_vocabulary", "category_vocabulary", "item_categories"])]
    from: Option<PathBuf>,
    /// With --from: item ids by handle, as the original writes them (JSON)
    #[arg(long, value_name = "FILE")]
    item_vocabulary: Option<PathBuf>,
    /// With --from: category ids by name (JSON)
    #[arg(long, value_name = "FILE")]
    category_vocabulary: Option<PathBuf>,
    /// With --from: category by handle (JSON)
    #[arg(long, value_name = "FILE")]
    item_categories: Option<PathBuf>,
    /// Dataset of the run: its validation rows check the bundle and give its metrics
    #[arg(long, value_name = "DIRECTORY", required_unless_present_any = ["from", "bundle"])]
    dataset: Option<PathBuf>,
    /// Catalogue to serve; without it, one is made of the items that the model was trained on: their names and
    /// categories, all of them on sale
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Table of users, as of `slirec prepare --users`, that the bundle is to carry: requests need only name them. It has what
    /// the model reads of them and a hash of each name, and is personal data all the same; without the flag a bundle knows
    /// no user
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    users: Option<PathBuf>,
    /// Name of the model
    #[arg(long, default_value = "slirec")]
    name: String,
    /// Version of the model
    #[arg(long, default_value = "1")]
    version: String,
    /// Bundle directory to write
    #[arg(long, value_name = "DIRECTORY", required_unless_present = "bundle")]
    output: Option<PathBuf>,
    /// With --self-contained: a bundle that is there already, instead of a new one
    #[arg(long, value_name = "DIRECTORY", requires = "self_contained")]
    #[arg(conflicts_with_all = ["run", "from", "dataset", "catalog", "users", "output", "name", "version"])]
    bundle: Option<PathBuf>,
    /// Also write the whole model as one ONNX file for any runtime: handles and times as text in, GIDs and scores out
    #[arg(long, value_name = "FILE")]
    self_contained: Option<PathBuf>,
    /// With --self-contained: how many products an answer has
    #[arg(long, value_name = "PRODUCTS", default_value_t = 16, requires = "self_contained")]
    limit: usize,
    /// Sign the bundle with this private key (PEM): the signature is its file model.sig
    #[arg(long, value_name = "KEY", conflicts_with = "bundle")]
    sign: Option<PathBuf>,
    /// ONNX Runtime's shared library; by default from ORT_DYLIB_PATH
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// Replace an earlier bundle
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Some(output) = arguments.bundle.as_ref().or(arguments.output.as_ref()) else {
        bail!("neither --bundle nor --output is given")
    };
    if arguments.bundle.is_none() {
        export_bundle(arguments, output)?;
    }
    let Some(file) = &arguments.self_contained else { return Ok(()) };
    self_contained::write(output, file, arguments.limit, arguments.onnxruntime.as_deref(), arguments.force)
}

fn export_bundle(arguments: &Arguments, output: &Path) -> Result<()> {
    let key = arguments.sign.as_deref().map(SigningKey::read).transpose()?;
    // Read before the weights: what is wrong with it is reported at once.
    let given = arguments.catalog.as_deref();
    let given = given.map(|path| Catalog::read(path).map(|catalog| (path, catalog)));
    let given = given.transpose().context("the catalogue cannot be used")?;
    let users = arguments.users.as_deref();
    let users = users.map(|path| user_table::read(path).map(|table| (path, table))).transpose()?;
    let mut source = match (&arguments.run, &arguments.from) {
        (Some(run), _) => of_run(run, arguments)?,
        (None, Some(weights)) => of_weights(weights, arguments)?,
        (None, None) => bail!("neither --run nor --from is given"),
    };
    if let Some((path, table)) = &users {
        let known =
            known_users(table, &source.vocabulary).map_err(|problem| anyhow!("{}: {problem}", path.display()))?;
        let (users, all, bytes) = (known.len(), table.users.len(), known.bytes());
        output::print(format!("known users: {users} of the {all} in the table, {bytes} bytes"))?;
        source.known_users = Some(known);
    }
    let (path, catalog) = given.unzip();
    let program = Program { onnxruntime: arguments.onnxruntime.as_deref(), key: key.as_ref() };
    let catalog = catalog::to_serve(catalog, &source.vocabulary, &program).map_err(|problem| match path {
        Some(path) => anyhow!("{}: {problem}", path.display()),
        None => anyhow!(problem),
    })?;
    let target = Target { name: &arguments.name, version: &arguments.version, output, replace: arguments.force };
    write_bundle(&source, &catalog, &target, program)?;
    key.map_or(Ok(()), |key| output::print(format!("signed with the key {}", key.public().fingerprint())))
}

/// Writes a bundle and says what came of it.
pub(crate) fn write_bundle(
    source: &Source,
    catalog: &Catalog,
    target: &Target<'_>,
    program: Program<'_>,
) -> Result<()> {
    let (manifest, sha256) = bundle::write_bundle(source, catalog, target, &program)?;
    let bytes: u64 = manifest.files.values().map(|file| file.bytes).sum();
    let Manifest { name, version, .. } = &manifest;
    output::print(format!("{}: {name} {version}, {} kB", target.output.display(), bytes / 1000))?;
    output::print(format!("manifest SHA-256 {sha256}"))
}

fn of_run(directory: &Path, arguments: &Arguments) -> Result<Source> {
    let run = Run::read(directory, KeptWeights::Best)?;
    let path = arguments.dataset.as_deref().context("--run needs --dataset")?;
    Source::of_run(run, Dataset::read(path)?).with_context(|| path.display().to_string())
}

fn of_weights(path: &Path, arguments: &Arguments) -> Result<Source> {
    let vocabulary = original_vocabulary(
        arguments.item_vocabulary.as_deref(),
        arguments.category_vocabulary.as_deref(),
        arguments.item_categories.as_deref(),
    )?;
    let dataset = arguments.dataset.as_deref().map(Dataset::read).transpose()?;
    let weights = Weights::read(path)?;
    ensure!(
        weights.get("time_lstm.gaps").is_none(),
        "{} holds the weights of a ranking network: expected those of the original's; --run exports a run of any network",
        path.display()
    );
    of_imported(weights, ModelHyperparameters::default(), vocabulary, path, dataset)
}

/// A source of weights that another program trained; `path` is the file they came from.
pub(crate) fn of_imported(
    weights: Weights,
    sizes: ModelHyperparameters,
    vocabulary: Vocabulary,
    path: &Path,
    dataset: Option<Dataset>,
) -> Result<Source> {
    weights.check(&sizes, &table_rows(&vocabulary)).with_context(|| path.display().to_string())?;
    let training = TrainingRecord {
        source_sha256: files::sha256_of_file(path)?,
        seed: 0,
        epochs: 0,
        best_epoch: 0,
        interactions: 0,
        hyperparameters: serde_json::to_value(Hyperparameters { model: sizes.clone(), ..Hyperparameters::default() })?,
    };
    let created = dataset.as_ref().map_or(0.0, |dataset| dataset.manifest.last_time);
    Ok(Source { sizes, weights, vocabulary, training, dataset, known_users: None, created, stopped: None })
}
