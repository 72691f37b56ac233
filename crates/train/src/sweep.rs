//! A search over hyperparameters: a TOML file that says what to try enters, a fixed list of [`Trial`]s leaves. Every trial is
//! checked before the first one runs.
//!
//! ```toml
//! method = "random"              # or "grid": every combination of the values
//! trials = 12                    # of a random search
//! preset = "original"            # what the base builds on; the values of `ranking` without it
//!
//! [base.training]                # what all trials share, as in a hyperparameter file
//! epochs = 5
//!
//! [values]                       # one of these for each trial
//! "training.negatives" = [4, 9]
//!
//! [ranges]                       # a number between, for random searches
//! "training.learning_rate" = { low = 1e-4, high = 1e-2, scale = "logarithmic" }
//! ```

mod draw;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use slirec_core::files::FileError;
use thiserror::Error;
use toml::{Table, Value};

use crate::dataset::DataShape;
use crate::hyperparameters::{HyperparameterError, Hyperparameters, Preset};

/// More trials than this are a mistake in the file.
const MOST_TRIALS: usize = 1_000;

/// A search that cannot be run.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not TOML, a key is unknown or a value has the wrong type.
    #[error("{path}: {source}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// Line, key, what was found and what was expected.
        source: Box<toml::de::Error>,
    },
    /// The file contradicts itself.
    #[error("{path}: {key}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A trial would run with hyperparameters that cannot work.
    #[error("{path}: trial {trial} ({settings}): {source}")]
    Trial {
        /// The file.
        path: PathBuf,
        /// Number of the trial, from 1.
        trial: usize,
        /// What it would try.
        settings: String,
        /// Key, value and what was expected.
        source: Box<HyperparameterError>,
    },
}

/// How trials are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Method {
    Grid,
    Random,
}

/// How a range is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scale {
    #[default]
    Linear,
    Logarithmic,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    low: f64,
    high: f64,
    #[serde(default)]
    scale: Scale,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    method: Method,
    trials: Option<usize>,
    #[serde(default)]
    preset: Preset,
    #[serde(default)]
    base: Table,
    #[serde(default)]
    values: BTreeMap<String, Vec<Value>>,
    #[serde(default)]
    ranges: BTreeMap<String, Range>,
}

/// One training run of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// From 1.
    pub number: usize,
    /// What sets it apart, by dotted key.
    pub settings: Vec<(String, String)>,
    /// Everything it runs with.
    pub hyperparameters: Hyperparameters,
}

