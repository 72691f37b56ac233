//! Attention of candidates to the states of a history, trained: states `[positions, H]` and candidates `[B * C, D]`
//! enter, a weighted mean of the states for every candidate `[B * C, H]` leaves; and back.
//!
//! With keys a = state · B and a candidate q, a position's logit is `fcn([a, q, a - q, a ⊙ q])`, two hidden layers with
//! batch normalisation, ReLU and dropout. For one candidate the first layer is a plain product: with its weight
//! W = [Wa; Wq; Wd; Wp] by rows, `h = a · W_c + q · (Wq - Wd) + bias`, where `W_c = diag(q) · Wp + Wa + Wd`. So a history
//! and a candidate are two small products forward and four backward, all in the nearest caches.
//!
//! - The first layer's batch statistics come from those of its inputs (`features`), before any hidden value exists, so
//!   that the normalisation folds into W_c. The second layer's need its values: forward and backward stop once each.
//! - An empty slot has a = 0, so all empty slots of a history and candidate are equal. One row stands for them, with
//!   their number as its weight, in all statistics and gradients; it has one dropout mask.
//! - Work is shared out in blocks of histories that do not depend on the number of threads, and sums over blocks are
//!   taken in their order: the same input gives the same bits on any machine with fused multiply-adds.

mod backward;
mod features;
mod first_layer;
mod forward;
mod layout;
mod rows;
#[cfg(test)]
mod tests;

use crate::dropout::Dropout;
use crate::histories::Histories;
use crate::instruction_set::InstructionSet;
use crate::lanes::Buffer;
use crate::layers::{Network, NetworkSizes, parts};
use crate::normalisation::{Normalisation, Statistics};
use backward::BlockSums;
use features::FeatureSums;
use first_layer::FirstLayer;
use layout::Layout;

/// Sizes of the attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Width of a state, H.
    pub hidden: usize,
    /// Width of a candidate and of a key, D.
    pub target: usize,
    /// Widths of the hidden layers.
    pub layers: [usize; 2],
}

impl Sizes {
    /// The network that gives the logits.
    pub fn network(&self) -> NetworkSizes {
        NetworkSizes { inputs: 4 * self.target, hidden: self.layers }
    }

    /// Lengths of the parameters in their order: B `[H, D]`, then the network's.
    pub fn lengths(&self) -> impl Iterator<Item = usize> + use<> {
        [self.hidden * self.target].into_iter().chain(self.network().lengths())
    }
}

/// What enters; the same for the forward and the backward pass.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The histories.
    pub histories: Histories<'a>,
    /// Candidates of each history, C.
    pub candidates: usize,
    /// `[positions, H]`
    pub states: &'a [f32],
    /// `[B * C, D]`
    pub queries: &'a [f32],
    /// All parameters, in the order of [`Sizes::lengths`].
    pub parameters: &'a [f32],
    /// Dropout of both hidden layers.
    pub dropout: [Dropout; 2],
}

/// Where the gradients go; all of them are replaced.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// `[positions, H]`
    pub states: &'a mut [f32],
    /// `[B * C, D]`
    pub queries: &'a mut [f32],
    /// In the order of [`Sizes::lengths`].
    pub parameters: &'a mut [f32],
}

/// The attention with what its backward pass needs to know of the forward pass; reused from step to step.
#[derive(Debug)]
pub struct CandidateAttention {
    set: InstructionSet,
    sizes: Sizes,
    layout: Layout,
    /// `[positions, D]`
    keys: Buffer,
    /// aᵀ · a of every history, `[B, D, padded D]`.
    grams: Buffer,
    /// Values behind the first layer's dropout, `[pair rows, padded J]`.
    first_values: Buffer,
    /// The second layer's products without its bias, `[pair rows, padded K]`.
    second_products: Buffer,
    /// Weights of the positions, `[pairs]`.
    weights: Buffer,
    /// Gradients of the logits, `[pairs]`.
    logit_gradients: Buffer,
    /// `[positions, D]`
    key_gradients: Buffer,
    first: FirstLayer,
    second: Normalisation,
    /// Sums of the blocks, forward and backward.
    features: Vec<FeatureSums>,
    gradients: Vec<BlockSums>,
}

impl CandidateAttention {
    /// An attention of these sizes.
    pub fn new(set: InstructionSet, sizes: Sizes) -> Self {
        Self {
            set,
            sizes,
            layout: Layout::default(),
            keys: Buffer::default(),
            grams: Buffer::default(),
            first_values: Buffer::default(),
            second_products: Buffer::default(),
            weights: Buffer::default(),
            logit_gradients: Buffer::default(),
            key_gradients: Buffer::default(),
            first: FirstLayer::default(),
            second: Normalisation::default(),
            features: Vec::new(),
            gradients: Vec::new(),
        }
    }

    /// Batch statistics of both hidden layers in the last forward pass, their biases included.
    pub fn statistics(&self, parameters: &[f32]) -> [Statistics; 2] {
        let (_, network) = self.parameters(parameters);
        [self.first.normalisation.statistics(network.first.bias), self.second.statistics(network.second.bias)]
    }

    /// B and the network.
    fn parameters<'a>(&self, values: &'a [f32]) -> (&'a [f32], Network<&'a [f32]>) {
        let mut parts = parts(values, self.sizes.lengths());
        (parts.next().unwrap_or_default(), Network::from_parts(&mut parts))
    }

    fn check(&self, inputs: &Inputs<'_>) {
        let Sizes { hidden, target, .. } = self.sizes;
        inputs.histories.check();
        assert!(inputs.candidates > 0, "there are no candidates");
        assert_eq!(inputs.states.len(), inputs.histories.positions() * hidden, "length of the states");
        assert_eq!(
            inputs.queries.len(),
            inputs.histories.count() * inputs.candidates * target,
            "length of the queries"
        );
        assert_eq!(inputs.parameters.len(), self.sizes.lengths().sum::<usize>(), "length of the parameters");
    }
}
