//! Over which items the scores of a history are normalised: vocabulary and weights enter, the sample and what a query meets
//! of it leave.
//!
//! All items where they are few. Of many, the most frequent ones and as many of the others, evenly spread: each of those
//! stands for several, which a correction of its logit says.

use slirec_core::vocabulary::Vocabulary;
use slirec_onnx::builder::{Body, integer};

use super::Sizes;
use super::logits::{Items, logits};
use crate::weights::{Array, Weights, WeightsError};

/// Most items that the scores are normalised over.
const LARGEST_SAMPLE: usize = 4_096;

/// Ids of the items of the sample, and what is added to the logit of each.
fn sample(weights: &Weights, rows: usize) -> Result<(Vec<u32>, Vec<f32>), WeightsError> {
    if let Some(items) = weights.get("normaliser.items") {
        let corrections = weights.required("normaliser.correction")?;
        for name in ["normaliser.items", "normaliser.correction"] {
            super::expect(weights, name, &[items.values.len()])?;
        }
        // Floats of whole numbers, as the graphs have them.
        let ids = items.values.iter().map(|id| *id as u32).collect();
        return Ok((ids, corrections.values.clone()));
    }
    let count = rows.saturating_sub(1);
    let ids = |count: usize| (1_u32..).take(count);
    if count <= LARGEST_SAMPLE {
        return Ok((ids(count).collect(), vec![0.0; count]));
    }
    // Ids are in order of frequency.
    let half = LARGEST_SAMPLE / 2;
    let stride = (count - half) as f64 / half as f64;
    let spread = (0..half).map(|number| (half + 1) as u32 + ((number as f64 + 0.5) * stride) as u32);
    let corrections = std::iter::repeat_n(0.0, half).chain(std::iter::repeat_n(stride.ln() as f32, half));
    Ok((ids(half).chain(spread).collect(), corrections.collect()))
}

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
    let (items, corrections) = sample(weights, vocabulary.item_rows())?;
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
