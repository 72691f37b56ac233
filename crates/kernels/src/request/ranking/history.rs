//! What depends on a history alone: ids and buckets of its positions enter; the query, what some items get on top of it
//! and the normaliser leave.

use super::additions::Additions;
use super::inputs::RankingInputs;
use super::kept::Kept;
use super::products::{add, add_mixed, add_product, dots, last_state, log_sum_exp};
use super::weights::row;
use super::{Cooccurrence, RankingNetwork};
use crate::functions::{sigmoid_all, softmax, tanh_all};
use crate::lanes::Buffer;
use crate::ranking::LARGEST_LOGIT;
use crate::request::BLOCK;
use crate::request::history::UnknownId;

/// Everything that depends on a history alone; reused from request to request.
#[derive(Debug, Default)]
pub struct RankingHistory {
    /// What the embedding of an item meets, then what its transitions' factors meet, `[2 D]`.
    pub(super) query: Buffer,
    pub(super) additions: Additions,
    pub(super) normaliser: f32,
    pub(super) kept: Kept,
    attention: Vec<f32>,
    long_term_share: f32,
}

impl RankingHistory {
    /// Number of positions.
    pub fn length(&self) -> usize {
        self.attention.len()
    }

    /// What embeddings and transitions' factors of a candidate are multiplied with, `[2 D]`.
    pub fn query(&self) -> &[f32] {
        &self.query
    }

    /// Items that get something on top of the query's product.
    pub fn raised(&self) -> impl Iterator<Item = u32> {
        self.additions.items()
    }

    /// What an item gets on top of the query's product; 0 for most.
    #[inline]
    pub fn addition(&self, item: u32) -> f32 {
        self.additions.get(item)
    }

    /// Weight of each position in the long-term interest.
    pub fn attention(&self) -> &[f32] {
        &self.attention
    }

    /// Share of the long-term interest in the query, the mean of the gate.
    pub fn long_term_share(&self) -> f32 {
        self.long_term_share
    }
}

/// Rows of all positions; reused from request to request.
#[derive(Debug, Default)]
pub struct Scratch {
    embedded: Buffer,
    gates: Buffer,
    cell: Buffer,
    state: Buffer,
    short: Buffer,
    long: Buffer,
    /// What gate and mixing read, `[3 D]`.
    joined: Buffer,
    gate: Buffer,
    sample: Buffer,
}

impl RankingNetwork {
    /// Replaces `encoded`.
    ///
    /// # Errors
    /// [`UnknownId`] when a table has no such row.
    ///
    /// # Panics
    /// When there is no position, there are more than the network has distances for, a bucket is none, or a slice has
    /// another length than the others.
    pub fn encode(
        &self,
        inputs: &RankingInputs<'_>,
        scratch: &mut Scratch,
        encoded: &mut RankingHistory,
    ) -> Result<(), UnknownId> {
        let (length, width, weights) = (inputs.items.len(), self.width, &self.weights);
        assert!((1..=weights.distance.len()).contains(&length), "a history of {length} positions");
        assert_eq!(inputs.features.len(), length * weights.features.len(), "length of the features");
        assert_eq!(inputs.gaps.len(), length, "length of the gaps");
        let count = weights.features.len();
        for (position, row) in scratch.embedded.resize(length * width).chunks_exact_mut(width).enumerate() {
            let features = &inputs.features[position * count..][..count];
            weights.embed(self.set, inputs.items[position], features, row)?;
        }
        let gates = scratch.gates.resize(length * 4 * width);
        self.gates.fill(self.set, weights, inputs, &scratch.embedded, gates)?;
        let (cell, state) = (scratch.cell.resize(width), scratch.state.resize(width));
        last_state(self.set, gates, &self.recurrent, cell, state);
        self.short.apply(self.set, state, scratch.short.resize(width));
        self.long_term(scratch, length, encoded);
        self.query(inputs, scratch, encoded)?;
        self.additions(inputs, &mut encoded.additions);
        self.normalise(scratch, encoded);
        encoded.kept.inputs(inputs);
        Ok(())
    }

