//! Weights as plain arrays by name: what checkpoints hold, what networks are made from and graphs are built of.
//!
//! Two namings are read: our own and the TensorFlow names of the original's checkpoints.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use slirec_core::bundle::FeatureShape;
use slirec_core::catalog::CATEGORY;
use slirec_core::files::FileError;
use thiserror::Error;

use crate::hyperparameters::ModelHyperparameters;

mod specification;
mod tensorflow;
mod views;

pub use specification::{Specification, Start, TableRows, specifications};
pub use tensorflow::is_tensorflow_weight;
pub use views::{ArrayView, Views};

/// Key of the text that a file may hold beside its tensors.
const NOTE: &str = "slirec";

/// Weights that cannot be used.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no safetensors file or holds something else.
    #[error("{path}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// A weight is missing.
    #[error("there is no weight `{0}`")]
    Missing(String),
    /// A tensor is missing or has another shape.
    #[error("weight `{name}`: found {found}, expected shape {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Its shape, or that there is none.
        found: String,
        /// The shape that the model's sizes ask for.
        expected: Vec<usize>,
    },
    /// A value is NaN or infinite.
    #[error("weight `{0}` holds values that are not finite")]
    NotFinite(String),
}

/// One weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<f32>,
}

/// All weights of a model by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    arrays: BTreeMap<String, Array>,
}

impl Weights {
    /// Adds or replaces a weight.
    pub fn insert(&mut self, name: impl Into<String>, array: Array) {
        self.arrays.insert(name.into(), array);
    }

    /// A weight by name.
    pub fn get(&self, name: &str) -> Option<&Array> {
        self.arrays.get(name)
    }

