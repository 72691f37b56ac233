//! The network that is trained against the one that scores, which golden tests hold to the original; gradients of all
//! weights against finite differences of the loss. In several shapes.

use rand::Rng;
use slirec_core::bundle::FeatureShape;
use slirec_core::history::EncodedHistory;
use slirec_core::vocabulary::{Feature, Item, Vocabulary};

use super::*;
use crate::dataset::evaluation::Candidate;
use crate::evaluation::{ScoreRequest, Scorer};
use crate::hyperparameters::GateTime;
use crate::inference::InferenceNetwork;
use crate::random::Purpose;

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

/// Of 39 items with so many features of five values.
fn vocabulary(features: usize) -> Vocabulary {
    let values = (1..6).map(|value| format!("value {value}")).collect::<Vec<_>>();
    let names = (0..features).map(|feature| Feature::new(format!("feature {feature}"), values.clone()));
    let item = |item: u32| Item { handle: format!("item {item}"), interactions: 1, features: vec![1; features] };
    Vocabulary::new(names.collect(), (1..40).map(item).collect()).unwrap()
}

/// A network whose weights are large enough for every part to matter.
fn network(sizes: &ModelHyperparameters) -> Network {
    let mut weights = Weights::default();
    let rows = TableRows { items: 40, features: vec![6; sizes.features.len()], users: Vec::new() };
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
            user_ids: Vec::new(),
        };
        let mut candidate = || {
            let features = (0..features).map(|_| random.random_range(0..6)).collect();
            Candidate { item: random.random_range(1..40), features }
        };
        (history, (0..candidates).map(|_| candidate()).collect())
    };
    lengths.iter().map(|length| group(*length)).collect()
}

fn batch(sizes: &ModelHyperparameters, lengths: &[usize], candidates: usize) -> Batch {
    let mut batch = Batch::new(sizes, candidates);
    for (history, candidates) in groups(sizes, lengths, candidates) {
        batch.push_history(&history);
        candidates.iter().for_each(|candidate| batch.push_candidate(candidate));
    }
    batch
}

const NO_DROPOUT: StepDropout = StepDropout { shares: [0.0; 2], seed: 1 };

/// Fails where two lists differ by more than `share` of the greatest value of both.
fn assert_close(name: &str, left: &[f32], right: &[f32], share: f32) {
    assert_eq!(left.len(), right.len(), "{name}");
    let greatest = left.iter().chain(right).fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
    for (left, right) in left.iter().zip(right) {
        assert!((left - right).abs() <= share * greatest + 1e-7, "{name}: {left} and {right} (greatest {greatest})");
    }
}

/// Scores of the network that serves, as logits.
fn served_logits(network: &Network, lengths: &[usize], candidates: usize) -> Vec<f32> {
    let sizes = network.sizes();
    let groups = groups(sizes, lengths, candidates);
    let requests: Vec<_> = groups.iter().map(|(history, candidates)| ScoreRequest { history, candidates }).collect();
    let mut served = InferenceNetwork::new(sizes, &vocabulary(sizes.features.len()), network.weights()).unwrap();
    let scores = served.score(&requests).unwrap().concat();
    scores.into_iter().map(|score| (f64::from(score) / (1.0 - f64::from(score))).ln() as f32).collect()
}

/// Where the moving statistics are those of the batch, training and serving compute the same.
fn check_logits(network: &mut Network, lengths: &[usize], candidates: usize) {
    let batch = batch(network.sizes(), lengths, candidates);
    let pass = network.forward(&batch, NO_DROPOUT).unwrap();
    let (logits, statistics) = (pass.logits.clone(), pass.statistics());
    assert_eq!(statistics.len(), 12);
    for (name, values) in statistics {
        network.weights_mut().get_mut(&name).unwrap().values.copy_from_slice(&values);
    }
    assert_close("logits", &logits, &served_logits(network, lengths, candidates), 1e-4);
}

/// The loss in f64, so that small differences of it can be told.
fn exact_loss(network: &mut Network, batch: &Batch) -> f64 {
    let logits = network.forward(batch, NO_DROPOUT).unwrap().logits;
    let of_group =
        |group: &[f32]| group.iter().map(|logit| f64::from(*logit).exp()).sum::<f64>().ln() - f64::from(group[0]);
    let groups = logits.chunks_exact(batch.candidates);
    groups.clone().map(of_group).sum::<f64>() / groups.len() as f64
}

