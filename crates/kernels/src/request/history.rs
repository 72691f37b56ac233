//! What depends on a history alone: ids and times of its positions enter, the LSTM's states, the long-term interest and
//! the history's shares of the first layers leave.

use super::candidates::CandidateSizes;
use super::layer::{Layer, padded};
use crate::functions::softmax;
use crate::instruction_set::InstructionSet;
use crate::lanes::Buffer;
use crate::product::{Left, Right, Start, multiply};
use crate::time_lstm::inference::{InferenceLstm, Scratch as LstmScratch};

/// What a history is made of, oldest position first.
#[derive(Debug, Clone, Copy)]
pub struct HistoryInputs<'a> {
    /// Rows of the item's embedding table, `[L]`.
    pub items: &'a [u32],
    /// Rows of the features' embedding tables, `[L, F]`.
    pub features: &'a [u32],
    /// `[L]`
    pub time_to_now: &'a [f32],
    /// `[L]`
    pub time_from_first: &'a [f32],
    /// The time that the mixing gate reads.
    pub gate_time: f32,
}

/// A table of embeddings, row by row.
#[derive(Debug, Clone)]
pub struct Embeddings {
    /// Width of a row.
    pub width: usize,
    /// `[rows, width]`
    pub values: Vec<f32>,
}

impl Embeddings {
    fn row(&self, id: u32) -> Result<&[f32], UnknownId> {
        let rest = self.values.get(id as usize * self.width..);
        rest.and_then(|rest| rest.get(..self.width)).ok_or(UnknownId(id))
    }
}

/// Weights of everything that a history goes through.
#[derive(Debug)]
pub struct HistoryWeights {
    /// Of the items.
    pub items: Embeddings,
    /// Of each feature.
    pub features: Vec<Embeddings>,
    /// The LSTM's, which also says how wide a state is.
    pub lstm: InferenceLstm,
    /// From a state to an attention's key, `[D, D]`.
    pub attention_matrix: Vec<f32>,
    /// From a key to the attention's first layer, `[D, J]`.
    pub attention_share: Vec<f32>,
    /// A `[D, D]` of the long-term interest.
    pub long_term_matrix: Vec<f32>,
    /// Its query, `[D]`.
    pub long_term_query: Vec<f32>,
    /// Slots of a history that hold row 0 of all tables where it has no position; none when empty slots do not count.
    pub padded_slots: Option<usize>,
    /// From the long-term interest to the mixing gate's first layer, `[D, M]`.
    pub mixing_share: Vec<f32>,
    /// From the gate's time to that layer, `[M]`.
    pub gate_time_share: Vec<f32>,
    /// What is viewed after what.
    pub transitions: Option<Transitions>,
}

/// Item-to-item transitions.
#[derive(Debug, Clone)]
pub struct Transitions {
    /// Factors of what is viewed first.
    pub from: Embeddings,
    /// Weights of the last positions, the last one at the end.
    pub positions: Vec<f32>,
}

/// An id that an embedding table has no row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the embeddings have no row {0}")]
pub struct UnknownId(pub u32);

/// Everything that depends on a history alone; reused from request to request.
#[derive(Debug, Default)]
pub struct PreparedHistory {
    length: usize,
    /// The states as the weight of a layer from attention to attended states.
    pub(super) states: Layer,
    /// `[L, D]`
    keys: Buffer,
    /// `[L, padded J]`
    shares: Buffer,
    /// `[D]`
    pub(super) long_term: Buffer,
    /// `[padded M]`
    pub(super) mixing: Buffer,
    /// Summed factors of the last views and a 1, or nothing.
    pub(super) transition: Buffer,
}

impl PreparedHistory {
    /// Number of positions.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The LSTM's states, `[L, D]`.
    pub fn states(&self) -> Vec<f32> {
        self.states.weight()
    }

    /// The long-term interest, `[D]`.
    pub fn long_term(&self) -> &[f32] {
        &self.long_term
    }

    /// Key and share of the attention's first layer of every position.
    pub(super) fn positions(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        let (keys, shares) = (self.keys.len() / self.length, self.shares.len() / self.length);
        self.keys.chunks_exact(keys).zip(self.shares.chunks_exact(shares))
    }

    /// # Panics
    /// When the history is not of the model that the candidates are of.
    pub(super) fn check(&self, sizes: CandidateSizes) {
        assert_eq!(self.keys.len(), self.length * sizes.query, "length of the keys");
        assert_eq!(self.shares.len(), self.length * padded(sizes.attention), "length of the shares");
        assert_eq!(self.states.outputs, sizes.query, "width of the states");
        assert_eq!(self.long_term.len(), sizes.query, "length of the long-term interest");
        assert_eq!(self.mixing.len(), padded(sizes.mixing), "length of the mixing share");
        assert_eq!(self.transition.len(), sizes.transition, "length of the transitions");
    }
}

/// Rows of all positions; reused from request to request.
#[derive(Debug, Default)]
pub struct Scratch {
    items: Vec<f32>,
    embedded: Vec<f32>,
    logits: Vec<f32>,
    states: Buffer,
    lstm: LstmScratch,
}

/// Encodes histories.
#[derive(Debug)]
pub struct HistoryNetwork {
    set: InstructionSet,
    target: usize,
    weights: HistoryWeights,
    /// A · query of the long-term interest, `[D]`: a logit belongs to an embedded position alone.
    long_term_direction: Vec<f32>,
}

