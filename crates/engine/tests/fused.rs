//! The fused kernels against ONNX Runtime, for every kind of model that training exports, and what they leave to it.

#![cfg(test)]

use prost::Message;
use slirec_core::bundle::{Bundle, FeatureShape};
use slirec_core::history::{self, EncodedHistory, History};
use slirec_core::parity::compare;
use slirec_engine::{BundleScorer, CandidateIds, Engine, EngineOptions, Kernels, RecommendationRequest};
use slirec_onnx::proto::ModelProto;
use slirec_train::hyperparameters::ModelHyperparameters;
use slirec_train::weights::{Array, TableRows, Weights, specifications};
use tempfile::TempDir;

#[path = "support/bundle.rs"]
mod support;

use support::{bundle, bundle_of, extended_sizes};

/// Other orders of summation, nothing else.
const TOLERANCE: f32 = 1e-5;

/// Numbers of about the size that training leaves, the same everywhere.
fn weights(sizes: &ModelHyperparameters, rows: &TableRows) -> Weights {
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f32 / (1_u32 << 30) as f32 - 1.0
    };
    let mut weights = Weights::default();
    for specification in specifications(sizes, rows) {
        let count = specification.shape.iter().product();
        let variance = specification.name.contains("variance");
        let values = (0..count).map(|_| if variance { 1.0 + 0.5 * random() } else { 0.3 * random() }).collect();
        weights.insert(specification.name, Array { shape: specification.shape, values });
    }
    weights
}

/// A bundle of random weights for the golden catalogue.
fn bundle_of_sizes(sizes: &ModelHyperparameters) -> TempDir {
    let golden = bundle(|_| {});
    let vocabulary = Bundle::read(golden.path()).unwrap().vocabulary;
    let rows = TableRows { items: vocabulary.item_rows(), features: vocabulary.feature_rows(), users: Vec::new() };
    bundle_of(sizes, &weights(sizes, &rows), |_| {})
}

fn history_of(bundle: &Bundle, length: usize, step: f64) -> EncodedHistory {
    let items = bundle.vocabulary.items();
    let ids: Vec<usize> = (0..length).map(|position| position * 13 % items.len()).collect();
    let item_ids: Vec<u32> = ids.iter().map(|id| u32::try_from(*id).unwrap() + 1).collect();
    let feature_ids: Vec<u32> = ids.iter().flat_map(|id| items[*id].features.clone()).collect();
    let times: Vec<f64> = (0..length).map(|position| 1_790_000_000.0 + step * position as f64).collect();
    let feature_count = bundle.manifest.model.features.len();
    let whole = History { item_ids: &item_ids, feature_ids: &feature_ids, feature_count, times: &times };
    history::encode(whole, times[length - 1] + 5e5, bundle.manifest.model.longest_history).unwrap()
}

fn assert_same(folder: &TempDir) {
    let bundle = Bundle::read(folder.path()).unwrap();
    let [mut onnxruntime, mut fused] = [Kernels::OnnxRuntime, Kernels::Fused]
        .map(|kernels| BundleScorer::with_kernels(&bundle, None, kernels).unwrap());
    assert_eq!((onnxruntime.kernels(), fused.kernels()), (Kernels::OnnxRuntime, Kernels::Fused));
    for candidates in [1, 15, 16, 17, 48, 49, 97] {
        let all = (1..).zip(bundle.vocabulary.items()).cycle().take(candidates);
        let (items, features): (Vec<u32>, Vec<Vec<u32>>) = all.map(|(id, item)| (id, item.features.clone())).unzip();
        let ids = CandidateIds { items, features: features.concat() };
        for (length, step) in [(1, 0.0), (2, 1e6), (3, -1e5), (10, 60.0), (49, 86_400.0), (50, 7_200.0), (80, 1e6)] {
            let history = history_of(&bundle, length, step);
            let expected = onnxruntime.score(&history, &ids).unwrap();
            let scores = fused.score(&history, &ids).unwrap();
            let explanations = [onnxruntime.explain(&history, &ids), fused.explain(&history, &ids)];
            let [of_graphs, explained] = explanations.map(Result::unwrap);
            assert_eq!((scores.len(), explained.len()), (candidates, candidates));
            for (found, expected) in [
                (scores.as_slice(), expected.as_slice()),
                (explained.long_term_shares(), of_graphs.long_term_shares()),
                (explained.attention(), of_graphs.attention()),
            ] {
                compare(found, expected, TOLERANCE).unwrap_or_else(|difference| panic!("{length} views: {difference}"));
            }
        }
    }
}

