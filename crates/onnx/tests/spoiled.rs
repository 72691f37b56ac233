//! The demo model's graphs with bytes changed, cut or doubled: whatever they become is refused or has bounded sizes,
//! and nothing panics.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use prost::Message;
use slirec_onnx::check::GraphError;
use slirec_onnx::exported::{self, Shape, Size, Sizes};
use slirec_onnx::proto::tensor_shape_proto::dimension;
use slirec_onnx::proto::{ModelProto, type_proto};

/// A graph's bytes and the sizes of what it takes.
type Graph = (Vec<u8>, BTreeMap<String, Shape>);

/// Files of the demo model.
static GRAPHS: LazyLock<Vec<Graph>> = LazyLock::new(|| {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo");
    let read = |name: &str| {
        let bytes = std::fs::read(demo.join(name)).unwrap();
        let model = ModelProto::decode(bytes.as_slice()).unwrap();
        let inputs = model.graph.unwrap().input;
        let inputs = inputs.into_iter().map(|input| {
            let Some(type_proto::Value::TensorType(tensor)) = input.r#type.unwrap().value else { panic!("no tensor") };
            let size = |value: dimension::Value| match value {
                dimension::Value::DimValue(size) => Size::fixed(size.unsigned_abs()),
                dimension::Value::DimParam(name) if name == "candidates" => Size::candidates(4_096),
                dimension::Value::DimParam(name) if name == "pairs" => Size::fixed(7 * 80),
                dimension::Value::DimParam(_) => Size::fixed(7),
            };
            let shape = tensor.shape.unwrap().dim.into_iter().map(|dimension| size(dimension.value.unwrap())).collect();
            (input.name.unwrap(), shape)
        });
        let inputs = inputs.collect();
        (bytes, inputs)
    };
    ["candidates.onnx", "history.onnx", "scores.onnx"].map(read).into()
});

/// What a loader would do with the bytes.
fn load(bytes: &[u8], inputs: &BTreeMap<String, Shape>) -> Result<usize, GraphError> {
    let model = exported::decode(bytes)?;
    let inputs = inputs.iter().map(|(name, shape)| (name.as_str(), shape.clone())).collect();
    Ok(Sizes::new(&model)?.outputs(&inputs)?.len())
}

/// Most bytes of a graph are weights: nodes stand at its beginning, inputs, outputs and functions at its end.
fn place(length: usize, part: u8, at: usize) -> usize {
    match part {
        0 => at % length,
        1 => at % length.min(8_192),
        _ => length - 1 - at % length.min(8_192),
    }
}

#[test]
fn the_graphs_of_the_demo_model_pass() {
    for (bytes, inputs) in GRAPHS.iter() {
        assert!(load(bytes, inputs).unwrap() >= 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_are_refused_or_harmless(
        graph in 0_usize..3,
        changes in prop::collection::vec((0_u8..3, any::<usize>(), any::<u8>()), 1..4),
    ) {
        let (bytes, inputs) = &GRAPHS[graph];
        let mut bytes = bytes.clone();
        for (part, at, value) in changes {
            let place = place(bytes.len(), part, at);
            bytes[place] = value;
        }
        if let Err(error) = load(&bytes, inputs) {
            prop_assert!(error.to_string().len() < 1_000, "{}", error);
        }
    }

    #[test]
    fn cut_files_are_refused(graph in 0_usize..3, part in 0_u8..3, at in any::<usize>()) {
        let (bytes, inputs) = &GRAPHS[graph];
        let length = place(bytes.len(), part, at);
        prop_assert!(load(&bytes[..length], inputs).is_err());
    }

    #[test]
    fn doubled_pieces_are_refused_or_harmless(
        graph in 0_usize..3,
        part in 0_u8..3,
        at in any::<usize>(),
        length in 1_usize..2_000,
    ) {
        let (bytes, inputs) = &GRAPHS[graph];
        let start = place(bytes.len(), part, at);
        let piece = bytes[start..(start + length).min(bytes.len())].to_vec();
        let mut bytes = bytes.clone();
        bytes.splice(start..start, piece);
        if let Err(error) = load(&bytes, inputs) {
            prop_assert!(error.to_string().len() < 1_000, "{}", error);
        }
    }

    #[test]
    fn any_bytes_at_all_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(load(&bytes, &GRAPHS[0].1).is_err());
    }
}
