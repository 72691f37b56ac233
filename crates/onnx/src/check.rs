//! Refuses graphs that would reach outside of their file: external data, sparse tensors, operators that are neither
//! standard nor functions of the file itself, weights that are not finite. Bytes enter, the decoded model leaves, or
//! one line that says why not. This is for graphs of our own making, such as `model.onnx`; those of bundles, which come
//! from elsewhere, go through [`crate::exported`].
//!
//! Every tensor is visited: initializers, attributes, subgraphs and functions.

use prost::Message;
use thiserror::Error;

use crate::builder::FUNCTION_DOMAIN;
use crate::proto::tensor_proto::{DataLocation, DataType};
use crate::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// How deep graphs may be nested in graphs.
const DEEPEST: usize = 16;
/// Characters of a name that messages show.
const LONGEST_SHOWN: usize = 80;

/// A graph that is refused.
#[derive(Debug, Error)]
pub enum GraphError {
    /// The bytes are no ONNX file.
    #[error("is not an ONNX file: {0}")]
    Decode(#[from] prost::DecodeError),
    /// The file holds no graph.
    #[error("holds no graph")]
    NoGraph,
    /// A tensor's values lie in another file.
    #[error("tensor `{0}` keeps its values in another file: expected them inside")]
    ExternalData(String),
    /// Sparse tensors can refer to other files in ways that runtimes do not check.
    #[error("`{0}` is a sparse tensor: expected dense ones")]
    Sparse(String),
    /// The operator is not part of the file or the standard.
    #[error(
        "operator `{operator}` is of domain `{domain}`: expected those that slirec exports, and its functions of `{FUNCTION_DOMAIN}`"
    )]
    Operator {
        /// Its name.
        operator: String,
        /// Its domain.
        domain: String,
    },
    /// A weight is infinite or not a number.
    #[error("tensor `{0}` holds a value that is not finite")]
    NotFinite(String),
    /// Graphs in graphs in graphs.
    #[error("graphs are nested more than {DEEPEST} deep")]
    Depth,
    /// The exporter writes nothing of the kind.
    #[error("is not an ONNX file as slirec exports it: {0}")]
    NotExported(String),
}

/// A name of a file for a message, cut to a bounded length.
pub(crate) fn short(name: &str) -> String {
    let mut shown: String = name.chars().take(LONGEST_SHOWN).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    shown
}

/// Decodes an ONNX file and refuses what must not be loaded.
///
/// # Errors
/// [`GraphError`] for the first offence.
pub fn decode_checked(bytes: &[u8]) -> Result<ModelProto, GraphError> {
    let model = ModelProto::decode(bytes)?;
    check_model(&model)?;
    Ok(model)
}

pub(crate) fn check_model(model: &ModelProto) -> Result<(), GraphError> {
    check_graph(model.graph.as_ref().ok_or(GraphError::NoGraph)?, 0)?;
    for function in &model.functions {
        for attribute in &function.attribute_proto {
            check_attribute(attribute, 0)?;
        }
        check_nodes(&function.node, 0)?;
    }
    Ok(())
}

fn check_graph(graph: &GraphProto, depth: usize) -> Result<(), GraphError> {
    if depth > DEEPEST {
        return Err(GraphError::Depth);
    }
    graph.initializer.iter().try_for_each(check_tensor)?;
    if let Some(sparse) = graph.sparse_initializer.first() {
        return Err(sparse_error(sparse.values.as_ref()));
    }
    check_nodes(&graph.node, depth)
}

fn check_nodes(nodes: &[NodeProto], depth: usize) -> Result<(), GraphError> {
    for node in nodes {
        let domain = node.domain();
        if !["", "ai.onnx", "ai.onnx.ml", FUNCTION_DOMAIN].contains(&domain) {
            return Err(GraphError::Operator { operator: short(node.op_type()), domain: short(domain) });
        }
        for attribute in &node.attribute {
            check_attribute(attribute, depth)?;
        }
    }
    Ok(())
}

fn check_attribute(attribute: &AttributeProto, depth: usize) -> Result<(), GraphError> {
    attribute.t.iter().chain(&attribute.tensors).try_for_each(check_tensor)?;
    if let Some(sparse) = attribute.sparse_tensor.iter().chain(&attribute.sparse_tensors).next() {
        return Err(sparse_error(sparse.values.as_ref()));
    }
    attribute.g.iter().chain(&attribute.graphs).try_for_each(|graph| check_graph(graph, depth + 1))
}

