//! EASE (Steck 2019): which users viewed which items enters; a linear model that predicts each item from the others leaves,
//! and its scores for the last views of a history.

use std::sync::Arc;

use rayon::prelude::*;

use super::TIE;
use super::counted::{Counted, recent};
use super::inverse::invert;
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::Baseline;

/// More items than this would take too much memory and time: their square is stored, their cube computed.
pub(super) const MOST_ITEMS: usize = 8_000;

/// Weights from item to item `[items, items]`.
pub(super) struct Weights {
    values: Vec<f32>,
    items: usize,
}

impl Weights {
    /// Solves for the weights with this regularisation: `B = -P / diag(P)` with a diagonal of 0, `P = (XᵀX + λ)⁻¹`.
    pub(super) fn of(counted: &Counted, regularisation: f32) -> Self {
        let items = counted.item_count();
        let mut values = together(counted, items);
        values.iter_mut().step_by(items + 1).for_each(|value| *value += regularisation);
        invert(&mut values, items);
        let diagonal: Vec<f32> = values.iter().step_by(items + 1).copied().collect();
        values.par_chunks_mut(items.max(1)).enumerate().for_each(|(row, values)| {
            for (value, own) in values.iter_mut().zip(&diagonal) {
                *value /= -own;
            }
            if let Some(value) = values.get_mut(row) {
                *value = 0.0;
            }
        });
        Self { values, items }
    }
}

/// How many users viewed both of two items.
fn together(counted: &Counted, items: usize) -> Vec<f32> {
    let user_of = counted.user_of();
    let sets: Vec<Vec<u32>> = counted
        .users
        .par_iter()
        .map(|user| {
            let mut set = counted.items.get(user.clone()).unwrap_or_default().to_vec();
            set.sort_unstable();
            set.dedup();
            set
        })
        .collect();
    let mut values = vec![0.0; items * items];
    values.par_chunks_mut(items.max(1)).enumerate().for_each(|(row, values)| {
        let mut before = None;
        for user in counted.positions(row + 1).iter().filter_map(|position| user_of.get(*position as usize)) {
            // Positions rise, so that those of a user stand beside each other.
            if before.replace(user) == Some(user) {
                continue;
            }
            for item in sets.get(*user as usize).into_iter().flatten() {
                if let Some(value) = (*item as usize).checked_sub(1).and_then(|column| values.get_mut(column)) {
                    *value += 1.0;
                }
            }
        }
    });
    values
}

/// Scores by the weights of the last views.
pub(super) struct Ease {
    pub(super) counted: Arc<Counted>,
    pub(super) weights: Arc<Weights>,
    pub(super) last: usize,
    pub(super) decay: f64,
}

impl Baseline for Ease {
    fn score_all(&self, group: &EvaluationGroup, out: &mut [f64]) {
        for (out, share) in out.iter_mut().zip(&self.counted.share_of_top) {
            *out = 1e-3 * TIE * share;
        }
        let Weights { values, items } = &*self.weights;
        let Some((_, out)) = out.split_first_mut() else { return };
        for (item, weight) in recent(&group.history_items, self.last, self.decay) {
            let row = item.checked_sub(1).and_then(|row| values.get(row * items..(row + 1) * items));
            for (out, value) in out.iter_mut().zip(row.unwrap_or_default()) {
                *out += weight * f64::from(*value);
            }
        }
    }
}
