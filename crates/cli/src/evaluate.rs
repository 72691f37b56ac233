//! `slirec evaluate`: a run, a bundle or weights and evaluation rows enter; metrics leave, beside two baselines on the
//! same rows, as a table for people or JSON for programs.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{ArgGroup, ValueEnum};
use serde::Serialize;
use slirec_core::bundle::Bundle;
use slirec_core::vocabulary::Vocabulary;
use slirec_engine::BundleScorer;
use slirec_train::analysis::{CO_OCCURRENCE, MODEL, Measured, POPULARITY, vocabulary_candidates};
use slirec_train::baselines::{CoOccurrence, Popularity};
use slirec_train::dataset::evaluation::{Candidate, EvaluationGroup};
use slirec_train::dataset::original::read_groups;
use slirec_train::dataset::{Dataset, Split};
use slirec_train::evaluation::{Scorer, evaluate_ranking, evaluate_sampled};
use slirec_train::hyperparameters::Hyperparameters;
use slirec_train::model::Network;
use slirec_train::run::{Run, Which, table_rows};
use slirec_train::weights::Weights;

use crate::export::original_vocabulary;
use crate::scorer::GraphScorer;
use crate::{output, progress};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Set {
    Valid,
    Test,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Checkpoint {
    Best,
    Last,
}

/// Measure a run or a bundle, beside the baselines
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
    /// ONNX Runtime's shared library, for --bundle; by default from ORT_DYLIB_PATH
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    rows: String,
    groups: usize,
    candidates: usize,
    results: Vec<Measured>,
}

/// A scorer with the ids it was trained with.
struct Model {
    scorer: Box<dyn Scorer>,
    vocabulary: Vocabulary,
    longest_history: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut model = load(arguments)?;
    let dataset = arguments.dataset.as_deref().map(Dataset::read).transpose()?;
    // Baselines count by ids: they speak of the same items only under the same vocabulary.
    let dataset = dataset
        .filter(|dataset| arguments.file.is_none() || dataset.vocabulary.same_items(&model.vocabulary))
        .map(|dataset| dataset.with_vocabulary(&model.vocabulary))
        .transpose()
        .context("the dataset does not fit the model")?;
    let (rows, groups) = rows(arguments, dataset.as_ref(), &model)?;
    let candidates = vocabulary_candidates(&model.vocabulary);
    let mut results = vec![measure(MODEL, model.scorer.as_mut(), &groups, &candidates)?];
    if let Some(dataset) = dataset {
        results.push(measure(POPULARITY, &mut Popularity::of(&dataset), &groups, &candidates)?);
        results.push(measure(CO_OCCURRENCE, &mut CoOccurrence::of(&dataset), &groups, &candidates)?);
    }
    let report = Report { rows, groups: groups.len(), candidates: candidates.len(), results };
    if arguments.json {
        output::print_json(&report)
    } else {
        output::print(table(&report.rows, report.groups, report.candidates, &report.results))
    }
}

fn load(arguments: &Arguments) -> Result<Model> {
    let of_network = |hyperparameters: &Hyperparameters, vocabulary: Vocabulary, weights: &Weights| -> Result<Model> {
        let network = Network::from_weights(&hyperparameters.model, &table_rows(&vocabulary), weights)?;
        let longest_history = hyperparameters.model.longest_history;
        Ok(Model { scorer: Box::new(network), vocabulary, longest_history })
    };
    if let Some(directory) = &arguments.run {
        let which = match arguments.checkpoint {
            Checkpoint::Best => Which::Best,
            Checkpoint::Last => Which::Last,
        };
        let run = Run::read(directory, which)?;
        return of_network(&run.hyperparameters, run.vocabulary, &run.weights);
    }
    if let Some(directory) = &arguments.bundle {
        let bundle = Bundle::read(directory)?;
        let scorer = GraphScorer::new(BundleScorer::from_bundle(&bundle, arguments.onnxruntime.as_deref())?);
        let longest_history = bundle.manifest.model.longest_history;
        return Ok(Model { scorer: Box::new(scorer), vocabulary: bundle.vocabulary, longest_history });
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

fn rows(arguments: &Arguments, dataset: Option<&Dataset>, model: &Model) -> Result<(String, Vec<EvaluationGroup>)> {
    if let Some(path) = &arguments.file {
        return Ok((path.display().to_string(), read_groups(path, &model.vocabulary, model.longest_history)?));
    }
    let dataset = dataset.context("neither --dataset nor --file is given")?;
    let split = match arguments.set {
        Set::Valid => Split::Valid,
        Set::Test => Split::Test,
    };
    Ok((split.name().to_owned(), dataset.groups(split, model.longest_history)?))
}

fn measure(
    name: &'static str,
    scorer: &mut dyn Scorer,
    groups: &[EvaluationGroup],
    candidates: &[Candidate],
) -> Result<Measured> {
    let total = groups.len();
    let step = progress::step(format!("scoring {total} groups by {name}"));
    let sampled = evaluate_sampled(scorer, groups).map_err(anyhow::Error::from_boxed)?;
    drop(step);
    let bar = progress::bar(total as u64, "histories").with_message(format!("ranking by {name}"));
    let mut lines = progress::Lines::new();
    let ranking = evaluate_ranking(scorer, groups, candidates, &mut |done| {
        bar.set_position(done as u64);
        lines.print(|| format!("ranking by {name}: {done} of {total} histories"));
    });
    bar.finish_and_clear();
    Ok(Measured { name: name.to_owned(), sampled, ranking: ranking.map_err(anyhow::Error::from_boxed)? })
}

/// Metrics as a table, a line each scorer.
pub(crate) fn table(rows: &str, groups: usize, candidates: usize, results: &[Measured]) -> String {
    let sampled = ["auc", "logloss", "mean_mrr", "ndcg@2", "ndcg@4", "ndcg@6", "group_auc"];
    let ranking = ["hr@10", "ndcg@10", "mrr", "coverage@10"];
    let heads: String = sampled.iter().chain(&ranking).map(|name| format!("{name:>12}")).collect();
    let mut lines = vec![format!("{groups} groups of {rows}, full ranking over {candidates} candidates")];
    lines.push(format!("{:<14}{heads}", ""));
    for Measured { name, sampled: on_negatives, ranking: on_all } in results {
        let (on_negatives, on_all) = (on_negatives.by_name(), on_all.by_name());
        let figures = sampled.iter().map(|name| on_negatives.get(*name));
        let figures = figures.chain(ranking.iter().map(|name| on_all.get(*name)));
        let cells =
            figures.map(|figure| figure.map_or_else(|| format!("{:>12}", "-"), |value| format!("{value:>12.4}")));
        lines.push(format!("{name:<14}{}", cells.collect::<String>()));
    }
    lines.join("\n")
}
