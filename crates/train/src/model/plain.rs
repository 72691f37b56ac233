//! The network in plain tensor operations, every formula of `docs/MODEL.md` as it stands there: what the fused parts are
//! held against. Without dropout, because the fused parts draw their masks in their own way.

mod candidate_attention;
mod fully_connected;
mod long_term;
mod time_lstm;

use std::cell::RefCell;

use candle_core::{D, Device, Result, Tensor};

use super::{Network, rows};
use crate::batch::{Batch, PADDING};
use fully_connected::FullyConnected;

/// Which statistics a normalisation uses.
#[derive(Debug)]
pub(super) enum Statistics {
    /// Those of the batch, which are kept by the name of the moving weight.
    Batch(RefCell<Vec<(String, Vec<f32>)>>),
    /// The moving ones.
    Moving,
}

/// A batch with every history padded to all slots.
pub(super) struct PaddedBatch {
    groups: usize,
    slots: usize,
    candidates: usize,
    /// `[B * L]`
    history_targets: Vec<u32>,
    /// `[B * L]`
    time_from_first: Vec<f32>,
    /// `[B * L]`
    time_to_now: Vec<f32>,
    /// 1 for used and 0 for empty slots, `[B * L]`.
    used: Vec<f32>,
}

impl PaddedBatch {
    fn new(batch: &Batch) -> Self {
        let (groups, slots) = (batch.groups(), batch.slots);
        let empty = || vec![0.0; groups * slots];
        let mut padded = Self {
            groups,
            slots,
            candidates: batch.candidates,
            history_targets: vec![PADDING; groups * slots],
            time_from_first: empty(),
            time_to_now: empty(),
            used: empty(),
        };
        let mut position = 0;
        for (group, length) in batch.lengths.iter().enumerate() {
            for slot in group * slots..group * slots + *length as usize {
                padded.history_targets[slot] = batch.history_targets[position];
                padded.time_from_first[slot] = batch.time_from_first[position];
                padded.time_to_now[slot] = batch.time_to_now[position];
                padded.used[slot] = 1.0;
                position += 1;
            }
        }
        padded
    }

    /// 1 for used and 0 for empty slots, `[B, L, 1]`.
    fn used_slots(&self) -> Result<Tensor> {
        Tensor::from_slice(&self.used, (self.groups, self.slots, 1), &Device::Cpu)
    }
}

/// Logits of all candidates, `[B, C]`.
pub(super) fn forward(network: &Network, batch: &Batch, statistics: &Statistics) -> Result<Tensor> {
    let target = network.sizes.target_size();
    let padded = PaddedBatch::new(batch);
    let (groups, slots, candidates) = (padded.groups, padded.slots, padded.candidates);
    let targets = network.targets(batch)?;
    let history = rows(&targets, &padded.history_targets)?.reshape((groups, slots, target))?;
    let history_items = history.narrow(2, 0, network.sizes.item_embedding_size)?.contiguous()?;
    let query = rows(&targets, &batch.candidate_targets)?;

    let long_term = long_term::forward(network, &history, &padded)?;
    let recurrent = time_lstm::forward(network, &history_items, &padded)?;
    let short_term = candidate_attention::forward(network, &recurrent, &query, &padded, statistics)?;

    // Every candidate of a group meets the same long-term interest and the same last slot.
    let repeat = |tensor: Tensor, width: usize| {
        tensor.reshape((groups, 1, width))?.broadcast_as((groups, candidates, width))?.reshape(((), width))
    };
    let long_term = repeat(long_term, target)?;
    let last_slot = repeat(Tensor::from_slice(&batch.gate_times, groups, &Device::Cpu)?, 1)?;
    let fully_connected = |name| FullyConnected { network, name, statistics };
    let gate_input = Tensor::cat(&[&query, &long_term, &short_term, &last_slot], 1)?;
    let alpha = sigmoid(&fully_connected("mixing").forward(&gate_input)?)?;
    let user = (&short_term + (long_term - &short_term)?.broadcast_mul(&alpha)?)?;
    let logits = fully_connected("score").forward(&Tensor::cat(&[&user, &query], 1)?)?;
    let logits = logits.reshape((groups, candidates))?;
    if network.sizes.transition_size == 0 { Ok(logits) } else { logits + transitions(network, batch)? }
}

/// `bias[c] + to[c] · Σ_k position[k] · from[k-th last view]`, pair by pair.
fn transitions(network: &Network, batch: &Batch) -> Result<Tensor> {
    let item = |target: u32| batch.target_items[target as usize];
    let row = |name: &str, item: u32| network.weight(name)?.get(item as usize);
    let (mut end, mut logits) = (0, Vec::new());
    for (group, length) in batch.lengths.iter().enumerate() {
        end += *length as usize;
        let history = &batch.history_targets[end - *length as usize..end];
        for candidate in &batch.candidate_targets[group * batch.candidates..][..batch.candidates] {
            let candidate = item(*candidate);
            let mut logit = row("transition.bias", candidate)?;
            for (position, viewed) in history.iter().rev().take(network.sizes.transition_positions).enumerate() {
                let product = (row("transition.from", item(*viewed))? * row("transition.to", candidate)?)?.sum_all()?;
                logit = (logit + (product * network.weight("transition.position")?.get(position)?)?)?;
            }
            logits.push(logit);
        }
    }
    Tensor::stack(&logits, 0)?.reshape((batch.groups(), batch.candidates))
}

/// 1 / (1 + exp(-x)), written with tanh so that no exponential overflows.
pub(super) fn sigmoid(logits: &Tensor) -> Result<Tensor> {
    (logits * 0.5)?.tanh()?.affine(0.5, 0.5)
}

/// Softmax over the last dimension.
fn softmax(logits: &Tensor) -> Result<Tensor> {
    let powers = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?.exp()?;
    powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)
}
