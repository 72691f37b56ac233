//! Candidates against an encoded history: blocks of candidates enter, their scores leave, and for those who ask why, the
//! attention and the gate.

use super::history::Encoded;
use super::layers::{Layers, LayersWeights};
use crate::candidate_attention::weight_of_candidate;
use crate::functions::{sigmoid_all, softmax_rows};
use crate::instruction_set::InstructionSet;
use crate::lanes::{Buffer, padded};
use crate::product::{Left, Right, Start, multiply};

/// Rows of a product: their hidden values fit the nearest cache.
const ROWS_AT_ONCE: usize = 60;
/// Candidates whose logits are kept at a time: the weight of a position is made once for so many.
const BLOCK: usize = 4 * ROWS_AT_ONCE;

/// Weights, D = H.
#[derive(Debug, Clone, Copy)]
pub struct ScorerWeights<'a> {
    /// Wp of the attention's first layer, `[D, J]`.
    pub attention_product: &'a [f32],
    /// Wq - Wd of that layer, `[D, J]`.
    pub attention_query: &'a [f32],
    /// The attention behind that.
    pub attention: LayersWeights<'a>,
    /// From the short-term interest to the gate's first layer, `[D, M]`.
    pub mixing_short_term: &'a [f32],
    /// The gate behind its first layer of width M.
    pub mixing: LayersWeights<'a>,
    /// From the user to the score's first layer, `[D, N]`.
    pub score_user: &'a [f32],
    /// The score behind its first layer of width N.
    pub score: LayersWeights<'a>,
}

/// Candidates with their own shares of the first layers, n of them.
#[derive(Debug, Clone, Copy)]
pub struct Candidates<'a> {
    /// Embeddings, `[n, D]`.
    pub queries: &'a [f32],
    /// `[n, M]`, the bias included.
    pub mixing: &'a [f32],
    /// `[n, N]`, the bias included.
    pub score: &'a [f32],
    /// Factors of what is viewed next, and a bias behind them, `[n, S + 1]`; empty without transitions.
    pub transitions: &'a [f32],
}

/// Why candidates got their scores; what is asked for is replaced.
#[derive(Debug)]
pub struct Reasons<'a> {
    /// Attention over the views, `[n, L]`.
    pub attention: &'a mut [f32],
    /// Share of the long-term interest, `[n]`.
    pub long_term_share: &'a mut [f32],
}

/// Room for a block's values, used again and again.
#[derive(Debug, Default)]
pub struct Workspace {
    weight: Buffer,
    hidden: Buffer,
    second: Buffer,
    logits: Vec<f32>,
    of_rows: Vec<f32>,
    attended: Vec<f32>,
    gates: Vec<f32>,
}

/// Scores candidates.
#[derive(Debug)]
pub struct CandidateScorer {
    set: InstructionSet,
    target: usize,
    attention_width: usize,
    /// `[D, padded J]` each.
    attention_product: Buffer,
    attention_query: Buffer,
    attention: Layers,
    mixing_width: usize,
    mixing_short_term: Buffer,
    mixing: Layers,
    score_width: usize,
    score_user: Buffer,
    score: Layers,
}

impl CandidateScorer {
    /// Packs the weights for embeddings of `target` values.
    ///
    /// # Panics
    /// When a slice has another length than the others ask for.
    pub fn new(set: InstructionSet, target: usize, weights: &ScorerWeights<'_>) -> Self {
        let width = |values: &[f32]| {
            assert_eq!(values.len() % target, 0, "length of a first layer's weight");
            values.len() / target
        };
        let [attention_width, mixing_width, score_width] =
            [weights.attention_query, weights.mixing_short_term, weights.score_user].map(width);
        assert_eq!(weights.attention_product.len(), weights.attention_query.len(), "length of the product's weight");
        Self {
            set,
            target,
            attention_width,
            attention_product: Buffer::padded_rows(weights.attention_product, attention_width),
            attention_query: Buffer::padded_rows(weights.attention_query, attention_width),
            attention: Layers::new(set, attention_width, &weights.attention),
            mixing_width,
            mixing_short_term: Buffer::padded_rows(weights.mixing_short_term, mixing_width),
            mixing: Layers::new(set, mixing_width, &weights.mixing),
            score_width,
            score_user: Buffer::padded_rows(weights.score_user, score_width),
            score: Layers::new(set, score_width, &weights.score),
        }
    }

