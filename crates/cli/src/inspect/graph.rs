//! An ONNX graph: a file enters, its inputs, outputs, functions, operators and constants leave. A graph that reaches
//! out of its file is refused; whether a server would serve it depends on its bundle.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use slirec_core::files::FileError;
use slirec_onnx::check::decode_checked;
use slirec_onnx::proto::tensor_proto::DataType;
use slirec_onnx::proto::tensor_shape_proto::dimension;
use slirec_onnx::proto::{FunctionProto, GraphProto, NodeProto, ValueInfoProto, type_proto};

use super::page::{Page, number};

/// What a graph holds.
#[derive(Debug, Serialize)]
pub(crate) struct GraphContents {
    name: String,
    producer: String,
    /// Version of each set of operators, by domain; the standard's is empty.
    operator_sets: BTreeMap<String, i64>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    functions: Vec<Function>,
    /// Nodes of the graph by operator.
    operators: BTreeMap<String, usize>,
    constants: Vec<Constant>,
    constant_values: u64,
}

/// An input or an output.
#[derive(Debug, Serialize)]
struct Port {
    name: String,
    element: String,
    /// Sizes, or names of sizes that are known when the graph runs.
    shape: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Function {
    name: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    nodes: usize,
    description: String,
}

#[derive(Debug, Serialize)]
struct Constant {
    name: String,
    shape: Vec<i64>,
}

impl GraphContents {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(FileError::io("read", path))?;
        let model = decode_checked(&bytes).with_context(|| path.display().to_string())?;
        let GraphProto { name, node, initializer, input, output, .. } = model.graph.unwrap_or_default();
        let constants: Vec<Constant> = initializer
            .iter()
            .map(|tensor| Constant { name: tensor.name().to_owned(), shape: tensor.dims.clone() })
            .collect();
        let producer = [model.producer_name, model.producer_version];
        Ok(Self {
            name: name.unwrap_or_default(),
            producer: producer.into_iter().flatten().collect::<Vec<_>>().join(" "),
            operator_sets: model.opset_import.iter().map(|set| (set.domain().to_owned(), set.version())).collect(),
            inputs: input.iter().map(port).collect(),
            outputs: output.iter().map(port).collect(),
            functions: model.functions.into_iter().map(function).collect(),
            operators: operators(&node),
            constant_values: constants.iter().map(Constant::values).sum(),
            constants,
        })
    }

    pub(crate) fn show(&self, page: &mut Page) {
        page.field("name", &self.name);
        page.field("made by", &self.producer);
        for (domain, version) in &self.operator_sets {
            let domain = if domain.is_empty() { "standard" } else { domain };
            page.field("operator set", format!("{domain} {version}"));
        }
        page.field("constants", format!("{} values", number(self.constant_values)));
        for (heading, ports) in [("Inputs", &self.inputs), ("Outputs", &self.outputs)] {
            page.heading(heading);
            let cells = |port: &Port| vec![port.name.clone(), port.element.clone(), port.shape.join(" × ")];
            page.table(&["name", "element", "shape"], &ports.iter().map(cells).collect::<Vec<_>>());
        }
        for Function { name, inputs, outputs, nodes, description } in &self.functions {
            page.heading(&format!("Function {name}, {nodes} nodes"));
            page.line(description);
            page.field("inputs", inputs.join(", "));
            page.field("outputs", outputs.join(", "));
        }
        page.heading("Nodes by operator");
        let bar = |(operator, count): (&String, &usize)| (operator.clone(), *count as u64, String::new());
        page.bars(&self.operators.iter().map(bar).collect::<Vec<_>>());
        page.heading("Constants");
        let cells = |constant: &Constant| {
            let shape: Vec<String> = constant.shape.iter().map(i64::to_string).collect();
            vec![constant.name.clone(), shape.join(" × ")]
        };
        page.table(&["name", "shape"], &self.constants.iter().map(cells).collect::<Vec<_>>());
    }
}

impl Constant {
    fn values(&self) -> u64 {
        self.shape.iter().fold(1, |values: u64, size| values.saturating_mul(u64::try_from(*size).unwrap_or_default()))
    }
}

fn operators(nodes: &[NodeProto]) -> BTreeMap<String, usize> {
    let mut operators = BTreeMap::new();
    for node in nodes {
        let domain = node.domain();
        let prefix = if domain.is_empty() { String::new() } else { format!("{domain}.") };
        *operators.entry(prefix + node.op_type()).or_default() += 1;
    }
    operators
}

fn function(function: FunctionProto) -> Function {
    Function {
        name: format!("{}.{}", function.domain(), function.name()),
        nodes: function.node.len(),
        description: function.doc_string().to_owned(),
        inputs: function.input,
        outputs: function.output,
    }
}

fn port(value: &ValueInfoProto) -> Port {
    let kind = value.r#type.as_ref().and_then(|kind| kind.value.as_ref());
    let (mut element, mut shape) = ("unknown".to_owned(), Vec::new());
    if let Some(type_proto::Value::TensorType(tensor)) = kind {
        let known = DataType::try_from(tensor.elem_type()).map(|element| element.as_str_name().to_lowercase());
        element = known.unwrap_or(element);
        let sizes = tensor.shape.iter().flat_map(|shape| &shape.dim);
        shape.extend(sizes.map(|size| match &size.value {
            Some(dimension::Value::DimValue(size)) => size.to_string(),
            Some(dimension::Value::DimParam(name)) => name.clone(),
            None => "?".to_owned(),
        }));
    }
    Port { name: value.name().to_owned(), element, shape }
}
