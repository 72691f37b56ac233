//! What a logit is made of: a history and a few candidates enter; the terms of each candidate's logit leave, and what each
//! view of the history gave to them.
//!
//! The query is a sum, and so is a logit. With w the attention, α the gate and T the temperature, the terms of item j are
//!
//! ```text
//! short_term     ((1 - α) ⊙ short) · e_j / T
//! long_term      Σ_i (w_i α ⊙ x_i) · e_j / T                    of every view i
//! last_view      (x_L Wl) · e_j / T                             of the last view
//! mixed          (tanh(…) Wm + bm) · e_j / T
//! transitions    Σ_k (recent_k from_{L-k}) · to_j / T           of the last views
//! bias           bias_j / T
//! repeats        Σ_{i: item_i = j} (distance + age) / T         of views of the item itself
//! cooccurrence   κ ln(1 + Σ_r …) / T                            of the last views, by their shares of the sum
//! ```

use super::kept::Kept;
use super::weights::{Cooccurrence, row};
use super::{RankingCandidates, RankingHistory, RankingNetwork};
use crate::request::history::UnknownId;

/// The terms of a logit, whose sum it is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Terms {
    /// Of the LSTM's last state: all views in their order and the times between them.
    pub short_term: f32,
    /// Of the long-term interest: all views, whatever their order.
    pub long_term: f32,
    /// Of the last view by itself.
    pub last_view: f32,
    /// Of the last state, the last view, the time since then and the shopper's attributes, mixed by a layer.
    pub mixed: f32,
    /// Of what is viewed after the last views.
    pub transitions: f32,
    /// Of the item, whatever the history.
    pub bias: f32,
    /// Of earlier views of the item itself.
    pub repeats: f32,
    /// Of counts of what is viewed near the last views.
    pub cooccurrence: f32,
}

impl Terms {
    /// The logit, divided by the temperature.
    pub fn sum(&self) -> f32 {
        let Self { short_term, long_term, last_view, mixed, transitions, bias, repeats, cooccurrence } = *self;
        short_term + long_term + last_view + mixed + transitions + bias + repeats + cooccurrence
    }

    fn scaled(self, factor: f32) -> Self {
        let Self { short_term, long_term, last_view, mixed, transitions, bias, repeats, cooccurrence } = self;
        Self {
            short_term: short_term * factor,
            long_term: long_term * factor,
            last_view: last_view * factor,
            mixed: mixed * factor,
            transitions: transitions * factor,
            bias: bias * factor,
            repeats: repeats * factor,
            cooccurrence: cooccurrence * factor,
        }
    }
}

/// What the logits of some candidates are made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExplainedLogits {
    /// Of each candidate.
    pub terms: Vec<Terms>,
    /// What each view gave to the terms that are sums over views, `[N, L]` row by row.
    pub views: Vec<f32>,
    /// What is subtracted from each logit before it becomes a score.
    pub normaliser: f32,
}

/// What the query is made of.
struct Parts {
    short: Vec<f32>,
    /// Of each view, `[L, D]`.
    long: Vec<f32>,
    last: Vec<f32>,
    /// Of the last views, the last one first, `[K, D]`.
    from: Vec<f32>,
}

impl RankingNetwork {
    /// Why candidates get their logits.
    ///
    /// # Errors
    /// [`UnknownId`] when a table has no row of the history's; none of a history that was encoded.
    pub fn explain(
        &self,
        history: &RankingHistory,
        candidates: &RankingCandidates,
    ) -> Result<ExplainedLogits, UnknownId> {
        let (parts, length) = (self.parts(history)?, history.length());
        let mut explained = ExplainedLogits {
            terms: Vec::with_capacity(candidates.len()),
            views: vec![0.0; candidates.len() * length],
            normaliser: history.normaliser,
        };
        for (candidate, views) in explained.views.chunks_exact_mut(length).enumerate() {
            let (item, row) = candidates.row(candidate);
            let mut terms = self.met(history, &parts, &row, views);
            if item != 0 {
                terms.repeats = self.repeats(history, item, views);
                terms.cooccurrence = self.cooccurrence(history, item, views);
            }
            views.iter_mut().for_each(|view| *view *= self.weights.temperature);
            explained.terms.push(terms.scaled(self.weights.temperature));
        }
        Ok(explained)
    }

