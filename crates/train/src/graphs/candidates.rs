//! `candidates.onnx`: item ids `[N]` and feature ids `[N, F]` enter; the embeddings and their share of every first
//! layer leave. Runs once per catalogue.

use slirec_onnx::builder::{Body, Element, Size, encode_model, integer, value};

use super::dense::dense;
use crate::folded::FirstLayer;
use crate::hyperparameters::ModelHyperparameters;
use crate::weights::{Weights, WeightsError};

pub(super) fn build(sizes: &ModelHyperparameters, weights: &Weights) -> Result<Vec<u8>, WeightsError> {
    let target = sizes.target_size();
    let mut body = Body::new("");
    let query = embed(&mut body, sizes, weights, "query")?;

    let shares = [
        ("attention_query", FirstLayer::attention(weights, target)?.candidate),
        ("mixing_query", FirstLayer::mixing(weights, target)?.candidate),
        ("score_query", FirstLayer::score(weights, target)?.candidate),
    ];
    let rows = Size::Named("candidates");
    let mut outputs = vec![value("query", Element::Float, &[rows, Size::Fixed(target)])];
    for (name, share) in &shares {
        let result = dense(&mut body, name, share, &query);
        body.named("Identity", &[&result], &[name], Vec::new());
        outputs.push(value(name, Element::Float, &[rows, Size::Fixed(share.bias.len())]));
    }
    if sizes.transition_size > 0 {
        outputs.push(value(TRANSITION_CANDIDATE, Element::Float, &[rows, Size::Fixed(sizes.transition_size + 1)]));
        transitions_to(&mut body, weights)?;
    }
    let features = Size::Fixed(sizes.features.len());
    let inputs =
        vec![value("item_ids", Element::Int64, &[rows]), value("feature_ids", Element::Int64, &[rows, features])];
    Ok(encode_model(body.into_graph("candidates", inputs, outputs), Vec::new()))
}

/// Name of the candidates' share of the transitions.
pub(super) const TRANSITION_CANDIDATE: &str = "transition_candidate";

/// The factors of what is viewed next, with the bias as one more column.
fn transitions_to(body: &mut Body, weights: &Weights) -> Result<(), WeightsError> {
    let (to, bias) = (weights.required("transition.to")?, weights.required("transition.bias")?);
    let to = body.floats("transition.to", &to.shape, &to.values);
    let bias = body.floats("transition.bias", &[bias.values.len(), 1], &bias.values);
    let table = body.node_with("Concat", &[&to, &bias], vec![integer("axis", 1)]);
    body.named("Gather", &[&table, "item_ids"], &[TRANSITION_CANDIDATE], Vec::new());
    Ok(())
}

/// Looks up `item_ids` and `feature_ids` and joins their embeddings: `[rows, D]` under the name `output`.
pub(super) fn embed(
    body: &mut Body,
    sizes: &ModelHyperparameters,
    weights: &Weights,
    output: &str,
) -> Result<String, WeightsError> {
    let parts = embeddings(body, sizes.features.iter().map(|feature| feature.name.as_str()), weights)?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    body.named("Concat", &parts, &[output], vec![integer("axis", 1)]);
    Ok(output.to_owned())
}

/// The embeddings of `item_ids` and of each feature's `feature_ids`.
pub(super) fn embeddings<'a>(
    body: &mut Body,
    features: impl IntoIterator<Item = &'a str>,
    weights: &Weights,
) -> Result<Vec<String>, WeightsError> {
    let items = table(body, weights, "embedding.item")?;
    let mut parts = vec![body.node("Gather", &[&items, "item_ids"])];
    for (position, feature) in (0..).zip(features) {
        let values = table(body, weights, &format!("embedding.{feature}"))?;
        let column = body.integers(&[position]);
        let ids = body.node_with("Gather", &["feature_ids", &column], vec![integer("axis", 1)]);
        let axis = body.integers(&[1]);
        let ids = body.node("Squeeze", &[&ids, &axis]);
        parts.push(body.node("Gather", &[&values, &ids]));
    }
    Ok(parts)
}

/// Adds a weight to a graph under its own name.
pub(super) fn table(body: &mut Body, weights: &Weights, name: &str) -> Result<String, WeightsError> {
    weights.required(name).map(|table| body.floats(name, &table.shape, &table.values))
}
