//! `slirec export`: a run, or weights of the original, and a catalogue enter; a proven bundle leaves.
//!
//! The bundle gets its name only after ONNX Runtime and the training network scored the same histories alike.

mod self_contained;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use slirec_connect::original::OriginalVocabulary;
use slirec_core::bundle::{self, Bundle, Manifest, TrainingRecord};
use slirec_core::catalog::Catalog;
use slirec_core::files::{self, StagedDirectory};
use slirec_core::lookup::ItemLookup;
use slirec_core::vocabulary::{DEFAULT_ID, Vocabulary};
use slirec_engine::BundleScorer;
use slirec_train::analysis::{MODEL, analyse};
use slirec_train::dataset::{Dataset, Split};
use slirec_train::export::{
    self, GOLDEN_REQUESTS, ProofHistory, catalog_candidates, golden_request, proof_scores, validation_histories,
};
use slirec_train::hyperparameters::{Hyperparameters, ModelHyperparameters};
use slirec_train::model::Network;
use slirec_train::run::{Run, RunState, Which, table_rows};
use slirec_train::weights::Weights;

use crate::scorer::GraphScorer;
use crate::{output, progress};

/// One past the latest creation time, as for the times of interactions.
const LATEST: u64 = 100_000_000_000;

/// Largest difference between the training network's score and ONNX Runtime's.
const TOLERANCE: f32 = 1e-4;

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
    /// Dataset of the run: its validation rows prove the bundle and give its metrics
    #[arg(long, value_name = "DIRECTORY", required_unless_present_any = ["from", "bundle"])]
    dataset: Option<PathBuf>,
    /// Catalogue to serve
    #[arg(long, value_name = "FILE", required_unless_present = "bundle")]
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
    let path = arguments.catalog.as_deref().context("--output needs --catalog")?;
    let catalog = Catalog::read(path).context("the catalogue cannot be used")?;
    let source = match (&arguments.run, &arguments.from) {
        (Some(run), _) => of_run(run, arguments)?,
        (None, Some(weights)) => of_weights(weights, arguments)?,
        (None, None) => bail!("neither --run nor --from is given"),
    };
    check_catalog(path, &catalog, &source.vocabulary)?;
    let target = Target {
        name: &arguments.name,
        version: &arguments.version,
        output,
        onnxruntime: arguments.onnxruntime.as_deref(),
        replace: arguments.force,
    };
    write_bundle(&source, &catalog, &target)
}

/// Writes a bundle and proves it before it gets its name.
pub(crate) fn write_bundle(source: &Source, catalog: &Catalog, target: &Target<'_>) -> Result<()> {
    let staged = StagedDirectory::create(target.output, bundle::MANIFEST, target.replace)?;
    export::write_files(staged.path(), &source.sizes, &source.weights, &source.vocabulary, catalog)?;
    // The manifest, which makes a directory a bundle, is written only when the files are proven.
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
    let manifest = prove(target.onnxruntime, staged.path(), source, catalog, manifest)?;
    let manifest = bundle::seal(staged.path(), manifest)?;
    staged.commit()?;
    let bytes: u64 = manifest.files.values().map(|file| file.bytes).sum();
    let Manifest { name, version, .. } = &manifest;
    output::print(format!("{}: {name} {version}, {} kB", target.output.display(), bytes / 1000))?;
    let sha256 = files::sha256_of_file(&target.output.join(bundle::MANIFEST))?;
    output::print(format!("manifest SHA-256 {sha256}"))
}

/// A catalogue that shares nothing with the training data would make a bundle that knows nothing; one that shares a
/// part is what shops have when products are new.
fn check_catalog(path: &Path, catalog: &Catalog, vocabulary: &Vocabulary) -> Result<()> {
    let available: Vec<&str> = catalog.products().iter().filter(|p| p.available).map(|p| p.handle.as_str()).collect();
    let unseen: Vec<&str> = available.iter().copied().filter(|h| vocabulary.item_id(h) == DEFAULT_ID).collect();
    let (path, count) = (path.display(), available.len());
    let Some(example) = unseen.first() else {
        ensure!(count > 0, "{path}: holds no available products: expected at least one to recommend");
        return Ok(());
    };
    ensure!(
        unseen.len() < count,
        "{path}: none of its {count} available products was in the training data, such as `{example}`: \
         expected the catalogue that the interactions came from"
    );
    let unseen = unseen.len();
    let example = output::printable(example);
    eprintln!("warning: {unseen} of {count} available products were not in the training data, such as `{example}`");
    Ok(())
}

