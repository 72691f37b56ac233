//! The network of [`super::scores`] in numbers of 16 bits: an encoded history and blocks of candidates enter, a logit for
//! every candidate leaves, near enough to its score's to say which candidates are worth an exact one.
//!
//! All four matrix products of a candidate run on pairs of inputs ([`crate::bf16`]), sums and everything between the
//! products stay in 32 bits. The key of a position, which the exact network multiplies with the candidate, is multiplied
//! into that position's weights instead, once for all candidates.

mod candidates;
mod layer;

use std::ops::Range;

pub use candidates::ApproximateCandidates;

use self::candidates::Block;
use self::layer::{Terms, Weight, add_products, hidden_pairs, output_logits, pack_rows, packed_length, sums};
use super::history::PreparedHistory;
use super::layer::{Layer, padded};
use super::scores::{Network, Scoring};
use super::{BLOCK, Row, VECTORS, rows, rows_of_mut};
use crate::bf16::{Bf16Set, PairLanes, pair};
use crate::instruction_set::InstructionSet;
use crate::lanes::{Ahead, Buffer, LANES};

/// Two values of every candidate of a block.
type PairRow = [PairLanes; VECTORS];

fn pair_rows(pairs: &[u32]) -> &[PairRow] {
    pairs.as_chunks().0.as_chunks().0
}

fn pair_rows_mut(pairs: &mut [u32]) -> &mut [PairRow] {
    pairs.as_chunks_mut().0.as_chunks_mut().0
}

/// A network of [`Scoring`] whose weights are pairs.
#[derive(Debug)]
struct ApproximateNetwork {
    first: Weight,
    second: Weight,
    second_bias: Buffer,
    output: Buffer,
    output_bias: f32,
    /// Pairs of hidden values that the second layer reads.
    hidden: usize,
}

impl ApproximateNetwork {
    fn new(network: &Network) -> Self {
        Self {
            first: Weight::of(&network.first),
            second: Weight::of(&network.second),
            second_bias: network.second_bias.clone(),
            output: network.output.clone(),
            output_bias: network.output_bias,
            hidden: network.first.outputs.div_ceil(2),
        }
    }
}

/// A trained network, ready to score candidates approximately.
#[derive(Debug)]
pub struct ApproximateScoring {
    set: Bf16Set,
    floats: InstructionSet,
    target: usize,
    /// The attention's first layer before a position's key is multiplied in.
    attention_first: Layer,
    attention: ApproximateNetwork,
    mixing: ApproximateNetwork,
    score: ApproximateNetwork,
    zeros: Buffer,
}

/// What of a history stands in pairs; belongs to the [`PreparedHistory`] that it was made of.
#[derive(Debug, Default)]
pub struct ApproximateHistory {
    length: usize,
    /// The attention's first layer, for each position times its key.
    positions: Buffer<u32>,
    /// The states as the weight of a layer from attention to attended states.
    states: Weight,
    /// Factors of the transitions.
    transition: Buffer<u32>,
}

/// Hidden values of a block; reused from request to request.
#[derive(Debug, Default)]
pub struct Scratch {
    hidden: Buffer<u32>,
    attention: Buffer,
    attended: Buffer,
    /// Attention, attended states or the user, as the inputs of the next layer.
    inputs: Buffer<u32>,
}

impl ApproximateScoring {
    /// The same network in pairs.
    pub fn new(set: Bf16Set, scoring: &Scoring) -> Self {
        Self {
            set,
            floats: set.floats(),
            target: scoring.target,
            attention_first: scoring.attention.first.clone(),
            attention: ApproximateNetwork::new(&scoring.attention),
            mixing: ApproximateNetwork::new(&scoring.mixing),
            score: ApproximateNetwork::new(&scoring.score),
            zeros: scoring.zeros.clone(),
        }
    }

    /// Which instructions multiply.
    pub fn set(&self) -> Bf16Set {
        self.set
    }

    /// What of a history stands in pairs; replaces `approximate`.
    pub fn history(&self, history: &PreparedHistory, approximate: &mut ApproximateHistory) {
        approximate.length = history.length();
        let packed = packed_length(&self.attention_first);
        let positions = approximate.positions.resize(history.length() * packed);
        for ((key, _), positions) in history.positions().zip(positions.chunks_exact_mut(packed)) {
            layer::pack(&self.attention_first, |input| key[input], positions);
        }
        approximate.states.set(&history.states);
        let factors = approximate.transition.resize(history.transition.len().div_ceil(2));
        for (pairs, factors) in factors.iter_mut().zip(history.transition.chunks(2)) {
            *pairs = pair(factors[0], factors.get(1).copied().unwrap_or_default());
        }
    }

