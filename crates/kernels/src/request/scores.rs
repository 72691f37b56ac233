//! The network behind the embeddings: an encoded history and blocks of candidates enter, scores leave, and for those who
//! ask why, the attention to each position and the share of the long-term interest.

use std::ops::Range;

use super::candidates::{Block, CandidateSizes, Candidates};
use super::history::PreparedHistory;
use super::layer::{Layer, Terms, hidden_values, output_logits, padded, padded_row, sums};
use super::{BLOCK, Row, VECTORS, rows, rows_of, rows_of_mut};
use crate::instruction_set::InstructionSet;
use crate::lanes::{Ahead, Buffer, LANES};

/// A fully connected network whose first layer is already split: only the part that a pair decides is left of it.
#[derive(Debug, Clone, Copy)]
pub struct NetworkWeights<'a> {
    /// `[D, J]`
    pub first: &'a [f32],
    /// `[J, K]`
    pub second: &'a [f32],
    /// `[K]`
    pub second_bias: &'a [f32],
    /// `[K]`
    pub output: &'a [f32],
    /// Of the logit.
    pub output_bias: f32,
}

#[derive(Debug)]
pub(super) struct Network {
    pub(super) first: Layer,
    pub(super) second: Layer,
    pub(super) second_bias: Buffer,
    pub(super) output: Buffer,
    pub(super) output_bias: f32,
}

impl Network {
    fn new(weights: &NetworkWeights<'_>, inputs: usize) -> Self {
        let NetworkWeights { first, second, second_bias, output, output_bias } = *weights;
        assert_eq!(second_bias.len(), output.len(), "length of an output's weight");
        let (first, second) = (Layer::new(first, first.len() / inputs), Layer::new(second, output.len()));
        assert_eq!(weights.second.len(), first.outputs * second.outputs, "length of a second layer's weight");
        Self { first, second, second_bias: padded_row(second_bias), output: padded_row(output), output_bias }
    }
}

/// A trained network, ready to score.
#[derive(Debug)]
pub struct Scoring {
    set: InstructionSet,
    pub(super) target: usize,
    pub(super) attention: Network,
    pub(super) mixing: Network,
    pub(super) score: Network,
    /// The bias of layers that have none.
    pub(super) zeros: Buffer,
}

/// Hidden values of a block; reused from request to request.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Candidates times a key, later the user as each candidate meets them.
    scaled: Buffer,
    hidden: Buffer,
    /// Attention of the block's candidates to each position.
    attention: Buffer,
    attended: Buffer,
}

/// Where explanations go.
#[derive(Debug)]
pub struct Explained<'a> {
    /// `[N, L]`
    pub attention: &'a mut [f32],
    /// `[N]`
    pub long_term_share: &'a mut [f32],
}

