//! A run directory: what a training run was told, what it learnt and how far it came.
//!
//! `hyperparameters.toml`, `vocabulary.json`, `metrics.jsonl` (a line an evaluation), `best.safetensors`,
//! `last.safetensors` and `run.json`, whose `state` says whether the run is over. A killed run stays `running`, which
//! nothing exports.

mod summary;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use slirec_core::files::{self, FileError};
use slirec_core::vocabulary::{Vocabulary, VocabularyError};
use thiserror::Error;

use crate::checkpoint;
use crate::dataset::findings::Findings;
use crate::hyperparameters::{HyperparameterError, Hyperparameters};
use crate::metrics::{RankingMetrics, SampledMetrics};
use crate::weights::{TableRows, Weights, WeightsError};

pub use summary::{Checkpoint, RunSummary};

/// Name of the file that says how far the run came.
pub const RUN: &str = "run.json";
/// Format of `run.json` that this version writes and reads.
pub const FORMAT: &str = "slirec-run/1";
const HYPERPARAMETERS: &str = "hyperparameters.toml";
const VOCABULARY: &str = "vocabulary.json";
const METRICS: &str = "metrics.jsonl";
const BEST: &str = "best.safetensors";
const LAST: &str = "last.safetensors";

/// A run directory that cannot be used.
#[derive(Debug, Error)]
pub enum RunError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The vocabulary breaks a rule.
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    /// The weights cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The hyperparameters cannot be used.
    #[error(transparent)]
    Hyperparameters(#[from] HyperparameterError),
    /// The content breaks a rule.
    #[error("{path}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
}

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Still training, or killed.
    Running,
    /// Stopped by the user; what it had learnt was kept.
    Interrupted,
    /// All epochs done, or stopped early.
    Finished,
    /// Given up because the loss grew beyond reason; what it had learnt before was kept.
    Diverged,
}

/// `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// `slirec-run/1`
    pub format: String,
    /// How far the run came.
    pub state: RunState,
    /// SHA-256 of the dataset's manifest.
    pub dataset_sha256: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Training rows.
    pub train_rows: u64,
    /// Interactions of the dataset.
    pub interactions: u64,
    /// Unix seconds of the dataset's last interaction.
    pub last_time: f64,
    /// What `prepare` found in the interactions; none of datasets of the first release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Findings>,
    /// Epochs that were completed.
    pub epochs: usize,
    /// Epoch of the best weights; 0 for the untrained ones.
    pub best_epoch: usize,
    /// Validation group AUC of the best weights.
    pub best_group_auc: f64,
}

impl RunRecord {
    /// Reads `run.json`, whatever its state.
    ///
    /// # Errors
    /// [`RunError`] when there is none or it is of another format.
    pub fn read(directory: &Path) -> Result<Self, RunError> {
        let path = directory.join(RUN);
        let record: Self = files::read_json(&path)?;
        if record.format != FORMAT {
            let problem = format!("format is `{}`: expected `{FORMAT}`", record.format);
            return Err(RunError::Invalid { path, problem });
        }
        Ok(record)
    }
}

/// A line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Epoch, 0 for the untrained network.
    pub epoch: usize,
    /// Steps of the whole run so far.
    pub steps: usize,
    /// Mean training loss of the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Metrics on the validation rows.
    pub valid: SampledMetrics,
    /// Full ranking of the validation rows, when the best epoch is chosen by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<RankingMetrics>,
}

/// A run directory that is being written.
#[derive(Debug)]
pub struct RunWriter {
    directory: PathBuf,
    /// What `run.json` says.
    pub record: RunRecord,
}

impl RunWriter {
    /// Starts a run directory.
    ///
    /// # Errors
    /// [`FileError::Exists`] when there is one already and `replace` is not set.
    pub fn create(
        directory: &Path,
        replace: bool,
        hyperparameters: &Hyperparameters,
        vocabulary: &Vocabulary,
        mut record: RunRecord,
    ) -> Result<Self, RunError> {
        FORMAT.clone_into(&mut record.format);
        let staged = files::StagedDirectory::create(directory, RUN, replace)?;
        write_hyperparameters(staged.path(), hyperparameters)?;
        vocabulary.write(&staged.path().join(VOCABULARY))?;
        files::write_json(&staged.path().join(RUN), &record)?;
        staged.commit()?;
        Ok(Self { directory: directory.to_owned(), record })
    }

