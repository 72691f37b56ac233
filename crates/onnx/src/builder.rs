//! Builds ONNX graphs: tensors, operators and model-local functions enter by name, a `ModelProto` leaves.

mod model;

use crate::proto::attribute_proto::AttributeType;
use crate::proto::tensor_proto::DataType;
use crate::proto::tensor_shape_proto::{Dimension, dimension};
use crate::proto::type_proto;
use crate::proto::{
    AttributeProto, FunctionProto, GraphProto, NodeProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
};

pub(crate) use model::{IR_VERSION, OPERATOR_SET};
use model::{MACHINE_LEARNING_DOMAIN, operator_set};
pub use model::{encode_model, encode_standard_model};

/// Domain of the model-local functions.
pub const FUNCTION_DOMAIN: &str = "slirec";
/// ONNX's number of the 32-bit floats, for `Cast`.
pub(crate) const FLOAT: i64 = 1;

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32-bit float.
    Float,
    /// 64-bit integer.
    Int64,
    /// 64-bit float.
    Double,
    /// UTF-8 text.
    String,
}

impl Element {
    fn code(self) -> i32 {
        match self {
            Self::Float => DataType::Float as i32,
            Self::Int64 => DataType::Int64 as i32,
            Self::Double => DataType::Double as i32,
            Self::String => DataType::String as i32,
        }
    }
}

/// A dimension of a tensor: fixed, or named and only known at run time.
#[derive(Debug, Clone, Copy)]
pub enum Size {
    /// Known when the graph is built.
    Fixed(usize),
    /// Known when the graph runs.
    Named(&'static str),
}

/// A sequence of nodes with unique value names: the body of a graph, a function or a loop.
#[derive(Debug, Default)]
pub struct Body {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    prefix: String,
}

impl Body {
    /// An empty body; its value names start with `prefix`, so that nested bodies do not collide.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }

    /// Adds an operator with one output and returns the output's name.
    pub fn node(&mut self, operator: &str, inputs: &[&str]) -> String {
        self.node_with(operator, inputs, Vec::new())
    }

    /// As [`Body::node`], with attributes.
    pub fn node_with(&mut self, operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let output = format!("{}{}_{}", self.prefix, operator.to_lowercase(), self.nodes.len());
        self.push(operator, "", inputs, &[&output], attributes);
        output
    }

    /// Adds an operator whose outputs have the given names.
    pub fn named(&mut self, operator: &str, inputs: &[&str], outputs: &[&str], attributes: Vec<AttributeProto>) {
        self.push(operator, "", inputs, outputs, attributes);
    }

    /// Calls a model-local function.
    pub fn call(&mut self, function: &str, inputs: &[&str], outputs: &[&str]) {
        self.push(function, FUNCTION_DOMAIN, inputs, outputs, Vec::new());
    }

    fn push(
        &mut self,
        operator: &str,
        domain: &str,
        inputs: &[&str],
        outputs: &[&str],
        attribute: Vec<AttributeProto>,
    ) {
        self.nodes.push(NodeProto {
            name: Some(format!("{}{operator}_{}", self.prefix, self.nodes.len())),
            op_type: Some(operator.to_owned()),
            domain: Some(domain.to_owned()),
            input: owned(inputs),
            output: owned(outputs),
            attribute,
            ..NodeProto::default()
        });
    }

    /// Adds a constant of floats and returns its name. In a graph it is an initializer that viewers show by name.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializers.push(tensor(name, Element::Float, shape, bytes));
        name.to_owned()
    }

    /// Adds a constant of integers as a node, which functions may hold too, and returns its name.
    pub fn integers(&mut self, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(tensor("", Element::Int64, &[values.len()], bytes))
    }

    /// Adds one float as a scalar constant node and returns its name.
    pub fn scalar(&mut self, value: f32) -> String {
        self.constant(tensor("", Element::Float, &[], value.to_le_bytes().to_vec()))
    }

    /// Adds a table of integers as an initializer and returns its name.
    pub fn integer_table(&mut self, name: &str, shape: &[usize], values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializers.push(tensor(name, Element::Int64, shape, bytes));
        name.to_owned()
    }

    /// Adds 64-bit floats as an initializer and returns its name. Under the name of a graph's input they are its
    /// default.
    pub fn doubles(&mut self, name: &str, shape: &[usize], values: &[f64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializers.push(tensor(name, Element::Double, shape, bytes));
        name.to_owned()
    }

    /// Adds texts as an initializer and returns its name.
    pub fn strings<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a str>) -> String {
        let string_data: Vec<_> = values.into_iter().map(|text| text.as_bytes().to_vec()).collect();
        let tensor = tensor(name, Element::String, &[string_data.len()], Vec::new());
        self.initializers.push(TensorProto { string_data, raw_data: None, ..tensor });
        name.to_owned()
    }

