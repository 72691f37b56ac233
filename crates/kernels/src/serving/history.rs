//! A history, encoded once: embeddings and times enter, what the candidates are scored against leaves.

use crate::functions::softmax;
use crate::instruction_set::InstructionSet;
use crate::lanes::Buffer;
use crate::product::{Left, Right, Start, multiply};
use crate::time_lstm::Sizes as LstmSizes;
use crate::time_lstm::inference::TrainedLstm;

/// Empty slots in the long-term attention, which the original counts as views of an unknown product.
#[derive(Debug, Clone, Copy)]
pub struct Padding<'a> {
    /// Slots of a history.
    pub slots: usize,
    /// The embedding of an unknown product, `[D]`.
    pub embedding: &'a [f32],
}

/// Weights, D = H.
#[derive(Debug, Clone, Copy)]
pub struct HistoryWeights<'a> {
    /// Width of an item's embedding, X, the first part of the D values of a view.
    pub item: usize,
    /// The LSTM's, in the order of its sizes.
    pub lstm: &'a [f32],
    /// Matrix `[D, D]` of the long-term attention.
    pub long_term_matrix: &'a [f32],
    /// Its query, `[D]`.
    pub long_term_query: &'a [f32],
    /// Empty slots, where they count.
    pub padding: Option<Padding<'a>>,
    /// From a state to its key, `[H, D]`.
    pub key_matrix: &'a [f32],
    /// From a key to the attention's first layer, `[D, J]`.
    pub attention_key: &'a [f32],
    /// That layer's bias, `[J]`.
    pub attention_bias: &'a [f32],
    /// From the long-term interest to the gate's first layer, `[D, M]`.
    pub mixing_long_term: &'a [f32],
    /// From the gate's time to that layer, `[M]`.
    pub mixing_time: &'a [f32],
    /// Weights of the last views' transitions, oldest first; empty without transitions.
    pub transition_position: &'a [f32],
}

/// What was viewed, L views.
#[derive(Debug, Clone, Copy)]
pub struct Views<'a> {
    /// `[L, D]`
    pub embeddings: &'a [f32],
    /// `[L]`
    pub time_to_now: &'a [f32],
    /// `[L]`
    pub time_from_first: &'a [f32],
    /// The time that the gate reads.
    pub gate_time: f32,
    /// Transition factors of the last views, oldest first, one slice `[S]` for each, at most as many as there are
    /// positions; empty without transitions.
    pub transitions: &'a [&'a [f32]],
}

/// An encoded history.
#[derive(Debug, Clone)]
pub struct Encoded {
    pub(super) length: usize,
    /// `[L, H]`
    pub(super) states: Vec<f32>,
    /// `[L, D]`
    pub(super) keys: Vec<f32>,
    /// Of the attention's first layer with its bias, `[L, padded J]`.
    pub(super) attention: Buffer,
    /// `[D]`
    pub(super) long_term: Vec<f32>,
    /// `[padded M]`
    pub(super) mixing: Buffer,
    /// `[S + 1]`, the last one 1; empty without transitions.
    pub(super) transition: Vec<f32>,
}

impl Encoded {
    /// Views.
    pub fn length(&self) -> usize {
        self.length
    }
}

/// Encodes histories.
#[derive(Debug)]
pub struct HistoryEncoder {
    set: InstructionSet,
    item: usize,
    target: usize,
    lstm: TrainedLstm,
    /// Matrix · query, `[D]`.
    direction: Vec<f32>,
    padding: Option<(usize, Vec<f32>)>,
    key_matrix: Vec<f32>,
    attention_key: Buffer,
    attention_bias: Buffer,
    mixing_long_term: Buffer,
    mixing_time: Buffer,
    transition_position: Vec<f32>,
}