#[test]
fn a_model_of_the_original_s_sizes_scores_alike() {
    assert_same(&bundle_of_sizes(&ModelHyperparameters::default()));
}

#[test]
fn a_model_with_transitions_scores_alike() {
    assert_same(&bundle_of_sizes(&extended_sizes()));
}

#[test]
fn a_model_with_odd_sizes_scores_alike() {
    let features = vec![FeatureShape { name: "category".to_owned(), embedding_size: 5 }];
    let sizes = ModelHyperparameters {
        item_embedding_size: 13,
        features,
        attention_layers: [33, 7],
        score_layers: [50, 3],
        longest_history: 20,
        transition_size: 3,
        transition_positions: 2,
        ..ModelHyperparameters::default()
    };
    assert_same(&bundle_of_sizes(&sizes));
}

/// Replaces a bundle's history graph by what `change` makes of it.
fn with_history_graph(change: impl FnOnce(&mut ModelProto)) -> Bundle {
    let folder = bundle(|_| {});
    let mut bundle = Bundle::read(folder.path()).unwrap();
    let mut graph = ModelProto::decode(bundle.history_graph.as_slice()).unwrap();
    change(&mut graph);
    bundle.history_graph = graph.encode_to_vec();
    bundle
}

#[test]
fn a_graph_whose_tensors_have_other_names_is_left_to_onnx_runtime() {
    let renamed = with_history_graph(|model| {
        let graph = model.graph.as_mut().unwrap();
        let name = "long_term.query";
        let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name() == name).unwrap();
        tensor.name = Some("other".to_owned());
        for input in graph.node.iter_mut().flat_map(|node| &mut node.input).filter(|input| *input == name) {
            *input = "other".to_owned();
        }
    });
    let scorer = BundleScorer::with_kernels(&renamed, None, Kernels::Fused).unwrap();
    assert_eq!(scorer.kernels(), Kernels::OnnxRuntime);
}

#[test]
fn a_graph_that_computes_something_else_under_the_same_names_is_left_to_onnx_runtime() {
    let changed = with_history_graph(|model| {
        let function = model.functions.iter_mut().find(|function| function.name() == "TimeLstm").unwrap();
        let tanh = function.node.iter_mut().find(|node| node.op_type() == "Tanh").unwrap();
        tanh.op_type = Some("Sigmoid".to_owned());
    });
    let scorer = BundleScorer::with_kernels(&changed, None, Kernels::Fused).unwrap();
    assert_eq!(scorer.kernels(), Kernels::OnnxRuntime);
}

#[test]
fn one_worker_and_several_that_share_a_request_give_the_same_answer() {
    let folder = bundle(|_| {});
    let answers = [(1, usize::MAX), (2, 1)].map(|(workers, spread_from)| {
        let options = EngineOptions { workers, spread_from, ..EngineOptions::default() };
        let engine = Engine::load(folder.path(), &options).unwrap();
        assert_eq!(engine.kernels(), Kernels::Fused);
        let views = engine.catalog().products().iter().take(5).zip(0..);
        let history =
            views.map(|(product, minute)| (product.handle.as_str(), 1_790_000_000.0 + 60.0 * f64::from(minute)));
        let request = RecommendationRequest {
            explain: true,
            ..RecommendationRequest::new(history.collect(), 1_790_100_000.0, 1_000)
        };
        let answer = engine.recommend(request).unwrap();
        (answer.products, answer.explanations)
    });
    assert!(answers[0].0.len() > 200 && answers[0].1.len() == answers[0].0.len());
    assert_eq!(answers[0], answers[1]);
}
