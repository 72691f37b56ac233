//! `history.onnx`: ids and time features of a history, `[L]` with 1 <= L <= longest, enter; the LSTM's states and
//! everything else that depends on the history alone leave. Runs once per request, never padded.

use slirec_onnx::builder::{Body, Element, Size, encode_model, integer, value};

use super::candidates::embed;
use super::functions::{TIME_LSTM_WEIGHTS, time_lstm};
use crate::folded::FirstLayer;
use crate::hyperparameters::{GateTime, ModelHyperparameters};
use crate::weights::{Weights, WeightsError};

pub(super) fn build(sizes: &ModelHyperparameters, weights: &Weights) -> Result<Vec<u8>, WeightsError> {
    let target = sizes.target_size();
    let mut body = Body::new("");
    let embedded = embed(&mut body, sizes, weights, "embedded")?;
    states(&mut body, sizes, weights, &embedded)?;
    let long_term = long_term(&mut body, sizes, weights, &embedded)?;
    let width = attention_shares(&mut body, target, weights)?;
    let mixing_width = mixing_share(&mut body, sizes, weights, &long_term)?;

    let length = Size::Named("length");
    let inputs = vec![
        value("item_ids", Element::Int64, &[length]),
        value("feature_ids", Element::Int64, &[length, Size::Fixed(sizes.features.len())]),
        value("time_from_first", Element::Float, &[length]),
        value("time_to_now", Element::Float, &[length]),
        value("last_slot_time_to_now", Element::Float, &[Size::Fixed(1)]),
    ];
    let fixed = |size| [Size::Fixed(1), Size::Fixed(size)];
    let mut outputs = vec![
        value("states", Element::Float, &[length, Size::Fixed(target)]),
        value("attention_history", Element::Float, &[length, Size::Fixed(width)]),
        value("product_weights", Element::Float, &[Size::Fixed(target), Size::Named("pairs")]),
        value("long_term", Element::Float, &fixed(target)),
        value("mixing_history", Element::Float, &fixed(mixing_width)),
    ];
    if sizes.transition_size > 0 {
        transitions_from(&mut body, sizes, weights)?;
        let column = [Size::Fixed(sizes.transition_size + 1), Size::Fixed(1)];
        outputs.push(value(TRANSITION_HISTORY, Element::Float, &column));
    }
    Ok(encode_model(body.into_graph("history", inputs, outputs), vec![time_lstm()]))
}

