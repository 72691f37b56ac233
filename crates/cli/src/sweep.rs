//! `slirec sweep`: a dataset and a file that says what to try enter; a run directory for every trial and a table of all
//! of them, the best one first, leave. A sweep that was stopped goes on where it was.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use slirec_core::files;
use slirec_train::analysis::{Analysis, MODEL};
use slirec_train::baselines::Fitted;
use slirec_train::dataset::{Dataset, Split};
use slirec_train::evaluation::Seen;
use slirec_train::run::{KeptWeights, Run, RunState, RunSummary};
use slirec_train::sweep::{Trial, trials};
use slirec_train::trainer::{TrainError, TrainOptions, train};

use crate::judging::fit;
use crate::output;
use crate::train::{Display, INTERRUPTED, analysis, stop_on_interrupt, with_features};

/// Name of the file that keeps the table.
const RESULTS: &str = "sweep.json";

/// Search hyperparameters: train several runs and rank them
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Dataset directory of `slirec prepare`
    #[arg(long, value_name = "DIRECTORY")]
    dataset: PathBuf,
    /// What to try, as TOML: a grid or random draws; `docs/TRAINING.md` has an example
    #[arg(long, value_name = "FILE")]
    search: PathBuf,
    /// Directory that holds a run directory for every trial
    #[arg(long, value_name = "DIRECTORY")]
    output: PathBuf,
    /// Catalogue that item features beyond the category come from
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Seed of the draws and of every run
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of a trial, on the validation rows.
#[derive(Debug, Serialize)]
struct Outcome {
    trial: usize,
    run: PathBuf,
    settings: String,
    best_epoch: usize,
    #[serde(rename = "ndcg@10")]
    ndcg_10: f64,
    #[serde(rename = "hr@10")]
    hit_rate_10: f64,
    group_auc: f64,
    /// How much better the model ranks than the best baseline does.
    #[serde(rename = "ndcg@10 over the best baseline")]
    over_baseline: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let shape = Dataset::read(&arguments.dataset).context("the dataset cannot be used")?.shape();
    let mut trials = trials(&arguments.search, arguments.seed, &shape)?;
    ensure!(!trials.is_empty(), "{}: names nothing to try", arguments.search.display());
    let interrupted = stop_on_interrupt()?;
    let mut outcomes = Vec::with_capacity(trials.len());
    // Baselines know only the dataset, which all trials share.
    let mut baselines: Vec<Fitted> = Vec::new();
    let count = trials.len();
    for trial in &mut trials {
        note!("trial {} of {count}: {}", trial.number, trial.describe());
        let directory = arguments.output.join(format!("trial-{:03}", trial.number));
        let dataset = Dataset::read(&arguments.dataset).context("the dataset cannot be used")?;
        let dataset = with_features(dataset, &mut trial.hyperparameters, arguments.catalog.as_deref())?;
        if !finished(&directory, trial, &dataset, arguments.seed)? {
            let resume = RunSummary::read(&directory).is_ok();
            let hyperparameters = &trial.hyperparameters;
            let options = TrainOptions::new(&dataset, hyperparameters, arguments.seed, &directory, &interrupted);
            let mut display = Display::aside(hyperparameters.training.epochs);
            let trained = train(TrainOptions { resume, ..options }, &mut |event| display.show(&event));
            display.finish();
            match trained {
                Ok(record) if record.state == RunState::Interrupted => {
                    note!("the same command goes on with this sweep");
                    return Ok(ExitCode::from(INTERRUPTED));
                }
                Ok(_) => {}
                // Searching means to try what may be too much: the others go on.
                Err(error @ TrainError::Diverged { .. }) => note!("trial {}: {error}", trial.number),
                Err(error) => return Err(error).with_context(|| format!("trial {}", trial.number)),
            }
        }
        if baselines.is_empty() {
            baselines = fit(&dataset, Seen::Keep)?;
        }
        outcomes.push(outcome(trial, directory, &dataset, &baselines)?);
    }
    outcomes.sort_by(|one, other| other.ndcg_10.total_cmp(&one.ndcg_10).then(one.trial.cmp(&other.trial)));
    files::write_json(&arguments.output.join(RESULTS), &outcomes)?;
    if arguments.json {
        output::print_json(&outcomes)?
    } else {
        output::print(table(&outcomes))?
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a run directory holds this trial, trained as far as it can be. Another run in its place is an error.
fn finished(directory: &Path, trial: &Trial, dataset: &Dataset, seed: u64) -> Result<bool> {
    if !directory.exists() {
        return Ok(false);
    }
    let RunSummary { record, hyperparameters, vocabulary, .. } = RunSummary::read(directory)?;
    let same =
        hyperparameters == trial.hyperparameters && record.seed == seed && record.dataset_sha256 == dataset.sha256;
    let directory = directory.display();
    ensure!(same, "{directory} holds a run of other hyperparameters, seed or dataset: choose another output");
    let same = vocabulary.same_features(&dataset.vocabulary);
    ensure!(
        same,
        "{directory} holds a run with item features of another catalogue, or other attributes of users: choose another output"
    );
    Ok(matches!(record.state, RunState::Finished | RunState::Diverged))
}

fn outcome(trial: &Trial, directory: PathBuf, dataset: &Dataset, baselines: &[Fitted]) -> Result<Outcome> {
    let run = Run::read(&directory, KeptWeights::Best)?;
    let analysis: Analysis = analysis(&run, dataset, Split::Valid, baselines)?;
    let best = analysis.best_baseline();
    let model = analysis.of(MODEL).context("the model was not measured")?;
    Ok(Outcome {
        trial: trial.number,
        settings: trial.describe(),
        best_epoch: run.record.best_epoch,
        ndcg_10: model.ranking.ndcg_10,
        hit_rate_10: model.ranking.hit_rate_10,
        group_auc: model.sampled.as_ref().map_or(0.0, |sampled| sampled.group_auc),
        over_baseline: model.ranking.ndcg_10 - best.map_or(0.0, |best| best.ranking.ndcg_10),
        run: directory,
    })
}

fn table(outcomes: &[Outcome]) -> String {
    let head = format!(
        "{:>5} {:>8} {:>8} {:>9} {:>15} {:>6}  settings",
        "trial", "ndcg@10", "hr@10", "group_auc", "over baseline", "epoch"
    );
    let row = |outcome: &Outcome| {
        let Outcome { trial, settings, best_epoch, ndcg_10, hit_rate_10, group_auc, over_baseline, .. } = outcome;
        format!(
            "{trial:>5} {ndcg_10:>8.4} {hit_rate_10:>8.4} {group_auc:>9.4} {over_baseline:>+15.4} {best_epoch:>6}  {settings}"
        )
    };
    [head].into_iter().chain(outcomes.iter().map(row)).collect::<Vec<_>>().join("\n")
}
