//! From interactions to a run: frames and hyperparameters enter, directories leave. Python's Ctrl-C ends preparing, and
//! stops training between two steps.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::RecordBatchReader;
use pyo3::prelude::*;
use slirec_connect::frames::{FrameInteractions, InteractionColumns, PLACE};
use slirec_train::dataset::Dataset;
use slirec_train::dataset::prepare::{PrepareOptions, prepare_from};
use slirec_train::hyperparameters::{Hyperparameters, Preset};
use slirec_train::run::RunSummary;
use slirec_train::trainer::{TrainOptions, train as train_network};

use crate::errors::{failure, unusable};
use crate::frame;
use crate::listener::{Listener, Stopping};

/// As `../python/slirec/_training.py` passes it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct PreparePlan {
    output: PathBuf,
    columns: (String, String, String, Option<String>),
    time_share: Option<f64>,
    seed: u64,
    keep_order: bool,
    skip_bad_rows: bool,
    min_interactions: NonZeroUsize,
    valid_negatives: NonZeroUsize,
    test_negatives: NonZeroUsize,
    replace: bool,
}

/// Prepares a dataset of a frame; `tell` is called with the number of rows that are read.
#[pyfunction]
pub(crate) fn prepare(py: Python<'_>, frame: &Bound<'_, PyAny>, plan: PreparePlan, tell: Py<PyAny>) -> PyResult<()> {
    let reader = frame::read(frame)?;
    let (user, item, timestamp, category) = plan.columns;
    let there = |name: &String| reader.schema().field_with_name(name).is_ok();
    let category = category.or_else(|| InteractionColumns::default().category.filter(there));
    // Frames have words of their own; a column called weight or event may be anything.
    let columns = InteractionColumns {
        user,
        item,
        timestamp,
        category,
        weight: None,
        event: None,
        attributes: Vec::new(),
        known_as: None,
    };
    let options = PrepareOptions {
        seed: plan.seed,
        time_share: plan.time_share,
        keep_order: plan.keep_order,
        skip_bad_lines: plan.skip_bad_rows,
        min_interactions: plan.min_interactions,
        replace: plan.replace,
        valid_negatives: plan.valid_negatives,
        test_negatives: plan.test_negatives,
        ..PrepareOptions::new(PLACE.into(), plan.output)
    };
    let mut listener = Listener::new(tell);
    py.detach(|| {
        let mut source = Stopping::new(FrameInteractions::new(reader, columns), &mut listener);
        let prepared = prepare_from(&options, &mut source, &mut |_, _| {});
        listener.outcome()?;
        prepared.map(|_| ()).map_err(failure)
    })
}

/// What a person should know of a dataset before training on it.
#[pyfunction]
pub(crate) fn dataset(path: PathBuf) -> PyResult<(String, Vec<String>)> {
    let dataset = Dataset::read(&path).map_err(failure)?;
    Ok((serde_json::to_string(&dataset.manifest).map_err(failure)?, dataset.manifest.warnings()))
}

/// As `../python/slirec/_training.py` passes it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct TrainPlan {
    dataset: PathBuf,
    output: PathBuf,
    preset: String,
    /// Hyperparameters that differ from the preset's, as JSON.
    hyperparameters: String,
    seed: u64,
    replace: bool,
    resume: bool,
}

/// Trains; `tell` is called with epochs, steps and metrics. A run that Ctrl-C stops keeps what it has learnt.
#[pyfunction]
pub(crate) fn train(py: Python<'_>, plan: TrainPlan, tell: Py<PyAny>) -> PyResult<()> {
    let TrainPlan { dataset, output, preset, hyperparameters, seed, replace, resume } = plan;
    let given: toml::Table =
        serde_json::from_str(&hyperparameters).map_err(|error| unusable(format!("hyperparameters: {error}")))?;
    let preset = match preset.as_str() {
        "ranking" => Preset::Ranking,
        "original" => Preset::Original,
        other => return Err(unusable(format!("preset is `{other}`: expected ranking or original"))),
    };
    let interrupted = AtomicBool::new(false);
    let mut listener = Listener::new(tell);
    py.detach(|| {
        let dataset = Dataset::read(&dataset).map_err(failure)?;
        let (mut hyperparameters, seed) = if resume {
            let run = RunSummary::read(&output).map_err(failure)?;
            let going_on = Hyperparameters::from_table(given, &run.hyperparameters).map_err(failure)?;
            (going_on, run.record.seed)
        } else {
            let base = preset.hyperparameters(&dataset.shape());
            (Hyperparameters::from_table(given, &base).map_err(failure)?, seed)
        };
        if let [_, further, ..] = hyperparameters.model.features.as_slice() {
            let name = &further.name;
            return Err(unusable(format!(
                "the item feature `{name}` needs a catalogue: `slirec train --catalog` has one"
            )));
        }
        let model = &mut hyperparameters.model;
        model.user_features = dataset.user_shapes(&model.user_features).map_err(failure)?;
        let dataset = dataset.with_user_features(&hyperparameters.model.user_features).map_err(failure)?;
        let options = TrainOptions {
            replace,
            resume,
            ..TrainOptions::new(&dataset, &hyperparameters, seed, &output, &interrupted)
        };
        let epochs = hyperparameters.training.epochs;
        let trained = train_network(options, &mut |event| {
            if !listener.show(&event, epochs) {
                interrupted.store(true, Ordering::Relaxed);
            }
        });
        // Ctrl-C is no failure: the run says that it was interrupted.
        listener.outcome_of_training()?;
        trained.map(|_| ()).map_err(failure)
    })
}