fn states(
    body: &mut Body,
    sizes: &ModelHyperparameters,
    weights: &Weights,
    embedded: &str,
) -> Result<(), WeightsError> {
    // Only the item's part of the embedding enters the LSTM.
    let (start, end, axis) = (
        body.integers(&[0]),
        body.integers(&[i64::try_from(sizes.item_embedding_size).unwrap_or(i64::MAX)]),
        body.integers(&[1]),
    );
    let items = body.node("Slice", &[embedded, &start, &end, &axis]);
    let mut inputs = vec![items, "time_to_now".to_owned(), "time_from_first".to_owned()];
    for name in TIME_LSTM_WEIGHTS {
        let weight = weights.required(&format!("time_lstm.{name}"))?;
        inputs.push(body.floats(&format!("time_lstm.{name}"), &weight.shape, &weight.values));
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    body.call("TimeLstm", &inputs, &["states"]);
    Ok(())
}

/// Weighted mean of the history's embeddings and of its empty slots. All empty slots hold the embedding of id 0, so
/// k of them are one row whose logit is raised by ln k; without any, ln 0 = -∞ takes the row out.
fn long_term(
    body: &mut Body,
    sizes: &ModelHyperparameters,
    weights: &Weights,
    embedded: &str,
) -> Result<String, WeightsError> {
    let matrix = weights.required("long_term.attention_matrix")?;
    let matrix = body.floats("long_term.attention_matrix", &matrix.shape, &matrix.values);
    let query = &weights.required("long_term.query")?.values;
    let query = body.floats("long_term.query", &[query.len(), 1], query);
    let first_row = |name: &str| -> Result<Vec<f32>, WeightsError> {
        let table = weights.required(name)?;
        Ok(table.values.iter().take(table.shape.last().copied().unwrap_or_default()).copied().collect())
    };
    let mut default = first_row("embedding.item")?;
    for feature in &sizes.features {
        default.extend(first_row(&format!("embedding.{}", feature.name))?);
    }
    let default = body.floats("embedding.default", &[1, default.len()], &default);

    let direction = body.node("MatMul", &[&matrix, &query]);
    if !sizes.long_term_padding {
        let logits = body.node("MatMul", &[embedded, &direction]);
        let attention = body.node_with("Softmax", &[&logits], vec![integer("axis", 0)]);
        let attention = body.node("Transpose", &[&attention]);
        body.named("MatMul", &[&attention, embedded], &["long_term"], Vec::new());
        return Ok("long_term".to_owned());
    }
    let rows = body.node_with("Concat", &[embedded, &default], vec![integer("axis", 0)]);
    let logits = body.node("MatMul", &[&rows, &direction]);
    let longest = body.integers(&[i64::try_from(sizes.longest_history).unwrap_or(i64::MAX)]);
    let length = body.node("Shape", &["item_ids"]);
    let empty = body.node("Sub", &[&longest, &length]);
    let empty = body.node_with("Cast", &[&empty], vec![integer("to", 1)]);
    let raised = body.node("Log", &[&empty]);
    let zero = body.scalar(0.0);
    let flat = body.integers(&[-1]);
    let per_row = body.node("Mul", &["time_to_now", &zero]);
    let raises = body.node_with("Concat", &[&per_row, &raised], vec![integer("axis", 0)]);
    let logits = body.node("Reshape", &[&logits, &flat]);
    let logits = body.node("Add", &[&logits, &raises]);
    let attention = body.node_with("Softmax", &[&logits], vec![integer("axis", 0)]);
    let axis = body.integers(&[0]);
    let attention = body.node("Unsqueeze", &[&attention, &axis]);
    body.named("MatMul", &[&attention, &rows], &["long_term"], Vec::new());
    Ok("long_term".to_owned())
}

/// The history's share of the attention's first layer: keys · (Wa + Wd), and Wp scaled by each key, `[D, L · width]`.
/// Answers the layer's width.
fn attention_shares(body: &mut Body, target: usize, weights: &Weights) -> Result<usize, WeightsError> {
    let matrix = weights.required("candidate_attention.attention_matrix")?;
    let matrix = body.floats("candidate_attention.attention_matrix", &matrix.shape, &matrix.values);
    let FirstLayer { history: direct, pair: product, .. } = FirstLayer::attention(weights, target)?;
    let direct = direct.add_to(body, "candidate_attention.layer1.history_weight");
    let width = product.columns;
    let product = body.floats("candidate_attention.layer1.product_weight", &[target, 1, width], &product.values);

    let keys = body.node("MatMul", &["states", &matrix]);
    body.named("MatMul", &[&keys, &direct], &["attention_history"], Vec::new());
    let columns = body.node("Transpose", &[&keys]);
    let axis = body.integers(&[2]);
    let columns = body.node("Unsqueeze", &[&columns, &axis]);
    let scaled = body.node("Mul", &[&columns, &product]);
    let shape = body.integers(&[i64::try_from(target).unwrap_or(i64::MAX), -1]);
    body.named("Reshape", &[&scaled, &shape], &["product_weights"], Vec::new());
    Ok(width)
}

/// Name of the history's share of the transitions.
pub(super) const TRANSITION_HISTORY: &str = "transition_history";

/// The factors of the last views, weighted by their positions and summed, with a 1 for the bias behind them:
/// `[S + 1, 1]`.
fn transitions_from(body: &mut Body, sizes: &ModelHyperparameters, weights: &Weights) -> Result<(), WeightsError> {
    let (from, position) = (weights.required("transition.from")?, weights.required("transition.position")?);
    let from = body.floats("transition.from", &from.shape, &from.values);
    // Oldest first, as the history stands.
    let position: Vec<f32> = position.values.iter().rev().copied().collect();
    let position = body.floats("transition.position", &[position.len(), 1], &position);
    let items = last_rows(body, "item_ids", i64::try_from(sizes.transition_positions).unwrap_or(i64::MAX));
    let rows = body.node("Gather", &[&from, &items]);
    // A short history has fewer views than there are positions: the weights of the last ones count.
    let count = body.node("Shape", &[&items]);
    let start = body.node("Neg", &[&count]);
    let (end, axis) = (body.integers(&[i64::MAX]), body.integers(&[0]));
    let position = body.node("Slice", &[&position, &start, &end, &axis]);
    let columns = body.node("Transpose", &[&rows]);
    let sum = body.node("MatMul", &[&columns, &position]);
    let one = body.floats("transition.one", &[1, 1], &[1.0]);
    body.named("Concat", &[&sum, &one], &[TRANSITION_HISTORY], vec![integer("axis", 0)]);
    Ok(())
}

/// The last `count` rows of a tensor, or all if there are fewer.
pub(super) fn last_rows(body: &mut Body, tensor: &str, count: i64) -> String {
    let (start, end, axis) = (body.integers(&[-count]), body.integers(&[i64::MAX]), body.integers(&[0]));
    body.node("Slice", &[tensor, &start, &end, &axis])
}

/// The long-term interest's and the last slot's share of the mixing gate's first layer. Answers the layer's width.
fn mixing_share(
    body: &mut Body,
    sizes: &ModelHyperparameters,
    weights: &Weights,
    long_term: &str,
) -> Result<usize, WeightsError> {
    let target = sizes.target_size();
    let layer = FirstLayer::mixing(weights, target)?.history;
    let from_long_term = layer.slice(0, target).add_to(body, "mixing.layer1.long_term_weight");
    let from_last_slot = layer.slice(target, 1).add_to(body, "mixing.layer1.last_slot_weight");
    let long_term = body.node("MatMul", &[long_term, &from_long_term]);
    let time = match sizes.gate_time {
        GateTime::LastSlot => "last_slot_time_to_now".to_owned(),
        GateTime::LastView => last_rows(body, "time_to_now", 1),
    };
    let last_slot = body.node("Mul", &[&time, &from_last_slot]);
    body.named("Add", &[&long_term, &last_slot], &["mixing_history"], Vec::new());
    Ok(layer.columns)
}
