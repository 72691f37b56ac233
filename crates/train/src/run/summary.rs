//! A run as people look at it: a run directory in any state enters, even one that is running or was killed; what it
//! was told, how it went and what it holds leave.

use std::fs;
use std::path::Path;

use serde::Serialize;
use slirec_core::files::FileError;
use slirec_core::vocabulary::Vocabulary;

use super::{
    BEST, EpochMetrics, HYPERPARAMETERS, LAST, METRICS, RunError, RunRecord, RunState, VOCABULARY, table_rows,
};
use crate::hyperparameters::Hyperparameters;
use crate::weights::Weights;

/// Everything of a run but the values of its weights.
#[derive(Debug)]
pub struct RunSummary {
    /// What `run.json` says.
    pub record: RunRecord,
    /// What the run was told.
    pub hyperparameters: Hyperparameters,
    /// Names and ids.
    pub vocabulary: Vocabulary,
    /// The lines of `metrics.jsonl`.
    pub metrics: Vec<EpochMetrics>,
    /// The weights that are there.
    pub checkpoints: Vec<Checkpoint>,
}

/// A file of weights.
#[derive(Debug, Serialize)]
pub struct Checkpoint {
    /// Name of the file.
    pub name: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Values of all weights together; the moving statistics are among them.
    pub values: usize,
    /// Why it cannot be used, if so.
    pub problem: Option<String>,
}

impl RunSummary {
    /// Reads a run directory.
    ///
    /// # Errors
    /// [`RunError`] for a file that is missing or malformed; weights that cannot be used are no error but told.
    pub fn read(directory: &Path) -> Result<Self, RunError> {
        let record = RunRecord::read(directory)?;
        let hyperparameters = Hyperparameters::read(&directory.join(HYPERPARAMETERS))?;
        let vocabulary = Vocabulary::read(&directory.join(VOCABULARY))?;
        let metrics = read_metrics(&directory.join(METRICS), record.state)?;
        let checkpoint = |name| checkpoint(directory, name, &hyperparameters, &vocabulary);
        let checkpoints = [BEST, LAST].into_iter().filter_map(checkpoint).collect();
        Ok(Self { record, hyperparameters, vocabulary, metrics, checkpoints })
    }
}

/// Reads `metrics.jsonl`. A run that is not over may not have come to it, or be in the middle of a line.
fn read_metrics(path: &Path, state: RunState) -> Result<Vec<EpochMetrics>, RunError> {
    let text = match fs::read_to_string(path) {
        Err(_) if state == RunState::Running && !path.exists() => return Ok(Vec::new()),
        text => text.map_err(FileError::io("read", path))?,
    };
    let whole = text.split_inclusive('\n').filter(|line| state != RunState::Running || line.ends_with('\n'));
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            let problem = format!("line {number}: {error}");
            RunError::Invalid { path: path.to_owned(), problem }
        })
    };
    (1..).zip(whole).map(parse).collect()
}

fn checkpoint(
    directory: &Path,
    name: &'static str,
    hyperparameters: &Hyperparameters,
    vocabulary: &Vocabulary,
) -> Option<Checkpoint> {
    let path = directory.join(name);
    let bytes = fs::metadata(&path).ok()?.len();
    let weights = Weights::read(&path);
    let values = weights.iter().flat_map(Weights::iter).map(|(_, array)| array.values.len()).sum();
    let checked = weights.and_then(|weights| weights.check(&hyperparameters.model, &table_rows(vocabulary)));
    Some(Checkpoint { name, bytes, values, problem: checked.err().map(|error| error.to_string()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"epoch":1,"steps":7,"loss":1.5,"valid":{"auc":0.5,"logloss":0.7,"mean_mrr":0.4,"ndcg@2":0.3,"ndcg@4":0.4,"ndcg@6":0.5,"group_auc":0.6}}"#;

    fn read(text: &str, state: RunState) -> Result<Vec<EpochMetrics>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(METRICS);
        fs::write(&path, text).unwrap();
        read_metrics(&path, state).map_err(|error| error.to_string())
    }

    #[test]
    fn metrics_read_back_as_they_were_written() {
        let metrics = read(&format!("{LINE}\n{LINE}\n"), RunState::Finished).unwrap();
        assert_eq!(metrics.len(), 2);
        assert_eq!(serde_json::to_string(&metrics[1]).unwrap(), LINE);
    }

    #[test]
    fn half_a_line_is_an_error_unless_the_run_is_not_over() {
        let text = format!("{LINE}\n{}", &LINE[..40]);
        assert_eq!(read(&text, RunState::Running).unwrap().len(), 1);
        let error = read(&text, RunState::Finished).unwrap_err();
        assert!(error.contains("metrics.jsonl: line 2: "), "{error}");
    }
}
