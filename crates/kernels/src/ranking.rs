//! The ranking network, trained: sequences of items with the gaps between them enter, the loss of every position's next
//! item and its gradients leave. One pass trains all positions of a sequence.
//!
//! With x the sum of the embeddings of a position's item and features, and · from the row vector's side:
//!
//! ```text
//! gates_t = x_t · Wx + h_{t-1} · Wh + gaps[gap_t] + b          input, forget, output, candidate
//! c_t     = σ(forget) ⊙ c_{t-1} + σ(input) ⊙ tanh(candidate)    h_t = σ(output) ⊙ tanh(c_t)
//! short_t = h_t · Ws + bs
//! long_t  = Σ_{i<=t} w_i · x_i / Σ_{i<=t} w_i                   w_i = exp(4 · tanh(x_i · a / 4))
//! n_t     = now[time from the view to the next moment] + Σ user_k
//! α_t     = σ([short_t, long_t, n_t] · Wg + bg)
//! query_t = short_t + α_t ⊙ (long_t - short_t) + tanh([short_t, x_t, n_t ⊙ short_t + n_t]) · Wm + bm + x_t · Wl
//! from_t  = Σ_{k<5} recent_k · from[item_{t-k}]
//! logit_j = query_t · (item_j + Σ feature_j) + from_t · to_j + bias_j
//!           + Σ_{i<=t, item_i = j} (distance[t - i] + age[time from the view to the next moment])
//! ```
//!
//! user_k is the embedding of the shopper's k-th attribute, 0 where it is not known.
//!
//! A time-aware LSTM, a long-term attention and the gate between them are the parts of SLi-Rec (Yu et al. 2019); here
//! the attention belongs to the history alone, so that the candidate meets a history by one dot product.

mod backward;
mod dropout;
mod forward;
mod layout;
mod memory;
mod output;
mod products;
mod sequences;
#[cfg(test)]
mod tests;
mod users;

pub use forward::Pass;
pub use layout::{Layout, Part};
pub use output::{Choices, Gradients};
pub use sequences::{Sequence, Sequences};

/// Buckets of a time between two views; the history encoding says which time falls into which.
pub const GAPS: usize = 20;
/// Last views that the transitions start from.
pub const RECENT: usize = 5;
/// Of the logit of the long-term attention, the largest magnitude.
pub(crate) const LARGEST_LOGIT: f32 = 4.0;

/// The embedding tables, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'a> {
    /// Items, `[items, width]`; row 0 is the default item.
    pub items: &'a [f32],
    /// Each feature's values, `[values, width]`; row 0 is the default value.
    pub features: &'a [&'a [f32]],
    /// Factors of the transitions from an item, `[items, width]`.
    pub from: &'a [f32],
    /// The values of each attribute of shoppers, `[values, width]`; row 0 is that of an unknown one.
    pub users: &'a [&'a [f32]],
}