impl Scoring {
    /// From the weights of attention (whose output bias no softmax sees), mixing and score, for vectors of `target` values.
    ///
    /// # Panics
    /// When lengths do not fit each other.
    pub fn new(set: InstructionSet, target: usize, networks: [&NetworkWeights<'_>; 3]) -> Self {
        let [attention, mixing, score] = networks.map(|network| Network::new(network, target));
        let zeros = Buffer::zeros(padded(score.first.outputs.max(target)));
        Self { set, target, attention, mixing, score, zeros }
    }

    /// Sizes of the candidates that this network scores, apart from the transitions.
    pub fn candidate_sizes(&self, transition: usize) -> CandidateSizes {
        CandidateSizes {
            query: self.target,
            attention: self.attention.first.outputs,
            mixing: self.mixing.first.outputs,
            score: self.score.first.outputs,
            transition,
        }
    }

    /// Multiply-adds that one candidate takes at a number of positions, none counted twice.
    pub fn work(&self, positions: usize) -> usize {
        let network = |network: &Network| {
            let (first, second) = (network.first.outputs, network.second.outputs);
            self.target * first + first * second + second
        };
        positions * (network(&self.attention) + self.target) + network(&self.mixing) + network(&self.score)
    }

    /// Replaces `scores` by those of the candidates in `range`, which begins with a block.
    ///
    /// # Panics
    /// When the range does not begin with a block or lies outside of the candidates, or `scores` has another length.
    pub fn scores(
        &self,
        history: &PreparedHistory,
        candidates: &Candidates,
        range: Range<usize>,
        scratch: &mut Scratch,
        scores: &mut [f32],
    ) {
        assert!(range.start.is_multiple_of(BLOCK) && range.end <= candidates.len(), "the candidates' range");
        assert_eq!(range.len(), scores.len(), "length of the scores");
        self.check(history, candidates);
        scratch.fit(self, history.length());
        for (number, scores) in (range.start / BLOCK..).zip(scores.chunks_mut(BLOCK)) {
            let (logits, _) = self.block(history, &candidates.block(number), scratch);
            scores.copy_from_slice(&logits.as_flattened()[..scores.len()]);
        }
    }

    /// Why each candidate gets its score.
    ///
    /// # Panics
    /// When a slice has another length than the candidates and the history ask for.
    pub fn explain(
        &self,
        history: &PreparedHistory,
        candidates: &Candidates,
        scratch: &mut Scratch,
        explained: Explained<'_>,
    ) {
        let length = history.length();
        assert_eq!(explained.long_term_share.len(), candidates.len(), "length of the shares");
        assert_eq!(explained.attention.len(), candidates.len() * length, "length of the attention");
        self.check(history, candidates);
        scratch.fit(self, length);
        let parts = explained.long_term_share.chunks_mut(BLOCK).zip(explained.attention.chunks_mut(BLOCK * length));
        for (number, (shares, attention)) in parts.enumerate() {
            let (_, of_block) = self.block(history, &candidates.block(number), scratch);
            shares.copy_from_slice(&of_block.as_flattened()[..shares.len()]);
            for (candidate, attention) in attention.chunks_exact_mut(length).enumerate() {
                for (row, weight) in rows_of(&scratch.attention).iter().zip(attention) {
                    *weight = row.as_flattened()[candidate];
                }
            }
        }
    }

    fn check(&self, history: &PreparedHistory, candidates: &Candidates) {
        assert_eq!(candidates.sizes(), self.candidate_sizes(candidates.sizes().transition), "sizes of the candidates");
        assert!(history.length() > 0, "a history has at least one position");
        history.check(candidates.sizes());
    }

    /// Scores and long-term shares of a block; the attention stays in the scratch.
    fn block(&self, history: &PreparedHistory, block: &Block<'_>, scratch: &mut Scratch) -> (Row, Row) {
        let (set, vectors) = (self.set, block.vectors);
        // A step for each position, for mixing and for the score.
        let mut ahead = Ahead::new(block.next, history.length() + 2);
        let Scratch { scaled, hidden, attention, attended } = scratch;
        let [scaled, hidden, attention, attended] =
            [scaled, hidden, attention, attended].map(|buffer| rows_of_mut(buffer));
        for ((key, share), logits) in history.positions().zip(attention.iter_mut()) {
            ahead.step();
            rows::scale(set, block.query, key, scaled);
            let terms = Terms { bias: share, start: block.attention, inputs: scaled };
            self.logits(&self.attention, terms, vectors, hidden, logits);
        }
        rows::softmax(set, attention);
        let terms = Terms { bias: &self.zeros, start: &[], inputs: attention };
        sums(set, &history.states, terms, vectors, attended);

        ahead.step();
        let mut shares = [[0.0; LANES]; VECTORS];
        let terms = Terms { bias: &history.mixing, start: block.mixing, inputs: &attended[..self.target] };
        self.logits(&self.mixing, terms, vectors, hidden, &mut shares);
        rows::shares(set, &mut shares, self.mixing.output_bias);
        rows::mix(set, attended, &history.long_term, &shares);

        ahead.step();
        let mut scores = [[0.0; LANES]; VECTORS];
        let terms = Terms { bias: &self.zeros, start: block.score, inputs: &attended[..self.target] };
        self.logits(&self.score, terms, vectors, hidden, &mut scores);
        rows::add_products(set, block.transition, &history.transition, &mut scores);
        rows::shares(set, &mut scores, self.score.output_bias);
        (scores, shares)
    }

    fn logits(&self, network: &Network, terms: Terms<'_>, vectors: usize, hidden: &mut [Row], logits: &mut Row) {
        hidden_values(self.set, &network.first, terms, vectors, hidden);
        let inputs = &hidden[..network.first.outputs];
        let terms = Terms { bias: &network.second_bias, start: &[], inputs };
        output_logits(self.set, &network.second, terms, &network.output, vectors, logits);
    }
}

impl Scratch {
    fn fit(&mut self, scoring: &Scoring, length: usize) {
        let widest = [&scoring.attention, &scoring.mixing, &scoring.score].map(|network| network.first.outputs);
        let widest = widest.into_iter().max().unwrap_or_default();
        self.scaled.resize(scoring.target * BLOCK);
        self.hidden.resize(padded(widest) * BLOCK);
        self.attention.resize(length * BLOCK);
        self.attended.resize(padded(scoring.target) * BLOCK);
    }
}
