//! The end of a run: its directory and dataset enter; the analysis on test rows, the report and a word of warning
//! leave.

use std::path::Path;

use anyhow::Result;
use slirec_core::files;
use slirec_train::analysis::{Analysis, Difference, Subject};
use slirec_train::baselines::Fitted;
use slirec_train::dataset::evaluation::Sampling;
use slirec_train::dataset::{Dataset, Split};
use slirec_train::evaluation::Seen;
use slirec_train::inference::InferenceNetwork;
use slirec_train::report::{REPORT, Report};
use slirec_train::run::{KeptWeights, Run, RunSummary};

use crate::judging::{fit, judge, table};
use crate::output;

/// Test rows below which a run says that they prove little.
const FEW_ROWS: usize = 100;

/// Measures the best weights on the test rows, beside the baselines; writes `analysis.json` and `report.html` into the
/// run directory.
pub(crate) fn conclude(directory: &Path, dataset: Dataset) -> Result<Analysis> {
    let run = Run::read(directory, KeptWeights::Best)?;
    let dataset = dataset.with_vocabulary(&run.vocabulary)?;
    let analysis = analysis(&run, &dataset, Split::Test, &fit(&dataset, Seen::Keep)?)?;
    analysis.write(directory)?;
    let summary = RunSummary::read(directory)?;
    let program = std::env::current_exe().ok().and_then(|path| files::sha256_of_file(&path).ok());
    let report = Report {
        name: &directory.file_name().unwrap_or(directory.as_os_str()).to_string_lossy(),
        record: &summary.record,
        hyperparameters: &summary.hyperparameters,
        epochs: &summary.metrics,
        analysis: &analysis,
        program_sha256: program.as_deref().unwrap_or("unknown"),
    };
    report.write(directory)?;
    output::print(table(&analysis))?;
    if run.record.best_epoch == 0 {
        output::warn("no epoch ranked the validation rows better than the untrained network, whose weights are kept");
    }
    if analysis.groups < FEW_ROWS {
        let groups = analysis.groups;
        output::warn(format!("{groups} test rows say little: below {FEW_ROWS}, most differences are chance"));
    }
    warn_of_baselines(&analysis);
    output::print(format!("report: {}", directory.join(REPORT).display()))?;
    Ok(analysis)
}

/// Names every baseline that a model does not beat.
pub(crate) fn warn_of_baselines(analysis: &Analysis) {
    let named = analysis.losing_to().into_iter().filter_map(|baseline| {
        let Difference { mean, interval, .. } = baseline.model_less_this?;
        Some(format!("{} ({mean:+.4}, 95 %: {:.4} to {:.4})", baseline.name, interval.low, interval.high))
    });
    let named: Vec<String> = named.collect();
    if !named.is_empty() {
        output::warn(format!(
            "the model does not beat {}: differences of NDCG@10 over all items. Do not deploy it; try more data, or other \
             settings: docs/TRAINING.md",
            named.join(", ")
        ));
    }
}

/// Measures a run's weights on the rows of a split, beside baselines.
pub(crate) fn analysis(run: &Run, dataset: &Dataset, split: Split, baselines: &[Fitted]) -> Result<Analysis> {
    let subject = Subject::of_run(run, dataset, split, Sampling::for_items(run.vocabulary.items().len()))?;
    judge(&mut InferenceNetwork::of_run(run)?, &subject, baselines)
}
