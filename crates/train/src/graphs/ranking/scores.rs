//! `scores.onnx`: a block of candidates and what the history gives enter; the probability of each candidate leaves, with
//! the history's attention to its positions and the share of the long-term interest for those who ask why. Both are the
//! same for all candidates: they belong to the query.

use slirec_onnx::builder::{Body, Element, Size, encode_model, integer, value};

use super::Sizes;
use super::logits::{Items, history_values, logits};
use crate::weights::{Weights, WeightsError};

pub(super) fn build(sizes: &Sizes, weights: &Weights) -> Result<Vec<u8>, WeightsError> {
    let mut body = Body::new("");
    let items = Items { embedding: "embedding", bias: "bias", item: "item" };
    let logits = logits(&mut body, sizes, weights, &items)?;
    let logarithm = body.node("Sub", &[&logits, "normaliser"]);
    let zero = body.scalar(0.0);
    let logarithm = body.node("Min", &[&logarithm, &zero]);
    let scores = body.node("Exp", &[&logarithm]);
    let flat = body.integers(&[-1]);
    body.named("Reshape", &[&scores, &flat], &["scores"], Vec::new());

    let ones = body.node("Equal", &["item", "item"]);
    let ones = body.node_with("Cast", &[&ones], vec![integer("to", 1)]);
    body.named("MatMul", &[&ones, "history_attention"], &["attention"], Vec::new());
    let shares = body.node("MatMul", &[&ones, "history_share"]);
    body.named("Reshape", &[&shares, &flat], &["long_term_share"], Vec::new());

    let (rows, length, one) = (Size::Named("candidates"), Size::Named("length"), Size::Fixed(1));
    let float = |name: &str, shape: &[Size]| value(name, Element::Float, shape);
    let mut inputs = vec![
        float("embedding", &[rows, Size::Fixed(2 * sizes.width)]),
        float("bias", &[rows, one]),
        float("item", &[rows, one]),
        float("normaliser", &[one, one]),
        float("history_attention", &[one, length]),
        float("history_share", &[one, one]),
    ];
    inputs.extend(history_values(sizes));
    let outputs =
        vec![float("scores", &[rows]), float("attention", &[rows, length]), float("long_term_share", &[rows])];
    Ok(encode_model(body.into_graph("scores", inputs, outputs), Vec::new()))
}
