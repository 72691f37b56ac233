//! `slirec evaluate`: a run, a bundle or weights and evaluation rows enter; metrics leave, beside the baselines on the same
//! rows, as a table for people or JSON for programs.

mod cold_start;
mod next_baskets;
mod predictions;
mod scratch;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgGroup, ValueEnum};
use slirec_core::bundle::{Bundle, CATALOG};
use slirec_core::catalog::Catalog;
use slirec_core::vocabulary::Vocabulary;
use slirec_engine::{BundleScorer, Kernels};
use slirec_train::analysis::Subject;
use slirec_train::dataset::evaluation::{EvaluationGroup, SAMPLE_SEED, Sampling, unseen};
use slirec_train::dataset::original::read_groups;
use slirec_train::dataset::{Dataset, Split, read_users};
use slirec_train::evaluation::{Scorer, Seen};
use slirec_train::hyperparameters::Hyperparameters;
use slirec_train::inference::InferenceNetwork;
use slirec_train::run::{KeptWeights, Run};
use slirec_train::weights::Weights;

use crate::judging::{fit, judge, table};
use crate::original::original_vocabulary;
use crate::output;
use crate::scorer::scorer_of_bundle;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Set {
    Valid,
    Test,
}

impl Set {
    fn split(self) -> Split {
        match self {
            Self::Valid => Split::Valid,
            Self::Test => Split::Test,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SeenItems {
    /// They are ranked as all others
    Keep,
    /// They are no candidates; rows whose item is among them are left out
    Remove,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Checkpoint {
    Best,
    Last,
}

/// Measure a run, a bundle or counts, beside the baselines
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("model").required(true))]
pub(crate) struct Arguments {
    /// Run directory of `slirec train`
    #[arg(long, value_name = "DIRECTORY", group = "model")]
    run: Option<PathBuf>,
    /// With --run: the weights of the best epoch, or the last ones
    #[arg(long, value_enum, default_value = "best", requires = "run")]
    checkpoint: Checkpoint,
    /// Bundle of `slirec export`
    #[arg(long, value_name = "DIRECTORY", group = "model")]
    bundle: Option<PathBuf>,
    /// Weights as safetensors, under our names or TensorFlow's
    #[arg(long, value_name = "FILE", group = "model", requires_all = ["item_vocabulary", "category_vocabulary", "item_categories"])]
    weights: Option<PathBuf>,
    /// No model: how much of every user's last basket is found by the counts that a bundle carries (bought again, bought
    /// together), made of the baskets before it, beside popularity and own frequency
    #[arg(long, group = "model", requires = "dataset", conflicts_with_all = ["file", "predictions", "seen", "all", "most_rows", "seed"])]
    baskets: bool,
    /// With --run: train the run's network without this share of the products, and measure how they are ranked all the same
    #[arg(
        long,
        value_name = "SHARE",
        num_args = 0..=1,
        default_missing_value = "0.1",
        value_parser = share,
        requires_all = ["run", "dataset", "catalog"],
        conflicts_with_all = ["file", "predictions", "all", "most_rows", "checkpoint", "seen", "set"]
    )]
    cold: Option<f64>,
    /// With --cold: the catalogue, where the products' content stands
    #[arg(long, value_name = "FILE", requires = "cold")]
    catalog: Option<PathBuf>,
    /// With --weights: item ids by handle, as the original writes them (JSON)
    #[arg(long, value_name = "FILE")]
    item_vocabulary: Option<PathBuf>,
    /// With --weights: category ids by name (JSON)
    #[arg(long, value_name = "FILE")]
    category_vocabulary: Option<PathBuf>,
    /// With --weights: category by handle (JSON)
    #[arg(long, value_name = "FILE")]
    item_categories: Option<PathBuf>,
    /// Dataset whose rows to evaluate on, and whose training rows the baselines count
    #[arg(long, value_name = "DIRECTORY", required_unless_present = "file")]
    dataset: Option<PathBuf>,
    /// Rows of the dataset
    #[arg(long, value_enum, default_value = "test", conflicts_with = "file")]
    set: Set,
    /// An expanded file of the original instead of a dataset's rows; gzip is recognised
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// What becomes of the items that a history holds
    #[arg(long, value_enum, default_value = "keep")]
    seen: SeenItems,
    /// Write what the model recommends for each measured row into this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// Measure every row instead of a sample
    #[arg(long, conflicts_with_all = ["most_rows", "seed"])]
    all: bool,
    /// Measure at most so many rows, drawn by the seed [default: 2000, fewer of more than 100,000 items]
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    most_rows: Option<usize>,
    /// Seed of the sample
    #[arg(long, default_value_t = SAMPLE_SEED)]
    seed: u64,
    /// ONNX Runtime's shared library, for --bundle; by default from ORT_DYLIB_PATH
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The rows to measure, and how many there are.
struct Rows {
    set: String,
    groups: Vec<EvaluationGroup>,
    all: usize,
}

/// A scorer with the ids it was trained with.
struct Model {
    scorer: Box<dyn Scorer>,
    vocabulary: Vocabulary,
    longest_history: usize,
    /// Where titles stand, if they are known.
    catalog: Option<Catalog>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(dataset) = arguments.dataset.as_deref().filter(|_| arguments.baskets) {
        return next_baskets::run(dataset, arguments.json);
    }
    if let Some(share) = arguments.cold {
        let [run, dataset, catalog] = [&arguments.run, &arguments.dataset, &arguments.catalog].map(Option::as_deref);
        // The command line asks for all of them.
        let (Some(run), Some(dataset), Some(catalog)) = (run, dataset, catalog) else { bail!("--cold needs --run") };
        let (seed, json) = (arguments.seed, arguments.json);
        return cold_start::run(&cold_start::Cold { run, dataset, catalog, share, seed, json });
    }
    let mut model = load(arguments)?;
    let dataset = arguments.dataset.as_deref().map(Dataset::read).transpose()?;
    // Baselines count by ids: they speak of the same items only under the same vocabulary.
    let dataset = dataset
        .filter(|dataset| arguments.file.is_none() || dataset.vocabulary.same_items(&model.vocabulary))
        .map(|dataset| dataset.with_vocabulary(&model.vocabulary))
        .transpose()
        .context("the dataset does not fit the model")?;
    let usual = Sampling::for_items(model.vocabulary.items().len());
    let sampling = if arguments.all {
        Sampling::ALL
    } else {
        Sampling { most: arguments.most_rows.unwrap_or(usual.most), seed: arguments.seed }
    };
    let seen = match arguments.seen {
        SeenItems::Keep => Seen::Keep,
        SeenItems::Remove => Seen::Remove,
    };
    let Rows { set, groups, all } = rows(arguments, dataset.as_ref(), &model, sampling)?;
    let Model { scorer, vocabulary, longest_history, catalog } = &mut model;
    let subject =
        Subject::new(set, vocabulary, groups, all, *longest_history, (sampling, seen)).titled(catalog.as_ref());
    ensure!(!subject.groups.is_empty(), "no row is left to measure: the item of every row is in its history");
    warn(&subject, arguments, dataset.as_ref());
    let baselines = dataset.as_ref().map(|dataset| fit(dataset, seen)).transpose()?.unwrap_or_default();
    let analysis = judge(scorer.as_mut(), &subject, &baselines)?;
    if let Some(path) = &arguments.predictions {
        let users = dataset.as_ref().zip(arguments.dataset.as_deref()).filter(|_| arguments.file.is_none());
        let users = users.map(|(dataset, directory)| read_users(directory, dataset.manifest.users)).transpose()?;
        predictions::write(path, scorer.as_mut(), &subject, &users.unwrap_or_default())?;
    }
    if arguments.json { output::print_json(&analysis) } else { output::print(table(&analysis)) }
}

/// What to know of the rows before believing their metrics.
fn warn(subject: &Subject<'_>, arguments: &Arguments, dataset: Option<&Dataset>) {
    let Subject { set, rows, sample_seed, .. } = subject;
    let (groups, unseen) = (subject.groups.len(), unseen(&subject.groups));
    if let Some(seed) = sample_seed {
        note!("measuring {groups} of {rows} {set} rows, drawn with seed {seed}; --all measures every row");
    }
    if unseen > 0 {
        let share = 100.0 * unseen as f64 / groups.max(1) as f64;
        output::warn(format!(
            "{unseen} of {groups} measured rows ({share:.1} %) have an item that was never seen in training: every metric \
             counts them as not found"
        ));
    }
    if let Some(dataset) = dataset.filter(|_| arguments.file.is_none()) {
        dataset.manifest.equal_time_warning(arguments.set.split()).iter().for_each(output::warn);
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| "expected a share between 0 and 1".to_owned())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "expected a whole number from 1".to_owned())
}

