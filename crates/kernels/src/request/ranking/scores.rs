//! Logits and scores of candidates: what a history gives and blocks of candidates enter, probabilities leave.

use std::ops::Range;

use super::{RankingCandidates, RankingHistory, RankingNetwork};
use crate::functions::exp;
use crate::instruction_set::vectorised;
use crate::lanes::LANES;
use crate::request::{BLOCK, Row, VECTORS};
use crate::simd::Vector;

impl RankingNetwork {
    /// Replaces `scores` by those of the candidates in `range`, which begins with a block.
    ///
    /// # Panics
    /// When the range does not begin with a block or lies outside of the candidates, or `scores` has another length.
    pub fn scores(
        &self,
        history: &RankingHistory,
        candidates: &RankingCandidates,
        range: Range<usize>,
        scores: &mut [f32],
    ) {
        assert!(range.start.is_multiple_of(BLOCK) && range.end <= candidates.len(), "the candidates' range");
        assert_eq!(range.len(), scores.len(), "length of the scores");
        for (number, scores) in (range.start / BLOCK..).zip(scores.chunks_mut(BLOCK)) {
            let mut logits = self.logits(history, candidates, number);
            probabilities(self.set, history.normaliser, &mut logits);
            scores.copy_from_slice(&logits.as_flattened()[..scores.len()]);
        }
    }

    /// Logits of a block.
    pub(super) fn logits(&self, history: &RankingHistory, candidates: &RankingCandidates, number: usize) -> Row {
        let (items, rows) = candidates.block(number);
        let mut logits = [[0.0; LANES]; VECTORS];
        for (logit, item) in logits.as_flattened_mut().iter_mut().zip(items) {
            *logit = history.additions.get(*item);
        }
        add_products(self.set, rows, &history.query, self.weights.temperature, &mut logits);
        logits
    }
}

vectorised! {
    /// Replaces the additions by the logits: the products with the query, the bias behind the rows, all times the
    /// temperature.
    fn add_products(simd, rows: &[Row], query: &[f32], temperature: f32, logits: &mut Row) {
        let Some((bias, rows)) = rows.split_last() else { return };
        // Two sums side by side, so that an addition need not wait for the one before.
        let mut sums = [[Vector::zero(simd); VECTORS]; 2];
        for (rows, factors) in rows.as_chunks::<2>().0.iter().zip(query.as_chunks::<2>().0) {
            for half in 0..2 {
                let factor = Vector::splat(simd, factors[half]);
                for vector in 0..VECTORS {
                    sums[half][vector] = factor.mul_add(Vector::load(simd, &rows[half][vector]), sums[half][vector]);
                }
            }
        }
        let temperature = Vector::splat(simd, temperature);
        for vector in 0..VECTORS {
            let sum = sums[0][vector] + sums[1][vector] + Vector::load(simd, &bias[vector]);
            ((sum + Vector::load(simd, &logits[vector])) * temperature).store(&mut logits[vector]);
        }
    }

    /// Replaces logits by exp(logit - normaliser), at most 1.
    fn probabilities(simd, normaliser: f32, logits: &mut Row) {
        let normaliser = Vector::splat(simd, normaliser);
        for lanes in logits {
            exp((Vector::load(simd, lanes) - normaliser).at_most(0.0)).store(lanes);
        }
    }
}
