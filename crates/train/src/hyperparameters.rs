//! Hyperparameters: a TOML file with the original's values as defaults enters, checked settings leave.

mod model;
mod preset;
mod training;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use slirec_core::files::FileError;
use thiserror::Error;

pub use model::{GateTime, ModelHyperparameters};
pub use preset::Preset;
pub use slirec_core::bundle::Network as NetworkKind;
pub use training::{BestBy, SMALLEST_BATCH, Schedule, TrainingHyperparameters};

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

/// Share of the items that a step hides where content can carry them.
const ID_DROPOUT: f64 = 0.1;

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
    /// Reads and checks a TOML file; keys that are left out have the original's values.
    ///
    /// # Errors
    /// [`HyperparameterError`], naming file, line and key, or key, value and range.
    pub fn read(path: &Path) -> Result<Self, HyperparameterError> {
        Self::read_over(path, &Self::default())
    }

    /// Reads and checks a TOML file; keys that are left out have the values of `base`.
    ///
    /// # Errors
    /// As [`Hyperparameters::read`].
    pub fn read_over(path: &Path, base: &Self) -> Result<Self, HyperparameterError> {
        let text = fs::read_to_string(path).map_err(FileError::io("read", path))?;
        let in_toml = |source| HyperparameterError::Toml { path: path.to_owned(), source: Box::new(source) };
        let in_file = |source| HyperparameterError::InFile { path: path.to_owned(), source: Box::new(source) };
        // Read on its own first, so that an error names its line.
        toml::from_str::<Self>(&text).map_err(in_toml)?;
        let table: toml::Table = toml::from_str(&text).map_err(in_toml)?;
        Self::from_table(table, base).map_err(in_file)
    }

    /// The preset that a TOML file builds on when no flag names one: that of the file's `model.network`, or else ranking.
    ///
    /// # Errors
    /// [`HyperparameterError`] when the file cannot be read or is no TOML.
    pub fn preset_of(path: &Path) -> Result<Preset, HyperparameterError> {
        let text = fs::read_to_string(path).map_err(FileError::io("read", path))?;
        let in_toml = |source| HyperparameterError::Toml { path: path.to_owned(), source: Box::new(source) };
        let table: toml::Table = toml::from_str(&text).map_err(in_toml)?;
        let network = table.get("model").and_then(|model| model.get("network")).and_then(toml::Value::as_str);
        Ok(if network == Some("sli-rec") { Preset::Original } else { Preset::Ranking })
    }

    /// Hyperparameters of a TOML table, checked; keys that are left out have the values of `base`.
    ///
    /// # Errors
    /// [`HyperparameterError`], naming the key, what was found and what was expected.
    pub fn from_table(table: toml::Table, base: &Self) -> Result<Self, HyperparameterError> {
        let names = |key: &str| table.get("model").is_some_and(|model| model.get(key).is_some());
        let [names_features, names_user_features] = ["features", "user_features"].map(names);
        let merged = preset::overlaid(base, table);
        let mut parsed: Self = merged.try_into().map_err(|source| HyperparameterError::Table(Box::new(source)))?;
        if parsed.model.network == NetworkKind::Ranking {
            // All embeddings of the ranking network have the width of the items'.
            let width = parsed.model.item_embedding_size;
            let features = parsed.model.features.iter_mut().filter(|_| !names_features);
            let of_users = parsed.model.user_features.iter_mut().filter(|_| !names_user_features);
            features.chain(of_users).for_each(|feature| feature.embedding_size = width);
        }
        parsed.check()?;
        Ok(parsed)
    }

    /// Share of the items whose own rows a training step does not see: what is asked for, or else some where the network
    /// reads more of an item than its id and its category.
    pub fn id_dropout(&self) -> f64 {
        let usual = if self.model.has_content() { ID_DROPOUT } else { 0.0 };
        self.training.id_dropout.unwrap_or(usual)
    }

    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// [`HyperparameterError::Range`] for the first of them.
    pub fn check(&self) -> Result<(), HyperparameterError> {
        self.model.check()?;
        self.training.check(self.model.network)
    }
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
    fn features_of_a_ranking_network_follow_the_width_of_its_items() {
        let base = Preset::Ranking.hyperparameters(&crate::dataset::DataShape::default());
        let of = |text: &str| Hyperparameters::from_table(toml::from_str(text).unwrap(), &base);
        let narrow = of("[model]\nitem_embedding_size = 32\n").unwrap();
        assert_eq!(narrow.model.features[0].embedding_size, 32);
        let odd = of("[model]\nfeatures = [{ name = \"category\", embedding_size = 8 }]\n").unwrap_err().to_string();
        assert!(odd.starts_with("model.features.embedding_size is 8: expected model.item_embedding_size"), "{odd}");
        let uneven = of("[model]\nitem_embedding_size = 20\n").unwrap_err().to_string();
        assert!(uneven.contains("expected a multiple of 16"), "{uneven}");
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
    fn attributes_of_users_have_the_width_of_the_items_and_the_original_s_network_has_none() {
        let base = Preset::Ranking.hyperparameters(&crate::dataset::DataShape::default());
        let of = |size: usize| {
            let text = format!("[[model.user_features]]\nname = \"age\"\nembedding_size = {size}\n");
            Hyperparameters::from_table(toml::from_str(&text).unwrap(), &base).map_err(|error| error.to_string())
        };
        let found = of(64).unwrap();
        assert_eq!(found.model.user_features[0].name, "age");
        assert_eq!(toml::from_str::<Hyperparameters>(&toml::to_string(&found).unwrap()).unwrap(), found);
        assert!(of(8).unwrap_err().starts_with("model.user_features.embedding_size is 8: expected model.item"));
        let original = read("[[model.user_features]]\nname = \"age\"\nembedding_size = 32\n").unwrap_err();
        assert!(original.ends_with(
            "model.user_features is age: expected none for the network sli-rec, which knows nothing of users"
        ));
    }

    #[test]
    fn what_is_written_as_toml_reads_back_the_same() {
        let text = toml::to_string(&Hyperparameters::default()).unwrap();
        assert_eq!(read(&text).unwrap(), Hyperparameters::default());
    }
}
