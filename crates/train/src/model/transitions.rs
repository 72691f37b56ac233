//! Item-to-item transitions: what is viewed right after what, as factors (Rendle et al. 2010, "Factorizing Personalized
//! Markov Chains"). The last views of a history and the candidates enter, an addition to each logit leaves.
//!
//! `logit += bias[c] + to[c] · Σ_k position[k] · from[k-th last view]`. Not in the original, which loses to a count of such
//! transitions; off unless `model.transition_size` is set.

use candle_core::{D, Device, Result, Tensor};

use super::{Network, rows};
use crate::batch::{Batch, PADDING};

/// `[B, C]`; none for a model without transitions.
pub(super) fn logits(network: &Network, batch: &Batch) -> Result<Option<Tensor>> {
    let (size, positions) = (network.sizes.transition_size, network.sizes.transition_positions);
    if size == 0 {
        return Ok(None);
    }
    let (groups, candidates) = (batch.groups(), batch.candidates);
    let (targets, used) = last_views(batch, positions);
    let from = rows(network.weight("transition.from")?, &items(batch, &targets))?.reshape((groups, positions, size))?;
    let used = Tensor::from_vec(used, (groups, positions, 1), &Device::Cpu)?;
    let weights = network.weight("transition.position")?.reshape((1, positions, 1))?.broadcast_mul(&used)?;
    let from = from.broadcast_mul(&weights)?.sum(1)?.unsqueeze(1)?;
    let candidate_items = items(batch, &batch.candidate_targets);
    let to = rows(network.weight("transition.to")?, &candidate_items)?.reshape((groups, candidates, size))?;
    let bias = rows(network.weight("transition.bias")?, &candidate_items)?.reshape((groups, candidates))?;
    Ok(Some((to.broadcast_mul(&from)?.sum(D::Minus1)? + bias)?))
}

/// Targets of each history's last views, the last one first, `[B * K]`, and 1 where there is one.
fn last_views(batch: &Batch, positions: usize) -> (Vec<u32>, Vec<f32>) {
    let mut targets = vec![PADDING; batch.groups() * positions];
    let mut used = vec![0.0; targets.len()];
    let mut rest = batch.history_targets.as_slice();
    let slots = targets.chunks_exact_mut(positions).zip(used.chunks_exact_mut(positions));
    for ((targets, used), length) in slots.zip(&batch.lengths) {
        let Some((history, others)) = rest.split_at_checked(*length as usize) else { break };
        rest = others;
        for ((target, used), viewed) in targets.iter_mut().zip(used).zip(history.iter().rev()) {
            (*target, *used) = (*viewed, 1.0);
        }
    }
    (targets, used)
}

fn items(batch: &Batch, targets: &[u32]) -> Vec<u32> {
    targets.iter().map(|target| batch.target_items.get(*target as usize).copied().unwrap_or_default()).collect()
}
