//! Co-occurrence: training histories enter; what was viewed soon after the last views of a history leaves, as scores.

use std::sync::Arc;

use slirec_core::vocabulary::DEFAULT_ID;

use super::counted::{Counted, recent};
use super::sparse::Sparse;
use crate::dataset::Dataset;
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::Baseline;

/// What a view counts for the next but one, relative to the next.
const DISTANCE_DECAY: f64 = 0.8;

/// How often each item stands behind each other, at most `window` views later; symmetric: or before it.
pub(super) fn successors(counted: &Counted, window: usize, symmetric: bool) -> Sparse {
    let user_of = counted.user_of();
    Sparse::square(counted.rows, |item, sums| {
        for position in counted.positions(item) {
            let position = *position as usize;
            let user = user_of.get(position).and_then(|user| counted.users.get(*user as usize));
            let Some(user) = user else { continue };
            let after = counted.items.get(position + 1..user.end).unwrap_or_default().iter();
            let before = counted.items.get(user.start..position).unwrap_or_default().iter().rev();
            let before = before.take(if symmetric { window } else { 0 });
            for views in [&mut after.take(window) as &mut dyn Iterator<Item = &u32>, &mut before.into_iter()] {
                let mut weight = 1.0;
                for other in views {
                    sums.add(*other, weight);
                    weight *= DISTANCE_DECAY;
                }
            }
        }
    })
}

/// The items that are viewed soon after each item, at most `each` of them, most often first, each with its share of what
/// was viewed there; `norm` counts as much that was not.
pub(crate) struct NextItems {
    /// Ids, 0 for none, `[items, each]`.
    pub(crate) items: Vec<u32>,
    /// Shares, `[items, each]`.
    pub(crate) shares: Vec<f32>,
}

/// The training interactions of a dataset, to count next items of.
pub(crate) struct NextItemCounts(Counted);

impl NextItemCounts {
    /// Gathers the training interactions.
    pub(crate) fn of(dataset: &Dataset) -> Self {
        Self(Counted::of(dataset))
    }

    /// Counts views at most `window` apart; symmetric: those before an item too.
    pub(crate) fn next_items(&self, (window, symmetric): (usize, bool), norm: f64, each: usize) -> NextItems {
        let Self(counted) = self;
        let successors = successors(counted, window, symmetric);
        let (mut items, mut shares) = (vec![0; counted.rows * each], vec![0.0; counted.rows * each]);
        let rows = items.chunks_exact_mut(each).zip(shares.chunks_exact_mut(each));
        for (item, (items, shares)) in rows.enumerate().skip(1) {
            let mut next: Vec<(u32, f32)> = successors.row(item).filter(|(other, _)| *other != DEFAULT_ID).collect();
            next.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
            let total = successors.sum(item) + norm;
            for ((id, share), (other, count)) in items.iter_mut().zip(shares).zip(next) {
                (*id, *share) = (other, (f64::from(count) / total) as f32);
            }
        }
        NextItems { items, shares }
    }
}

/// Scores by how often an item followed the last one.
pub(super) struct LastItem {
    pub(super) counted: Arc<Counted>,
    pub(super) successors: Sparse,
}

impl Baseline for LastItem {
    fn score_all(&self, group: &EvaluationGroup, out: &mut [f64]) {
        // Popularity below one whole count only decides between equal counts.
        out.copy_from_slice(&self.counted.share_of_top);
        if let Some(last) = group.history_items.last() {
            self.successors.add_row(*last as usize, 1.0, out);
        }
    }
}

/// Scores by what followed each of the last views, the older ones for less.
pub(super) struct Transitions {
    pub(super) counted: Arc<Counted>,
    pub(super) successors: Arc<Sparse>,
    pub(super) last: usize,
    pub(super) decay: f64,
    /// Rows are divided by their sums and this much; none: they are not divided.
    pub(super) norm: Option<f64>,
}

impl Baseline for Transitions {
    fn score_all(&self, group: &EvaluationGroup, out: &mut [f64]) {
        let scale = if self.norm.is_some() { 1e-4 } else { 1e-2 };
        for (out, share) in out.iter_mut().zip(&self.counted.share_of_top) {
            *out = scale * share;
        }
        for (item, weight) in recent(&group.history_items, self.last, self.decay) {
            let weight = self.norm.map_or(weight, |norm| weight / (self.successors.sum(item) + norm));
            self.successors.add_row(item, weight, out);
        }
    }
}
