//! How much memory and work a graph takes, before any runtime sees it: the sizes of its inputs enter, those of its
//! outputs leave, or the first node that is too large.
//!
//! The graph is walked as a runtime would run it, with sizes in place of values. Sizes of histories are exact, so
//! callers ask for every length. Those of candidates are the most there can be: no size may be computed from them and
//! none of their axes may be cut, so that fewer candidates never take more.

use std::collections::{BTreeMap, HashMap};

use super::operators::first;
use super::rules::{self, Outcome, integer};
use super::value::{Shape, Size, Value};
use crate::builder::FUNCTION_DOMAIN;
use crate::check::{GraphError, short};
use crate::proto::tensor_proto::DataType;
use crate::proto::tensor_shape_proto::dimension;
use crate::proto::type_proto;
use crate::proto::{FunctionProto, GraphProto, ModelProto, NodeProto, ValueInfoProto};

/// Values that one run may compute, all nodes together: 256 MiB as 32-bit floats.
const MOST_VALUES: u64 = 1 << 26;
/// Multiplications of one run's matrix products: about a second of one core.
const MOST_PRODUCTS: u64 = 1 << 32;

type Values<'a> = HashMap<&'a str, Value>;

/// What a run may still take.
struct Budget {
    values: u64,
    products: u64,
}

impl Budget {
    /// Takes what a node needs that runs so often.
    fn take(&mut self, outcome: &Outcome, repeats: u64) -> Result<(), String> {
        let mut each = outcome.values.iter().map(Value::count);
        let values = each.try_fold(0_u64, |sum, count| sum.checked_add(count?));
        let left = values.and_then(|values| self.values.checked_sub(values.checked_mul(repeats)?));
        self.values = left.ok_or_else(|| {
            format!("would compute {} values: expected at most {MOST_VALUES} in the whole graph", described(values))
        })?;
        let products = outcome.products.checked_mul(repeats);
        let left = products.and_then(|products| self.products.checked_sub(products));
        self.products = left.ok_or_else(|| {
            format!("would multiply {} times: expected at most {MOST_PRODUCTS} in the whole graph", described(products))
        })?;
        Ok(())
    }
}

fn described(count: Option<u64>) -> String {
    count.map_or_else(|| "more than 2^64".to_owned(), |count| count.to_string())
}

/// A graph whose sizes can be computed.
#[derive(Debug)]
pub struct Sizes<'a> {
    graph: &'a GraphProto,
    functions: &'a [FunctionProto],
    constants: Vec<(&'a str, Value)>,
}

impl<'a> Sizes<'a> {
    /// Of a model that [`super::decode`] let through.
    ///
    /// # Errors
    /// [`GraphError::NoGraph`] without a graph.
    pub fn new(model: &'a ModelProto) -> Result<Self, GraphError> {
        let graph = model.graph.as_ref().ok_or(GraphError::NoGraph)?;
        let constants = graph.initializer.iter().map(|tensor| (tensor.name(), Value::constant(tensor))).collect();
        Ok(Self { graph, functions: &model.functions, constants })
    }

