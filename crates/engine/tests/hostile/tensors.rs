//! Tensors that are not what they say, and files that are no graphs or hold more than graphs do.

use slirec_onnx::builder::{Element, Size, integer, value};
use slirec_onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, StringStringEntryProto, TensorProto,
    TrainingInfoProto,
};

use crate::cases::{Case, case, graph_case, model_case};

const FLOAT: i32 = 1;
const STRING: i32 = 8;
const FLOAT16: i32 = 10;

fn tensor(dims: &[i64], data_type: i32, bytes: usize) -> TensorProto {
    TensorProto {
        name: Some("hostile".into()),
        dims: dims.to_vec(),
        data_type: Some(data_type),
        raw_data: Some(vec![0; bytes]),
        ..TensorProto::default()
    }
}

fn added(name: &'static str, expected: &'static str, make: fn() -> TensorProto) -> Case {
    graph_case(name, expected, move |graph| graph.initializer.push(make()))
}

fn spoiled(name: &'static str, file: &'static str, value: f32) -> Case {
    model_case(name, "holds a value that is not finite", file, move |model| {
        let tensors = &mut model.graph.as_mut().unwrap().initializer;
        let raw = tensors.iter_mut().max_by_key(|tensor| tensor.raw_data().len()).unwrap().raw_data.as_mut().unwrap();
        raw[..4].copy_from_slice(&value.to_le_bytes());
    })
}

pub(crate) fn tensors() -> Vec<Case> {
    vec![
        added("a gigantic shape with few bytes", "and 16 bytes", || tensor(&[1 << 40], FLOAT, 16)),
        added("a shape beyond all numbers", "and 16 bytes", || tensor(&[1 << 62, 1 << 62], FLOAT, 16)),
        added("a negative shape", "has the sizes [-4] and 16 bytes", || tensor(&[-4], FLOAT, 16)),
        added("an empty tensor", "has the sizes [0] and 0 bytes", || tensor(&[0], FLOAT, 0)),
        added("more bytes than the shape asks for", "and 400 bytes", || tensor(&[2], FLOAT, 400)),
        added("texts", "is of type 8", || tensor(&[2], STRING, 8)),
        added("half floats", "is of type 10", || tensor(&[2], FLOAT16, 4)),
        added("no type", "is of type 0", || tensor(&[2], 0, 8)),
        added("values beside the bytes", "field 4 of Tensor", || TensorProto {
            float_data: vec![1.0, 2.0],
            raw_data: None,
            ..tensor(&[2], FLOAT, 0)
        }),
        added("values in another file", "keeps its values in another file", || {
            let entry = StringStringEntryProto { key: Some("location".into()), value: Some("/etc/passwd".into()) };
            TensorProto { external_data: vec![entry], ..tensor(&[2], FLOAT, 8) }
        }),
        graph_case("a sparse tensor", "is a sparse tensor", |graph| {
            let values = Some(tensor(&[1], FLOAT, 4));
            let sparse = SparseTensorProto { values, indices: None, dims: vec![1 << 40] };
            graph.sparse_initializer.push(sparse);
        }),
        graph_case("a sparse constant", "is a sparse tensor", |graph| {
            let values = Some(tensor(&[1], FLOAT, 4));
            let sparse = SparseTensorProto { values, indices: None, dims: vec![1 << 40] };
            let attribute = AttributeProto { sparse_tensor: Some(sparse), ..AttributeProto::default() };
            graph.node[0].attribute.push(attribute);
        }),
        graph_case("a constant that is not a number", "holds a value that is not finite", |graph| {
            let raw_data = Some(f32::INFINITY.to_le_bytes().to_vec());
            let t = Some(TensorProto { raw_data, ..tensor(&[1], FLOAT, 0) });
            graph.node[0].attribute.push(AttributeProto { t, ..AttributeProto::default() });
        }),
        spoiled("weights that are not a number", "history.onnx", f32::NAN),
        spoiled("weights without end", "scores.onnx", f32::NEG_INFINITY),
        spoiled("embeddings that are not a number", "candidates.onnx", f32::NAN),
        model_case("a table with a row too few", "`embedding.item` is of the sizes", "candidates.onnx", |model| {
            let tensors = &mut model.graph.as_mut().unwrap().initializer;
            let table = tensors.iter_mut().find(|tensor| tensor.name() == "embedding.item").unwrap();
            table.dims[0] -= 1;
            let row = usize::try_from(table.dims[1]).unwrap() * 4;
            let raw = table.raw_data.as_mut().unwrap();
            raw.truncate(raw.len() - row);
        }),
        model_case("a table under another name", "`embedding.item` is missing", "history.onnx", |model| {
            let graph = model.graph.as_mut().unwrap();
            let rename = |name: &mut String| {
                if name == "embedding.item" {
                    *name = "other".to_owned();
                }
            };
            graph.initializer.iter_mut().for_each(|tensor| rename(tensor.name.as_mut().unwrap()));
            graph.node.iter_mut().flat_map(|node| &mut node.input).for_each(rename);
        }),
        graph_case("a declared output of a gigantic size", "declares `scores` with another", |graph| {
            graph.output[0] = value("scores", Element::Float, &[Size::Fixed(1 << 60)]);
        }),
        graph_case("a declared input of another type", "declares `query` with another", |graph| {
            graph.input[0] = value("query", Element::String, &[Size::Named("n"), Size::Fixed(40)]);
        }),
        graph_case("an input that nothing gives", "asks for an input `hostile`", |graph| {
            graph.input.push(value("hostile", Element::Float, &[Size::Fixed(1)]));
        }),
        graph_case("an output that is missing", "`attention` is missing", |graph| {
            graph.output.retain(|output| output.name() != "attention");
        }),
    ]
}

