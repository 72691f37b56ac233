//! The ranking network at work on one request: a history's ids and buckets enter, the probability of every candidate
//! leaves. The formulas are those of [`crate::ranking`]; two parts are added that are not learnt there:
//!
//! ```text
//! logit_j += scale · ln(1 + Σ_r recent_r · Σ {weight of neighbour k of the r-th last view : k = j})
//! score_j  = min(1, exp(logit_j · temperature - Z))    Z = ln Σ_{m in sample} exp(logit_m · temperature + correction_m)
//! ```
//!
//! [`history`](RankingNetwork::encode) computes the query, what few items get on top of it and Z; a candidate is then one
//! dot product. [`RoundedCandidates`] are for catalogues that are too large for all of those: they say which few candidates
//! can be among the best. What a position adds to the gates is looked up where a table of it fits the memory.

mod additions;
mod bounds;
mod candidates;
mod explanation;
mod history;
mod inputs;
mod kept;
mod products;
mod rounded;
mod scores;
mod weights;

pub use bounds::{Approximate, RoundedQuery};
pub use candidates::RankingCandidates;
pub use explanation::{ExplainedLogits, Terms};
pub use history::{RankingHistory, Scratch};
pub use inputs::RankingInputs;
pub use rounded::RoundedCandidates;
pub use weights::{Cooccurrence, RankingWeights, Sample};

use crate::instruction_set::InstructionSet;
use crate::lanes::Buffer;
use candidates::Normaliser;
use products::RowLayer;
use weights::Gates;

/// A trained ranking network, ready to score.
#[derive(Debug)]
pub struct RankingNetwork {
    set: InstructionSet,
    width: usize,
    weights: RankingWeights,
    gates: Gates,
    recurrent: Buffer,
    short: RowLayer,
    gate: RowLayer,
    mixing: RowLayer,
    last_view: RowLayer,
    normaliser: Normaliser,
}

impl RankingNetwork {
    /// From the weights of a model.
    ///
    /// # Panics
    /// When lengths do not fit each other.
    pub fn new(set: InstructionSet, weights: RankingWeights) -> Self {
        weights.check();
        let width = weights.width;
        let layer = |weight: &[f32], bias: &[f32]| RowLayer::new(weight, bias);
        Self {
            set,
            width,
            gates: Gates::new(set, &weights),
            recurrent: products::aligned(&weights.recurrent),
            short: layer(&weights.short, &weights.short_bias),
            gate: layer(&weights.gate, &weights.gate_bias),
            mixing: layer(&weights.mixing, &weights.mixing_bias),
            last_view: layer(&weights.last_view, &vec![0.0; width]),
            normaliser: Normaliser::new(width, &weights.sample),
            weights,
        }
    }

    /// Values that a query meets of each candidate, 2 D.
    pub fn candidate_width(&self) -> usize {
        2 * self.width
    }
}