impl Trial {
    /// `key = value` of everything that sets the trial apart.
    pub fn describe(&self) -> String {
        describe(self.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }
}

/// Reads a search and lists its trials on data of this shape; the same file and seed give the same trials.
///
/// # Errors
/// [`SweepError`] with file, key, what was found and what was expected; also for the first trial that could not run.
pub fn trials(path: &Path, seed: u64, shape: &DataShape) -> Result<Vec<Trial>, SweepError> {
    let text = fs::read_to_string(path).map_err(FileError::io("read", path))?;
    let document: Document =
        toml::from_str(&text).map_err(|source| SweepError::Toml { path: path.to_owned(), source: Box::new(source) })?;
    let invalid = |key: &str, problem: String| SweepError::Invalid { path: path.to_owned(), key: key.into(), problem };
    check(&document).map_err(|(key, problem)| invalid(&key, problem))?;
    let base = document.preset.hyperparameters(shape);
    let chosen = match document.method {
        Method::Grid => draw::grid(&document.values),
        Method::Random => draw::random(&document.values, &document.ranges, document.trials.unwrap_or_default(), seed),
    };
    (1..)
        .zip(chosen)
        .map(|(number, settings)| {
            let mut table = document.base.clone();
            for (key, value) in &settings {
                insert(&mut table, key, value.clone()).map_err(|problem| invalid(key, problem))?;
            }
            let settings: Vec<(String, String)> =
                settings.into_iter().map(|(key, value)| (key, value.to_string())).collect();
            let parsed = Hyperparameters::from_table(table, &base).map_err(|source| SweepError::Trial {
                path: path.to_owned(),
                trial: number,
                settings: describe(settings.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
                source: Box::new(source),
            });
            Ok(Trial { number, settings, hyperparameters: parsed? })
        })
        .collect()
}

fn describe<'a>(settings: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    settings.map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

fn check(document: &Document) -> Result<(), (String, String)> {
    let wrong = |key: &str, problem: String| Err((key.to_owned(), problem));
    if let Some((key, _)) = document.values.iter().find(|(_, values)| values.is_empty()) {
        return wrong(key, "has no values: expected at least one".to_owned());
    }
    if let Some((key, _)) = document.ranges.iter().find(|(key, _)| document.values.contains_key(*key)) {
        return wrong(key, "has values and a range: expected one of them".to_owned());
    }
    for (key, range) in &document.ranges {
        let (low, high) = (range.low, range.high);
        let lowest = if range.scale == Scale::Logarithmic { f64::MIN_POSITIVE } else { f64::MIN };
        if !(low.is_finite() && high.is_finite() && low >= lowest && low < high) {
            let problem = format!("found low = {low}, high = {high}: expected low below high, above 0 if logarithmic");
            return wrong(key, problem);
        }
    }
    match (document.method, document.trials) {
        (Method::Grid, Some(_)) => {
            wrong("trials", "belongs to random searches: a grid has all combinations".to_owned())
        }
        (Method::Grid, None) if !document.ranges.is_empty() => {
            wrong("ranges", "belong to random searches: expected values in a grid".to_owned())
        }
        (Method::Grid, None) => {
            let count = document.values.values().map(Vec::len).try_fold(1_usize, usize::checked_mul);
            match count {
                Some(count) if count <= MOST_TRIALS => Ok(()),
                _ => wrong("values", format!("give more than {MOST_TRIALS} combinations: expected fewer")),
            }
        }
        (Method::Random, Some(1..=MOST_TRIALS)) => Ok(()),
        (Method::Random, found) => {
            let found = found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
            wrong("trials", format!("found {found}: expected 1 to {MOST_TRIALS}"))
        }
    }
}

/// Sets a dotted key.
fn insert(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            let inner = inner.as_table_mut().ok_or_else(|| format!("`{first}` is not a table"))?;
            insert(inner, rest, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Trial>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.toml");
        fs::write(&path, text).unwrap();
        trials(&path, 42, &DataShape::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_grid_has_every_combination_on_top_of_the_base() {
        let text = "method = \"grid\"\n[base.training]\nepochs = 3\n[values]\n\
                    \"training.negatives\" = [4, 9]\n\"training.dropout\" = [[0.1, 0.2], [0.3, 0.3]]\n";
        let trials = read(text).unwrap();
        let tried: Vec<(usize, [f64; 2], usize)> = trials
            .iter()
            .map(|trial| &trial.hyperparameters.training)
            .map(|training| (training.epochs, training.dropout, training.negatives))
            .collect();
        let expected = [(3, [0.1, 0.2], 4), (3, [0.1, 0.2], 9), (3, [0.3, 0.3], 4), (3, [0.3, 0.3], 9)];
        assert_eq!(tried, expected);
        assert_eq!(trials[1].describe(), "training.dropout = [0.1, 0.2], training.negatives = 9");
    }

    #[test]
    fn a_random_search_draws_the_same_trials_for_the_same_seed() {
        let text = "method = \"random\"\ntrials = 50\n[values]\n\"training.batch_size\" = [100, 400]\n\
                    [ranges]\n\"training.learning_rate\" = { low = 1e-4, high = 1e-2, scale = \"logarithmic\" }\n";
        let trials = read(text).unwrap();
        assert_eq!(trials, read(text).unwrap());
        let rates: Vec<f64> = trials.iter().map(|trial| trial.hyperparameters.training.learning_rate).collect();
        assert!(rates.iter().all(|rate| (1e-4..=1e-2).contains(rate)));
        // On a logarithmic scale half of the draws lie below the geometric mean.
        let low = rates.iter().filter(|rate| **rate < 1e-3).count();
        assert!((15..=35).contains(&low), "{low}");
        assert!(trials.iter().any(|trial| trial.hyperparameters.training.batch_size == 100));
    }

    #[test]
    fn what_cannot_run_is_named_before_anything_runs() {
        let refused = |text: &str| read(text).expect_err("a refusal");
        let unknown = refused("method = \"grid\"\n[values]\n\"training.epoch\" = [1]\n");
        assert!(unknown.contains("trial 1 (training.epoch = 1)") && unknown.contains("unknown field"), "{unknown}");
        let range = refused("method = \"grid\"\n[values]\n\"training.learning_rate\" = [0.1, -1.0]\n");
        assert!(range.contains("trial 2") && range.contains("training.learning_rate is -1"), "{range}");
        assert!(refused("method = \"random\"\n").contains("trials: found nothing: expected 1 to 1000"));
        assert!(refused("method = \"grid\"\ntrials = 3\n").contains("belongs to random searches"));
        assert!(refused("method = \"grid\"\n[values]\n\"training.epochs\" = []\n").contains("has no values"));
        let upside_down =
            "method = \"random\"\ntrials = 1\n[ranges]\n\"training.learning_rate\" = { low = 2, high = 1 }\n";
        assert!(refused(upside_down).contains("found low = 2, high = 1: expected low below high"));
        assert!(refused("method = \"guess\"\n").contains("line 1"));
    }
}
