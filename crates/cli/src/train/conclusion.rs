//! The end of a run: its directory and dataset enter; the analysis on test rows, the report and a word of warning
//! leave.

use std::path::Path;

use anyhow::Result;
use slirec_core::files;
use slirec_train::analysis::{Analysis, Attention, MODEL, analyse};
use slirec_train::dataset::{Dataset, Split};
use slirec_train::inference::InferenceNetwork;
use slirec_train::report::{REPORT, Report};
use slirec_train::run::{KeptWeights, Run, RunSummary};

use crate::evaluate::Measurement;
use crate::{evaluate, output, progress};

/// Measures the best weights on the test rows, beside the baselines; writes `analysis.json` and `report.html` into the
/// run directory.
pub(crate) fn conclude(directory: &Path, dataset: Dataset) -> Result<Analysis> {
    let run = Run::read(directory, KeptWeights::Best)?;
    let dataset = dataset.with_vocabulary(&run.vocabulary)?;
    let analysis = analysis(&run, &dataset, Split::Test)?;
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
    let measurement = Measurement {
        set: &analysis.set,
        rows: analysis.rows,
        groups: analysis.groups,
        sample_seed: analysis.sample_seed,
        unseen: analysis.unseen,
        candidates: analysis.candidates,
    };
    output::print(evaluate::table(&measurement, &analysis.measured))?;
    for baseline in analysis.lost_to() {
        let ndcg = analysis.of(MODEL).map_or(0.0, |model| model.ranking.ndcg_10);
        note!(
            "warning: the model loses to plain {}: NDCG@10 over all items is {ndcg:.4} against {:.4}; do not deploy it. \
             Try more data, or other settings: docs/TRAINING.md",
            baseline.name,
            baseline.ranking.ndcg_10
        );
    }
    output::print(format!("report: {}", directory.join(REPORT).display()))?;
    Ok(analysis)
}

/// Measures a run's weights on the rows of a split.
pub(crate) fn analysis(run: &Run, dataset: &Dataset, split: Split) -> Result<Analysis> {
    let longest = run.hyperparameters.model.longest_history;
    let mut network = InferenceNetwork::new(&run.hyperparameters.model, &run.vocabulary, &run.weights)?;
    let reader = InferenceNetwork::new(&run.hyperparameters.model, &run.vocabulary, &run.weights)?;
    let attention: &mut Attention<'_> = &mut |history, candidate| Ok(reader.attention(history, candidate)?);
    let mut lines = progress::Lines::new();
    let bar = progress::bar(0, "histories");
    let analysis = analyse(&mut network, Some(attention), dataset, split, longest, &mut |name, done, all| {
        bar.set_length(all as u64);
        bar.set_message(format!("ranking by {name}"));
        bar.set_position(done as u64);
        lines.print(|| format!("ranking by {name}: {done} of {all} histories"));
    });
    bar.finish_and_clear();
    Ok(analysis?)
}
