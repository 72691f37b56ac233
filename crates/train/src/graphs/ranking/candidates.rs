//! `candidates.onnx`: item ids `[n]` and feature ids `[n, F]` enter; what a query meets of each item leaves: its embedding
//! with the transitions' factors `[n, 2 D]`, its bias and its id.

use slirec_core::vocabulary::Vocabulary;
use slirec_onnx::builder::{Body, Element, Size, encode_model, integer, value};

use super::super::candidates::{embeddings, table};
use super::Sizes;
use crate::weights::{Weights, WeightsError};

pub(super) fn build(sizes: &Sizes, weights: &Weights, vocabulary: &Vocabulary) -> Result<Vec<u8>, WeightsError> {
    let mut body = Body::new("");
    let embedded = embed(&mut body, vocabulary, weights)?;
    let to = table(&mut body, weights, "transition.to")?;
    let to = body.node("Gather", &[&to, "item_ids"]);
    body.named("Concat", &[&embedded, &to], &["embedding"], vec![integer("axis", 1)]);
    let axis = body.integers(&[1]);
    let bias = table(&mut body, weights, "item.bias")?;
    let bias = body.node("Gather", &[&bias, "item_ids"]);
    body.named("Unsqueeze", &[&bias, &axis], &["bias"], Vec::new());
    let ids = body.node_with("Cast", &["item_ids"], vec![integer("to", 1)]);
    body.named("Unsqueeze", &[&ids, &axis], &["item"], Vec::new());

    let rows = Size::Named("candidates");
    let features = Size::Fixed(vocabulary.features().len());
    let inputs =
        vec![value("item_ids", Element::Int64, &[rows]), value("feature_ids", Element::Int64, &[rows, features])];
    let column = |name: &str, size| value(name, Element::Float, &[rows, Size::Fixed(size)]);
    let outputs = vec![column("embedding", 2 * sizes.width), column("bias", 1), column("item", 1)];
    Ok(encode_model(body.into_graph("candidates", inputs, outputs), Vec::new()))
}

/// The sum of the embeddings of `item_ids` and `feature_ids`, `[rows, D]`.
pub(super) fn embed(body: &mut Body, vocabulary: &Vocabulary, weights: &Weights) -> Result<String, WeightsError> {
    let names = vocabulary.features().iter().map(|feature| feature.name.as_str());
    let parts = embeddings(body, names, weights)?;
    let sum = parts.into_iter().reduce(|sum, part| body.node("Add", &[&sum, &part]));
    Ok(sum.unwrap_or_default())
}
