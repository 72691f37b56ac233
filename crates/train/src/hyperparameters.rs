//! Hyperparameters: a TOML file with the original's values as defaults enters, checked settings leave.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use slirec_core::bundle::{FeatureShape, ModelShape};
use slirec_core::catalog::CATEGORY;
use slirec_core::files::FileError;
use thiserror::Error;

/// Training passes over batches with fewer positives, as the original does: they have hardly any negatives to draw.
pub const SMALLEST_BATCH: usize = 5;

/// Hyperparameters that cannot be used.
#[derive(Debug, Error)]
pub enum HyperparameterError {
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
    /// A key of a table is unknown or a value has the wrong type.
    #[error("{0}")]
    Table(Box<toml::de::Error>),
    /// A value of a file is out of its range.
    #[error("{path}: {source}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// Key, what was found and what was expected.
        source: Box<HyperparameterError>,
    },
    /// A value is out of its range.
    #[error("{key} is {found}: expected {expected}")]
    Range {
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// The values that make sense.
        expected: &'static str,
    },
}

/// Which time the mixing gate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateTime {
    /// The time to now of the last of all slots, as the original: 0 unless the history fills them.
    #[default]
    LastSlot,
    /// The time to now of the last view.
    LastView,
}

/// Sizes of the network; the defaults are the original's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelHyperparameters {
    /// Size of the item embedding.
    pub item_embedding_size: usize,
    /// Item features with the sizes of their embeddings, `category` first; the others are attributes of the catalogue.
    pub features: Vec<FeatureShape>,
    /// Positions of a history that are used.
    pub longest_history: usize,
    /// Hidden layers of the candidate attention and of the mixing gate.
    pub attention_layers: [usize; 2],
    /// Hidden layers of the final network.
    pub score_layers: [usize; 2],
    /// Whether empty slots take part in the long-term attention, as in the original.
    pub long_term_padding: bool,
    /// Which time the mixing gate reads.
    pub gate_time: GateTime,
    /// Size of the factors of the item-to-item transitions, 0 for a model without them.
    pub transition_size: usize,
    /// Last positions of a history that the transitions start from.
    pub transition_positions: usize,
}

impl Default for ModelHyperparameters {
    fn default() -> Self {
        Self {
            item_embedding_size: 32,
            features: vec![FeatureShape { name: CATEGORY.to_owned(), embedding_size: 8 }],
            longest_history: 50,
            attention_layers: [80, 40],
            score_layers: [100, 64],
            long_term_padding: true,
            gate_time: GateTime::LastSlot,
            transition_size: 0,
            transition_positions: 3,
        }
    }
}

impl ModelHyperparameters {
    /// Size D of a target or history vector; the LSTM's state and the attention have the same size, because the
    /// mixing gate adds their results.
    pub fn target_size(&self) -> usize {
        self.item_embedding_size + self.features.iter().map(|feature| feature.embedding_size).sum::<usize>()
    }

    /// What a bundle says of the model.
    pub fn shape(&self) -> ModelShape {
        ModelShape {
            longest_history: self.longest_history,
            item_embedding_size: self.item_embedding_size,
            features: self.features.clone(),
        }
    }
}

/// How training runs; the defaults are the original's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingHyperparameters {
    /// Passes over the training rows.
    pub epochs: usize,
    /// Positives of a step.
    pub batch_size: usize,
    /// Negatives of a positive, drawn from the other positives of its batch.
    pub negatives: usize,
    /// Step size of Adam.
    pub learning_rate: f64,
    /// Share of hidden values that are dropped, by layer.
    pub dropout: [f64; 2],
    /// Standard deviation of the truncated normal that weights and embeddings start from.
    pub initial_deviation: f64,
    /// Stop after so many epochs without a better validation group AUC.
    pub early_stop_epochs: usize,
    /// L1 penalty of the embeddings.
    pub embedding_l1: f64,
    /// L2 penalty of the embeddings.
    pub embedding_l2: f64,
    /// L1 penalty of all other weights.
    pub layer_l1: f64,
    /// L2 penalty of all other weights.
    pub layer_l2: f64,
    /// Largest norm of all gradients together; 0 for no limit.
    pub largest_gradient_norm: f64,
}

impl Default for TrainingHyperparameters {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 400,
            negatives: 4,
            learning_rate: 0.001,
            dropout: [0.3, 0.3],
            initial_deviation: 0.01,
            early_stop_epochs: 10,
            embedding_l1: 0.0,
            embedding_l2: 0.0,
            layer_l1: 0.0,
            layer_l2: 0.0,
            largest_gradient_norm: 0.0,
        }
    }
}

/// Everything that a training run can be told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hyperparameters {
    /// Sizes of the network.
    pub model: ModelHyperparameters,
    /// How training runs.
    pub training: TrainingHyperparameters,
}

impl Hyperparameters {
    /// Reads and checks a TOML file; keys that are left out have their defaults.
    ///
    /// # Errors
    /// [`HyperparameterError`], naming file, line and key, or key, value and range.
    pub fn read(path: &Path) -> Result<Self, HyperparameterError> {
        let text = fs::read_to_string(path).map_err(FileError::io("read", path))?;
        let parsed: Self = toml::from_str(&text)
            .map_err(|source| HyperparameterError::Toml { path: path.to_owned(), source: Box::new(source) })?;
        let in_file = |source| HyperparameterError::InFile { path: path.to_owned(), source: Box::new(source) };
        parsed.check().map_err(in_file)?;
        Ok(parsed)
    }

