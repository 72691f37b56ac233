//! Logits of items as nodes of a graph: what the items are and what the history gives enter by name, the names of their
//! logits, before and after the temperature, leave. The sample that normalises and the candidates share it.

use slirec_onnx::builder::{Body, Element, Size, integer, value};
use slirec_onnx::proto::ValueInfoProto;

use super::super::candidates::table;
use super::Sizes;
use crate::weights::{Weights, WeightsError};

/// Items, by the names of what is known of them.
pub(super) struct Items<'a> {
    /// `[n, 2 D]`
    pub(super) embedding: &'a str,
    /// `[n, 1]`
    pub(super) bias: &'a str,
    /// Ids as floats, `[n, 1]`
    pub(super) item: &'a str,
}

/// What the history gives for logits.
pub(super) fn history_values(sizes: &Sizes) -> Vec<ValueInfoProto> {
    let (one, length) = (Size::Fixed(1), Size::Named("length"));
    let float = |name: &str, shape: &[Size]| value(name, Element::Float, shape);
    let mut values = vec![
        float("query", &[Size::Fixed(2 * sizes.width), one]),
        float("viewed", &[one, length]),
        float("repeat_weights", &[length, one]),
    ];
    if sizes.neighbours.is_some() {
        let neighbours = Size::Named("neighbours");
        values.push(float("cooccurring", &[one, neighbours]));
        values.push(float("cooccurring_weights", &[neighbours, one]));
    }
    values
}

/// Logits `[n, 1]`, each divided by the temperature.
pub(super) fn logits(
    body: &mut Body,
    sizes: &Sizes,
    weights: &Weights,
    items: &Items<'_>,
) -> Result<String, WeightsError> {
    let met = body.node("MatMul", &[items.embedding, "query"]);
    let met = body.node("Add", &[&met, items.bias]);
    let repeats = matching(body, items.item, "viewed", "repeat_weights");
    let mut logits = body.node("Add", &[&met, &repeats]);
    if sizes.neighbours.is_some() {
        let sum = matching(body, items.item, "cooccurring", "cooccurring_weights");
        let one = body.scalar(1.0);
        let sum = body.node("Add", &[&sum, &one]);
        let logarithm = body.node("Log", &[&sum]);
        let scale = table(body, weights, "cooccurrence.scale")?;
        let cooccurrence = body.node("Mul", &[&logarithm, &scale]);
        logits = body.node("Add", &[&logits, &cooccurrence]);
    }
    let temperature = table(body, weights, "score.temperature")?;
    Ok(body.node("Mul", &[&logits, &temperature]))
}

/// For each item, the sum of the weights of those others that are the same.
fn matching(body: &mut Body, items: &str, others: &str, weights: &str) -> String {
    let same = body.node("Equal", &[items, others]);
    let same = body.node_with("Cast", &[&same], vec![integer("to", 1)]);
    body.node("MatMul", &[&same, weights])
}
