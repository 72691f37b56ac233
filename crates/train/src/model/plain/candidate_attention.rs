//! Short-term interest: attention of a candidate to the LSTM's states. States `[B, L, H]` and candidates `[B * C, D]`
//! enter, a weighted mean of the states `[B * C, H]` leaves.

use candle_core::{Result, Tensor};

use super::{FullyConnected, Network, PaddedBatch, Statistics, softmax};

/// Taken from the logit of an empty slot: its weight becomes exactly 0.
const EMPTY: f64 = 1e9;

/// Attention with the first layer split by rows of its weight, W = [Wa; Wq; Wd; Wp]:
/// `[a, q, a - q, a * q] · W = a · (Wa + Wd) + q · (Wq - Wd) + (a * q) · Wp`.
pub(super) fn forward(
    network: &Network,
    states: &Tensor,
    query: &Tensor,
    batch: &PaddedBatch,
    statistics: &Statistics,
) -> Result<Tensor> {
    let (groups, slots, hidden) = states.dims3()?;
    let candidates = batch.candidates;
    let layers = FullyConnected { network, name: "candidate_attention", statistics };
    let target = query.dim(1)?;
    let weight = layers.weight(1, "weight")?;
    let rows = |part: usize| weight.narrow(0, part * target, target);
    let width = weight.dim(1)?;

    let matrix = network.weight("candidate_attention.attention_matrix")?;
    let keys = states.reshape((groups * slots, hidden))?.matmul(matrix)?;
    let from_history = keys.matmul(&(rows(0)? + rows(2)?)?)?.reshape((groups, 1, slots, width))?;
    let from_query = query.matmul(&(rows(1)? - rows(2)?)?)?.broadcast_add(layers.weight(1, "bias")?)?;
    let from_query = from_query.reshape((groups, candidates, 1, width))?;
    let products = keys
        .reshape((groups, 1, slots, target))?
        .broadcast_mul(&query.reshape((groups, candidates, 1, target))?)?
        .reshape((groups * candidates * slots, target))?;
    let first = products
        .matmul(&rows(3)?.contiguous()?)?
        .reshape((groups, candidates, slots, width))?
        .broadcast_add(&from_history)?
        .broadcast_add(&from_query)?
        .reshape((groups * candidates * slots, width))?;

    let logits = layers.after_first_product(&first)?.reshape((groups, candidates, slots))?;
    let empty = batch.used_slots()?.affine(EMPTY, -EMPTY)?.reshape((groups, 1, slots))?;
    let weights = softmax(&logits.broadcast_add(&empty)?)?;
    weights.matmul(states)?.reshape((groups * candidates, hidden))?.contiguous()
}