    /// Hyperparameters of a TOML table, checked; keys that are left out have their defaults.
    ///
    /// # Errors
    /// [`HyperparameterError`], naming the key, what was found and what was expected.
    pub fn from_table(table: toml::Table) -> Result<Self, HyperparameterError> {
        let parsed: Self = table.try_into().map_err(|source| HyperparameterError::Table(Box::new(source)))?;
        parsed.check()?;
        Ok(parsed)
    }

    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// [`HyperparameterError::Range`] for the first of them.
    pub fn check(&self) -> Result<(), HyperparameterError> {
        let Self { model, training } = self;
        let sizes = [
            ("model.item_embedding_size", model.item_embedding_size),
            ("model.longest_history", model.longest_history),
            ("model.transition_positions", model.transition_positions),
            ("model.attention_layers", model.attention_layers.into_iter().min().unwrap_or_default()),
            ("model.score_layers", model.score_layers.into_iter().min().unwrap_or_default()),
            ("training.epochs", training.epochs),
            ("training.negatives", training.negatives),
            ("training.early_stop_epochs", training.early_stop_epochs),
        ];
        for (key, value) in sizes {
            ensure((1..=100_000).contains(&value), key, value, "1 to 100,000")?;
        }
        let batch = training.batch_size;
        ensure((SMALLEST_BATCH..=100_000).contains(&batch), "training.batch_size", batch, "5 to 100,000")?;
        let transition_size = model.transition_size;
        ensure(transition_size <= 10_000, "model.transition_size", transition_size, "0 to 10,000")?;
        check_features(&model.features)?;
        for rate in training.dropout {
            ensure((0.0..1.0).contains(&rate), "training.dropout", rate, "0 up to below 1")?;
        }
        for (key, value) in [
            ("training.learning_rate", training.learning_rate),
            ("training.initial_deviation", training.initial_deviation),
        ] {
            ensure(value.is_finite() && value > 0.0, key, value, "a finite number above 0")?;
        }
        for (key, value) in [
            ("training.embedding_l1", training.embedding_l1),
            ("training.embedding_l2", training.embedding_l2),
            ("training.layer_l1", training.layer_l1),
            ("training.layer_l2", training.layer_l2),
            ("training.largest_gradient_norm", training.largest_gradient_norm),
        ] {
            ensure(value.is_finite() && value >= 0.0, key, value, "a finite number, 0 or more")?;
        }
        Ok(())
    }
}

fn check_features(features: &[FeatureShape]) -> Result<(), HyperparameterError> {
    let names: Vec<&str> = features.iter().map(|feature| feature.name.as_str()).collect();
    let first = names.first().copied().unwrap_or("missing");
    ensure(first == CATEGORY, "model.features, the first name,", first, "`category`")?;
    for (position, feature) in features.iter().enumerate() {
        let name = feature.name.as_str();
        let new = names.iter().position(|other| *other == name) == Some(position);
        // Embeddings are named after their features, beside that of the item.
        let usable = new && !name.is_empty() && name != "item";
        ensure(usable, "model.features, a name,", name, "every attribute once, and none called `item`")?;
        let size = feature.embedding_size;
        ensure((1..=10_000).contains(&size), "model.features.embedding_size", size, "1 to 10,000")?;
    }
    Ok(())
}

fn ensure(
    holds: bool,
    key: &'static str,
    found: impl ToString,
    expected: &'static str,
) -> Result<(), HyperparameterError> {
    if holds { Ok(()) } else { Err(HyperparameterError::Range { key, found: found.to_string(), expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Hyperparameters, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hyperparameters.toml");
        fs::write(&path, text).unwrap();
        Hyperparameters::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_gives_the_original_s_hyperparameters() {
        let defaults = read("").unwrap();
        assert_eq!(defaults.training.batch_size, 400);
        assert_eq!(defaults.model.target_size(), 40);
        assert_eq!(read("[training]\nepochs = 3\n").unwrap().training.epochs, 3);
    }

    #[test]
    fn unknown_keys_wrong_types_and_impossible_values_are_named() {
        let unknown = read("[training]\nepoch = 3\n").unwrap_err();
        assert!(unknown.contains("hyperparameters.toml") && unknown.contains("unknown field `epoch`"), "{unknown}");
        let mistyped = read("[training]\nepochs = \"3\"\n").unwrap_err();
        assert!(mistyped.contains("line 2") && mistyped.contains("expected usize"), "{mistyped}");
        let dropout = read("[training]\ndropout = [0.3, 1.0]\n").unwrap_err();
        assert!(
            dropout.ends_with("hyperparameters.toml: training.dropout is 1: expected 0 up to below 1"),
            "{dropout}"
        );
        let rate = read("[training]\nlearning_rate = -1.0\n").unwrap_err();
        assert!(rate.ends_with("training.learning_rate is -1: expected a finite number above 0"), "{rate}");
        let batch = read("[training]\nbatch_size = 4\n").unwrap_err();
        assert!(batch.ends_with("training.batch_size is 4: expected 5 to 100,000"), "{batch}");
    }

    #[test]
    fn item_features_are_listed_with_the_category_first() {
        let category = "[[model.features]]\nname = \"category\"\nembedding_size = 8\n";
        let vendor = "[[model.features]]\nname = \"vendor\"\nembedding_size = 4\n";
        assert_eq!(read(&format!("{category}{vendor}")).unwrap().model.target_size(), 44);
        assert!(read(vendor).unwrap_err().ends_with("the first name, is vendor: expected `category`"));
        assert!(read(&format!("{category}{category}")).unwrap_err().contains("a name, is category: expected every"));
        let huge = category.replace('8', "0");
        assert!(read(&huge).unwrap_err().ends_with("model.features.embedding_size is 0: expected 1 to 10,000"));
    }

    #[test]
    fn what_is_written_as_toml_reads_back_the_same() {
        let text = toml::to_string(&Hyperparameters::default()).unwrap();
        assert_eq!(read(&text).unwrap(), Hyperparameters::default());
    }
}
