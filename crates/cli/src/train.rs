//! `slirec train`: a dataset enters, a run directory leaves. Ctrl-C stops after the current step and keeps what was
//! learnt; a second Ctrl-C stops at once.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use slirec_core::catalog::Catalog;
use slirec_train::dataset::Dataset;
use slirec_train::hyperparameters::Hyperparameters;
use slirec_train::metrics::SampledMetrics;
use slirec_train::run::RunState;
use slirec_train::trainer::{TrainEvent, TrainOptions, train};

use crate::{output, progress};

/// Exit code of a training that Ctrl-C ended, as shells have it: a script does not go on as if it had finished.
const INTERRUPTED: u8 = 130;

/// Train a model on a prepared dataset
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Dataset directory of `slirec prepare`
    #[arg(long, value_name = "DIRECTORY")]
    dataset: PathBuf,
    /// Run directory to write
    #[arg(long, value_name = "DIRECTORY")]
    output: PathBuf,
    /// Catalogue that item features beyond the category come from
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Hyperparameters as TOML; keys that are left out keep the original's values
    #[arg(long, value_name = "FILE")]
    hyperparameters: Option<PathBuf>,
    /// Passes over the training rows; 10 unless the file says otherwise
    #[arg(long, value_name = "NUMBER")]
    epochs: Option<usize>,
    /// Positives of a step; 400 unless the file says otherwise
    #[arg(long, value_name = "NUMBER")]
    batch_size: Option<usize>,
    /// Step size of Adam; 0.001 unless the file says otherwise
    #[arg(long, value_name = "NUMBER")]
    learning_rate: Option<f64>,
    /// Negatives of a positive; 4 unless the file says otherwise
    #[arg(long, value_name = "NUMBER")]
    negatives: Option<usize>,
    /// Seed of everything random
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Replace an earlier run
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let hyperparameters = hyperparameters(arguments)?;
    let dataset = Dataset::read(&arguments.dataset).context("the dataset cannot be used")?;
    let dataset = with_item_features(dataset, &hyperparameters, arguments.catalog.as_deref())?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        eprintln!("stopping after this step; again to stop at once");
    })?;
    let options = TrainOptions {
        dataset: &dataset,
        hyperparameters: &hyperparameters,
        seed: arguments.seed,
        output: &arguments.output,
        replace: arguments.force,
        interrupted: &interrupted,
    };
    let mut display = Display::new(hyperparameters.training.epochs);
    let record = train(options, &mut |event| display.show(&event))?;
    display.bar.finish_and_clear();
    let (state, code) = match record.state {
        RunState::Interrupted => ("interrupted", ExitCode::from(INTERRUPTED)),
        _ => ("finished", ExitCode::SUCCESS),
    };
    output::print(format!(
        "{}: {state} after {} epochs, best epoch {} with group_auc {:.4}",
        arguments.output.display(),
        record.epochs,
        record.best_epoch,
        record.best_group_auc
    ))?;
    Ok(code)
}

/// Adds the item features that the hyperparameters list beyond the category.
fn with_item_features(dataset: Dataset, hyperparameters: &Hyperparameters, catalog: Option<&Path>) -> Result<Dataset> {
    let names: Vec<&str> = hyperparameters.model.features.iter().map(|feature| feature.name.as_str()).collect();
    let [_category, further, ..] = names.as_slice() else { return Ok(dataset) };
    let path =
        catalog.with_context(|| format!("the item feature `{further}` needs --catalog, where its values stand"))?;
    let catalog = Catalog::read(path).context("the catalogue cannot be used")?;
    let vocabulary = dataset.vocabulary.with_item_features(&catalog, &names).context(path.display().to_string())?;
    Ok(dataset.with_vocabulary(&vocabulary)?)
}

/// The file's values, replaced by the flags'.
fn hyperparameters(arguments: &Arguments) -> Result<Hyperparameters> {
    let mut hyperparameters = match &arguments.hyperparameters {
        Some(path) => Hyperparameters::read(path)?,
        None => Hyperparameters::default(),
    };
    let training = &mut hyperparameters.training;
    training.epochs = arguments.epochs.unwrap_or(training.epochs);
    training.batch_size = arguments.batch_size.unwrap_or(training.batch_size);
    training.learning_rate = arguments.learning_rate.unwrap_or(training.learning_rate);
    training.negatives = arguments.negatives.unwrap_or(training.negatives);
    hyperparameters.check()?;
    Ok(hyperparameters)
}

struct Display {
    bar: ProgressBar,
    lines: progress::Lines,
    epochs: usize,
    epoch: usize,
    rows: u64,
    done: u64,
    recent_loss: f32,
    started: Instant,
}

impl Display {
    fn new(epochs: usize) -> Self {
        Self {
            bar: ProgressBar::hidden(),
            lines: progress::Lines::new(),
            epochs,
            epoch: 0,
            rows: 0,
            done: 0,
            recent_loss: 0.0,
            started: Instant::now(),
        }
    }

    fn show(&mut self, event: &TrainEvent<'_>) {
        match event {
            TrainEvent::EpochStarts { epoch, rows } => {
                (self.epoch, self.rows, self.done) = (*epoch, *rows as u64, 0);
                self.started = Instant::now();
                self.bar = progress::bar(self.rows, "examples");
            }
            TrainEvent::Step { loss, positives } => {
                self.done += *positives as u64;
                self.recent_loss = if self.recent_loss == 0.0 { *loss } else { 0.9 * self.recent_loss + 0.1 * loss };
                self.bar.set_message(format!("epoch {}/{} loss {:.4}", self.epoch, self.epochs, self.recent_loss));
                self.bar.set_position(self.done);
                let line = self.line();
                self.lines.print(|| line);
            }
            TrainEvent::Evaluated { metrics, best } => {
                self.bar.finish_and_clear();
                let loss = metrics.loss.map_or_else(|| "       ".to_owned(), |loss| format!("{loss:7.4}"));
                let mark = if *best { " *" } else { "" };
                // Training goes on when nobody reads any more.
                let _ = output::print(format!(
                    "epoch {:>3} loss {loss} valid {}{mark}",
                    metrics.epoch,
                    figures(&metrics.valid)
                ));
            }
        }
    }

    fn line(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = self.done as f64 / seconds.max(1e-3);
        let left = Duration::from_secs(((self.rows - self.done.min(self.rows)) as f64 / rate.max(1e-3)) as u64);
        format!(
            "epoch {}/{}: {} of {} examples, loss {:.4}, {rate:.0} examples/s, {} left in this epoch",
            self.epoch,
            self.epochs,
            self.done,
            self.rows,
            self.recent_loss,
            humantime::format_duration(left)
        )
    }
}

fn figures(metrics: &SampledMetrics) -> String {
    let metrics = metrics.by_name();
    let names = ["auc", "logloss", "mean_mrr", "ndcg@2", "ndcg@4", "ndcg@6", "group_auc"];
    let figures = names.iter().filter_map(|name| Some(format!("{name} {:.4}", metrics.get(*name)?)));
    figures.collect::<Vec<_>>().join(" ")
}
