//! A graph of a bundle, in the form in which the exporter writes it: bytes enter, the decoded model leaves, or one line
//! that says why not. Everything is checked before a runtime sees the graph, the cheap things first.
//!
//! Four walls, each of its own kind: `fields` bounds what is decoded, `operators` is the list of what may compute, this
//! file has the rules for tensors, functions and versions, and [`Sizes`] bounds memory and work whatever the operators
//! are combined to.

mod fields;
mod operators;
mod rules;
mod sizes;
mod value;

use prost::Message;

use crate::builder::{FUNCTION_DOMAIN, IR_VERSION, OPERATOR_SET};
use crate::check::{GraphError, check_model, short};
use crate::proto::tensor_proto::DataType;
use crate::proto::{FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto};
use operators::{FUNCTIONS, Place};

pub use sizes::Sizes;
pub use value::{Shape, Size};

const FLOAT_TENSOR: i32 = DataType::Float as i32;
/// Nodes of a graph with its functions and loops. The demo's history graph has 101; each further item feature adds 5.
const MOST_NODES: usize = 1_024;

/// Decodes a graph and refuses what the exporter would not have written. Weights are looked at and let go, so that
/// three graphs take the memory of one: what leaves is for [`Sizes`] alone.
///
/// # Errors
/// [`GraphError`] for the first offence.
pub fn decode(bytes: &[u8]) -> Result<ModelProto, GraphError> {
    fields::check(bytes)?;
    let mut model = ModelProto::decode(bytes)?;
    check_model(&model)?;
    let refused = |problem: String| Err(GraphError::NotExported(problem));
    let own = (FUNCTION_DOMAIN, 1);
    if model.ir_version() != IR_VERSION || !versions(&model.opset_import, &[("", OPERATOR_SET), own]) {
        let problem = format!("is of another version: expected {IR_VERSION} with operator set {OPERATOR_SET}");
        return refused(problem);
    }
    let sizes = Sizes::new(&model)?;
    if sizes.nodes() > MOST_NODES {
        return refused(format!("has {} nodes: expected at most {MOST_NODES}", sizes.nodes()));
    }
    check_functions(&model.functions)?;
    let graph = model.graph.as_ref().ok_or(GraphError::NoGraph)?;
    operators::check(&graph.node, Place::Graph, &model.functions)?;
    graph.initializer.iter().try_for_each(check_tensor)?;
    check_inner(&graph.node)?;
    model.functions.iter().try_for_each(|function| check_inner(&function.node))?;
    let tensors = model.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
    tensors.filter(|tensor| tensor.data_type() == FLOAT_TENSOR).for_each(|tensor| tensor.raw_data = None);
    Ok(model)
}

/// Whether exactly these sets of operators are used.
fn versions(found: &[OperatorSetIdProto], expected: &[(&str, i64)]) -> bool {
    found.iter().map(|set| (set.domain(), set.version())).eq(expected.iter().copied())
}

fn check_functions(functions: &[FunctionProto]) -> Result<(), GraphError> {
    for (position, function) in functions.iter().enumerate() {
        let name = function.name();
        let twice = functions.iter().take(position).any(|other| other.name() == name);
        let ours = FUNCTIONS.contains(&name) && function.domain() == FUNCTION_DOMAIN;
        if twice || !ours || !versions(&function.opset_import, &[("", OPERATOR_SET)]) {
            let name = short(name);
            let problem =
                format!("holds the function `{name}`: expected {FUNCTIONS:?} of `{FUNCTION_DOMAIN}`, each once");
            return Err(GraphError::NotExported(problem));
        }
        operators::check(&function.node, Place::Function, functions)?;
    }
    Ok(())
}

/// Tensors in the attributes of nodes; the bodies of loops hold none beside.
fn check_inner(nodes: &[NodeProto]) -> Result<(), GraphError> {
    for attribute in nodes.iter().flat_map(|node| &node.attribute) {
        attribute.t.iter().try_for_each(check_tensor)?;
        if let Some(GraphProto { initializer, node, .. }) = &attribute.g {
            if let Some(tensor) = initializer.first() {
                let problem = format!("holds the tensor `{}` in a loop", short(tensor.name()));
                return Err(GraphError::NotExported(problem));
            }
            check_inner(node)?;
        }
    }
    Ok(())
}

/// A tensor has one of two types, no empty dimension, and exactly as many bytes as its sizes ask for.
fn check_tensor(tensor: &TensorProto) -> Result<(), GraphError> {
    let name = || short(tensor.name());
    let types = [(DataType::Float, 4_u64), (DataType::Int64, 8)];
    let width = types.iter().find(|(kind, _)| *kind as i32 == tensor.data_type()).map(|(_, width)| *width);
    let Some(width) = width else {
        let problem =
            format!("tensor `{}` is of type {}: expected floats or 64-bit integers", name(), tensor.data_type());
        return Err(GraphError::NotExported(problem));
    };
    let expected = tensor.dims.iter().try_fold(width, |bytes, size| {
        u64::try_from(*size).ok().filter(|size| *size > 0).and_then(|size| bytes.checked_mul(size))
    });
    let found = tensor.raw_data().len();
    if expected != u64::try_from(found).ok() {
        let dims = tensor.dims.get(..8).unwrap_or(&tensor.dims);
        return Err(GraphError::NotExported(format!("tensor `{}` has the sizes {dims:?} and {found} bytes", name())));
    }
    Ok(())
}
