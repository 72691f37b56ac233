//! `slirec export`: a run, or weights of the original, and a catalogue enter; a checked bundle leaves.
//!
//! The bundle gets its name only after ONNX Runtime and the trained network scored the same histories alike.

mod catalog;
mod parity;
mod self_contained;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use slirec_core::bundle::{self, Manifest, TrainingRecord};
use slirec_core::catalog::Catalog;
use slirec_core::files::{self, StagedDirectory};
use slirec_core::vocabulary::Vocabulary;
use slirec_train::activity;
use slirec_train::dataset::Dataset;
use slirec_train::export;
use slirec_train::hyperparameters::{Hyperparameters, ModelHyperparameters};
use slirec_train::run::{KeptWeights, Run, RunState, table_rows};
use slirec_train::weights::Weights;

use crate::original::original_vocabulary;
use crate::output;
use catalog::{catalog_of, check_catalog};

/// One past the latest creation time, as for the times of interactions.
const LATEST: u64 = 100_000_000_000;

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
    #[arg(conflicts_with_all = ["run", "from", "dataset", "catalog", "output", "name", "version"])]
    bundle: Option<PathBuf>,
    /// Also write the whole model as one ONNX file for any runtime: handles and times as text in, GIDs and scores out
    #[arg(long, value_name = "FILE")]
    self_contained: Option<PathBuf>,
    /// With --self-contained: how many products an answer has
    #[arg(long, value_name = "PRODUCTS", default_value_t = 16, requires = "self_contained")]
    limit: usize,
    /// ONNX Runtime's shared library; by default from ORT_DYLIB_PATH
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// Replace an earlier bundle
    #[arg(long)]
    force: bool,
}

/// Everything a bundle is made of.
pub(crate) struct Source {
    pub(crate) sizes: ModelHyperparameters,
    pub(crate) weights: Weights,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) training: TrainingRecord,
    pub(crate) dataset: Option<Dataset>,
    pub(crate) created: f64,
}

/// Where a bundle goes and what it is called.
pub(crate) struct Target<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) output: &'a Path,
    pub(crate) onnxruntime: Option<&'a Path>,
    pub(crate) replace: bool,
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
    // Read before the weights: what is wrong with it is reported at once.
    let given = arguments.catalog.as_deref();
    let given = given.map(|path| Catalog::read(path).map(|catalog| (path, catalog)));
    let given = given.transpose().context("the catalogue cannot be used")?;
    let source = match (&arguments.run, &arguments.from) {
        (Some(run), _) => of_run(run, arguments)?,
        (None, Some(weights)) => of_weights(weights, arguments)?,
        (None, None) => bail!("neither --run nor --from is given"),
    };
    let catalog = match given {
        Some((path, catalog)) => {
            check_catalog(path, &catalog, &source.vocabulary)?;
            catalog
        }
        None => {
            let catalog = catalog_of(&source.vocabulary)?;
            let products = catalog.products().len();
            output::warn(format!(
                "no --catalog: the {products} items of the training data are served under their names, all of them on sale"
            ));
            catalog
        }
    };
    let target = Target {
        name: &arguments.name,
        version: &arguments.version,
        output,
        onnxruntime: arguments.onnxruntime.as_deref(),
        replace: arguments.force,
    };
    write_bundle(&source, &catalog, &target)
}

/// Writes a bundle and checks it before it gets its name.
pub(crate) fn write_bundle(source: &Source, catalog: &Catalog, target: &Target<'_>) -> Result<()> {
    let staged = StagedDirectory::create(target.output, bundle::MANIFEST, target.replace)?;
    export::write_files(staged.path(), &source.sizes, &source.weights, &source.vocabulary, catalog)?;
    if let Some(dataset) = &source.dataset {
        activity::count(dataset).write(&staged.path().join(bundle::ACTIVITY))?;
    }
    // The manifest, which makes a directory a bundle, is written only when the files passed the check.
    let manifest = Manifest {
        format: bundle::FORMAT.to_owned(),
        name: target.name.to_owned(),
        version: target.version.to_owned(),
        created: created(source.created)?,
        model: source.sizes.shape(),
        training: source.training.clone(),
        metrics: BTreeMap::new(),
        files: bundle::record_files(staged.path())?,
        golden_requests: Vec::new(),
        loses_to: Vec::new(),
    };
    let manifest = parity::check(target.onnxruntime, staged.path(), source, catalog, manifest)?;
    let manifest = bundle::seal(staged.path(), manifest)?;
    staged.commit()?;
    let bytes: u64 = manifest.files.values().map(|file| file.bytes).sum();
    let Manifest { name, version, .. } = &manifest;
    output::print(format!("{}: {name} {version}, {} kB", target.output.display(), bytes / 1000))?;
    let sha256 = files::sha256_of_file(&target.output.join(bundle::MANIFEST))?;
    output::print(format!("manifest SHA-256 {sha256}"))
}

fn of_run(directory: &Path, arguments: &Arguments) -> Result<Source> {
    let run = Run::read(directory, KeptWeights::Best)?;
    let early = match run.record.state {
        RunState::Interrupted => Some("was interrupted"),
        RunState::Diverged => Some("diverged"),
        RunState::Running | RunState::Finished => None,
    };
    if let Some(early) = early {
        note!("warning: the run {early}; exporting its best weights, of epoch {}", run.record.best_epoch);
    }
    let path = arguments.dataset.as_deref().context("--run needs --dataset")?;
    let dataset = Dataset::read(path)?;
    ensure!(
        dataset.sha256 == run.record.dataset_sha256,
        "{} has manifest SHA-256 {}: the run was trained on {}",
        path.display(),
        dataset.sha256,
        run.record.dataset_sha256
    );
    let dataset = dataset.with_vocabulary(&run.vocabulary)?;
    let training = TrainingRecord {
        source_sha256: run.record.dataset_sha256.clone(),
        seed: run.record.seed,
        epochs: run.record.epochs,
        best_epoch: run.record.best_epoch,
        interactions: run.record.train_rows,
        hyperparameters: serde_json::to_value(&run.hyperparameters)?,
    };
    Ok(Source {
        sizes: run.hyperparameters.model.clone(),
        weights: run.weights,
        vocabulary: run.vocabulary,
        training,
        created: run.record.last_time,
        dataset: Some(dataset),
    })
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
    Ok(Source { sizes, weights, vocabulary, training, dataset, created })
}

/// RFC 3339 of `SOURCE_DATE_EPOCH`, or else of the data's last interaction: never of the clock, so that the same inputs
/// give the same bytes.
fn created(last_time: f64) -> Result<String> {
    let seconds =
        match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(text) => text.parse().ok().filter(|seconds| *seconds < LATEST).with_context(|| {
                format!("SOURCE_DATE_EPOCH is `{text}`: expected Unix seconds before the year 5138")
            })?,
            // Times of interactions are checked to lie between 0 and 1e11 when they are read.
            Err(_) => last_time as u64,
        };
    Ok(humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string())
}
