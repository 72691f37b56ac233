//! The time-aware LSTM, trained: item embeddings `[U, X]` and two times of every position enter, the states
//! `[positions, H]` leave; and back. Only used positions are computed.
//!
//! ```text
//! n1 = tanh(time_to_now · w1 + b1)       n2 = tanh(time_from_first · w2 + b2)
//! G1 = sigmoid(x · Wx1 + n1 · Wt1 + bias1)   G2 = sigmoid(x · Wx2 + n2 · Wt2 + bias2)
//! i, j, f, o = split([x, m] · K + bias),     o += n1 · O1 + n2 · O2
//! c = sigmoid(f + 1) ⊙ G2 ⊙ c + sigmoid(i) ⊙ G1 ⊙ tanh(j)
//! m = sigmoid(o) ⊙ tanh(c)
//! ```
//!
//! - What an embedding adds to the gates depends on the item alone: it is computed once for every distinct item of the
//!   batch, and so are the products of its gradients.
//! - Blocks of histories of about the same length go through time together, so that a step is a few products with
//!   weights that stay in cache. Within a block, rows stand step by step.
//! - Results do not depend on the number of threads: blocks are fixed, sums over them are taken in their order.

mod backward;
mod forward;
pub mod inference;
mod plan;
mod rows;
#[cfg(test)]
mod tests;
mod weights;

use crate::histories::Histories;
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, padded};
use plan::Plan;

/// Sizes of the LSTM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Width of an item embedding, X.
    pub input: usize,
    /// Width of a state, H.
    pub hidden: usize,
}

impl Sizes {
    /// Lengths of the parameters in their order: w, b, bias, Wx `[X, H]`, Wt `[H, H]` and O `[H, H]` of the time to now,
    /// the same of the time from the first event, then K `[X + H, 4 H]` and its bias.
    pub fn lengths(&self) -> [usize; 14] {
        let Self { input, hidden } = *self;
        let [x, t] = [input * hidden, hidden * hidden];
        let kernel = (input + hidden) * 4 * hidden;
        [hidden, hidden, hidden, x, t, t, hidden, hidden, hidden, x, t, t, kernel, 4 * hidden]
    }
}

/// What enters; the same for the forward and the backward pass.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The histories.
    pub histories: Histories<'a>,
    /// Embeddings of the distinct items, `[U, X]`.
    pub embeddings: &'a [f32],
    /// Which of them stands at a position, `[positions]`.
    pub items: &'a [u32],
    /// `[positions]`
    pub time_to_now: &'a [f32],
    /// `[positions]`
    pub time_from_first: &'a [f32],
    /// All parameters, in the order of [`Sizes::lengths`].
    pub parameters: &'a [f32],
}

/// Where the gradients go; all of them are replaced.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[U, X]`
    pub embeddings: &'a mut [f32],
    /// In the order of [`Sizes::lengths`].
    pub parameters: &'a mut [f32],
}

/// Gates of a row, in this order, each padded.
const GATES: usize = 6;
const INPUT: usize = 0;
const CANDIDATE: usize = 1;
const FORGET: usize = 2;
const OUTPUT: usize = 3;
const TIME_1: usize = 4;
const TIME_2: usize = 5;
/// The first four, which read the last state.
const RECURRENT: usize = 4;

/// The LSTM with what its backward pass needs to know of the forward pass; reused from step to step.
#[derive(Debug)]
pub struct TimeLstm {
    set: InstructionSet,
    sizes: Sizes,
    plan: Plan,
    /// What each distinct item adds to the gates, `[U, 6 * padded H]`; backward the gradient of that.
    projections: Buffer,
    /// The gates of every row behind their sigmoid or tanh, `[rows, 6 * padded H]`; backward their gradients.
    gates: Buffer,
    /// c of every row, `[rows, padded H]`.
    cells: Buffer,
}

impl TimeLstm {
    /// An LSTM of these sizes.
    pub fn new(set: InstructionSet, sizes: Sizes) -> Self {
        Self {
            set,
            sizes,
            plan: Plan::default(),
            projections: Buffer::default(),
            gates: Buffer::default(),
            cells: Buffer::default(),
        }
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.sizes.lengths().iter().sum()
    }

    fn width(&self) -> usize {
        padded(self.sizes.hidden)
    }

    fn check(&self, inputs: &Inputs<'_>) {
        inputs.histories.check();
        let positions = inputs.histories.positions();
        let distinct = inputs.embeddings.len() / self.sizes.input;
        assert_eq!(inputs.embeddings.len(), distinct * self.sizes.input, "length of the embeddings");
        assert_eq!(inputs.items.len(), positions, "length of the items");
        assert!(inputs.items.iter().all(|item| (*item as usize) < distinct), "an item has no embedding");
        assert_eq!(inputs.time_to_now.len(), positions, "length of the times to now");
        assert_eq!(inputs.time_from_first.len(), positions, "length of the times from the first event");
        assert_eq!(inputs.parameters.len(), self.parameters(), "length of the parameters");
    }
}
