//! Runs that are over: their directories enter; metrics, analyses, reports and bundles leave.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use pyo3::prelude::*;
use slirec_connect::frames;
use slirec_core::bundle::Bundle;
use slirec_core::catalog::Catalog;
use slirec_core::vocabulary::Vocabulary;
use slirec_engine::{BundleScorer, CandidateIds, Kernels};
use slirec_train::analysis::{Analysis, Measured, Subject, analyse};
use slirec_train::baselines::{self, Fitted};
use slirec_train::dataset::evaluation::Sampling;
use slirec_train::dataset::{Dataset, Split};
use slirec_train::evaluation::{ColumnScorer, ScoreError, Scorer, Seen};
use slirec_train::export::ExportError;
use slirec_train::export::bundle::{Host, Parity, Source, Target, write_bundle};
use slirec_train::export::catalog;
use slirec_train::inference::InferenceNetwork;
use slirec_train::metrics::RankingMetrics;
use slirec_train::report::Report;
use slirec_train::run::{KeptWeights, Run, RunSummary};

use crate::errors::{SlirecError, failure, unusable};
use crate::frame::{self, Frame};

/// What `run.json` says, and the metrics of each epoch.
#[pyfunction]
pub(crate) fn run(path: PathBuf) -> PyResult<(String, Frame)> {
    let summary = RunSummary::read(&path).map_err(failure)?;
    let record = serde_json::to_string(&summary.record).map_err(failure)?;
    Ok((record, metrics_by_epoch(&summary).map_err(failure)?))
}

fn metrics_by_epoch(summary: &RunSummary) -> Result<Frame, ArrowError> {
    let rows = summary.metrics.iter().map(|metrics| {
        let mut by_name = metrics.valid.by_name();
        by_name.extend(metrics.ranking.iter().flat_map(RankingMetrics::by_name));
        by_name
    });
    let rows: Vec<_> = rows.collect();
    let whole = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let epochs: Int64Array = summary.metrics.iter().map(|metrics| Some(whole(metrics.epoch))).collect();
    let steps: Int64Array = summary.metrics.iter().map(|metrics| Some(whole(metrics.steps))).collect();
    let losses: Float64Array = summary.metrics.iter().map(|metrics| metrics.loss).collect();
    let fields = vec![
        Field::new("epoch", DataType::Int64, false),
        Field::new("steps", DataType::Int64, false),
        Field::new("loss", DataType::Float64, true),
    ];
    let columns: Vec<ArrayRef> = vec![Arc::new(epochs), Arc::new(steps), Arc::new(losses)];
    table(fields, columns, &rows)
}

/// A table of some columns, and behind them one of each name of a metric.
fn table(
    mut fields: Vec<Field>,
    mut columns: Vec<ArrayRef>,
    rows: &[BTreeMap<String, f64>],
) -> Result<Frame, ArrowError> {
    let names: BTreeSet<&String> = rows.iter().flat_map(BTreeMap::keys).collect();
    for name in names {
        fields.push(Field::new(name, DataType::Float64, true));
        columns.push(Arc::new(rows.iter().map(|row| row.get(name).copied()).collect::<Float64Array>()));
    }
    let batch = RecordBatch::try_new(Schema::new(fields).into(), columns)?;
    Ok(Frame::new(batch.schema(), vec![batch]))
}

/// Which rows to measure: at most so many, or all of them, and the seed of the draw.
type Sample = (Option<usize>, bool, Option<u64>);

/// What is not said is as by the command.
fn sampling((most, all, seed): Sample, vocabulary: &Vocabulary) -> Sampling {
    let usual = if all { Sampling::ALL } else { Sampling::for_items(vocabulary.items().len()) };
    Sampling { most: most.unwrap_or(usual.most), seed: seed.unwrap_or(usual.seed) }
}