    /// A weight by name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Array> {
        self.arrays.get_mut(name)
    }

    /// A weight by name that must be there.
    ///
    /// # Errors
    /// [`WeightsError::Missing`].
    pub fn required(&self, name: &str) -> Result<&Array, WeightsError> {
        self.get(name).ok_or_else(|| WeightsError::Missing(name.to_owned()))
    }

    /// A weight by name, to be changed; `otherwise` is put in where there is none.
    pub fn entry(&mut self, name: &str, otherwise: impl FnOnce() -> Array) -> &mut Array {
        self.arrays.entry(name.to_owned()).or_insert_with(otherwise)
    }

    /// All weights, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.arrays.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// All weights, ordered by name, by value.
    pub fn into_arrays(self) -> impl Iterator<Item = (String, Array)> {
        self.arrays.into_iter()
    }

    /// Whether no value is infinite or not a number.
    pub fn are_finite(&self) -> bool {
        self.arrays.values().all(|array| array.values.iter().all(|value| value.is_finite()))
    }

    /// Reads all float tensors of a safetensors file. Files under TensorFlow names are renamed; their user embedding,
    /// which the model never uses, is left out.
    ///
    /// # Errors
    /// [`WeightsError`] naming the file and tensor.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let bytes = fs::read(path).map_err(FileError::io("read", path))?;
        let invalid = |problem: String| WeightsError::Invalid { path: path.to_owned(), problem };
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| invalid(error.to_string()))?;
        let mut weights = Self::default();
        for (name, tensor) in tensors.tensors() {
            if tensor.dtype() != Dtype::F32 {
                return Err(invalid(format!("tensor `{name}` has type {:?}: expected F32", tensor.dtype())));
            }
            let values = tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            if let Some(ours) = tensorflow::our_name(&name) {
                weights.insert(ours, Array { shape: tensor.shape().to_vec(), values });
            }
        }
        Ok(weights)
    }

    /// The text that [`Views::write`] put into a safetensors file beside the tensors.
    ///
    /// # Errors
    /// [`WeightsError`] when the file cannot be read or has no such text.
    pub fn read_note(path: &Path) -> Result<String, WeightsError> {
        let bytes = fs::read(path).map_err(FileError::io("read", path))?;
        let invalid = |problem: String| WeightsError::Invalid { path: path.to_owned(), problem };
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| invalid(error.to_string()))?;
        let note = metadata.metadata().as_ref().and_then(|notes| notes.get(NOTE));
        note.cloned().ok_or_else(|| invalid(format!("has no `{NOTE}` among its metadata")))
    }

    /// Weights under TensorFlow's names, as its checkpoints have them; what the model does not use is left out.
    pub fn from_tensorflow(tensors: impl IntoIterator<Item = (String, Array)>) -> Self {
        let mut weights = Self::default();
        for (name, array) in tensors {
            if is_tensorflow_weight(&name)
                && let Some(ours) = tensorflow::our_name(&name)
            {
                weights.insert(ours, array);
            }
        }
        weights
    }

    /// The sizes of the model that these weights belong to, as far as weights tell: `longest_history` is the default.
    /// None when a weight that shows them is missing.
    pub fn sizes(&self) -> Option<ModelHyperparameters> {
        let width = |name: &str| self.get(name).and_then(|array| array.shape.get(1)).copied();
        let layers = |network: &str| {
            Some([width(&format!("{network}.layer1.weight"))?, width(&format!("{network}.layer2.weight"))?])
        };
        Some(ModelHyperparameters {
            item_embedding_size: width("embedding.item")?,
            features: vec![FeatureShape { name: CATEGORY.to_owned(), embedding_size: width("embedding.category")? }],
            attention_layers: layers("candidate_attention")?,
            score_layers: layers("score")?,
            ..ModelHyperparameters::default()
        })
    }

    /// Writes a safetensors file aside and renames it.
    ///
    /// # Errors
    /// [`WeightsError`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), WeightsError> {
        Views::from(self).write(path, None)
    }

    /// Checks that exactly the weights of a model of these sizes are there, in their shapes, all finite.
    ///
    /// # Errors
    /// [`WeightsError::Shape`] or [`WeightsError::NotFinite`] for the first that is not.
    pub fn check(&self, sizes: &ModelHyperparameters, rows: &TableRows) -> Result<(), WeightsError> {
        for Specification { name, shape, .. } in specifications(sizes, rows) {
            let found = self.arrays.get(&name);
            if found.map(|array| &array.shape) != Some(&shape) {
                let found = found.map_or("none".to_owned(), |array| format!("shape {:?}", array.shape));
                return Err(WeightsError::Shape { name, found, expected: shape });
            }
            if found.is_some_and(|array| array.values.iter().any(|value| !value.is_finite())) {
                return Err(WeightsError::NotFinite(name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_s_counters_and_optimiser_state_are_left_out_and_its_sizes_are_found() {
        let array =
            |rows: usize, columns: usize| Array { shape: vec![rows, columns], values: vec![0.0; rows * columns] };
        let attention = "sequential/sli_rec/attention_fcn/attention_fcn/att_fcn/nn_part/w_nn_layer";
        let tensors = [
            ("global_step".to_owned(), array(1, 1)),
            ("sequential/embedding/item_embedding".to_owned(), array(9, 6)),
            ("sequential/embedding/item_embedding/Adam".to_owned(), array(9, 7)),
            ("sequential/embedding/cate_embedding".to_owned(), array(4, 2)),
            (format!("{attention}0"), array(32, 10)),
            (format!("{attention}1"), array(10, 5)),
            ("sequential/logit_fcn/nn_part/w_nn_layer0".to_owned(), array(16, 12)),
            ("sequential/logit_fcn/nn_part/w_nn_layer1".to_owned(), array(12, 3)),
            ("sequential/logit_fcn/nn_part/batch_normalization/gamma/Adam_1".to_owned(), array(1, 1)),
        ];
        let weights = Weights::from_tensorflow(tensors);
        assert_eq!(weights.iter().count(), 6);
        let sizes = weights.sizes().unwrap();
        assert_eq!((sizes.item_embedding_size, sizes.features[0].embedding_size), (6, 2));
        assert_eq!((sizes.attention_layers, sizes.score_layers), ([10, 5], [12, 3]));
        assert_eq!(Weights::default().sizes(), None);
    }

    #[test]
    fn written_weights_read_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let mut weights = Weights::default();
        weights.insert("b", Array { shape: vec![2, 1], values: vec![1.5, -0.25] });
        weights.insert("a", Array { shape: vec![1], values: vec![f32::MIN_POSITIVE] });
        weights.write(&path).unwrap();
        assert_eq!(Weights::read(&path).unwrap(), weights);
    }

    #[test]
    fn a_missing_a_misshapen_and_a_nan_weight_are_named() {
        let sizes = ModelHyperparameters::default();
        let rows = TableRows { items: 3, features: vec![2], users: Vec::new() };
        let mut weights = Weights::default();
        for specification in specifications(&sizes, &rows) {
            let count = specification.shape.iter().product();
            weights.insert(specification.name, Array { shape: specification.shape, values: vec![0.5; count] });
        }
        assert!(weights.check(&sizes, &rows).is_ok());
        weights.insert("mixing.output.bias", Array { shape: vec![1], values: vec![f32::NAN] });
        let message = |weights: &Weights| weights.check(&sizes, &rows).unwrap_err().to_string();
        assert_eq!(message(&weights), "weight `mixing.output.bias` holds values that are not finite");
        weights.insert("time_lstm.bias", Array { shape: vec![2], values: vec![0.0; 2] });
        assert_eq!(message(&weights), "weight `time_lstm.bias`: found shape [2], expected shape [160]");
        assert!(weights.arrays.remove("time_lstm.bias").is_some());
        assert_eq!(message(&weights), "weight `time_lstm.bias`: found none, expected shape [160]");
    }
}
