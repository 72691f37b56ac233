//! Weights as plain arrays by name: what checkpoints hold, what networks are made from and graphs are built of.
//!
//! Two namings are read: our own and the TensorFlow names of the original's checkpoints.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use slirec_core::bundle::FeatureShape;
use slirec_core::catalog::CATEGORY;
use slirec_core::files::{self, FileError};
use thiserror::Error;

use crate::hyperparameters::ModelHyperparameters;

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

    /// A weight by name, to be changed; `otherwise` is put in where there is none.
    pub fn entry(&mut self, name: &str, otherwise: impl FnOnce() -> Array) -> &mut Array {
        self.arrays.entry(name.to_owned()).or_insert_with(otherwise)
    }

    /// All weights, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.arrays.iter().map(|(name, array)| (name.as_str(), array))
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
            if let Some(ours) = our_name(&name) {
                weights.insert(ours, Array { shape: tensor.shape().to_vec(), values });
            }
        }
        Ok(weights)
    }

    /// The text that [`Weights::write_with`] put into a safetensors file beside the tensors.
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
                && let Some(ours) = our_name(&name)
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
        self.write_with(path, None)
    }

    /// As [`Weights::write`], with a text among the file's metadata.
    ///
    /// # Errors
    /// As [`Weights::write`].
    pub fn write_with(&self, path: &Path, note: Option<String>) -> Result<(), WeightsError> {
        let invalid = |error: safetensors::SafeTensorError| WeightsError::Invalid {
            path: path.to_owned(),
            problem: error.to_string(),
        };
        let data: Vec<(&str, &Array, Vec<u8>)> = self
            .iter()
            .map(|(name, array)| (name, array, array.values.iter().flat_map(|value| value.to_le_bytes()).collect()))
            .collect();
        let mut views = Vec::with_capacity(data.len());
        for (name, array, bytes) in &data {
            views.push((*name, TensorView::new(Dtype::F32, array.shape.clone(), bytes).map_err(invalid)?));
        }
        let metadata = note.map(|note| HashMap::from([(NOTE.to_owned(), note)]));
        let bytes = safetensors::serialize(views, metadata).map_err(invalid)?;
        Ok(files::write_aside(path, &bytes)?)
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

/// Rows of the embedding tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRows {
    /// Items and the default.
    pub items: usize,
    /// Values of each item feature and the default.
    pub features: Vec<usize>,
}

/// How a weight starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// Truncated normal with the configured deviation.
    Normal,
    /// Normal, but the default item's row is 0.
    Factors,
    /// Uniform within ±sqrt(6 / (inputs + outputs)), as TensorFlow computes them.
    Glorot,
    /// The same value everywhere.
    Constant(f32),
}

/// Name, shape and start of a weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Specification {
    /// Our name.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its start.
    pub start: Start,
    /// Whether gradients move it; the moving statistics are moved by the batches instead.
    pub trained: bool,
}

/// All weights of a model, in a fixed order.
pub fn specifications(sizes: &ModelHyperparameters, rows: &TableRows) -> Vec<Specification> {
    let target = sizes.target_size();
    let hidden = target;
    let items = sizes.item_embedding_size;
    let mut all = Vec::new();
    let mut add = |name: &str, shape: &[usize], start: Start| {
        let trained = !name.contains("moving_");
        all.push(Specification { name: name.to_owned(), shape: shape.to_vec(), start, trained });
    };
    add("embedding.item", &[rows.items, items], Start::Normal);
    for (feature, rows) in sizes.features.iter().zip(&rows.features) {
        add(&format!("embedding.{}", feature.name), &[*rows, feature.embedding_size], Start::Normal);
    }
    add("long_term.attention_matrix", &[target, target], Start::Normal);
    add("long_term.query", &[target], Start::Normal);
    for gate in ["1", "2"] {
        for name in ["time_input_weight", "time_input_bias", "time_bias"] {
            add(&format!("time_lstm.{name}_{gate}"), &[hidden], Start::Glorot);
        }
        add(&format!("time_lstm.time_kernel_input_{gate}"), &[items, hidden], Start::Glorot);
        add(&format!("time_lstm.time_kernel_time_{gate}"), &[hidden, hidden], Start::Glorot);
        add(&format!("time_lstm.output_kernel_{gate}"), &[hidden, hidden], Start::Glorot);
    }
    add("time_lstm.kernel", &[items + hidden, 4 * hidden], Start::Glorot);
    add("time_lstm.bias", &[4 * hidden], Start::Constant(0.0));
    add("candidate_attention.attention_matrix", &[hidden, target], Start::Normal);
    let networks = [
        ("candidate_attention", 4 * target, sizes.attention_layers),
        ("mixing", 3 * target + 1, sizes.attention_layers),
        ("score", 2 * target, sizes.score_layers),
    ];
    for (network, inputs, layers) in networks {
        let mut width = inputs;
        for (layer, size) in (1..).zip(layers) {
            let name = |part: &str| format!("{network}.layer{layer}.{part}");
            add(&name("weight"), &[width, size], Start::Normal);
            add(&name("bias"), &[size], Start::Constant(0.0));
            add(&name("gamma"), &[size], Start::Constant(1.0));
            add(&name("beta"), &[size], Start::Constant(0.0));
            add(&name("moving_mean"), &[size], Start::Constant(0.0));
            add(&name("moving_variance"), &[size], Start::Constant(1.0));
            width = size;
        }
        add(&format!("{network}.output.weight"), &[width, 1], Start::Normal);
        add(&format!("{network}.output.bias"), &[1], Start::Constant(0.0));
    }
    if sizes.transition_size > 0 {
        add("transition.from", &[rows.items, sizes.transition_size], Start::Factors);
        add("transition.to", &[rows.items, sizes.transition_size], Start::Factors);
        add("transition.bias", &[rows.items], Start::Constant(0.0));
        add("transition.position", &[sizes.transition_positions], Start::Constant(1.0));
    }
    all
}