fn of_run(directory: &Path, arguments: &Arguments) -> Result<Source> {
    let run = Run::read(directory, Which::Best)?;
    let early = match run.record.state {
        RunState::Interrupted => Some("was interrupted"),
        RunState::Diverged => Some("diverged"),
        RunState::Running | RunState::Finished => None,
    };
    if let Some(early) = early {
        eprintln!("warning: the run {early}; exporting its best weights, of epoch {}", run.record.best_epoch);
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
    of_imported(Weights::read(path)?, ModelHyperparameters::default(), vocabulary, path, dataset)
}

/// A source of weights that somebody else trained; `path` is the file they came from.
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

/// The original's vocabulary files, which clap made sure to be there together.
pub(crate) fn original_vocabulary(
    items: Option<&Path>,
    categories: Option<&Path>,
    item_categories: Option<&Path>,
) -> Result<Vocabulary> {
    let (Some(items), Some(categories), Some(item_categories)) = (items, categories, item_categories) else {
        bail!("--item-vocabulary, --category-vocabulary and --item-categories are needed together");
    };
    Ok(OriginalVocabulary { items, categories, item_categories }.read(&|_| 0)?)
}

/// Scores the proof histories with both sides; fills in metrics and golden requests.
fn prove(
    onnxruntime: Option<&Path>,
    directory: &Path,
    source: &Source,
    catalog: &Catalog,
    mut manifest: Manifest,
) -> Result<Manifest> {
    let bundle = Bundle::read_unsealed(directory, manifest.clone())?;
    let lookup = ItemLookup::new(catalog, &source.vocabulary);
    let longest = source.sizes.longest_history;
    // A dataset of other ids than the weights' would prove nothing.
    let dataset = source.dataset.as_ref().filter(|dataset| dataset.vocabulary.same_items(&source.vocabulary));
    let mut histories = dataset.map(|dataset| validation_histories(dataset, &lookup, longest)).unwrap_or_default();
    if histories.is_empty() {
        histories = export::made_up_histories(&source.vocabulary, &lookup, longest);
    }
    let candidates = catalog_candidates(catalog, &lookup);
    let mut network = Network::from_weights(&source.sizes, &table_rows(&source.vocabulary), &source.weights)?;
    let mut graphs = GraphScorer::new(BundleScorer::from_bundle(&bundle, onnxruntime)?);
    let mut worst = 0.0_f32;
    for (number, history) in (0..).zip(&histories) {
        let expected = proof_scores(&mut network, history, &candidates).map_err(anyhow::Error::from_boxed)?;
        let found = proof_scores(&mut graphs, history, &candidates).map_err(anyhow::Error::from_boxed)?;
        worst = worst.max(difference(&expected, &found, history)?);
        if number < GOLDEN_REQUESTS {
            manifest.golden_requests.push(golden_request(history, &candidates, &expected));
        }
    }
    output::print(format!(
        "proof: {} histories × {} candidates differ by at most {worst:.1e} between training and ONNX Runtime",
        histories.len(),
        candidates.len()
    ))?;
    if let Some(dataset) = dataset {
        for split in [Split::Valid, Split::Test] {
            let _step = progress::step(format!("measuring the bundle on the {} rows", split.name()));
            let analysis = analyse(&mut graphs, None, dataset, split, longest, &mut |_, _, _| ())?;
            manifest.loses_to = analysis.lost_to().iter().map(|baseline| baseline.name.clone()).collect();
            for measured in &analysis.measured {
                let (set, name) = (&analysis.set, &measured.name);
                let key = if name == MODEL { set.clone() } else { format!("{set} {name}") };
                let mut metrics = measured.sampled.by_name();
                metrics.extend(measured.ranking.by_name());
                if name == MODEL {
                    metrics.insert("measured_rows".to_owned(), analysis.groups as f64);
                    metrics.insert("unseen_rows".to_owned(), analysis.unseen as f64);
                }
                manifest.metrics.insert(key, metrics);
            }
        }
        // The last set that was measured is the test set.
        for baseline in &manifest.loses_to {
            eprintln!("warning: the model ranks the test rows no better than plain {baseline}; the manifest says so");
        }
    }
    Ok(manifest)
}

fn difference(expected: &[f32], found: &[f32], history: &ProofHistory) -> Result<f32> {
    ensure!(expected.len() == found.len(), "{} scores instead of {}", found.len(), expected.len());
    let worst = expected.iter().zip(found).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max);
    let sound = found.iter().all(|score| score.is_finite()) && worst <= TOLERANCE;
    ensure!(
        sound,
        "the graphs differ from the training network by {worst} for a history of {} items: expected at most {TOLERANCE}; \
         no bundle was written",
        history.items.len()
    );
    Ok(worst)
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
