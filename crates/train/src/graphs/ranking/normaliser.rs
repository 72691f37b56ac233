//! Over which items the scores of a history are normalised: vocabulary and weights enter, the sample and what a query meets
//! of it leave.
//!
//! [`softmax_sample`] says which items these are.

use slirec_core::vocabulary::Vocabulary;
use slirec_onnx::builder::{Body, integer};

use super::Sizes;
use super::logits::{Items, logits};
use crate::ranking::softmax_sample;
use crate::weights::{Array, Weights, WeightsError};

/// What a query meets of an item, `[2 D]`: its embedding with the vocabulary's features, then the transition's factors.
fn row(
    weights: &Weights,
    vocabulary: &Vocabulary,
    width: usize,
    item: u32,
    list: &mut Vec<f32>,
) -> Result<(), WeightsError> {
    let of = |name: &str, id: u32| -> Result<&[f32], WeightsError> {
        let start = id as usize * width;
        let found = weights.required(name)?.values.get(start..start + width);
        found.ok_or_else(|| WeightsError::Missing(format!("{name}, row {id}")))
    };
    let mut sum = of("embedding.item", item)?.to_vec();
    let features = vocabulary.item(item).map(|item| item.features.as_slice()).unwrap_or_default();
    for (feature, id) in vocabulary.features().iter().zip(features) {
        let row = of(&format!("embedding.{}", feature.name), *id)?;
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    list.extend(sum);
    list.extend_from_slice(of("transition.to", item)?);
    Ok(())
}

/// Adds the logarithm of the sum of the sample's exponentials, `[1, 1]`, as `normaliser`.
pub(super) fn normaliser(
    body: &mut Body,
    sizes: &Sizes,
    weights: &Weights,
    vocabulary: &Vocabulary,
) -> Result<(), WeightsError> {
    let (items, corrections) = softmax_sample(vocabulary.items().len());
    let (mut rows, mut biases) = (Vec::new(), Vec::new());
    let Array { values: bias, .. } = weights.required("item.bias")?;
    for item in &items {
        row(weights, vocabulary, sizes.width, *item, &mut rows)?;
        biases.push(bias.get(*item as usize).copied().unwrap_or_default());
    }
    let count = items.len();
    let ids: Vec<f32> = items.iter().map(|id| *id as f32).collect();
    let embedding = body.floats("normaliser.rows", &[count, 2 * sizes.width], &rows);
    let axis = body.integers(&[1]);
    let mut column = |name: &str, values: &[f32]| {
        let values = body.floats(name, &[count], values);
        body.node("Unsqueeze", &[&values, &axis])
    };
    let item = column("normaliser.items", &ids);
    let bias = column("normaliser.bias", &biases);
    let correction = column("normaliser.correction", &corrections);
    let items = Items { embedding: &embedding, bias: &bias, item: &item };
    let logits = logits(body, sizes, weights, &items)?;
    let logits = body.node("Add", &[&logits, &correction]);
    body.named("ReduceLogSumExp", &[&logits], &["normaliser"], vec![integer("keepdims", 1)]);
    Ok(())
}