    /// Names of the inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &'a str> {
        self.graph.input.iter().map(|input| input.name())
    }

    /// Nodes of the graph, its functions and loops.
    pub fn nodes(&self) -> usize {
        let functions = self.functions.iter().map(|function| &function.node);
        functions.chain([&self.graph.node]).map(|nodes| counted(nodes)).sum()
    }

    /// The dimensions of a constant.
    pub fn constant(&self, name: &str) -> Option<Vec<u64>> {
        let (_, value) = self.constants.iter().find(|(constant, _)| *constant == name)?;
        Some(value.shape.iter().map(|size| size.count).collect())
    }

    /// The sizes of the outputs for inputs of these sizes.
    ///
    /// # Errors
    /// [`GraphError`] for an input that is missing, sizes that do not fit together, and graphs that would take too much
    /// memory or time.
    pub fn outputs(&self, inputs: &BTreeMap<&str, Shape>) -> Result<BTreeMap<&'a str, Shape>, GraphError> {
        let mut values: Values<'a> = HashMap::with_capacity(self.graph.node.len() + self.constants.len());
        for (name, value) in &self.constants {
            add(&mut values, name, value.clone())?;
        }
        for input in &self.graph.input {
            let Some(shape) = inputs.get(input.name()) else {
                return Err(not_exported(format!("asks for an input `{}`, which there is not", short(input.name()))));
            };
            declared(input, shape)?;
            add(&mut values, input.name(), Value::unknown(shape.clone()))?;
        }
        let mut budget = Budget { values: MOST_VALUES, products: MOST_PRODUCTS };
        self.run(&self.graph.node, &mut values, 1, &mut budget)?;
        let output = |output: &'a ValueInfoProto| {
            let value = found(&values, output.name())?;
            declared(output, &value.shape)?;
            Ok((output.name(), value.shape.clone()))
        };
        self.graph.output.iter().map(output).collect()
    }

    fn run(
        &self,
        nodes: &'a [NodeProto],
        values: &mut Values<'a>,
        repeats: u64,
        budget: &mut Budget,
    ) -> Result<(), GraphError> {
        for node in nodes {
            let inputs = node.input.iter().map(|name| found(values, name)).collect::<Result<Vec<_>, _>>()?;
            let problem = |problem: String| {
                let (operator, output) = (short(node.op_type()), short(first(&node.output)));
                not_exported(format!("operator {operator} that makes `{output}` {problem}"))
            };
            let outputs = match node.op_type() {
                _ if node.domain() == FUNCTION_DOMAIN => {
                    let inputs = inputs.into_iter().cloned().collect();
                    self.call(node, inputs, repeats, budget)?
                }
                "Scan" => {
                    let inputs: Vec<Value> = inputs.into_iter().cloned().collect();
                    self.scan(node, &inputs, values, repeats, budget)?
                }
                "Constant" => {
                    let tensor = node.attribute.first().and_then(|attribute| attribute.t.as_ref());
                    vec![Value::constant(tensor.ok_or_else(|| problem("has no value".to_owned()))?)]
                }
                _ => {
                    let outcome = rules::apply(node, &inputs).map_err(problem)?;
                    budget.take(&outcome, repeats).map_err(problem)?;
                    outcome.values
                }
            };
            for (name, value) in node.output.iter().zip(outputs) {
                add(values, name, value)?;
            }
        }
        Ok(())
    }

    fn call(
        &self,
        node: &'a NodeProto,
        inputs: Vec<Value>,
        repeats: u64,
        budget: &mut Budget,
    ) -> Result<Vec<Value>, GraphError> {
        let function = self.functions.iter().find(|function| function.name() == node.op_type());
        let function = function.ok_or_else(|| not_exported(format!("has no function `{}`", short(node.op_type()))))?;
        let mut values = Values::new();
        for (name, value) in function.input.iter().zip(inputs) {
            add(&mut values, name, value)?;
        }
        self.run(&function.node, &mut values, repeats, budget)?;
        function.output.iter().map(|name| found(&values, name).cloned()).collect()
    }

    /// A loop over the rows of its last inputs; the others are states, which keep their sizes, so that one step stands
    /// for all.
    fn scan(
        &self,
        node: &'a NodeProto,
        inputs: &[Value],
        values: &mut Values<'a>,
        repeats: u64,
        budget: &mut Budget,
    ) -> Result<Vec<Value>, GraphError> {
        let refused =
            |problem: &str| not_exported(format!("loop that makes `{}` {problem}", short(first(&node.output))));
        let body = node.attribute.iter().find_map(|attribute| attribute.g.as_ref());
        let body = body.ok_or_else(|| refused("has no body"))?;
        let scanned =
            integer(node, "num_scan_inputs").and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
        let states = inputs.len().checked_sub(scanned).filter(|_| scanned > 0);
        let states = states.ok_or_else(|| refused("goes over nothing"))?;
        if body.input.len() != inputs.len() || body.output.len() != node.output.len() || body.output.len() < states {
            return Err(refused("has a body with other inputs or outputs"));
        }
        let mut steps = None;
        for (place, (input, value)) in body.input.iter().zip(inputs).enumerate() {
            let shape = match value.shape.split_first() {
                _ if place < states => value.shape.clone(),
                Some((length, row)) if !length.of_candidates && *steps.get_or_insert(length.count) == length.count => {
                    row.to_vec()
                }
                _ => return Err(refused("goes over rows of different numbers, or over candidates")),
            };
            declared(input, &shape)?;
            add(values, input.name(), Value::unknown(shape))?;
        }
        let steps = steps.unwrap_or_default();
        self.run(&body.node, values, repeats.saturating_mul(steps), budget)?;
        let mut outputs = Vec::new();
        for (place, output) in body.output.iter().enumerate() {
            let mut shape = found(values, output.name())?.shape.clone();
            declared(output, &shape)?;
            match inputs.get(place).filter(|_| place < states) {
                Some(state) if state.shape == shape => {}
                Some(_) => return Err(refused("has a state that changes its size")),
                None => shape.insert(0, Size::fixed(steps)),
            }
            outputs.push(Value::unknown(shape));
        }
        let outcome = Outcome { values: outputs, products: 0 };
        budget.take(&outcome, repeats).map_err(|problem| refused(&problem))?;
        Ok(outcome.values)
    }
}

fn counted(nodes: &[NodeProto]) -> usize {
    let bodies = nodes.iter().flat_map(|node| &node.attribute).filter_map(|attribute| attribute.g.as_ref());
    nodes.len() + bodies.map(|body| counted(&body.node)).sum::<usize>()
}

fn not_exported(problem: String) -> GraphError {
    GraphError::NotExported(problem)
}

fn found<'v>(values: &'v Values<'_>, name: &str) -> Result<&'v Value, GraphError> {
    values.get(name).ok_or_else(|| not_exported(format!("uses `{}` before anything makes it", short(name))))
}

fn add<'a>(values: &mut Values<'a>, name: &'a str, value: Value) -> Result<(), GraphError> {
    if name.is_empty() || values.insert(name, value).is_some() {
        return Err(not_exported(format!("makes `{}` more than once, or without a name", short(name))));
    }
    Ok(())
}

/// Compares what a graph says of an input or output with what it is.
fn declared(info: &ValueInfoProto, shape: &[Size]) -> Result<(), GraphError> {
    let kind = info.r#type.as_ref().and_then(|kind| kind.value.as_ref());
    let Some(type_proto::Value::TensorType(tensor)) = kind else {
        return Err(not_exported(format!("has no type for `{}`", short(info.name()))));
    };
    let sizes = tensor.shape.as_ref().map(|shape| shape.dim.as_slice()).unwrap_or_default();
    let fits = |(size, found): (&crate::proto::tensor_shape_proto::Dimension, &Size)| match size.value {
        Some(dimension::Value::DimValue(size)) => !found.of_candidates && u64::try_from(size) == Ok(found.count),
        _ => true,
    };
    let element = [DataType::Float, DataType::Int64].iter().any(|kind| *kind as i32 == tensor.elem_type());
    if !element || sizes.len() != shape.len() || !sizes.iter().zip(shape).all(fits) {
        let counts: Vec<u64> = shape.iter().map(|size| size.count).collect();
        return Err(not_exported(format!(
            "declares `{}` with another type or size than {counts:?}",
            short(info.name())
        )));
    }
    Ok(())
}