    fn long_term(&self, scratch: &mut Scratch, length: usize, encoded: &mut RankingHistory) {
        let attention = &mut encoded.attention;
        attention.clear();
        attention.resize(length, 0.0);
        dots(self.set, &scratch.embedded, &self.weights.long_term, attention);
        attention.iter_mut().for_each(|logit| *logit /= LARGEST_LOGIT);
        tanh_all(self.set, attention);
        attention.iter_mut().for_each(|logit| *logit *= LARGEST_LOGIT);
        softmax(self.set, attention);
        let long = scratch.long.resize(self.width);
        long.fill(0.0);
        add_product(self.set, attention, &scratch.embedded, long);
    }

    fn query(
        &self,
        inputs: &RankingInputs<'_>,
        scratch: &mut Scratch,
        encoded: &mut RankingHistory,
    ) -> Result<(), UnknownId> {
        let (set, width, weights) = (self.set, self.width, &self.weights);
        let Scratch { embedded, short, long, joined, gate, .. } = scratch;
        let now = &weights.now[usize::from(inputs.age) * width..][..width];
        let last = &embedded[embedded.len() - width..];
        let joined = joined.resize(3 * width);
        joined[..width].copy_from_slice(short);
        joined[width..2 * width].copy_from_slice(long);
        let moment = &mut joined[2 * width..];
        moment.copy_from_slice(now);
        for (table, id) in weights.users.iter().zip(inputs.user) {
            add(set, row(table, width, *id)?, moment);
        }
        let gate = gate.resize(width);
        self.gate.apply(set, joined, gate);
        sigmoid_all(set, gate);
        encoded.long_term_share = gate.iter().sum::<f32>() / width as f32;

        joined[width..2 * width].copy_from_slice(last);
        for (joined, short) in joined[2 * width..].iter_mut().zip(short.iter()) {
            *joined = *joined * short + *joined;
        }
        tanh_all(set, joined);
        let (query, from) = encoded.query.resize(2 * width).split_at_mut(width);
        self.mixing.apply(set, joined, query);
        encoded.kept.parts(short, gate, query);
        self.last_view.add(set, last, query);
        add_mixed(set, short, long, gate, query);
        from.fill(0.0);
        for (item, factor) in inputs.items.iter().rev().zip(&weights.recent) {
            let row = row(&weights.from, width, *item)?;
            add_product(set, std::slice::from_ref(factor), row, from);
        }
        Ok(())
    }

    fn additions(&self, inputs: &RankingInputs<'_>, additions: &mut Additions) {
        let weights = &self.weights;
        let neighbours = weights.cooccurrence.as_ref().map_or(0, |known| known.neighbours * known.recent.len());
        additions.clear(weights.distance.len() + neighbours);
        let by_age = weights.age[usize::from(inputs.age)];
        for (item, by_distance) in inputs.items.iter().rev().zip(&weights.distance) {
            if let Some(sum) = additions.of(*item) {
                sum.repeats += by_distance + by_age;
            }
        }
        let Some(Cooccurrence { neighbours, items, weights, recent, scale }) = &weights.cooccurrence else { return };
        for (item, recent) in inputs.items.iter().rev().zip(recent).filter(|(item, _)| **item != 0) {
            let row = *item as usize * neighbours..(*item as usize + 1) * neighbours;
            for (neighbour, weight) in items[row.clone()].iter().zip(&weights[row]) {
                if let Some(sum) = additions.of(*neighbour) {
                    sum.neighbours += recent * weight;
                }
            }
        }
        additions.finish(*scale);
    }

    fn normalise(&self, scratch: &mut Scratch, encoded: &mut RankingHistory) {
        let sample = &self.normaliser;
        let logits = scratch.sample.resize(sample.corrections.len());
        for (number, logits) in logits.chunks_exact_mut(BLOCK).enumerate() {
            let of_block = self.logits(encoded, &sample.candidates, number);
            let corrections = &sample.corrections[number * BLOCK..];
            for ((logit, of_block), correction) in logits.iter_mut().zip(of_block.as_flattened()).zip(corrections) {
                *logit = of_block + correction;
            }
        }
        log_sum_exp(self.set, logits, &mut encoded.normaliser);
    }
}