fn check_tensor(tensor: &TensorProto) -> Result<(), GraphError> {
    if tensor.data_location() == DataLocation::External || !tensor.external_data.is_empty() {
        return Err(GraphError::ExternalData(short(tensor.name())));
    }
    let little_endian = |bytes: &[u8]| bytes.try_into().map(f32::from_le_bytes).unwrap_or_default();
    let raw = if tensor.data_type() == DataType::Float as i32 { tensor.raw_data() } else { &[] };
    let mut values = tensor.float_data.iter().copied().chain(raw.chunks_exact(4).map(little_endian));
    if values.any(|value| !value.is_finite()) {
        return Err(GraphError::NotFinite(short(tensor.name())));
    }
    Ok(())
}

fn sparse_error(values: Option<&TensorProto>) -> GraphError {
    GraphError::Sparse(values.map(|tensor| short(tensor.name())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{self, Body, Element, Size};
    use crate::proto::{SparseTensorProto, StringStringEntryProto};

    fn model(change: impl FnOnce(&mut GraphProto)) -> Vec<u8> {
        let mut body = Body::new("");
        body.floats("weights", &[2], &[1.0, 2.0]);
        body.named("Add", &["x", "weights"], &["y"], Vec::new());
        let shape = [Size::Fixed(2)];
        let input = builder::value("x", Element::Float, &shape);
        let mut graph = body.into_graph("test", vec![input], vec![builder::value("y", Element::Float, &shape)]);
        change(&mut graph);
        builder::encode_model(graph, Vec::new())
    }

    fn external() -> TensorProto {
        let entry = StringStringEntryProto { key: Some("location".into()), value: Some("/etc/passwd".into()) };
        TensorProto { name: Some("stolen".into()), external_data: vec![entry], ..TensorProto::default() }
    }

    #[test]
    fn an_ordinary_graph_passes() {
        assert!(decode_checked(&model(|_| {})).is_ok());
    }

    #[test]
    fn external_data_is_refused_wherever_it_hides() {
        let initializer = model(|graph| graph.initializer.push(external()));
        let in_subgraph = model(|graph| {
            let inner = GraphProto { initializer: vec![external()], ..GraphProto::default() };
            graph.node[0].attribute.push(builder::graph("body", inner));
        });
        let in_attribute = model(|graph| {
            let attribute = AttributeProto { tensors: vec![external()], ..AttributeProto::default() };
            graph.node[0].attribute.push(attribute);
        });
        for bytes in [initializer, in_subgraph, in_attribute] {
            assert!(matches!(decode_checked(&bytes), Err(GraphError::ExternalData(name)) if name == "stolen"));
        }
    }

    #[test]
    fn sparse_tensors_foreign_operators_and_endless_nesting_are_refused() {
        let sparse = model(|graph| graph.sparse_initializer.push(SparseTensorProto::default()));
        assert!(matches!(decode_checked(&sparse), Err(GraphError::Sparse(_))));
        let foreign = model(|graph| graph.node[0].domain = Some("com.evil".into()));
        assert!(matches!(decode_checked(&foreign), Err(GraphError::Operator { .. })));
        let nested = model(|graph| {
            let mut inner = GraphProto::default();
            for _ in 0..DEEPEST + 2 {
                let node = NodeProto { attribute: vec![builder::graph("body", inner)], ..NodeProto::default() };
                inner = GraphProto { node: vec![node], ..GraphProto::default() };
            }
            graph.node[0].attribute.push(builder::graph("body", inner));
        });
        assert!(decode_checked(&nested).is_err());
    }

    #[test]
    fn weights_that_are_not_finite_are_refused_in_either_form() {
        let packed = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let raw = |value| TensorProto {
            name: Some("spoiled".into()),
            data_type: Some(DataType::Float as i32),
            raw_data: Some(packed(&[1.0, value])),
            ..TensorProto::default()
        };
        let listed = |value| TensorProto {
            name: Some("spoiled".into()),
            data_type: Some(DataType::Float as i32),
            float_data: vec![1.0, value],
            ..TensorProto::default()
        };
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for tensor in [raw(value), listed(value)] {
                let bytes = model(|graph| graph.initializer.push(tensor));
                assert!(matches!(decode_checked(&bytes), Err(GraphError::NotFinite(name)) if name == "spoiled"));
            }
        }
        assert!(decode_checked(&model(|graph| graph.initializer.push(raw(2.0)))).is_ok());
    }

    #[test]
    fn bytes_that_are_no_onnx_file_are_refused() {
        assert!(matches!(decode_checked(b"\x80\x04pickle"), Err(GraphError::Decode(_))));
        assert!(matches!(decode_checked(b""), Err(GraphError::NoGraph)));
    }
}