fn load(arguments: &Arguments) -> Result<Model> {
    let of_network = |hyperparameters: &Hyperparameters, vocabulary: Vocabulary, weights: &Weights| -> Result<Model> {
        let network = InferenceNetwork::new(&hyperparameters.model, &vocabulary, weights)?;
        let longest_history = hyperparameters.model.longest_history;
        Ok(Model { scorer: Box::new(network), vocabulary, longest_history, catalog: None })
    };
    if let Some(directory) = &arguments.run {
        let which = match arguments.checkpoint {
            Checkpoint::Best => KeptWeights::Best,
            Checkpoint::Last => KeptWeights::Last,
        };
        let run = Run::read(directory, which)?;
        return of_network(&run.hyperparameters, run.vocabulary, &run.weights);
    }
    if let Some(directory) = &arguments.bundle {
        let bundle = Bundle::read(directory)?;
        let library = arguments.onnxruntime.as_deref();
        let scorer = scorer_of_bundle(BundleScorer::with_kernels(&bundle, library, Kernels::Fused)?);
        let longest_history = bundle.manifest.model.longest_history;
        let catalog = Catalog::read(&directory.join(CATALOG)).ok();
        return Ok(Model { scorer, vocabulary: bundle.vocabulary, longest_history, catalog });
    }
    if let Some(path) = &arguments.weights {
        let vocabulary = original_vocabulary(
            arguments.item_vocabulary.as_deref(),
            arguments.category_vocabulary.as_deref(),
            arguments.item_categories.as_deref(),
        )?;
        let weights = Weights::read(path)?;
        return of_network(&Hyperparameters::default(), vocabulary, &weights).context(path.display().to_string());
    }
    bail!("nothing to evaluate: expected --run, --bundle or --weights")
}

fn rows(arguments: &Arguments, dataset: Option<&Dataset>, model: &Model, sampling: Sampling) -> Result<Rows> {
    if let Some(path) = &arguments.file {
        let groups = read_groups(path, &model.vocabulary, model.longest_history)?;
        let all = groups.len();
        return Ok(Rows { set: path.display().to_string(), groups: sampling.of(groups), all });
    }
    let dataset = dataset.context("neither --dataset nor --file is given")?;
    let split = arguments.set.split();
    let groups = dataset.sampled_groups(split, model.longest_history, sampling)?;
    ensure!(!groups.is_empty(), "the dataset has no {} rows to measure", split.name());
    Ok(Rows { set: split.name().to_owned(), groups, all: dataset.rows(split) })
}
