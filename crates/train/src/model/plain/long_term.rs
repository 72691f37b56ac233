//! Long-term interest: attentive A-SVD. History embeddings `[B, L, D]` enter, their weighted mean `[B, D]` leaves.

use candle_core::{D, Result, Tensor};

use super::{Network, softmax};

/// `softmax((history · A) · query) · history`, over all slots: an empty one counts with the embedding of id 0.
pub(super) fn forward(network: &Network, history: &Tensor) -> Result<Tensor> {
    let (groups, slots, target) = history.dims3()?;
    let matrix = network.weight("long_term.attention_matrix")?;
    let query = network.weight("long_term.query")?.reshape((target, 1))?;
    // (history · A) · query = history · (A · query): one vector instead of one more matrix product.
    let direction = matrix.matmul(&query)?;
    let logits = history.reshape((groups * slots, target))?.matmul(&direction)?.reshape((groups, slots))?;
    softmax(&logits)?.unsqueeze(D::Minus1)?.broadcast_mul(history)?.sum(1)
}
