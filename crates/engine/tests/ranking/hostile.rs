//! Ranking networks that were made to do harm, or fit their bundle badly: each is refused with its reason.

use prost::Message;
use slirec_core::bundle::{Bundle, Network};
use slirec_engine::{Engine, EngineOptions};
use slirec_onnx::proto::{GraphProto, ModelProto, TensorProto};

use crate::networks::{Sizes, weights};
use crate::{WITH, bundle, bundle_of};

fn refusal(bundle: Bundle) -> String {
    Engine::from_bundle(bundle, &EngineOptions::default()).map(|_| ()).expect_err("a bad bundle").to_string()
}

/// The bundle with a graph changed.
fn with(file: &str, change: impl FnOnce(&mut GraphProto)) -> Bundle {
    let mut bundle = Bundle::read(bundle(WITH).path()).unwrap();
    let bytes = match file {
        "candidates.onnx" => &mut bundle.candidates_graph,
        "history.onnx" => &mut bundle.history_graph,
        _ => &mut bundle.scores_graph,
    };
    let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
    change(model.graph.as_mut().unwrap());
    *bytes = model.encode_to_vec();
    bundle
}

fn tensor<'a>(graph: &'a mut GraphProto, name: &str) -> &'a mut TensorProto {
    graph.initializer.iter_mut().find(|tensor| tensor.name() == name).unwrap()
}

/// A table with its last row or value taken away.
fn shortened(file: &'static str, name: &'static str) -> String {
    refusal(with(file, |graph| {
        let tensor = tensor(graph, name);
        tensor.dims[0] -= 1;
        let row = tensor.dims[1..].iter().product::<i64>() as usize * 4;
        let raw = tensor.raw_data.as_mut().unwrap();
        raw.truncate(raw.len() - row);
    }))
}

#[test]
fn tables_without_a_row_for_every_id_bucket_or_position_are_refused() {
    for (file, name) in [
        ("candidates.onnx", "embedding.item"),
        ("candidates.onnx", "embedding.category"),
        ("candidates.onnx", "transition.to"),
        ("candidates.onnx", "item.bias"),
        ("history.onnx", "embedding.item"),
        ("history.onnx", "transition.from"),
        ("history.onnx", "time_lstm.gaps"),
        ("history.onnx", "now"),
        ("history.onnx", "user.country"),
        ("history.onnx", "user.age"),
        ("history.onnx", "repeat.age"),
        ("history.onnx", "repeat.distance"),
        ("history.onnx", "cooccurrence.items"),
        ("history.onnx", "cooccurrence.weights"),
    ] {
        let message = shortened(file, name);
        assert!(message.contains(&format!("`{name}` is of the sizes")), "{name}: {message}");
    }
}

#[test]
fn weights_that_do_not_fit_each_other_are_refused() {
    for (name, expected) in [
        ("time_lstm.recurrent", "history.onnx"),
        ("gate.weight", "multiplies"),
        ("normaliser.bias", "joins sizes"),
        ("normaliser.rows", "joins sizes"),
    ] {
        let message = shortened("history.onnx", name);
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    for (file, name) in [
        ("history.onnx", "normaliser.rows"),
        ("history.onnx", "cooccurrence.items"),
        ("candidates.onnx", "item.bias"),
        ("scores.onnx", "score.temperature"),
    ] {
        for value in [f32::NAN, f32::INFINITY] {
            let spoiled = with(file, |graph| {
                tensor(graph, name).raw_data.as_mut().unwrap()[..4].copy_from_slice(&value.to_le_bytes());
            });
            let message = refusal(spoiled);
            assert!(message.contains("holds a value that is not finite"), "{name}: {message}");
        }
    }
}

#[test]
fn neighbours_without_end_are_refused() {
    let message = refusal(with("history.onnx", |graph| {
        for name in ["cooccurrence.items", "cooccurrence.weights"] {
            let tensor = tensor(graph, name);
            let (rows, count) = (tensor.dims[0], 300_000);
            tensor.dims[1] = count;
            tensor.raw_data = Some(vec![0; (rows * count * 4) as usize]);
        }
    }));
    assert!(message.contains("in the whole graph"), "{message}");
}

#[test]
fn a_sum_over_candidates_is_refused() {
    let message = refusal(with("scores.onnx", |graph| {
        let node = graph.node.iter_mut().find(|node| node.op_type() == "Exp").unwrap();
        node.op_type = Some("ReduceLogSumExp".to_owned());
    }));
    assert!(message.contains("ReduceLogSumExp") && message.contains("cuts the candidates apart"), "{message}");
}

#[test]
fn a_manifest_of_the_other_network_is_refused() {
    let mut ranking = Bundle::read(bundle(WITH).path()).unwrap();
    ranking.manifest.model.network = Network::SliRec;
    let message = refusal(ranking);
    assert!(message.contains("asks for an input `gaps`"), "{message}");
    let mut original = Bundle::read(crate::support::bundle(|_| {}).path()).unwrap();
    original.manifest.model.network = Network::Ranking;
    let message = refusal(original);
    assert!(message.contains("`transition.to` is missing"), "{message}");
}

#[test]
fn ids_that_are_none_and_weights_below_0_are_left_to_onnx_runtime() {
    use slirec_engine::{BundleScorer, Kernels};
    for (name, value) in [("cooccurrence.items", 0.5), ("cooccurrence.items", 1e6), ("cooccurrence.weights", -1e-3)] {
        let sizes = Sizes { items: 40, width: 16, neighbours: Some([2, 2]) };
        let mut weights = weights(sizes);
        weights.entry(name, || unreachable!("the network has neighbours")).values[3] = value;
        let bundle = Bundle::read(bundle_of(sizes, &weights).path()).unwrap();
        let scorer = BundleScorer::with_kernels(&bundle, None, Kernels::Fused).unwrap();
        assert_eq!(scorer.kernels(), Kernels::OnnxRuntime, "{name}");
    }
}
