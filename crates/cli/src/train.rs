//! `slirec train`: a dataset enters, a run directory leaves. Ctrl-C stops after the current step and keeps what was
//! learnt; a second Ctrl-C stops at once; `--resume` goes on.

mod conclusion;
mod display;
pub(crate) mod tracking;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use slirec_connect::mlflow::RunStatus;
use slirec_core::bundle::FeatureShape;
use slirec_core::catalog::Catalog;
use slirec_core::vocabulary::{MissingContent, TextFeature, VectorFeature, Vocabulary};
use slirec_train::dataset::{DataShape, Dataset, Split};
use slirec_train::hyperparameters::{BestBy, Hyperparameters, Preset};
use slirec_train::run::{RunRecord, RunState, RunSummary};
use slirec_train::trainer::{Summaries, TrainError, TrainEvent, TrainOptions, train};

use crate::output;
pub(crate) use conclusion::analysis;
use conclusion::conclude;
pub(crate) use display::Display;
use tracking::Tracking;

/// Exit code of a training that Ctrl-C ended, as shells have it: a script does not go on as if it had finished.
pub(crate) const INTERRUPTED: u8 = 130;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PresetName {
    /// The network that ranks best
    Ranking,
    /// The original's network and hyperparameters
    Original,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SummariesName {
    /// No event files
    Off,
    /// Losses, metrics and hyperparameters
    Scalars,
    /// Also distributions of weights and activations
    Full,
}

/// Train a model on a prepared dataset
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Dataset directory of `slirec prepare`
    #[arg(long, value_name = "DIRECTORY")]
    dataset: PathBuf,
    /// Run directory to write
    #[arg(long, value_name = "DIRECTORY", required_unless_present = "show_config")]
    output: Option<PathBuf>,
    /// Catalogue that item features beyond the category come from
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Text of the catalogue whose words are item features, for products that training has not seen: title, or an attribute;
    /// may stand more than once
    #[arg(long, value_name = "NAME", requires = "catalog", conflicts_with = "resume")]
    text: Vec<String>,
    /// Attribute of the catalogue that holds a vector of each product, made of its text or picture, for products that
    /// training has not seen; may stand more than once
    #[arg(long, value_name = "NAME", requires = "catalog", conflicts_with = "resume")]
    vector: Vec<String>,
    /// Attribute of users that the model reads, of those that `slirec prepare --users` read; may stand more than once
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    user_feature: Vec<String>,
    /// Values that hyperparameters start from; without it, those of the network that the file names, or else of ranking
    #[arg(long, value_enum)]
    preset: Option<PresetName>,
    /// Hyperparameters as TOML; keys that are left out keep the preset's values
    #[arg(long, value_name = "FILE")]
    hyperparameters: Option<PathBuf>,
    /// Passes over the training rows
    #[arg(long)]
    epochs: Option<usize>,
    /// Positives of a step
    #[arg(long)]
    batch_size: Option<usize>,
    /// Step size of Adam
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Negatives of a positive
    #[arg(long)]
    negatives: Option<usize>,
    /// Seed of everything random
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Go on from the last checkpoint of the run directory, with its hyperparameters and seed; --epochs may be raised
    #[arg(long, conflicts_with_all = ["force", "preset", "hyperparameters", "batch_size", "learning_rate", "negatives", "seed"])]
    resume: bool,
    /// Event files for TensorBoard
    #[arg(long, value_enum, default_value = "scalars")]
    summaries: SummariesName,
    /// Seconds between checkpoints within an epoch
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    checkpoint_every: u64,
    /// Also log to an MLflow server while training, as a run of this experiment; MLFLOW_TRACKING_URI names the server
    #[arg(long, value_name = "EXPERIMENT", num_args = 0..=1, default_missing_value = "slirec")]
    mlflow: Option<String>,
    /// Print what would run, as a hyperparameter file, and end
    #[arg(long)]
    show_config: bool,
    /// Replace an earlier run
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let dataset = Dataset::read(&arguments.dataset).context("the dataset cannot be used");
    // What would run can be shown without data; its shape is then that of a small shop.
    let shape = dataset.as_ref().map(Dataset::shape).unwrap_or_default();
    let (hyperparameters, seed) = settings(arguments, &shape)?;
    if arguments.show_config {
        output::print(toml::to_string_pretty(&hyperparameters)?.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(directory) = &arguments.output else { bail!("--output is missing: expected a run directory") };
    let dataset = dataset?;
    dataset.manifest.warnings().iter().for_each(output::warn);
    let mut hyperparameters = hyperparameters;
    let dataset = if arguments.resume {
        dataset.with_vocabulary(&RunSummary::read(directory)?.vocabulary)?
    } else {
        with_features(dataset, &mut hyperparameters, arguments.catalog.as_deref())?
    };
    let interrupted = stop_on_interrupt()?;
    let options = TrainOptions {
        replace: arguments.force,
        resume: arguments.resume,
        summaries: match arguments.summaries {
            SummariesName::Off => Summaries::Off,
            SummariesName::Scalars => Summaries::Scalars,
            SummariesName::Full => Summaries::Full,
        },
        checkpoint_every: Duration::from_secs(arguments.checkpoint_every),
        ..TrainOptions::new(&dataset, &hyperparameters, seed, directory, &interrupted)
    };
    let start = |experiment: &String| Tracking::start(experiment, directory, arguments.resume, &hyperparameters, seed);
    let mut tracking = arguments.mlflow.as_ref().map(start).transpose()?;
    let mut display = Display::new(hyperparameters.training.epochs);
    let trained = train(options, &mut |event| {
        display.show(&event);
        if let (Some(tracking), TrainEvent::Evaluated { metrics, .. }) = (&mut tracking, &event) {
            tracking.log(metrics);
        }
    });
    display.finish();
    if let Some(tracking) = tracking {
        tracking.finish(run_status(&trained));
    }
    let record = trained?;
    tell(directory, &record, &hyperparameters)?;
    if record.state == RunState::Interrupted {
        note!(
            "go on with: slirec train --resume --dataset {} --output {}",
            arguments.dataset.display(),
            directory.display()
        );
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if dataset.rows(Split::Test) == 0 {
        output::warn("without test rows there is nothing to measure the model on, and no report");
    } else {
        conclude(directory, dataset)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How MLflow shows a training that ended so.
fn run_status(trained: &Result<RunRecord, TrainError>) -> RunStatus {
    match trained {
        Ok(record) if record.state == RunState::Interrupted => RunStatus::Killed,
        Ok(_) => RunStatus::Finished,
        Err(_) => RunStatus::Failed,
    }
}

/// A flag that Ctrl-C sets; the second time it ends the process.
pub(crate) fn stop_on_interrupt() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        note!("stopping after this step; again to stop at once");
    })?;
    Ok(interrupted)
}

/// One line on how a run ended.
pub(crate) fn tell(directory: &Path, record: &RunRecord, hyperparameters: &Hyperparameters) -> Result<()> {
    let state = if record.state == RunState::Interrupted { "interrupted" } else { "finished" };
    let RunRecord { epochs, best_epoch, best_group_auc, .. } = record;
    let best_by = hyperparameters.training.best_by;
    let metrics = RunSummary::read(directory)?.metrics;
    let ranked = metrics.iter().find(|metrics| metrics.epoch == *best_epoch).and_then(|best| best.ranking.as_ref());
    let best = match (best_by, ranked) {
        (BestBy::Ndcg10, Some(ranking)) => ranking.ndcg_10,
        _ => *best_group_auc,
    };
    output::print(format!(
        "{}: {state} after {epochs} epochs, best epoch {best_epoch} with {} {best:.4} on the validation rows",
        directory.display(),
        best_by.name()
    ))
}

/// Adds the attributes of users and the item features beyond the category that the hyperparameters list, which then list
/// all parts of lists.
pub(crate) fn with_features(
    dataset: Dataset,
    hyperparameters: &mut Hyperparameters,
    catalog: Option<&Path>,
) -> Result<Dataset> {
    let model = &mut hyperparameters.model;
    model.user_features = dataset.user_shapes(&model.user_features)?;
    let dataset = dataset.with_user_features(&model.user_features)?;
    let further = model.all_features().into_iter().nth(1);
    let Some(further) = further.map(|feature| feature.name) else { return Ok(dataset) };
    let path =
        catalog.with_context(|| format!("the item feature `{further}` needs --catalog, where its values stand"))?;
    let catalog = Catalog::read(path).context("the catalogue cannot be used")?;
    let vocabulary = model.vocabulary(&dataset.vocabulary, &catalog).context(path.display().to_string())?;
    warn_of_missing_content(&vocabulary);
    Ok(dataset.with_vocabulary(&vocabulary)?)
}

/// Share of the items without content from which on it is worth saying.
const MISSING: f64 = 0.05;

fn warn_of_missing_content(vocabulary: &Vocabulary) {
    let items = vocabulary.items().len();
    for MissingContent { kind, name, items: missing } in vocabulary.missing_content() {
        let what = if kind == "text" { "no word that another one has" } else { "no vector" };
        if missing as f64 > MISSING * items as f64 {
            output::warn(format!(
                "{kind} `{name}`: {missing} of {items} products have {what} there, and say as little as new ones without it"
            ));
        }
    }
}

/// What runs: the preset's values, replaced by the file's, replaced by the flags'; or those of the run that goes on.
fn settings(arguments: &Arguments, shape: &DataShape) -> Result<(Hyperparameters, u64)> {
    let (mut hyperparameters, seed) = match (&arguments.output, arguments.resume) {
        (Some(directory), true) => {
            let run = RunSummary::read(directory).context("there is no run to go on with")?;
            (run.hyperparameters, run.record.seed)
        }
        _ => {
            let preset = match (arguments.preset, &arguments.hyperparameters) {
                (Some(PresetName::Original), _) => Preset::Original,
                (Some(PresetName::Ranking), _) | (None, None) => Preset::Ranking,
                (None, Some(path)) => Hyperparameters::preset_of(path)?,
            };
            let base = preset.hyperparameters(shape);
            let read = |path: &PathBuf| Hyperparameters::read_over(path, &base);
            let hyperparameters = arguments.hyperparameters.as_ref().map(read).transpose()?;
            (hyperparameters.unwrap_or(base), arguments.seed)
        }
    };
    if !arguments.text.is_empty() {
        hyperparameters.model.text = arguments.text.iter().map(TextFeature::new).collect();
    }
    if !arguments.vector.is_empty() {
        hyperparameters.model.vectors = arguments.vector.iter().map(VectorFeature::new).collect();
    }
    if !arguments.user_feature.is_empty() {
        let embedding_size = hyperparameters.model.item_embedding_size;
        let shape = |name: &String| FeatureShape { name: name.clone(), embedding_size };
        hyperparameters.model.user_features = arguments.user_feature.iter().map(shape).collect();
    }
    let training = &mut hyperparameters.training;
    training.epochs = arguments.epochs.unwrap_or(training.epochs);
    training.batch_size = arguments.batch_size.unwrap_or(training.batch_size);
    training.learning_rate = arguments.learning_rate.unwrap_or(training.learning_rate);
    training.negatives = arguments.negatives.unwrap_or(training.negatives);
    hyperparameters.check()?;
    Ok((hyperparameters, seed))
}