    /// Numbers known texts, by `ai.onnx.ml.LabelEncoder`: the n-th key becomes n, from 1, any other text 0.
    pub fn numbers_of_texts<'a>(&mut self, texts: &str, keys: impl IntoIterator<Item = &'a str>) -> String {
        let strings: Vec<_> = keys.into_iter().map(|key| key.as_bytes().to_vec()).collect();
        let ints = (1..).take(strings.len()).collect();
        let attribute = |name: &str, kind: AttributeType| AttributeProto {
            name: Some(name.to_owned()),
            r#type: Some(kind as i32),
            ..AttributeProto::default()
        };
        let keys = AttributeProto { strings, ..attribute("keys_strings", AttributeType::Strings) };
        let values = AttributeProto { ints, ..attribute("values_int64s", AttributeType::Ints) };
        let output = format!("{}labelencoder_{}", self.prefix, self.nodes.len());
        let attributes = vec![keys, values, integer("default_int64", 0)];
        self.push("LabelEncoder", MACHINE_LEARNING_DOMAIN, &[texts], &[&output], attributes);
        output
    }

    /// Adds nodes that were made elsewhere, under names of their own.
    pub fn append(&mut self, nodes: Vec<NodeProto>) {
        self.nodes.extend(nodes);
    }

    /// Adds initializers that were made elsewhere, under names of their own.
    pub fn append_initializers(&mut self, initializers: Vec<TensorProto>) {
        self.initializers.extend(initializers);
    }

    /// Adds one 64-bit float as a scalar constant node and returns its name.
    pub fn double(&mut self, value: f64) -> String {
        self.constant(tensor("", Element::Double, &[], value.to_le_bytes().to_vec()))
    }

    fn constant(&mut self, value: TensorProto) -> String {
        let attribute = AttributeProto {
            name: Some("value".to_owned()),
            r#type: Some(AttributeType::Tensor as i32),
            t: Some(value),
            ..AttributeProto::default()
        };
        self.node_with("Constant", &[], vec![attribute])
    }

    /// Ends the body as a graph with typed inputs and outputs.
    pub fn into_graph(self, name: &str, inputs: Vec<ValueInfoProto>, outputs: Vec<ValueInfoProto>) -> GraphProto {
        GraphProto {
            name: Some(name.to_owned()),
            node: self.nodes,
            initializer: self.initializers,
            input: inputs,
            output: outputs,
            ..GraphProto::default()
        }
    }

    /// Ends the body as a model-local function.
    pub fn into_function(self, name: &str, inputs: &[&str], outputs: &[&str], description: &str) -> FunctionProto {
        debug_assert!(self.initializers.is_empty(), "functions hold no initializers");
        FunctionProto {
            name: Some(name.to_owned()),
            domain: Some(FUNCTION_DOMAIN.to_owned()),
            input: owned(inputs),
            output: owned(outputs),
            node: self.nodes,
            opset_import: vec![operator_set("", OPERATOR_SET)],
            doc_string: Some(description.to_owned()),
            ..FunctionProto::default()
        }
    }
}

/// Describes an input or output.
pub fn value(name: &str, element: Element, shape: &[Size]) -> ValueInfoProto {
    let dim = shape
        .iter()
        .map(|size| Dimension {
            value: Some(match size {
                Size::Fixed(size) => dimension::Value::DimValue(signed(*size)),
                Size::Named(name) => dimension::Value::DimParam((*name).to_owned()),
            }),
            denotation: None,
        })
        .collect();
    let tensor = type_proto::Tensor { elem_type: Some(element.code()), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { denotation: None, value: Some(type_proto::Value::TensorType(tensor)) }),
        ..ValueInfoProto::default()
    }
}

/// An integer attribute.
pub fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Int as i32),
        i: Some(value),
        ..AttributeProto::default()
    }
}

/// A graph attribute: the body of a `Scan` or `Loop`.
pub fn graph(name: &str, value: GraphProto) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Graph as i32),
        g: Some(value),
        ..AttributeProto::default()
    }
}

fn tensor(name: &str, element: Element, shape: &[usize], raw_data: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(element.code()),
        dims: shape.iter().copied().map(signed).collect(),
        raw_data: Some(raw_data),
        ..TensorProto::default()
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A size in memory always fits: no allocation exceeds `i64::MAX` bytes.
fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