/// Measures a run, or a bundle, on rows of a dataset beside the baselines: the analysis as JSON, and the metrics of
/// each of them.
#[pyfunction]
pub(crate) fn evaluate(
    py: Python<'_>,
    model: (Option<PathBuf>, Option<PathBuf>),
    dataset: PathBuf,
    set: &str,
    sample: Sample,
    onnxruntime: Option<PathBuf>,
) -> PyResult<(String, Frame)> {
    let split = match set {
        "valid" => Split::Valid,
        "test" => Split::Test,
        other => return Err(unusable(format!("set is `{other}`: expected valid or test"))),
    };
    let analysis = py.detach(|| match model {
        (Some(run), _) => {
            let run = Run::read(&run, KeptWeights::Best).map_err(failure)?;
            analysis_of_run(&run, &dataset, split, sampling(sample, &run.vocabulary))
        }
        (None, Some(bundle)) => {
            let bundle = Bundle::read(&bundle).map_err(failure)?;
            let dataset =
                Dataset::read(&dataset).map_err(failure)?.with_vocabulary(&bundle.vocabulary).map_err(failure)?;
            let mut scorer = scorer(&bundle, onnxruntime.as_deref(), Kernels::Fused).map_err(of_score)?;
            let rows = (sampling(sample, &bundle.vocabulary), Seen::Keep);
            let longest = bundle.manifest.model.longest_history;
            let subject = Subject::of_dataset(&dataset, split, longest, rows).map_err(failure)?;
            measured(scorer.as_mut(), &dataset, &subject.titled(Some(&bundle.catalog)))
        }
        (None, None) => Err(unusable("nothing to evaluate: expected a run or a bundle")),
    })?;
    let json = serde_json::to_string(&analysis).map_err(failure)?;
    Ok((json, metrics_by_scorer(&analysis).map_err(failure)?))
}

fn metrics_by_scorer(analysis: &Analysis) -> Result<Frame, ArrowError> {
    let rows: Vec<_> = analysis.measured.iter().map(Measured::by_name).collect();
    let scorers: StringArray = analysis.measured.iter().map(|measured| Some(measured.name.as_str())).collect();
    table(vec![Field::new("name", DataType::Utf8, false)], vec![Arc::new(scorers)], &rows)
}

/// The report of a run as one page of HTML, measured on the test rows of its dataset.
#[pyfunction]
pub(crate) fn report(py: Python<'_>, run: PathBuf, dataset: PathBuf) -> PyResult<String> {
    py.detach(|| {
        let summary = RunSummary::read(&run).map_err(failure)?;
        let read = Run::read(&run, KeptWeights::Best).map_err(failure)?;
        let usual = Sampling::for_items(read.vocabulary.items().len());
        let analysis = analysis_of_run(&read, &dataset, Split::Test, usual)?;
        let report = Report {
            name: &run.file_name().unwrap_or(run.as_os_str()).to_string_lossy(),
            record: &summary.record,
            hyperparameters: &summary.hyperparameters,
            epochs: &summary.metrics,
            analysis: &analysis,
            program_sha256: "unknown",
        };
        Ok(report.render())
    })
}

fn analysis_of_run(run: &Run, dataset: &Path, split: Split, sampling: Sampling) -> PyResult<Analysis> {
    let dataset = Dataset::read(dataset).map_err(failure)?.with_vocabulary(&run.vocabulary).map_err(failure)?;
    let mut network = InferenceNetwork::of_run(run).map_err(failure)?;
    measured(&mut network, &dataset, &Subject::of_run(run, &dataset, split, sampling).map_err(failure)?)
}

fn measured(model: &mut dyn Scorer, dataset: &Dataset, subject: &Subject<'_>) -> PyResult<Analysis> {
    if subject.groups.is_empty() {
        return Err(SlirecError::new_err(format!("the dataset has no {} rows to measure", subject.set)));
    }
    let baselines = fit(dataset).map_err(of_score)?;
    judge(model, subject, &baselines).map_err(of_score)
}

/// Fits the baselines, until a signal ends it.
fn fit(dataset: &Dataset) -> Result<Vec<Fitted>, ScoreError> {
    baselines::fit(dataset, Seen::Keep, &mut |_| no_signal())
}