impl HistoryNetwork {
    /// From the weights of a model.
    ///
    /// # Panics
    /// When lengths do not fit each other.
    pub fn new(set: InstructionSet, weights: HistoryWeights) -> Self {
        let target = weights.items.width + weights.features.iter().map(|table| table.width).sum::<usize>();
        assert_eq!(weights.attention_matrix.len(), target * target, "length of the attention matrix");
        assert!(weights.attention_share.len().is_multiple_of(target), "length of the attention's share");
        assert_eq!(weights.long_term_matrix.len(), target * target, "length of the long-term matrix");
        assert_eq!(weights.long_term_query.len(), target, "length of the long-term query");
        assert_eq!(weights.mixing_share.len(), weights.gate_time_share.len() * target, "length of the mixing share");
        let logit = |row: &[f32]| row.iter().zip(&weights.long_term_query).map(|(left, right)| left * right).sum();
        let long_term_direction = weights.long_term_matrix.chunks_exact(target).map(logit).collect();
        Self { set, target, weights, long_term_direction }
    }

    /// Width of an embedded position, D.
    pub fn target(&self) -> usize {
        self.target
    }

    /// Replaces `encoded`.
    ///
    /// # Errors
    /// [`UnknownId`] when a table has no such row.
    ///
    /// # Panics
    /// When there is no position or a slice has another length than the others.
    pub fn encode(
        &self,
        inputs: &HistoryInputs<'_>,
        scratch: &mut Scratch,
        encoded: &mut PreparedHistory,
    ) -> Result<(), UnknownId> {
        let (length, target, weights) = (inputs.items.len(), self.target, &self.weights);
        assert!(length > 0, "a history has at least one position");
        assert_eq!(inputs.features.len(), length * weights.features.len(), "length of the features");
        encoded.length = length;
        self.embed_all(inputs, scratch)?;
        let states = scratch.states.resize(length * target);
        let times = [inputs.time_to_now, inputs.time_from_first];
        weights.lstm.states(&scratch.items, times, &mut scratch.lstm, states);
        encoded.states.set(states, target);

        let keys = encoded.keys.resize(length * target);
        let right = Right::new(&weights.attention_matrix, target);
        multiply(self.set, Left::new(states, length, target), right, Start::Zero, keys, target);
        let width = weights.attention_share.len() / target;
        let shares = encoded.shares.resize(length * padded(width));
        shares.fill(0.0);
        let right = Right::new(&weights.attention_share, width);
        multiply(self.set, Left::new(keys, length, target), right, Start::Zero, shares, padded(width));

        self.long_term(scratch, length, encoded);
        let width = weights.gate_time_share.len();
        let mixing = encoded.mixing.resize(padded(width));
        mixing.fill(0.0);
        for (mixing, share) in mixing.iter_mut().zip(&weights.gate_time_share) {
            *mixing = inputs.gate_time * share;
        }
        let right = Right::new(&weights.mixing_share, width);
        multiply(self.set, Left::new(&encoded.long_term, 1, target), right, Start::Result, mixing, width);
        self.transitions(inputs.items, encoded)
    }

    /// Adds the embedding of an item and its features `[D]` to a list; features that are missing count as 0.
    ///
    /// # Errors
    /// [`UnknownId`] when a table has no such row.
    pub fn embed(&self, item: u32, features: &[u32], list: &mut Vec<f32>) -> Result<(), UnknownId> {
        list.extend_from_slice(self.weights.items.row(item)?);
        for (position, table) in self.weights.features.iter().enumerate() {
            list.extend_from_slice(table.row(features.get(position).copied().unwrap_or_default())?);
        }
        Ok(())
    }

    /// Item embeddings `[L, X]`, and with those of the features `[L, D]`.
    fn embed_all(&self, inputs: &HistoryInputs<'_>, scratch: &mut Scratch) -> Result<(), UnknownId> {
        let count = self.weights.features.len();
        scratch.items.clear();
        scratch.embedded.clear();
        for (position, item) in inputs.items.iter().enumerate() {
            scratch.items.extend_from_slice(self.weights.items.row(*item)?);
            self.embed(*item, &inputs.features[position * count..][..count], &mut scratch.embedded)?;
        }
        Ok(())
    }

    /// Mean of the embedded positions by attention. All empty slots hold the same vector: they are one term whose logit
    /// is greater by the logarithm of their number.
    fn long_term(&self, scratch: &mut Scratch, length: usize, encoded: &mut PreparedHistory) {
        let Scratch { embedded, logits, .. } = scratch;
        let empty = self.weights.padded_slots.map_or(0, |slots| slots.saturating_sub(length));
        if empty > 0 {
            let tables = std::iter::once(&self.weights.items).chain(&self.weights.features);
            tables.for_each(|table| embedded.extend_from_slice(&table.values[..table.width]));
        }
        logits.clear();
        for row in embedded.chunks_exact(self.target) {
            logits.push(row.iter().zip(&self.long_term_direction).map(|(left, right)| left * right).sum());
        }
        if let Some(padding) = logits.get_mut(length) {
            *padding += (empty as f32).ln();
        }
        softmax(self.set, logits);
        let right = Right::new(embedded, self.target);
        let long_term = encoded.long_term.resize(self.target);
        multiply(self.set, Left::new(logits, 1, logits.len()), right, Start::Zero, long_term, self.target);
    }

    fn transitions(&self, items: &[u32], encoded: &mut PreparedHistory) -> Result<(), UnknownId> {
        let Some(Transitions { from, positions }) = &self.weights.transitions else {
            encoded.transition.resize(0);
            return Ok(());
        };
        let sums = encoded.transition.resize(from.width + 1);
        sums.fill(0.0);
        for (item, weight) in items.iter().rev().zip(positions.iter().rev()) {
            let row = from.row(*item)?;
            sums.iter_mut().zip(row).for_each(|(sum, factor)| *sum += weight * factor);
        }
        sums[from.width] = 1.0;
        Ok(())
    }
}