    fn parts(&self, history: &RankingHistory) -> Result<Parts, UnknownId> {
        let (width, weights) = (self.width, &self.weights);
        let Kept { items, features, short, gate, .. } = &history.kept;
        let count = weights.features.len();
        let mut long = vec![0.0; items.len() * width];
        let mut last = vec![0.0; width];
        for (position, long) in long.chunks_exact_mut(width).enumerate() {
            weights.embed(self.set, items[position], &features[position * count..][..count], long)?;
            if position + 1 == items.len() {
                self.last_view.apply(self.set, long, &mut last);
            }
            let weight = history.attention()[position];
            long.iter_mut().zip(gate).for_each(|(value, gate)| *value *= weight * gate);
        }
        let mut from = Vec::new();
        for (item, factor) in items.iter().rev().zip(&weights.recent) {
            from.extend(row(&weights.from, width, *item)?.iter().map(|value| factor * value));
        }
        let short = short.iter().zip(gate).map(|(short, gate)| (1.0 - gate) * short).collect();
        Ok(Parts { short, long, last, from })
    }

    /// What a candidate's row and bias meet; adds to `views` what is of single ones.
    fn met(&self, history: &RankingHistory, parts: &Parts, row: &[f32], views: &mut [f32]) -> Terms {
        let (width, length) = (self.width, views.len());
        let (embedding, rest) = row.split_at(width);
        let (to, bias) = rest.split_at(width);
        let mut terms = Terms {
            short_term: dot(&parts.short, embedding),
            mixed: dot(&history.kept.mixed, embedding),
            last_view: dot(&parts.last, embedding),
            bias: bias[0],
            ..Terms::default()
        };
        views[length - 1] += terms.last_view;
        for (view, long) in views.iter_mut().zip(parts.long.chunks_exact(width)) {
            let of_view = dot(long, embedding);
            terms.long_term += of_view;
            *view += of_view;
        }
        for (view, from) in views.iter_mut().rev().zip(parts.from.chunks_exact(width)) {
            let of_view = dot(from, to);
            terms.transitions += of_view;
            *view += of_view;
        }
        terms
    }

    fn repeats(&self, history: &RankingHistory, item: u32, views: &mut [f32]) -> f32 {
        let by_age = self.weights.age[usize::from(history.kept.age)];
        let mut sum = 0.0;
        let positions = history.kept.items.iter().zip(views).rev().zip(&self.weights.distance);
        for ((_, view), by_distance) in positions.filter(|((viewed, _), _)| **viewed == item) {
            *view += by_distance + by_age;
            sum += by_distance + by_age;
        }
        sum
    }

    /// A logarithm of a sum: each view has as much of it as of the sum.
    fn cooccurrence(&self, history: &RankingHistory, item: u32, views: &mut [f32]) -> f32 {
        let Some(Cooccurrence { neighbours, items, weights, recent, scale }) = &self.weights.cooccurrence else {
            return 0.0;
        };
        let of_view = |(viewed, recent): (&u32, &f32)| {
            let row = *viewed as usize * neighbours..(*viewed as usize + usize::from(*viewed != 0)) * neighbours;
            let same = items[row.clone()].iter().zip(&weights[row]).filter(|(neighbour, _)| **neighbour == item);
            same.map(|(_, weight)| recent * weight).sum::<f32>()
        };
        let shares: Vec<f32> = history.kept.items.iter().rev().zip(recent).map(of_view).collect();
        let sum: f32 = shares.iter().sum();
        if sum <= 0.0 {
            return 0.0;
        }
        let term = scale * (1.0 + sum).ln();
        views.iter_mut().rev().zip(&shares).for_each(|(view, share)| *view += term * share / sum);
        term
    }
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}