/// Measures a model beside the baselines, until a signal ends it.
fn judge(model: &mut dyn Scorer, subject: &Subject<'_>, baselines: &[Fitted]) -> Result<Analysis, ScoreError> {
    analyse(model, subject, baselines, &mut |_, _, _| no_signal())
}

fn no_signal() -> Result<(), ScoreError> {
    Ok(Python::attach(|py| py.check_signals())?)
}

/// As `../python/slirec/_training.py` passes it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct ExportPlan {
    run: PathBuf,
    dataset: PathBuf,
    /// A file.
    catalog: Option<PathBuf>,
    /// Or a frame.
    products: Option<Py<PyAny>>,
    output: PathBuf,
    name: String,
    version: String,
    replace: bool,
    onnxruntime: PathBuf,
}

/// Exports a run as a bundle directory, once its graphs have scored like the trained network. Leaves warnings.
#[pyfunction]
pub(crate) fn export(py: Python<'_>, plan: ExportPlan) -> PyResult<Vec<String>> {
    let products = plan.products.map(|products| frame::read(products.bind(py))).transpose()?;
    py.detach(|| {
        let given = match (&plan.catalog, products) {
            (Some(path), _) => Some(Catalog::read(path).map_err(failure)?),
            (None, Some(products)) => Some(frames::catalog(products).map_err(failure)?),
            (None, None) => None,
        };
        let run = Run::read(&plan.run, KeptWeights::Best).map_err(failure)?;
        let source = Source::of_run(run, Dataset::read(&plan.dataset).map_err(failure)?).map_err(failure)?;
        let host = Library { onnxruntime: plan.onnxruntime, warnings: RefCell::default() };
        let place = if given.is_some() { "the catalogue: " } else { "" };
        let catalog = catalog::to_serve(given, &source.vocabulary, &host)
            .map_err(|problem| SlirecError::new_err(format!("{place}{problem}")))?;
        let target = Target { name: &plan.name, version: &plan.version, output: &plan.output, replace: plan.replace };
        write_bundle(&source, &catalog, &target, &host).map_err(|error| match error {
            ExportError::Score(error) => of_score(error),
            error => failure(error),
        })?;
        Ok(host.warnings.take())
    })
}

/// What an export needs of this library.
struct Library {
    onnxruntime: PathBuf,
    warnings: RefCell<Vec<String>>,
}

impl Host for Library {
    fn graphs(&self, bundle: &Bundle) -> Result<Box<dyn Scorer>, ScoreError> {
        scorer(bundle, Some(&self.onnxruntime), Kernels::OnnxRuntime)
    }

    fn served(&self, bundle: &Bundle) -> Result<Box<dyn Scorer>, ScoreError> {
        scorer(bundle, Some(&self.onnxruntime), Kernels::Fused)
    }

    fn fit(&self, dataset: &Dataset) -> Result<Vec<Fitted>, ScoreError> {
        fit(dataset)
    }

    fn judge(
        &self,
        model: &mut dyn Scorer,
        subject: &Subject<'_>,
        baselines: &[Fitted],
    ) -> Result<Analysis, ScoreError> {
        judge(model, subject, baselines)
    }

    fn checked(&self, _: Parity) {}

    fn warn(&self, warning: &str) {
        self.warnings.borrow_mut().push(warning.to_owned());
    }
}

/// Scores with a bundle.
fn scorer(bundle: &Bundle, onnxruntime: Option<&Path>, kernels: Kernels) -> Result<Box<dyn Scorer>, ScoreError> {
    let mut scorer = BundleScorer::with_kernels(bundle, onnxruntime, kernels)?;
    Ok(Box::new(ColumnScorer(move |history: &_, items, features| {
        Ok(scorer.score(history, &CandidateIds { items, features })?)
    })))
}

/// What was raised on the way, or why something could not score.
fn of_score(error: ScoreError) -> PyErr {
    error.downcast::<PyErr>().map_or_else(|error| SlirecError::new_err(error.to_string()), |raised| *raised)
}