    /// Replaces `logits` by those of the candidates in `range`, which begins with a block. The greater, the better.
    ///
    /// # Panics
    /// When the range does not begin with a block or lies outside of the candidates, `logits` has another length, or the
    /// two histories or the candidates belong to others.
    pub fn logits(
        &self,
        (history, approximate): (&PreparedHistory, &ApproximateHistory),
        candidates: &ApproximateCandidates,
        range: Range<usize>,
        scratch: &mut Scratch,
        logits: &mut [f32],
    ) {
        assert!(range.start.is_multiple_of(BLOCK) && range.end <= candidates.len(), "the candidates' range");
        assert_eq!(range.len(), logits.len(), "length of the logits");
        assert_eq!(history.length(), approximate.length, "positions of the history");
        history.check(candidates.sizes());
        scratch.fit(self, history.length());
        for (number, logits) in (range.start / BLOCK..).zip(logits.chunks_mut(BLOCK)) {
            let of_block = self.block(history, approximate, &candidates.block(number), scratch);
            logits.copy_from_slice(&of_block.as_flattened()[..logits.len()]);
        }
    }

    fn block(
        &self,
        history: &PreparedHistory,
        approximate: &ApproximateHistory,
        block: &Block<'_>,
        scratch: &mut Scratch,
    ) -> Row {
        let (set, vectors) = (self.set, block.vectors);
        // A step for each position, for mixing and for the score.
        let mut ahead = Ahead::new(block.next, history.length() + 2);
        let [hidden, inputs] = [&mut scratch.hidden, &mut scratch.inputs].map(|buffer| pair_rows_mut(buffer));
        let [attention, attended] = [&mut scratch.attention, &mut scratch.attended].map(|buffer| rows_of_mut(buffer));
        let packed = packed_length(&self.attention_first);
        let weights = approximate.positions.chunks_exact(packed);
        for ((weight, (_, share)), logits) in weights.zip(history.positions()).zip(attention.iter_mut()) {
            ahead.step();
            let terms = Terms { bias: share, start: block.attention, inputs: block.query };
            hidden_pairs(set, weight, terms, vectors, hidden);
            self.logits_of_hidden(&self.attention, vectors, hidden, logits);
        }
        rows::softmax(self.floats, attention);
        pack_rows(set, attention, inputs);
        let terms = Terms { bias: &self.zeros, start: &[], inputs: &inputs[..history.length().div_ceil(2)] };
        sums(set, &approximate.states.values, terms, vectors, attended);

        let user = self.target.div_ceil(2);
        let attended = &mut attended[..self.target];
        ahead.step();
        let mut shares = [[0.0; LANES]; VECTORS];
        pack_rows(set, attended, inputs);
        let terms = Terms { bias: &history.mixing, start: block.mixing, inputs: &inputs[..user] };
        hidden_pairs(set, &self.mixing.first.values, terms, vectors, hidden);
        self.logits_of_hidden(&self.mixing, vectors, hidden, &mut shares);
        rows::shares(self.floats, &mut shares, self.mixing.output_bias);
        rows::mix(self.floats, attended, &history.long_term, &shares);

        ahead.step();
        let mut logits = [[0.0; LANES]; VECTORS];
        pack_rows(set, attended, inputs);
        let terms = Terms { bias: &self.zeros, start: block.score, inputs: &inputs[..user] };
        hidden_pairs(set, &self.score.first.values, terms, vectors, hidden);
        self.logits_of_hidden(&self.score, vectors, hidden, &mut logits);
        add_products(set, block.transition, &approximate.transition, &mut logits);
        logits
    }

    fn logits_of_hidden(&self, network: &ApproximateNetwork, vectors: usize, hidden: &[PairRow], logits: &mut Row) {
        let terms = Terms { bias: &network.second_bias, start: &[], inputs: &hidden[..network.hidden] };
        output_logits(self.set, &network.second.values, terms, &network.output, vectors, logits);
    }
}

impl Scratch {
    fn fit(&mut self, scoring: &ApproximateScoring, length: usize) {
        let networks = [&scoring.attention, &scoring.mixing, &scoring.score];
        let widest = networks.into_iter().map(|network| padded(2 * network.hidden)).max().unwrap_or_default();
        self.hidden.resize(widest / 2 * BLOCK);
        self.attention.resize(length * BLOCK);
        self.attended.resize(padded(scoring.target) * BLOCK);
        self.inputs.resize(length.max(scoring.target).div_ceil(2) * BLOCK);
    }
}