/// Moves every weight along its gradient and along a random direction: the loss must change as the gradient says.
fn check_gradients(network: &mut Network, lengths: &[usize], candidates: usize) {
    let batch = batch(network.sizes(), lengths, candidates);
    let pass = network.forward(&batch, NO_DROPOUT).unwrap();
    let (found, logit_gradients) = loss(&pass.logits, batch.candidates);
    let gradients = pass.backward(&logit_gradients).unwrap();
    assert!((f64::from(found) - exact_loss(network, &batch)).abs() < 1e-5);
    let trained: Vec<String> = network.trained().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(
        gradients.keys().collect::<Vec<_>>(),
        trained.iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    );
    for (name, gradient) in &gradients {
        let norm = |values: &[f32]| values.iter().map(|value| value * value).sum::<f32>().sqrt();
        // A bias in front of a normalisation and that of a softmax have no effect.
        let cancels = name.ends_with("layer1.bias") || name.ends_with("layer2.bias");
        if cancels || name == "candidate_attention.output.bias" {
            assert!(gradient.iter().all(|gradient| *gradient == 0.0), "{name}");
            continue;
        }
        let mut random = random::generator(11, Purpose::Order(1));
        let random: Vec<f32> = gradient.iter().map(|_| random.random_range(-1.0..1.0)).collect();
        for direction in [gradient, &random] {
            let length = norm(direction);
            if length == 0.0 {
                continue;
            }
            let before = network.weights().get(name).unwrap().values.clone();
            let mut loss_at = |step: f32| {
                let values = &mut network.weights_mut().get_mut(name).unwrap().values;
                for ((value, before), direction) in values.iter_mut().zip(&before).zip(direction) {
                    *value = before + step * direction / length;
                }
                exact_loss(network, &batch)
            };
            let slope = (loss_at(STEP) - loss_at(-STEP)) / f64::from(2.0 * STEP);
            loss_at(0.0);
            let expected: f32 = gradient.iter().zip(direction).map(|(left, right)| left * right / length).sum();
            let difference = (slope - f64::from(expected)).abs();
            assert!(difference < 2e-2 * f64::from(norm(gradient)) + 2e-4, "{name}: {slope}, expected {expected}");
        }
    }
}

/// Length of the way that weights are moved: far enough for a difference of the loss that 32 bits can tell.
const STEP: f32 = 2e-3;

/// Compares everything that a step reads, of a network with large weights.
fn check(sizes: &ModelHyperparameters, lengths: &[usize], candidates: usize) {
    check_gradients(&mut network(sizes), lengths, candidates);
    check_logits(&mut network(sizes), lengths, candidates);
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
    let rows = TableRows { items: 40, features: vec![6], users: Vec::new() };
    let lengths: Vec<usize> = (1..=50).chain([50; 30]).collect();
    check_logits(&mut Network::start(&hyperparameters, &rows, 42).unwrap(), &lengths, 5);
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
fn long_term_attention_without_the_empty_slots_and_the_gate_at_the_last_view() {
    let sizes = ModelHyperparameters {
        long_term_padding: false,
        gate_time: GateTime::LastView,
        ..sizes(&[8, 3], 6, [16, 8], [12, 8])
    };
    check(&sizes, &[6, 2, 5, 1], 4);
}

#[test]
fn more_candidates_than_a_block_of_the_scoring_kernel() {
    check_logits(&mut network(&sizes(&[5, 3], 9, [11, 6], [9, 5])), &[4, 9, 2], 50);
}

#[test]
fn a_seed_fixes_the_dropout_and_another_seed_changes_it() {
    let sizes = sizes(&[8, 4], 6, [16, 8], [12, 8]);
    let (mut network, batch) = (network(&sizes), batch(&sizes, &[6, 2, 5], 4));
    let mut logits = |seed| network.forward(&batch, StepDropout { shares: [0.3, 0.3], seed }).unwrap().logits;
    assert_eq!(logits(1), logits(1));
    assert_ne!(logits(1), logits(2));
}
