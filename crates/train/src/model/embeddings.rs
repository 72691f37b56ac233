//! Embeddings of the targets of a batch: tables enter, the joined rows of each target leave; and back.

use super::Gradients;
use crate::batch::Batch;
use crate::hyperparameters::ModelHyperparameters;
use crate::weights::{Weights, WeightsError};

/// Embeddings of the items and features of the batch's targets, joined, `[V, D]`.
pub(super) fn gather(weights: &Weights, sizes: &ModelHyperparameters, batch: &Batch) -> Result<Vec<f32>, WeightsError> {
    let mut targets = vec![0.0; batch.target_items.len() * sizes.target_size()];
    for column in columns(sizes, batch) {
        let table = &weights.required(&column.table)?.values;
        for (target, id) in targets.chunks_exact_mut(sizes.target_size()).zip(&column.ids) {
            let into = target.get_mut(column.start..column.start + column.width).unwrap_or_default();
            into.iter_mut().zip(row(table, *id, column.width)).for_each(|(into, value)| *into = *value);
        }
    }
    Ok(targets)
}

/// Gradients of the tables from those of the targets, `[V, D]`.
pub(super) fn scatter(
    weights: &Weights,
    sizes: &ModelHyperparameters,
    batch: &Batch,
    of_targets: &[f32],
) -> Result<Gradients, WeightsError> {
    let mut gradients = Gradients::new();
    for Column { table, ids, start, width } in columns(sizes, batch) {
        let mut gradient = vec![0.0; weights.required(&table)?.values.len()];
        for (target, id) in of_targets.chunks_exact(sizes.target_size()).zip(&ids) {
            let values = target.get(start..start + width).unwrap_or_default();
            let into = row_mut(&mut gradient, *id, width);
            into.iter_mut().zip(values).for_each(|(into, value)| *into += value);
        }
        gradients.insert(table, gradient);
    }
    Ok(gradients)
}

/// The columns of a target that come from one table.
struct Column {
    table: String,
    /// Row of each target in the table.
    ids: Vec<u32>,
    start: usize,
    width: usize,
}

fn columns(sizes: &ModelHyperparameters, batch: &Batch) -> Vec<Column> {
    let width = sizes.item_embedding_size;
    let items = Column { table: "embedding.item".to_owned(), ids: batch.target_items.clone(), start: 0, width };
    let mut start = width;
    let features = sizes.features.iter().enumerate().map(|(position, feature)| {
        let ids = batch.target_features.iter().skip(position).step_by(batch.features).copied().collect();
        let width = feature.embedding_size;
        start += width;
        Column { table: format!("embedding.{}", feature.name), ids, start: start - width, width }
    });
    [items].into_iter().chain(features).collect()
}

/// A row of a table; empty beyond its end.
pub(super) fn row(table: &[f32], number: u32, width: usize) -> &[f32] {
    let start = number as usize * width;
    table.get(start..start + width).unwrap_or_default()
}

/// As [`row`], to be changed.
pub(super) fn row_mut(table: &mut [f32], number: u32, width: usize) -> &mut [f32] {
    let start = number as usize * width;
    table.get_mut(start..start + width).unwrap_or_default()
}