pub(crate) fn formats() -> Vec<Case> {
    let bytes = |name, expected, change: fn(Vec<u8>) -> Vec<u8>| {
        case(name, expected, move |bundle| bundle.replace("history.onnx", change))
    };
    vec![
        bytes("half a file", "history.onnx: is not an ONNX file", |bytes| bytes[..bytes.len() / 2].to_vec()),
        bytes("an empty file", "history.onnx: holds no graph", |_| Vec::new()),
        bytes("a pickle", "history.onnx: is not an ONNX file", |_| b"\x80\x04\x95cos\nsystem\n.".to_vec()),
        bytes("zeros", "history.onnx: is not an ONNX file", |_| vec![0; 1 << 20]),
        bytes("something behind the model", "history.onnx: is not an ONNX file", |mut bytes| {
            bytes.extend(b"PK\x03\x04 and more");
            bytes
        }),
        case("another graph in its place", "scores.onnx: ", |bundle| {
            let other = std::fs::read(bundle.file("history.onnx")).unwrap();
            bundle.replace("scores.onnx", |_| other);
        }),
        graph_case("names of a megabyte", "has a text of 1000000 bytes", |graph| {
            graph.node[0].name = Some("a".repeat(1_000_000));
        }),
        graph_case("half a million empty attributes", "has more than 65536 fields", |graph| {
            graph.node[0].attribute = vec![AttributeProto::default(); 500_000];
        }),
        graph_case("graphs in graphs", "nested", |graph| {
            let mut inner = GraphProto::default();
            for _ in 0..20 {
                let attribute = AttributeProto { g: Some(inner), ..AttributeProto::default() };
                let node = NodeProto { attribute: vec![attribute], ..NodeProto::default() };
                inner = GraphProto { node: vec![node], ..GraphProto::default() };
            }
            graph.node[0].attribute.push(AttributeProto { g: Some(inner), ..AttributeProto::default() });
        }),
        case("graphs in two thousand graphs", "nested", |bundle| {
            // Made from the inside: a message of the builder would be that deep itself.
            let mut inner = Vec::new();
            for _ in 0..2_000 {
                inner = wrapped(1, &wrapped(5, &wrapped(6, &inner)));
            }
            let bytes = wrapped(7, &inner);
            bundle.replace("scores.onnx", |_| bytes);
        }),
        model_case("another set of operators", "is of another version", "scores.onnx", |model| {
            model.opset_import[0].version = Some(21);
        }),
        model_case("a version of the future", "is of another version", "scores.onnx", |model| {
            model.ir_version = Some(99);
        }),
        model_case("a graph for training", "field 20 of Model", "scores.onnx", |model: &mut ModelProto| {
            model.training_info.push(TrainingInfoProto::default());
        }),
        graph_case("sizes of inner values", "field 13 of Graph", |graph| {
            graph.value_info.push(value("states", Element::Float, &[Size::Fixed(1 << 60)]));
        }),
        graph_case("an attribute of two kinds", "the attribute `axis`", |graph| {
            let mut axis = integer("axis", 0);
            axis.t = Some(tensor(&[1], FLOAT, 4));
            graph.node[0].attribute.push(axis);
        }),
    ]
}

/// A field that holds a message, as it stands in a file.
fn wrapped(field: u8, inner: &[u8]) -> Vec<u8> {
    let mut bytes = vec![field << 3 | 2];
    prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
    bytes.extend_from_slice(inner);
    bytes
}
