//! The fused network against the plain one: logits, statistics and the gradients of all weights, in several shapes.

use std::collections::HashMap;

use rand::Rng;
use slirec_core::bundle::FeatureShape;
use slirec_core::history::EncodedHistory;

use super::plain::{self, Statistics};
use super::*;
use crate::dataset::evaluation::Candidate;
use crate::evaluation::{ScoreRequest, Scorer};
use crate::hyperparameters::GateTime;
use crate::inference::InferenceNetwork;

/// The first of `embeddings` is the item's, the others are those of features.
fn sizes(embeddings: &[usize], slots: usize, attention: [usize; 2], score: [usize; 2]) -> ModelHyperparameters {
    let feature = |(name, size): (&str, &usize)| FeatureShape { name: name.to_owned(), embedding_size: *size };
    ModelHyperparameters {
        item_embedding_size: embeddings[0],
        features: ["category", "vendor", "colour"].into_iter().zip(&embeddings[1..]).map(feature).collect(),
        longest_history: slots,
        attention_layers: attention,
        score_layers: score,
        ..ModelHyperparameters::default()
    }
}

/// A network whose weights are large enough for every part to matter.
fn network(sizes: &ModelHyperparameters) -> Network {
    let mut weights = Weights::default();
    let rows = TableRows { items: 40, features: vec![6; sizes.features.len()] };
    for (position, specification) in (0..).zip(specifications(sizes, &rows)) {
        let mut random = random::generator(7, Purpose::Weight(position));
        let count: usize = specification.shape.iter().product();
        let positive = specification.name.ends_with("gamma") || specification.name.ends_with("variance");
        let values = (0..count).map(|_| random.random_range(-0.5..0.5) + f32::from(u8::from(positive))).collect();
        weights.insert(specification.name, Array { shape: specification.shape, values });
    }
    Network::from_weights(sizes, &rows, &weights).unwrap()
}

/// Histories of these lengths, each with its candidates.
fn groups(sizes: &ModelHyperparameters, lengths: &[usize], candidates: usize) -> Vec<(EncodedHistory, Vec<Candidate>)> {
    let mut random = random::generator(3, Purpose::Order(0));
    let (slots, features) = (sizes.longest_history, sizes.features.len());
    let mut group = |length: usize| {
        let times =
            |random: &mut rand_chacha::ChaCha8Rng| (0..length).map(|_| random.random_range(-1.0..5.0)).collect();
        let history = EncodedHistory {
            item_ids: (0..length).map(|_| random.random_range(0..40)).collect(),
            feature_ids: (0..length * features).map(|_| random.random_range(0..6)).collect(),
            time_from_first: times(&mut random),
            time_to_now: times(&mut random),
            last_slot_time_to_now: if length == slots { 1.5 } else { 0.0 },
            gaps: vec![0; length],
            age: 0,
        };
        let mut candidate = || {
            let features = (0..features).map(|_| random.random_range(0..6)).collect();
            Candidate { item: random.random_range(1..40), features }
        };
        (history, (0..candidates).map(|_| candidate()).collect())
    };
    lengths.iter().map(|length| group(*length)).collect()
}

fn batch(sizes: &ModelHyperparameters, lengths: &[usize], candidates: usize) -> Arc<Batch> {
    let mut batch = Batch::new(sizes, candidates);
    for (history, candidates) in groups(sizes, lengths, candidates) {
        batch.push_history(&history);
        candidates.iter().for_each(|candidate| batch.push_candidate(candidate));
    }
    Arc::new(batch)
}

