//! Item-to-item transitions: what is viewed right after what, as factors (Rendle et al. 2010, "Factorizing Personalized
//! Markov Chains"). The last views of a history and the candidates enter, an addition to each logit leaves; and back.
//!
//! `logit += bias[c] + to[c] · Σ_k position[k] · from[k-th last view]`. Not in the original, which loses to a count of such
//! transitions; off unless `model.transition_size` is set.

use super::Gradients;
use super::embeddings::{row, row_mut};
use crate::batch::Batch;
use crate::hyperparameters::ModelHyperparameters;
use crate::weights::{Weights, WeightsError};

/// Adds to the logits `[B * C]`.
pub(super) fn add(
    weights: &Weights,
    sizes: &ModelHyperparameters,
    batch: &Batch,
    logits: &mut [f32],
) -> Result<(), WeightsError> {
    if sizes.transition_size == 0 {
        return Ok(());
    }
    let tables = Tables::of(weights)?;
    for (group, logits) in groups(batch, sizes).zip(logits.chunks_exact_mut(batch.candidates.max(1))) {
        let query = tables.query(&group, sizes.transition_size);
        for (logit, candidate) in logits.iter_mut().zip(&group.candidates) {
            let bias = tables.bias.get(*candidate as usize).copied().unwrap_or_default();
            *logit += bias + dot(row(tables.to, *candidate, query.len()), &query);
        }
    }
    Ok(())
}

/// Adds the gradients of the transitions' weights.
pub(super) fn backward(
    weights: &Weights,
    sizes: &ModelHyperparameters,
    batch: &Batch,
    logit_gradients: &[f32],
    gradients: &mut Gradients,
) -> Result<(), WeightsError> {
    let width = sizes.transition_size;
    if width == 0 {
        return Ok(());
    }
    let tables = Tables::of(weights)?;
    let Tables { from, to, bias, position } = tables;
    let [mut of_from, mut of_to, mut of_bias, mut of_position] =
        [from, to, bias, position].map(|values| vec![0.0; values.len()]);
    for (group, logit_gradients) in groups(batch, sizes).zip(logit_gradients.chunks_exact(batch.candidates.max(1))) {
        let query = tables.query(&group, width);
        let mut of_query = vec![0.0; width];
        for (gradient, candidate) in logit_gradients.iter().zip(&group.candidates) {
            row_mut(&mut of_bias, *candidate, 1).iter_mut().for_each(|bias| *bias += gradient);
            add_scaled(row_mut(&mut of_to, *candidate, width), *gradient, &query);
            add_scaled(&mut of_query, *gradient, row(to, *candidate, width));
        }
        for ((view, weight), of_weight) in group.last_views.iter().zip(position).zip(&mut of_position) {
            *of_weight += dot(row(from, *view, width), &of_query);
            add_scaled(row_mut(&mut of_from, *view, width), *weight, &of_query);
        }
    }
    let names = ["from", "to", "bias", "position"].map(|name| format!("transition.{name}"));
    gradients.extend(names.into_iter().zip([of_from, of_to, of_bias, of_position]));
    Ok(())
}

#[derive(Clone, Copy)]
struct Tables<'a> {
    /// `[items, width]`
    from: &'a [f32],
    /// `[items, width]`
    to: &'a [f32],
    /// `[items]`
    bias: &'a [f32],
    /// `[positions]`
    position: &'a [f32],
}

impl<'a> Tables<'a> {
    fn of(weights: &'a Weights) -> Result<Self, WeightsError> {
        let values = |name: &str| weights.required(&format!("transition.{name}")).map(|array| array.values.as_slice());
        Ok(Self { from: values("from")?, to: values("to")?, bias: values("bias")?, position: values("position")? })
    }

    /// `Σ_k position[k] · from[k-th last view]`
    fn query(&self, group: &Group, width: usize) -> Vec<f32> {
        let mut query = vec![0.0; width];
        for (view, weight) in group.last_views.iter().zip(self.position) {
            add_scaled(&mut query, *weight, row(self.from, *view, width));
        }
        query
    }
}

/// Item ids of a history's last views, the last one first, and of its candidates.
struct Group {
    last_views: Vec<u32>,
    candidates: Vec<u32>,
}

fn groups<'a>(batch: &'a Batch, sizes: &'a ModelHyperparameters) -> impl Iterator<Item = Group> + 'a {
    let item = |target: &u32| batch.target_items.get(*target as usize).copied().unwrap_or_default();
    let mut rest = batch.history_targets.as_slice();
    let candidates = batch.candidate_targets.chunks_exact(batch.candidates.max(1));
    batch.lengths.iter().zip(candidates).map(move |(length, candidates)| {
        let (history, others) = rest.split_at((*length as usize).min(rest.len()));
        rest = others;
        let last_views = history.iter().rev().take(sizes.transition_positions).map(item).collect();
        Group { last_views, candidates: candidates.iter().map(item).collect() }
    })
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn add_scaled(into: &mut [f32], scale: f32, values: &[f32]) {
    into.iter_mut().zip(values).for_each(|(into, value)| *into += scale * value);
}
