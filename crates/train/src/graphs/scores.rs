//! `scores.onnx`: a block of prepared candidates and an encoded history enter, a score for each candidate leaves, with
//! the attention over the history's positions and the share of the long-term interest for those who ask why.

use slirec_onnx::builder::{Body, Element, Size, encode_model, value};

use super::candidates::TRANSITION_CANDIDATE;
use super::dense::rest_of_network;
use super::functions::{CANDIDATE_ATTENTION_INPUTS, candidate_attention};
use super::history::TRANSITION_HISTORY;
use crate::folded::{FirstLayer, hidden_layer, output_layer};
use crate::hyperparameters::ModelHyperparameters;
use crate::weights::{Weights, WeightsError};

pub(super) fn build(sizes: &ModelHyperparameters, weights: &Weights) -> Result<Vec<u8>, WeightsError> {
    let target = sizes.target_size();
    let mut body = Body::new("");
    let second = hidden_layer(weights, "candidate_attention", 2)?;
    second.weight.add_to(&mut body, "layer2_weight");
    body.floats("layer2_bias", &[second.bias.len()], &second.bias);
    output_layer(weights, "candidate_attention")?.weight.add_to(&mut body, "output_weight");
    body.call("CandidateAttention", &CANDIDATE_ATTENTION_INPUTS, &["attended", "attention"]);

    let mixing = FirstLayer::mixing(weights, target)?;
    let from_short_term = mixing.pair.add_to(&mut body, "mixing.layer1.short_term_weight");
    let first = body.node("MatMul", &["attended", &from_short_term]);
    let first = body.node("Add", &[&first, "mixing_query"]);
    let first = body.node("Add", &[&first, "mixing_history"]);
    let gate = rest_of_network(&mut body, weights, "mixing", &first)?;
    let gate = body.node("Sigmoid", &[&gate]);

    // user = alpha · long term + (1 - alpha) · short term
    let distance = body.node("Sub", &["long_term", "attended"]);
    let moved = body.node("Mul", &[&gate, &distance]);
    let user = body.node("Add", &["attended", &moved]);

    let score = FirstLayer::score(weights, target)?;
    let from_user = score.pair.add_to(&mut body, "score.layer1.user_weight");
    let first = body.node("MatMul", &[&user, &from_user]);
    let first = body.node("Add", &[&first, "score_query"]);
    let mut logits = rest_of_network(&mut body, weights, "score", &first)?;
    if sizes.transition_size > 0 {
        let transitions = body.node("MatMul", &[TRANSITION_CANDIDATE, TRANSITION_HISTORY]);
        logits = body.node("Add", &[&logits, &transitions]);
    }
    let logits = body.node("Sigmoid", &[&logits]);
    let flat = body.integers(&[-1]);
    body.named("Reshape", &[&logits, &flat], &["scores"], Vec::new());
    body.named("Reshape", &[&gate, &flat], &["long_term_share"], Vec::new());

    let width = second.weight.rows();
    let (rows, length) = (Size::Named("candidates"), Size::Named("length"));
    let float = |name: &str, shape: &[Size]| value(name, Element::Float, shape);
    let mut inputs = vec![
        float("query", &[rows, Size::Fixed(target)]),
        float("attention_query", &[rows, Size::Fixed(width)]),
        float("mixing_query", &[rows, Size::Fixed(mixing.pair.columns)]),
        float("score_query", &[rows, Size::Fixed(score.pair.columns)]),
        float("states", &[length, Size::Fixed(target)]),
        float("attention_history", &[length, Size::Fixed(width)]),
        float("product_weights", &[Size::Fixed(target), Size::Named("pairs")]),
        float("long_term", &[Size::Fixed(1), Size::Fixed(target)]),
        float("mixing_history", &[Size::Fixed(1), Size::Fixed(mixing.pair.columns)]),
    ];
    if sizes.transition_size > 0 {
        let width = Size::Fixed(sizes.transition_size + 1);
        inputs.push(float(TRANSITION_CANDIDATE, &[rows, width]));
        inputs.push(float(TRANSITION_HISTORY, &[width, Size::Fixed(1)]));
    }
    let outputs =
        vec![float("scores", &[rows]), float("attention", &[rows, length]), float("long_term_share", &[rows])];
    Ok(encode_model(body.into_graph("scores", inputs, outputs), vec![candidate_attention()]))
}