    /// Replaces `scores` `[n]`.
    ///
    /// # Panics
    /// When a slice has another length than the weights ask for.
    pub fn score(
        &self,
        history: &Encoded,
        candidates: &Candidates<'_>,
        workspace: &mut Workspace,
        scores: &mut [f32],
        mut reasons: Option<Reasons<'_>>,
    ) {
        let count = scores.len();
        assert_eq!(candidates.queries.len(), count * self.target, "length of the queries");
        assert_eq!(candidates.mixing.len(), count * self.mixing_width, "length of the gate's share");
        assert_eq!(candidates.score.len(), count * self.score_width, "length of the score's share");
        let columns = if candidates.transitions.is_empty() { 0 } else { history.transition.len() };
        assert_eq!(candidates.transitions.len(), count * columns, "length of the transitions");
        for start in (0..count).step_by(BLOCK) {
            let rows = start..(start + BLOCK).min(count);
            let part = |values| of_rows(values, &rows, count);
            let block = Candidates {
                queries: part(candidates.queries),
                mixing: part(candidates.mixing),
                score: part(candidates.score),
                transitions: part(candidates.transitions),
            };
            self.block(history, &block, workspace, &mut scores[rows.clone()]);
            if let Some(Reasons { attention, long_term_share }) = &mut reasons {
                let length = history.length;
                attention[rows.start * length..rows.end * length].copy_from_slice(&workspace.logits);
                long_term_share[rows].copy_from_slice(&workspace.gates);
            }
        }
    }

    /// Leaves the attention in the workspace's logits and the long-term shares in its gates.
    fn block(&self, history: &Encoded, block: &Candidates<'_>, workspace: &mut Workspace, scores: &mut [f32]) {
        let (target, count, length) = (self.target, scores.len(), history.length);
        self.attention(history, block.queries, workspace);
        let Workspace { hidden, second, logits, attended, gates, .. } = workspace;
        attended.resize(count * target, 0.0);
        let states = Right::new(&history.states, target);
        multiply(self.set, Left::new(logits, count, length), states, Start::Zero, attended, target);

        gates.resize(count, 0.0);
        let parts = attended.chunks(ROWS_AT_ONCE * target).zip(gates.chunks_mut(ROWS_AT_ONCE));
        for ((attended, gates), own) in parts.zip(block.mixing.chunks(ROWS_AT_ONCE * self.mixing_width)) {
            let width = padded(self.mixing_width);
            let hidden = hidden.resize(gates.len() * width);
            for (row, own) in hidden.chunks_exact_mut(width).zip(own.chunks_exact(self.mixing_width)) {
                row.copy_from_slice(&history.mixing);
                row.iter_mut().zip(own).for_each(|(value, own)| *value += own);
            }
            let left = Left::new(attended, gates.len(), target);
            multiply(self.set, left, Right::new(&self.mixing_short_term, width), Start::Result, hidden, width);
            self.mixing.logits(hidden, second, gates);
        }
        sigmoid_all(self.set, gates);
        // user = gate · long term + (1 - gate) · short term
        for (attended, gate) in attended.chunks_exact_mut(target).zip(gates.iter()) {
            let values = attended.iter_mut().zip(&history.long_term);
            values.for_each(|(short, long)| *short += gate * (long - *short));
        }
        let parts = attended.chunks(ROWS_AT_ONCE * target).zip(scores.chunks_mut(ROWS_AT_ONCE));
        for ((users, scores), own) in parts.zip(block.score.chunks(ROWS_AT_ONCE * self.score_width)) {
            let width = padded(self.score_width);
            let hidden = hidden.resize(scores.len() * width);
            for (row, own) in hidden.chunks_exact_mut(width).zip(own.chunks_exact(self.score_width)) {
                row[..own.len()].copy_from_slice(own);
                row[own.len()..].fill(0.0);
            }
            let left = Left::new(users, scores.len(), target);
            multiply(self.set, left, Right::new(&self.score_user, width), Start::Result, hidden, width);
            self.score.logits(hidden, second, scores);
        }
        if !block.transitions.is_empty() {
            let left = Left::new(block.transitions, count, history.transition.len());
            multiply(self.set, left, Right::new(&history.transition, 1), Start::Result, scores, 1);
        }
        sigmoid_all(self.set, scores);
    }

    /// Replaces the workspace's logits by the attention `[n, L]` of a block.
    fn attention(&self, history: &Encoded, queries: &[f32], workspace: &mut Workspace) {
        let (target, length, width) = (self.target, history.length, padded(self.attention_width));
        let Workspace { weight, hidden, second, logits, of_rows, .. } = workspace;
        logits.resize(queries.len() / target * length, 0.0);
        let weight = weight.resize(target * width);
        let positions = history.keys.chunks_exact(target).zip(history.attention.chunks_exact(width));
        for (position, (key, start)) in positions.enumerate() {
            weight_of_candidate(self.set, key, &self.attention_product, &self.attention_query, weight);
            for (chunk, rows) in queries.chunks(ROWS_AT_ONCE * target).enumerate() {
                let count = rows.len() / target;
                of_rows.resize(count, 0.0);
                let hidden = hidden.resize(count * width);
                let (left, right) = (Left::new(rows, count, target), Right::new(weight, width));
                multiply(self.set, left, right, Start::Row(start), hidden, width);
                self.attention.logits(hidden, second, of_rows);
                for (row, logit) in of_rows.iter().enumerate() {
                    logits[(chunk * ROWS_AT_ONCE + row) * length + position] = *logit;
                }
            }
        }
        softmax_rows(self.set, logits, length);
    }
}

/// The rows of a matrix of `count` rows.
fn of_rows<'a>(values: &'a [f32], rows: &std::ops::Range<usize>, count: usize) -> &'a [f32] {
    let width = values.len() / count;
    &values[rows.start * width..rows.end * width]
}
