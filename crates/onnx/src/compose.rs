//! Joins models into one graph: a model and the names that its inputs have elsewhere enter; its nodes and initializers
//! leave under names of their own, with its functions written out, so that nothing but standard operators is left.

use std::collections::{BTreeMap, HashMap};

use thiserror::Error;

use crate::builder::FUNCTION_DOMAIN;
use crate::proto::{FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// A model that cannot be joined.
#[derive(Debug, Error)]
pub enum ComposeError {
    /// The model has no graph.
    #[error("a model without a graph cannot be joined")]
    NoGraph,
    /// A node calls a function that the file does not hold.
    #[error("calls the function `{0}`: expected one that the file holds, with the same number of inputs and outputs")]
    Function(String),
    /// An input of the model is given by no part.
    #[error("input `{0}` is given by no part")]
    Input(String),
}

/// Initializers that several models share: those of one name and equal values are kept once.
#[derive(Debug, Default)]
pub struct Shared {
    /// By the name in the models that were joined: the name in the whole, and the tensor.
    known: HashMap<String, TensorProto>,
}

/// A joined model.
#[derive(Debug)]
pub struct Joined {
    /// In the order of execution.
    pub nodes: Vec<NodeProto>,
    /// Those that no model before had.
    pub initializers: Vec<TensorProto>,
    /// Name in the whole of each output.
    pub outputs: BTreeMap<String, String>,
}

impl Shared {
    /// Renames everything in `model` to begin with `prefix`, but its inputs, which become what `inputs` says.
    ///
    /// # Errors
    /// [`ComposeError`] when an input or a function is missing.
    pub fn join(
        &mut self,
        model: ModelProto,
        prefix: &str,
        inputs: &BTreeMap<String, String>,
    ) -> Result<Joined, ComposeError> {
        let graph = model.graph.ok_or(ComposeError::NoGraph)?;
        let mut names = Names { prefix: prefix.to_owned(), fixed: HashMap::new() };
        for input in &graph.input {
            let given = inputs.get(input.name()).ok_or_else(|| ComposeError::Input(input.name().to_owned()))?;
            names.fixed.insert(input.name().to_owned(), given.clone());
        }
        let mut initializers = Vec::new();
        for tensor in graph.initializer {
            let original = tensor.name().to_owned();
            let renamed = TensorProto { name: Some(names.of(&original)), ..tensor };
            match self.known.get(&original).filter(|known| same_values(known, &renamed)) {
                Some(known) => {
                    names.fixed.insert(original, known.name().to_owned());
                }
                None => {
                    self.known.entry(original).or_insert_with(|| renamed.clone());
                    initializers.push(renamed);
                }
            }
        }
        let mut nodes = Vec::with_capacity(graph.node.len());
        for node in graph.node {
            let node = names.node(node);
            match node.domain() == FUNCTION_DOMAIN {
                true => nodes.extend(written_out(&node, &model.functions)?),
                false => nodes.push(node),
            }
        }
        let outputs = graph.output.iter().map(|output| (output.name().to_owned(), names.of(output.name()))).collect();
        Ok(Joined { nodes, initializers, outputs })
    }
}

fn same_values(left: &TensorProto, right: &TensorProto) -> bool {
    TensorProto { name: None, ..left.clone() } == TensorProto { name: None, ..right.clone() }
}

/// The nodes of the function that `call` calls.
fn written_out(call: &NodeProto, functions: &[FunctionProto]) -> Result<Vec<NodeProto>, ComposeError> {
    let name = call.op_type();
    let fits = |function: &&FunctionProto| {
        function.name() == name
            && function.input.len() == call.input.len()
            && function.output.len() == call.output.len()
            && function.node.iter().all(|node| node.domain() != FUNCTION_DOMAIN)
    };
    let function = functions.iter().find(fits).ok_or_else(|| ComposeError::Function(name.to_owned()))?;
    let inner = function.input.iter().chain(&function.output).cloned();
    let outer = call.input.iter().chain(&call.output).cloned();
    let names = Names { prefix: format!("{}.", call.name()), fixed: inner.zip(outer).collect() };
    Ok(function.node.iter().cloned().map(|node| names.node(node)).collect())
}

/// New names for old ones.
struct Names {
    prefix: String,
    fixed: HashMap<String, String>,
}

impl Names {
    /// An empty name is an optional input that is left out.
    fn of(&self, name: &str) -> String {
        if name.is_empty() {
            return String::new();
        }
        self.fixed.get(name).cloned().unwrap_or_else(|| format!("{}{name}", self.prefix))
    }

    fn node(&self, mut node: NodeProto) -> NodeProto {
        node.name = node.name.map(|name| format!("{}{name}", self.prefix));
        for name in node.input.iter_mut().chain(&mut node.output) {
            *name = self.of(name);
        }
        for attribute in &mut node.attribute {
            attribute.g = attribute.g.take().map(|graph| self.graph(graph));
            attribute.graphs =
                std::mem::take(&mut attribute.graphs).into_iter().map(|graph| self.graph(graph)).collect();
        }
        node
    }

    /// A body of a loop sees the names around it, so that it is renamed along.
    fn graph(&self, mut graph: GraphProto) -> GraphProto {
        graph.node = graph.node.into_iter().map(|node| self.node(node)).collect();
        for value in graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info) {
            value.name = value.name.take().map(|name| self.of(&name));
        }
        for tensor in &mut graph.initializer {
            tensor.name = tensor.name.take().map(|name| self.of(&name));
        }
        graph
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::builder::{Body, Element, Size, encode_model, value};

    /// `y = Double(x) + weights`, with `Double` as a function.
    fn model(weights: &[f32]) -> ModelProto {
        let mut double = Body::new("");
        double.named("Add", &["value", "value"], &["doubled"], Vec::new());
        let function = double.into_function("Double", &["value"], &["doubled"], "Twice its input.");
        let mut body = Body::new("");
        body.floats("weights", &[2], weights);
        body.call("Double", &["x"], &["twice"]);
        body.named("Add", &["twice", "weights"], &["y"], Vec::new());
        let of = |name| value(name, Element::Float, &[Size::Fixed(2)]);
        let bytes = encode_model(body.into_graph("test", vec![of("x")], vec![of("y")]), vec![function]);
        ModelProto::decode(&*bytes).unwrap()
    }

    fn inputs(x: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("x".to_owned(), x.to_owned())])
    }

    #[test]
    fn functions_are_written_out_under_names_of_their_own() {
        let joined = Shared::default().join(model(&[1.0, 2.0]), "a.", &inputs("outside")).unwrap();
        assert!(joined.nodes.iter().all(|node| node.domain().is_empty()));
        assert_eq!(joined.nodes[0].input, ["outside", "outside"]);
        assert_eq!(joined.nodes[0].output, ["a.twice"]);
        assert_eq!(joined.nodes[1].input, ["a.twice", "a.weights"]);
        assert_eq!(joined.outputs["y"], "a.y");
    }

    #[test]
    fn equal_initializers_are_kept_once_and_different_ones_apart() {
        let mut shared = Shared::default();
        shared.join(model(&[1.0, 2.0]), "a.", &inputs("x")).unwrap();
        let equal = shared.join(model(&[1.0, 2.0]), "b.", &inputs("x")).unwrap();
        assert!(equal.initializers.is_empty());
        assert_eq!(equal.nodes[1].input[1], "a.weights");
        let different = shared.join(model(&[3.0, 2.0]), "c.", &inputs("x")).unwrap();
        assert_eq!(different.nodes[1].input[1], "c.weights");
        assert_eq!(different.initializers.len(), 1);
    }

    #[test]
    fn missing_inputs_and_functions_are_errors() {
        let error = Shared::default().join(model(&[1.0, 2.0]), "a.", &BTreeMap::new()).unwrap_err();
        assert!(matches!(error, ComposeError::Input(name) if name == "x"));
        let without = ModelProto { functions: Vec::new(), ..model(&[1.0, 2.0]) };
        let error = Shared::default().join(without, "a.", &inputs("x")).unwrap_err();
        assert!(matches!(error, ComposeError::Function(name) if name == "Double"));
    }
}
