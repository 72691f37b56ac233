//! The constants of a bundle's graph by the names that the exporter gives them: the bytes of a file enter, tensors of the
//! shapes that a model must have leave, or what it is that the kernels do not know.

use std::collections::HashMap;

use slirec_core::bundle::{CANDIDATES_GRAPH, HISTORY_GRAPH};
use slirec_kernels::request::history::Embeddings;
use slirec_onnx::check::decode_checked;
use slirec_onnx::proto::{NodeProto, TensorProto};
use thiserror::Error;

/// Why a graph is not one that the kernels know.
#[derive(Debug, Error)]
pub(super) enum Unknown {
    /// Not a graph at all.
    #[error("{0} cannot be read")]
    Graph(&'static str),
    /// A tensor is missing.
    #[error("{graph} has no tensor `{tensor}`")]
    Missing {
        /// The file.
        graph: &'static str,
        /// The tensor.
        tensor: String,
    },
    /// A tensor is not as large as the others ask for.
    #[error("{graph}: tensor `{tensor}` has shape {found:?}: expected {expected:?}")]
    Shape {
        /// The file.
        graph: &'static str,
        /// The tensor.
        tensor: String,
        /// What it is.
        found: Vec<usize>,
        /// What it should be; 0 stands for any size.
        expected: Vec<usize>,
    },
    /// Two graphs hold other tables under the same name.
    #[error("tensor `{0}` of {CANDIDATES_GRAPH} is not that of {HISTORY_GRAPH}")]
    Different(String),
    /// The mixing gate reads something else.
    #[error("{HISTORY_GRAPH}: the mixing gate reads neither the last slot's time nor the last view's")]
    GateTime,
    /// A value is not of the kind that the tensor holds.
    #[error("{graph}: tensor `{tensor}` holds {found}: expected {expected}")]
    Value {
        /// The file.
        graph: &'static str,
        /// The tensor.
        tensor: String,
        /// What it holds.
        found: f32,
        /// What it should hold.
        expected: &'static str,
    },
}

/// The tensors of a graph.
pub(super) struct Tensors {
    graph: &'static str,
    tensors: HashMap<String, Tensor>,
    pub(super) nodes: Vec<NodeProto>,
}

struct Tensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Tensor {
    fn read(tensor: &TensorProto) -> Self {
        let shape = tensor.dims.iter().map(|size| usize::try_from(*size).unwrap_or_default()).collect();
        let raw = tensor.raw_data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        Self { shape, values: tensor.float_data.iter().copied().chain(raw).collect() }
    }
}

impl Tensors {
    pub(super) fn read(graph: &'static str, bytes: &[u8]) -> Result<Self, Unknown> {
        let model = decode_checked(bytes).map_err(|_| Unknown::Graph(graph))?;
        let read = model.graph.ok_or(Unknown::Graph(graph))?;
        // One after the other: a table of many items is not held twice.
        let tensors = read.initializer.into_iter().map(|tensor| (tensor.name().to_owned(), Tensor::read(&tensor)));
        Ok(Self { graph, tensors: tensors.collect(), nodes: read.node })
    }

    pub(super) fn has(&self, tensor: &str) -> bool {
        self.tensors.contains_key(tensor)
    }

    /// The values of a tensor whose shape is known; a size of 0 may be any.
    pub(super) fn shaped(&self, tensor: &str, expected: &[usize]) -> Result<(&[f32], &[usize]), Unknown> {
        let found = self.tensors.get(tensor);
        let Tensor { shape, values } =
            found.ok_or_else(|| Unknown::Missing { graph: self.graph, tensor: tensor.to_owned() })?;
        let fits = |(found, expected): (&usize, &usize)| *found > 0 && (*expected == 0 || found == expected);
        let complete = shape.iter().try_fold(1, |count: usize, size| count.checked_mul(*size)) == Some(values.len());
        if shape.len() != expected.len() || !shape.iter().zip(expected).all(fits) || !complete {
            return Err(Unknown::Shape {
                graph: self.graph,
                tensor: tensor.to_owned(),
                found: shape.clone(),
                expected: expected.to_vec(),
            });
        }
        Ok((values, shape))
    }

    pub(super) fn values(&self, tensor: &str, expected: &[usize]) -> Result<&[f32], Unknown> {
        Ok(self.shaped(tensor, expected)?.0)
    }

    /// As [`Tensors::values`], taken out.
    pub(super) fn take(&mut self, tensor: &str, expected: &[usize]) -> Result<Vec<f32>, Unknown> {
        self.values(tensor, expected)?;
        Ok(self.tensors.remove(tensor).map(|tensor| tensor.values).unwrap_or_default())
    }

    /// A matrix of any width.
    pub(super) fn wide(&self, tensor: &str, rows: usize) -> Result<(&[f32], usize), Unknown> {
        let (values, shape) = self.shaped(tensor, &[rows, 0])?;
        Ok((values, shape.last().copied().unwrap_or_default()))
    }

    pub(super) fn table(&self, tensor: &str) -> Result<Embeddings, Unknown> {
        let (values, width) = self.wide(tensor, 0)?;
        Ok(Embeddings { width, values: values.to_vec() })
    }

    /// Whole numbers below a limit, as ids stand among floats.
    pub(super) fn ids(&self, tensor: &str, expected: &[usize], limit: usize) -> Result<Vec<u32>, Unknown> {
        let id = |value: &f32| {
            // Whole floats below 2^24 are exact.
            let id = *value as u32;
            let exact = id as f32 == *value && (id as usize) < limit;
            if exact { Ok(id) } else { Err(self.value(tensor, *value, "ids of the vocabulary")) }
        };
        self.values(tensor, expected)?.iter().map(id).collect()
    }

    /// Values that are not below 0.
    pub(super) fn positive(&self, tensor: &str, expected: &[usize]) -> Result<&[f32], Unknown> {
        let values = self.values(tensor, expected)?;
        match values.iter().find(|value| **value < 0.0) {
            Some(value) => Err(self.value(tensor, *value, "at least 0")),
            None => Ok(values),
        }
    }

    fn value(&self, tensor: &str, found: f32, expected: &'static str) -> Unknown {
        Unknown::Value { graph: self.graph, tensor: tensor.to_owned(), found, expected }
    }
}
