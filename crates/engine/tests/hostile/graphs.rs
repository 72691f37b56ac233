//! Graphs that would run for ever, grow without end or reach out of their file.

use slirec_onnx::builder::{self, Body, Element, Size, integer};
use slirec_onnx::proto::{AttributeProto, GraphProto, NodeProto, ValueInfoProto};

use crate::cases::{Case, graph_case, model_case};

/// A node that the graph begins with.
fn node(operator: &str, inputs: &[&str], outputs: &[&str], attributes: Vec<AttributeProto>) -> NodeProto {
    nodes(|body| body.named(operator, inputs, outputs, attributes)).remove(0)
}

/// Nodes whose names collide with none of the exporter's.
fn nodes(build: impl FnOnce(&mut Body)) -> Vec<NodeProto> {
    let mut body = Body::new("hostile_");
    build(&mut body);
    body.into_graph("", Vec::new(), Vec::new()).node
}

fn before(graph: &mut GraphProto, first: Vec<NodeProto>) {
    graph.node.splice(0..0, first);
}

fn empty_body() -> GraphProto {
    GraphProto { name: Some("body".into()), ..GraphProto::default() }
}

/// An operator that the exporter never writes, with a body if it has one.
fn operator(name: &'static str, inputs: &'static [&'static str], body: Option<&'static str>) -> Case {
    graph_case(name, "expected those that slirec exports", move |graph| {
        let attributes = body.map(|body| builder::graph(body, empty_body())).into_iter().collect();
        before(graph, vec![node(name, inputs, &["hostile"], attributes)]);
    })
}

pub(crate) fn graphs() -> Vec<Case> {
    let mut cases = operators();
    cases.extend(growing());
    cases.extend(scans());
    cases.extend(functions());
    cases
}

fn operators() -> Vec<Case> {
    vec![
        operator("Loop", &["states", "states"], Some("body")),
        operator("If", &["states"], Some("then_branch")),
        operator("Expand", &["states", "states"], None),
        operator("Tile", &["states", "states"], None),
        operator("Range", &["states", "states", "states"], None),
        operator("Resize", &["states", "", "states"], None),
        operator("Pad", &["states", "states"], None),
        operator("RandomNormal", &[], None),
        operator("NonZero", &["states"], None),
        operator("SequenceConstruct", &["states"], None),
        operator("StringNormalizer", &["states"], None),
        graph_case("a domain of contributed operators", "is of domain `com.microsoft`", |graph| {
            let run = node("FusedMatMul", &["states", "states"], &["hostile"], Vec::new());
            before(graph, vec![NodeProto { domain: Some("com.microsoft".into()), ..run }]);
        }),
        graph_case("a product whose sides are changed", "the attribute `transA`", |graph| {
            let product = node("Gemm", &["query", "query", "query"], &["hostile"], vec![integer("transA", 1)]);
            before(graph, vec![product]);
        }),
        graph_case("an operator with inputs left out", "uses `` before anything makes it", |graph| {
            before(graph, vec![node("Add", &["query", ""], &["hostile"], Vec::new())]);
        }),
        graph_case("a circle", "before anything makes it", |graph| {
            before(graph, vec![node("Add", &["query", "hostile"], &["hostile"], Vec::new())]);
        }),
        graph_case("a value that is made twice", "more than once", |graph| {
            before(graph, vec![node("Relu", &["query"], &["states"], Vec::new())]);
        }),
    ]
}

fn growing() -> Vec<Case> {
    vec![
        graph_case("a constant of a gigantic shape", "would compute 1000000000 values", |graph| {
            let first = nodes(|body| {
                let size = body.integers(&[1_000_000_000]);
                body.named("ConstantOfShape", &[&size], &["hostile"], Vec::new());
            });
            before(graph, first);
        }),
        graph_case("a constant beyond all numbers", "would compute more than 2^64 values", |graph| {
            let first = nodes(|body| {
                let size = body.integers(&[1 << 40, 1 << 40]);
                body.named("ConstantOfShape", &[&size], &["hostile"], Vec::new());
            });
            before(graph, first);
        }),
        graph_case("a constant of a negative shape", "has the sizes Some([-1])", |graph| {
            let first = nodes(|body| {
                let size = body.integers(&[-1]);
                body.named("ConstantOfShape", &[&size], &["hostile"], Vec::new());
            });
            before(graph, first);
        }),
        graph_case("a shape that is computed from the candidates", "what is not known before it runs", |graph| {
            let first = nodes(|body| {
                let size = body.node("Shape", &["query"]);
                body.named("ConstantOfShape", &[&size], &["hostile"], Vec::new());
            });
            before(graph, first);
        }),
        graph_case("doubling forty times", "in the whole graph", |graph| {
            let first = nodes(|body| {
                let mut value = "states".to_owned();
                for _ in 0..40 {
                    value = body.node_with("Concat", &[&value, &value], vec![integer("axis", 0)]);
                }
            });
            before(graph, first);
        }),
        graph_case("a small column times a small row", "in the whole graph", |graph| {
            let mut first = Body::new("hostile_");
            let ones = vec![1.0; 50_000];
            let column = first.floats("column", &[50_000, 1], &ones);
            let row = first.floats("row", &[1, 50_000], &ones);
            first.named("Mul", &[&column, &row], &["hostile"], Vec::new());
            let GraphProto { node, initializer, .. } = first.into_graph("", Vec::new(), Vec::new());
            before(graph, node);
            graph.initializer.extend(initializer);
        }),
        graph_case("products without end", "would multiply", |graph| {
            let mut first = Body::new("hostile_");
            let mut value = first.floats("square", &[700, 700], &vec![0.001; 490_000]);
            for _ in 0..20 {
                value = first.node("MatMul", &[&value, "square"]);
            }
            let GraphProto { node, initializer, .. } = first.into_graph("", Vec::new(), Vec::new());
            before(graph, node);
            graph.initializer.extend(initializer);
        }),
        graph_case("ten thousand nodes", "nodes: expected at most 1024", |graph| {
            let first = nodes(|body| {
                for _ in 0..10_000 {
                    body.node("Relu", &["query"]);
                }
            });
            before(graph, first);
        }),
        model_case("a size that grows as histories shrink", "in the whole graph", "history.onnx", |model| {
            let first = nodes(|body| {
                let length = body.node("Shape", &["item_ids"]);
                let longest = body.integers(&[50]);
                let rest = body.node("Sub", &[&longest, &length]);
                let one = body.integers(&[-1]);
                let rest = body.node("Sub", &[&rest, &one]);
                let sizes = body.node_with("Concat", &[rest.as_str(); 5], vec![integer("axis", 0)]);
                body.named("ConstantOfShape", &[&sizes], &["hostile"], Vec::new());
            });
            before(model.graph.as_mut().unwrap(), first);
        }),
    ]
}

/// A loop over the states, whose body is `inner`.
fn scan(body: GraphProto) -> NodeProto {
    let attributes = vec![builder::graph("body", body), integer("num_scan_inputs", 1)];
    node("Scan", &["states"], &["hostile"], attributes)
}

fn row(name: &str) -> ValueInfoProto {
    builder::value(name, Element::Float, &[Size::Named("row")])
}

fn body_of(build: impl FnOnce(&mut Body)) -> GraphProto {
    let mut body = Body::new("hostile_step_");
    build(&mut body);
    body.into_graph("step", vec![row("hostile_row")], vec![row("hostile_out")])
}

fn scans() -> Vec<Case> {
    vec![
        graph_case("a loop in a loop", "operator `Scan`", |graph| {
            let inner = body_of(|body| {
                let empty = builder::graph("body", empty_body());
                let attributes = vec![empty, integer("num_scan_inputs", 1)];
                body.named("Scan", &["hostile_row"], &["hostile_out"], attributes);
            });
            before(graph, vec![scan(inner)]);
        }),
        graph_case("a loop whose steps are too large", "in the whole graph", |graph| {
            let inner = body_of(|body| {
                let size = body.integers(&[60_000_000]);
                let large = body.node("ConstantOfShape", &[&size]);
                let (zero, one) = (body.integers(&[0]), body.integers(&[1]));
                let first = body.node("Slice", &[&large, &zero, &one]);
                body.named("Add", &[&first, "hostile_row"], &["hostile_out"], Vec::new());
            });
            before(graph, vec![scan(inner)]);
        }),
        graph_case("a loop over nothing", "goes over nothing", |graph| {
            let inner = body_of(|body| body.named("Relu", &["hostile_row"], &["hostile_out"], Vec::new()));
            let attributes = vec![builder::graph("body", inner), integer("num_scan_inputs", 0)];
            before(graph, vec![node("Scan", &["states", "states"], &["hostile", "hostile_2"], attributes)]);
        }),
        graph_case("a loop with a changed direction", "the attribute `scan_input_axes`", |graph| {
            let inner = body_of(|body| body.named("Relu", &["hostile_row"], &["hostile_out"], Vec::new()));
            let mut looped = scan(inner);
            looped.attribute.push(integer("scan_input_axes", 1));
            before(graph, vec![looped]);
        }),
    ]
}

fn functions() -> Vec<Case> {
    let in_history = |name, expected, change: fn(&mut slirec_onnx::proto::ModelProto)| {
        model_case(name, expected, "history.onnx", change)
    };
    vec![
        in_history("a function that calls itself", "operator `TimeLstm` is of domain `slirec`", |model| {
            let call = model.graph.as_ref().unwrap().node.iter().find(|node| node.op_type() == "TimeLstm").unwrap();
            let call = call.clone();
            model.functions[0].node.push(call);
        }),
        in_history("a function that is called with too little", "has 16 inputs: expected 17 to 17", |model| {
            let nodes = &mut model.graph.as_mut().unwrap().node;
            nodes.iter_mut().find(|node| node.op_type() == "TimeLstm").unwrap().input.pop();
        }),
        in_history("a function of another name", "holds the function `Evil`", |model| {
            model.functions[0].name = Some("Evil".into());
        }),
        in_history("a function twice", "each once", |model| {
            let function = model.functions[0].clone();
            model.functions.push(function);
        }),
        in_history("a function that is not there", "operator `CandidateAttention` is of domain `slirec`", |model| {
            let nodes = &mut model.graph.as_mut().unwrap().node;
            nodes.iter_mut().find(|node| node.op_type() == "TimeLstm").unwrap().op_type =
                Some("CandidateAttention".into());
        }),
        in_history("a loop of 2^62 in a function", "operator `Loop`", |model| {
            let first = nodes(|body| {
                let times = body.integers(&[1 << 62]);
                body.named("Loop", &[&times], &["hostile"], vec![builder::graph("body", empty_body())]);
            });
            model.functions[0].node.splice(0..0, first);
        }),
    ]
}
