//! Own frequency: a history enters; how often and how lately it holds each item leaves, as scores.

use std::sync::Arc;

use slirec_core::timestamp::DAY;

use super::TIE;
use super::counted::Counted;
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::Baseline;

/// What ages a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    Views,
    Days,
}

/// Scores by the shopper's own views, each halved with every half-life.
pub(super) struct OwnFrequency {
    pub(super) counted: Arc<Counted>,
    pub(super) half_life: f64,
    pub(super) age: Age,
}

impl Baseline for OwnFrequency {
    fn score_all(&self, group: &EvaluationGroup, out: &mut [f64]) {
        for (out, share) in out.iter_mut().zip(&self.counted.share_of_top) {
            *out = TIE * share;
        }
        let views = group.history_items.iter().zip(&group.history_times).rev();
        for (distance, (item, time)) in views.enumerate() {
            let age = match self.age {
                Age::Views => distance as f64,
                Age::Days => (group.now - time) / DAY,
            };
            if let Some(out) = out.get_mut(*item as usize) {
                *out += 0.5_f64.powf(age / self.half_life);
            }
        }
    }
}