impl HistoryEncoder {
    /// Packs the weights.
    ///
    /// # Panics
    /// When a slice has another length than the others ask for.
    pub fn new(set: InstructionSet, weights: &HistoryWeights<'_>) -> Self {
        let (target, width) = (weights.long_term_query.len(), weights.attention_bias.len());
        assert_eq!(weights.long_term_matrix.len(), target * target, "length of the long-term matrix");
        assert_eq!(weights.key_matrix.len(), target * target, "length of the key matrix");
        assert_eq!(weights.attention_key.len(), target * width, "length of the keys' share");
        assert_eq!(weights.mixing_long_term.len(), target * weights.mixing_time.len(), "length of the gate's weight");
        let rows = weights.long_term_matrix.chunks_exact(target);
        let padding = weights.padding.map(|padding| (padding.slots, padding.embedding.to_vec()));
        assert!(padding.as_ref().is_none_or(|(_, embedding)| embedding.len() == target), "length of the empty slot");
        Self {
            set,
            item: weights.item,
            target,
            lstm: TrainedLstm::new(set, LstmSizes { input: weights.item, hidden: target }, weights.lstm),
            direction: rows.map(|row| dot(row, weights.long_term_query)).collect(),
            padding,
            key_matrix: weights.key_matrix.to_vec(),
            attention_key: Buffer::padded_rows(weights.attention_key, width),
            attention_bias: Buffer::padded_rows(weights.attention_bias, width),
            mixing_long_term: Buffer::padded_rows(weights.mixing_long_term, weights.mixing_time.len()),
            mixing_time: Buffer::padded_rows(weights.mixing_time, weights.mixing_time.len()),
            transition_position: weights.transition_position.to_vec(),
        }
    }

    /// Encodes a history of at least one view.
    ///
    /// # Panics
    /// When a slice has another length than the weights ask for.
    pub fn encode(&self, views: &Views<'_>) -> Encoded {
        let (target, length) = (self.target, views.time_to_now.len());
        assert!(length > 0, "the history is empty");
        assert_eq!(views.embeddings.len(), length * target, "length of the embeddings");
        let items: Vec<f32> =
            views.embeddings.chunks_exact(target).flat_map(|row| &row[..self.item]).copied().collect();
        let mut states = vec![0.0; length * target];
        self.lstm.states(&items, views.time_to_now, views.time_from_first, &mut states);
        let mut keys = vec![0.0; length * target];
        let right = Right::new(&self.key_matrix, target);
        multiply(self.set, Left::new(&states, length, target), right, Start::Zero, &mut keys, target);
        let width = self.attention_bias.len();
        let mut attention = Buffer::zeros(length * width);
        let (right, bias) = (Right::new(&self.attention_key, width), Start::Row(&self.attention_bias));
        multiply(self.set, Left::new(&keys, length, target), right, bias, &mut attention, width);

        let long_term = self.long_term(views.embeddings, length);
        let width = self.mixing_time.len();
        let mut mixing = Buffer::zeros(width);
        mixing.iter_mut().zip(self.mixing_time.iter()).for_each(|(mixing, weight)| *mixing = views.gate_time * weight);
        let right = Right::new(&self.mixing_long_term, width);
        multiply(self.set, Left::new(&long_term, 1, target), right, Start::Result, &mut mixing, width);
        let transition = self.transition(views.transitions);
        Encoded { length, states, keys, attention, long_term, mixing, transition }
    }

    /// Weighted mean of the views' embeddings, and of the empty slots where they count: k of them are one row whose
    /// logit is raised by ln k.
    fn long_term(&self, embeddings: &[f32], length: usize) -> Vec<f32> {
        let mut weights: Vec<f32> = embeddings.chunks_exact(self.target).map(|row| dot(row, &self.direction)).collect();
        let empty = self.padding.as_ref().filter(|(slots, _)| *slots > length);
        if let Some((slots, embedding)) = empty {
            weights.push(dot(embedding, &self.direction) + ((slots - length) as f32).ln());
        }
        softmax(self.set, &mut weights);
        let rows = embeddings.chunks_exact(self.target).chain(empty.map(|(_, embedding)| embedding.as_slice()));
        let mut mean = vec![0.0; self.target];
        for (row, weight) in rows.zip(&weights) {
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += weight * value);
        }
        mean
    }

    /// The factors of the last views, each times the weight of its position.
    fn transition(&self, factors: &[&[f32]]) -> Vec<f32> {
        let weights = self.transition_position.iter().rev();
        let Some(first) = factors.first() else { return Vec::new() };
        let mut sum = vec![0.0; first.len()];
        for (row, weight) in factors.iter().rev().zip(weights) {
            sum.iter_mut().zip(*row).for_each(|(sum, factor)| *sum += weight * factor);
        }
        // The candidates' bias is their last factor.
        sum.push(1.0);
        sum
    }
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}
