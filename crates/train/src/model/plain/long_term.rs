//! Long-term interest: attentive A-SVD. History embeddings `[B, L, D]` enter, their weighted mean `[B, D]` leaves.

use candle_core::{D, Result, Tensor};

use super::{Network, PaddedBatch, softmax};

/// Taken from the logit of an empty slot: its weight becomes exactly 0.
const EMPTY: f64 = 1e9;

/// `softmax((history · A) · query) · history`, over all slots: an empty one counts with the embedding of id 0, unless the
/// model leaves empty slots out.
pub(super) fn forward(network: &Network, history: &Tensor, padded: &PaddedBatch) -> Result<Tensor> {
    let (groups, slots, target) = history.dims3()?;
    let matrix = network.weight("long_term.attention_matrix")?;
    let query = network.weight("long_term.query")?.reshape((target, 1))?;
    // (history · A) · query = history · (A · query): one vector instead of one more matrix product.
    let direction = matrix.matmul(&query)?;
    let logits = history.reshape((groups * slots, target))?.matmul(&direction)?.reshape((groups, slots))?;
    let logits = if network.sizes.long_term_padding {
        logits
    } else {
        (logits + padded.used_slots()?.affine(EMPTY, -EMPTY)?.squeeze(D::Minus1)?)?
    };
    softmax(&logits)?.unsqueeze(D::Minus1)?.broadcast_mul(history)?.sum(1)
}