/// Whether a tensor of a TensorFlow checkpoint is a weight of the model: not a step counter, not the state of an
/// optimiser, which stands beside each weight under its name and another part.
pub fn is_tensorflow_weight(name: &str) -> bool {
    let optimizer = ["/Adam", "/Adam_1", "/Adadelta", "/Adadelta_1", "/Adagrad", "/Momentum", "/RMSProp", "/Ftrl"];
    name.starts_with("sequential/") && !optimizer.iter().any(|part| name.ends_with(part))
}

/// Our name of a tensor; none for tensors that the model does not use.
fn our_name(name: &str) -> Option<String> {
    let Some(name) = name.strip_prefix("sequential/") else { return Some(name.to_owned()) };
    let fixed = match name {
        "embedding/item_embedding" => "embedding.item",
        "embedding/cate_embedding" => "embedding.category",
        "sli_rec/long_term_asvd/attention_mat" => "long_term.attention_matrix",
        "sli_rec/long_term_asvd/query" => "long_term.query",
        "sli_rec/attention_fcn/attention_fcn/attention_mat" => "candidate_attention.attention_matrix",
        _ => "",
    };
    if !fixed.is_empty() {
        return Some(fixed.to_owned());
    }
    if let Some(cell) = name.strip_prefix("sli_rec/rnn/time4lstm/time4lstm_cell/") {
        return lstm_name(cell);
    }
    let networks = [
        ("sli_rec/attention_fcn/attention_fcn/att_fcn/nn_part/", "candidate_attention"),
        ("sli_rec/fcn_alpha/nn_part/", "mixing"),
        ("logit_fcn/nn_part/", "score"),
    ];
    networks.iter().find_map(|(prefix, network)| Some(format!("{network}.{}", layer_name(name.strip_prefix(prefix)?)?)))
}

fn lstm_name(cell: &str) -> Option<String> {
    let ours = match cell {
        "kernel" | "bias" => cell,
        "_time_input_w1" => "time_input_weight_1",
        "_time_input_w2" => "time_input_weight_2",
        "_time_input_bias1" => "time_input_bias_1",
        "_time_input_bias2" => "time_input_bias_2",
        "_time_bias1" => "time_bias_1",
        "_time_bias2" => "time_bias_2",
        "_time_kernel_w1" => "time_kernel_input_1",
        "_time_kernel_w2" => "time_kernel_input_2",
        "_time_kernel_t1" => "time_kernel_time_1",
        "_time_kernel_t2" => "time_kernel_time_2",
        "_o_kernel_t1" => "output_kernel_1",
        "_o_kernel_t2" => "output_kernel_2",
        _ => return None,
    };
    Some(format!("time_lstm.{ours}"))
}

fn layer_name(name: &str) -> Option<String> {
    let ours = match name {
        "w_nn_layer0" => "layer1.weight",
        "w_nn_layer1" => "layer2.weight",
        "b_nn_layer0" => "layer1.bias",
        "b_nn_layer1" => "layer2.bias",
        "w_nn_output" => "output.weight",
        "b_nn_output" => "output.bias",
        _ => {
            let (layer, part) = name.split_once('/')?;
            let number = match layer {
                "batch_normalization" => 1,
                "batch_normalization_1" => 2,
                _ => return None,
            };
            return Some(format!("layer{number}.{part}"));
        }
    };
    Some(ours.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensorflow_names_become_ours_and_the_user_embedding_is_left_out() {
        let name = |name: &str| our_name(&format!("sequential/{name}"));
        assert_eq!(name("embedding/cate_embedding").as_deref(), Some("embedding.category"));
        assert_eq!(name("embedding/user_embedding"), None);
        assert_eq!(
            name("sli_rec/rnn/time4lstm/time4lstm_cell/_o_kernel_t2").as_deref(),
            Some("time_lstm.output_kernel_2")
        );
        assert_eq!(
            name("logit_fcn/nn_part/batch_normalization_1/moving_mean").as_deref(),
            Some("score.layer2.moving_mean")
        );
    }

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
        let rows = TableRows { items: 3, features: vec![2] };
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
