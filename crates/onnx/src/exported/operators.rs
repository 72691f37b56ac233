//! The operators that the exporter writes, each in the form in which it writes it: nodes enter, whatever has another
//! form is refused.

use std::ops::RangeInclusive;

use crate::builder::FUNCTION_DOMAIN;
use crate::check::{GraphError, short};
use crate::proto::attribute_proto::AttributeType;
use crate::proto::{AttributeProto, FunctionProto, NodeProto};

/// The functions that a file may bring along.
pub(super) const FUNCTIONS: [&str; 3] = ["TimeLstm", "CandidateAttention", "GapLstm"];

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the graph itself: the only place that may call functions.
    Graph,
    /// In a function.
    Function,
    /// In the body of a `Scan`: no further `Scan`.
    Body,
}

/// How an operator is written.
struct Form {
    inputs: RangeInclusive<usize>,
    outputs: RangeInclusive<usize>,
    attributes: &'static [(&'static str, AttributeType)],
}

fn form(operator: &str) -> Option<Form> {
    use AttributeType::{Graph, Int, Tensor};
    let (inputs, outputs, attributes): (_, _, &[_]) = match operator {
        "Constant" => (0..=0, 1..=1, &[("value", Tensor)]),
        "ConstantOfShape" | "Exp" | "Identity" | "Log" | "Neg" | "Relu" | "Shape" | "Sigmoid" | "Tanh"
        | "Transpose" => (1..=1, 1..=1, &[]),
        "Cast" => (1..=1, 1..=1, &[("to", Int)]),
        "ReduceLogSumExp" => (1..=1, 1..=1, &[("keepdims", Int)]),
        "Softmax" => (1..=1, 1..=1, &[("axis", Int)]),
        "Split" => (1..=1, 1..=16, &[("axis", Int)]),
        "Add" | "Equal" | "MatMul" | "Min" | "Mul" | "Reshape" | "Squeeze" | "Sub" | "Unsqueeze" => (2..=2, 1..=1, &[]),
        "Gather" => (2..=2, 1..=1, &[("axis", Int)]),
        "Gemm" => (3..=3, 1..=1, &[]),
        "Slice" => (3..=4, 1..=1, &[]),
        "Concat" => (1..=256, 1..=1, &[("axis", Int)]),
        "Scan" => (1..=16, 1..=16, &[("body", Graph), ("num_scan_inputs", Int)]),
        _ => return None,
    };
    Some(Form { inputs, outputs, attributes })
}

/// Refuses nodes that the exporter would not write in this place.
///
/// # Errors
/// [`GraphError`] for the first of them.
pub(super) fn check(nodes: &[NodeProto], place: Place, functions: &[FunctionProto]) -> Result<(), GraphError> {
    nodes.iter().try_for_each(|node| check_node(node, place, functions))
}

fn check_node(node: &NodeProto, place: Place, functions: &[FunctionProto]) -> Result<(), GraphError> {
    let operator = node.op_type();
    let refused = || GraphError::Operator { operator: short(operator), domain: short(node.domain()) };
    if node.domain() == FUNCTION_DOMAIN {
        let function = functions.iter().find(|function| function.name() == operator);
        let function = function.filter(|_| place == Place::Graph).ok_or_else(refused)?;
        return exactly(
            node,
            function.input.len()..=function.input.len(),
            function.output.len()..=function.output.len(),
            &[],
        );
    }
    if !node.domain().is_empty() || (operator == "Scan" && place == Place::Body) {
        return Err(refused());
    }
    let Form { inputs, outputs, attributes } = form(operator).ok_or_else(refused)?;
    exactly(node, inputs, outputs, attributes)?;
    let bodies = node.attribute.iter().filter_map(|attribute| attribute.g.as_ref());
    bodies.into_iter().try_for_each(|body| check(&body.node, Place::Body, functions))
}

fn exactly(
    node: &NodeProto,
    inputs: RangeInclusive<usize>,
    outputs: RangeInclusive<usize>,
    attributes: &[(&str, AttributeType)],
) -> Result<(), GraphError> {
    let of = || format!("operator {} that makes `{}`", short(node.op_type()), short(first(&node.output)));
    let refused = |problem: String| Err(GraphError::NotExported(format!("{} has {problem}", of())));
    if !inputs.contains(&node.input.len()) {
        return refused(format!("{} inputs: expected {} to {}", node.input.len(), inputs.start(), inputs.end()));
    }
    if !outputs.contains(&node.output.len()) {
        return refused(format!("{} outputs: expected {} to {}", node.output.len(), outputs.start(), outputs.end()));
    }
    for (position, attribute) in node.attribute.iter().enumerate() {
        let kind = attributes.iter().find(|(name, _)| *name == attribute.name()).map(|(_, kind)| *kind);
        let twice = node.attribute.iter().take(position).any(|other| other.name() == attribute.name());
        if twice || !kind.is_some_and(|kind| holds(attribute, kind)) {
            let names: Vec<&str> = attributes.iter().map(|(name, _)| *name).collect();
            return refused(format!("the attribute `{}`: expected {names:?}, each once", short(attribute.name())));
        }
    }
    Ok(())
}

/// Whether an attribute holds a value of its kind and nothing else.
fn holds(attribute: &AttributeProto, kind: AttributeType) -> bool {
    let expected = [AttributeType::Int, AttributeType::Tensor, AttributeType::Graph].map(|other| other == kind);
    attribute.r#type() == kind && [attribute.i.is_some(), attribute.t.is_some(), attribute.g.is_some()] == expected
}

pub(super) fn first(names: &[String]) -> &str {
    names.first().map_or("", String::as_str)
}