    /// Opens the directory of a run that is to go on with these hyperparameters.
    ///
    /// # Errors
    /// [`RunError`] when there is no run.
    pub fn reopen(directory: &Path, hyperparameters: &Hyperparameters) -> Result<Self, RunError> {
        let record = RunRecord::read(directory)?;
        write_hyperparameters(directory, hyperparameters)?;
        Ok(Self { directory: directory.to_owned(), record })
    }

    /// Appends a line to `metrics.jsonl`.
    pub fn append_metrics(&self, metrics: &EpochMetrics) -> Result<(), RunError> {
        let path = self.directory.join(METRICS);
        let append = || -> std::io::Result<()> {
            let mut line = serde_json::to_vec(metrics)?;
            line.push(b'\n');
            fs::OpenOptions::new().create(true).append(true).open(&path)?.write_all(&line)
        };
        Ok(append().map_err(FileError::io("write", &path))?)
    }

    /// Writes the best weights so far.
    pub fn write_best(&self, weights: &Weights) -> Result<(), RunError> {
        Ok(weights.write(&self.directory.join(BEST))?)
    }

    /// Reads the best weights so far.
    pub fn read_best(&self) -> Result<Weights, RunError> {
        Ok(Weights::read(&self.directory.join(BEST))?)
    }

    /// Where the last checkpoint is.
    pub fn last(&self) -> PathBuf {
        self.directory.join(LAST)
    }

    /// Drops all lines of `metrics.jsonl` behind the first `lines`: a continued run writes them again.
    pub fn keep_metrics(&self, lines: usize) -> Result<(), RunError> {
        let path = self.directory.join(METRICS);
        if !path.exists() {
            return Ok(());
        }
        let text = fs::read_to_string(&path).map_err(FileError::io("read", &path))?;
        let kept: String = text.split_inclusive('\n').take(lines).collect();
        Ok(files::write_aside(&path, kept.as_bytes())?)
    }

    /// Writes `run.json`.
    pub fn write_record(&self) -> Result<(), RunError> {
        Ok(files::write_json(&self.directory.join(RUN), &self.record)?)
    }
}

fn write_hyperparameters(directory: &Path, hyperparameters: &Hyperparameters) -> Result<(), RunError> {
    let path = directory.join(HYPERPARAMETERS);
    let text = toml::to_string(hyperparameters)
        .map_err(|error| RunError::Invalid { path: path.clone(), problem: error.to_string() })?;
    Ok(files::write_aside(&path, text.as_bytes())?)
}

/// Which weights of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeptWeights {
    /// Those of the best epoch.
    #[default]
    Best,
    /// The last ones, perhaps in the middle of an epoch.
    Last,
}

/// A run that is over, with its best weights.
#[derive(Debug)]
pub struct Run {
    /// What `run.json` says.
    pub record: RunRecord,
    /// What the run was told.
    pub hyperparameters: Hyperparameters,
    /// Names and ids.
    pub vocabulary: Vocabulary,
    /// The best weights.
    pub weights: Weights,
}

impl Run {
    /// Reads a run directory.
    ///
    /// # Errors
    /// [`RunError::Invalid`] for a run that is still running or was killed.
    pub fn read(directory: &Path, which: KeptWeights) -> Result<Self, RunError> {
        let record = RunRecord::read(directory)?;
        if record.state == RunState::Running {
            let path = directory.join(RUN);
            let problem = "state is `running`: the run is not over or was killed, expected `finished`, `interrupted` or `diverged`; \
                           `slirec train --resume` goes on with a killed one";
            return Err(RunError::Invalid { path, problem: problem.to_owned() });
        }
        let hyperparameters = Hyperparameters::read(&directory.join(HYPERPARAMETERS))?;
        let vocabulary = Vocabulary::read(&directory.join(VOCABULARY))?;
        let weights = match which {
            KeptWeights::Best => Weights::read(&directory.join(BEST))?,
            KeptWeights::Last => {
                let checkpoint = checkpoint::read(&directory.join(LAST))?;
                checkpoint.average.unwrap_or(checkpoint.weights)
            }
        };
        weights.check(&hyperparameters.model, &table_rows(&vocabulary))?;
        Ok(Self { record, hyperparameters, vocabulary, weights })
    }
}

/// Rows of the embedding tables that a vocabulary asks for.
pub fn table_rows(vocabulary: &Vocabulary) -> TableRows {
    TableRows {
        items: vocabulary.item_rows(),
        features: vocabulary.feature_rows(),
        users: vocabulary.user_feature_rows(),
    }
}