fn without_dropout() -> TrainingPass {
    TrainingPass { dropout: [0.0; 2], seed: 1, statistics: RefCell::default() }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Fails where two lists differ by more than `share` of the greatest value of both.
fn assert_close(name: &str, left: &[f32], right: &[f32], share: f32) {
    assert_eq!(left.len(), right.len(), "{name}");
    let greatest = left.iter().chain(right).fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
    for (left, right) in left.iter().zip(right) {
        assert!((left - right).abs() <= share * greatest + 1e-7, "{name}: {left} and {right} (greatest {greatest})");
    }
}

/// Compares everything that a step reads of a network with large weights.
fn check(sizes: &ModelHyperparameters, lengths: &[usize], candidates: usize) {
    compare(&network(sizes), lengths, candidates);
}

/// Compares everything that a step reads.
fn compare(network: &Network, lengths: &[usize], candidates: usize) {
    let batch = batch(network.sizes(), lengths, candidates);
    let pass = without_dropout();
    let fused = network.forward(&batch, &pass).unwrap();
    let statistics = Statistics::Batch(RefCell::default());
    let plain = plain::forward(network, &batch, &statistics).unwrap();
    assert_close("logits", &values(&fused), &values(&plain), 1e-4);

    let Statistics::Batch(statistics) = statistics else { unreachable!() };
    let expected: HashMap<String, Vec<f32>> = statistics.into_inner().into_iter().collect();
    let found = pass.statistics.into_inner();
    assert_eq!(found.len(), expected.len());
    for (name, found) in found {
        assert_close(&name, &found, &expected[&name], 1e-4);
    }

    let fused = loss(&fused).unwrap().backward().unwrap();
    let plain = loss(&plain).unwrap().backward().unwrap();
    for (name, weight) in network.trained() {
        let gradients = [&fused, &plain].map(|gradients| gradients.get(weight.as_tensor()).map(values));
        let [fused, plain] = gradients.map(|gradient| gradient.unwrap_or_else(|| panic!("{name} has no gradient")));
        // A bias in front of a normalisation and that of a softmax have no effect; the plain version's rounding errors
        // stand against exact zeros.
        let cancels = name.ends_with("layer1.bias") || name.ends_with("layer2.bias");
        if cancels || name == "candidate_attention.output.bias" {
            assert!(fused.iter().all(|gradient| *gradient == 0.0), "{name}");
            assert!(plain.iter().all(|gradient| gradient.abs() < 1e-4), "{name}");
        } else {
            assert_close(name, &fused, &plain, 1e-3);
        }
    }
}

#[test]
fn one_history_with_two_candidates() {
    check(&sizes(&[4, 3], 5, [6, 5], [7, 4]), &[3], 2);
}

#[test]
fn histories_of_all_lengths_in_the_original_s_sizes() {
    let lengths: Vec<usize> = (1..=50).step_by(3).chain([50; 4]).collect();
    check(&ModelHyperparameters::default(), &lengths, 5);
}

#[test]
fn sizes_that_are_no_multiple_of_anything() {
    check(&sizes(&[19, 4], 7, [33, 17], [21, 3]), &[7, 1, 4, 7, 7, 2, 6, 3, 7, 5, 1], 3);
}

#[test]
fn nine_candidates_and_full_histories() {
    check(&sizes(&[8, 8], 10, [16, 8], [12, 16]), &[10; 9], 9);
}

#[test]
fn the_first_step_of_a_run_where_nearly_all_values_are_tiny() {
    let hyperparameters = Hyperparameters::default();
    let rows = TableRows { items: 40, features: vec![6] };
    let lengths: Vec<usize> = (1..=50).chain([50; 30]).collect();
    compare(&Network::start(&hyperparameters, &rows, 42).unwrap(), &lengths, 5);
}

#[test]
fn several_item_features() {
    check(&sizes(&[8, 3, 4, 1], 6, [16, 8], [12, 8]), &[6, 2, 5, 1], 4);
}

#[test]
fn transitions_from_the_last_views() {
    let sizes =
        ModelHyperparameters { transition_size: 7, transition_positions: 3, ..sizes(&[8, 3], 6, [16, 8], [12, 8]) };
    check(&sizes, &[6, 2, 5, 1], 4);
}

#[test]
fn long_term_attention_without_the_empty_slots() {
    let sizes = ModelHyperparameters { long_term_padding: false, ..sizes(&[8, 3], 6, [16, 8], [12, 8]) };
    check(&sizes, &[6, 2, 5, 1], 4);
}

#[test]
fn inference_scores_like_the_plain_network_with_the_moving_statistics() {
    let small = sizes(&[5, 3], 9, [11, 6], [9, 5]);
    let all = [
        small.clone(),
        ModelHyperparameters {
            transition_size: 4,
            long_term_padding: false,
            gate_time: GateTime::LastView,
            ..small.clone()
        },
        ModelHyperparameters::default(),
    ];
    for sizes in all {
        let full = sizes.longest_history;
        // More candidates than a block, and a call for one history alone.
        for (lengths, candidates) in [(vec![full, 3, 1, full], 2), (vec![4, full, 2], 50), (vec![7], 12)] {
            let network = network(&sizes);
            let batch = batch(&sizes, &lengths, candidates);
            let plain = plain::sigmoid(&plain::forward(&network, &batch, &Statistics::Moving).unwrap()).unwrap();
            let groups = groups(&sizes, &lengths, candidates);
            let requests: Vec<_> =
                groups.iter().map(|(history, candidates)| ScoreRequest { history, candidates }).collect();
            let rows = TableRows { items: 40, features: vec![6; sizes.features.len()] };
            let mut inference = InferenceNetwork::new(&sizes, &rows, &network.weights().unwrap()).unwrap();
            let scores = inference.score(&requests).unwrap();
            assert_close("scores", &scores.concat(), &values(&plain), 1e-5);
        }
    }
}

#[test]
fn a_seed_fixes_the_dropout_and_another_seed_changes_it() {
    let sizes = sizes(&[8, 4], 6, [16, 8], [12, 8]);
    let (network, batch) = (network(&sizes), batch(&sizes, &[6, 2, 5], 4));
    let logits = |seed| {
        let pass = TrainingPass { dropout: [0.3, 0.3], seed, statistics: RefCell::default() };
        values(&network.forward(&batch, &pass).unwrap())
    };
    assert_eq!(logits(1), logits(1));
    assert_ne!(logits(1), logits(2));
}

#[test]
fn a_backward_pass_after_another_forward_pass_is_refused() {
    let sizes = sizes(&[4, 4], 5, [6, 5], [7, 4]);
    let (network, batch) = (network(&sizes), batch(&sizes, &[5, 3], 3));
    let first = loss(&network.forward(&batch, &without_dropout()).unwrap()).unwrap();
    network.forward(&batch, &without_dropout()).unwrap();
    let error = first.backward().unwrap_err().to_string();
    assert!(error.contains("passed forward again"), "{error}");
}
