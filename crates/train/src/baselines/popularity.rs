//! Popularity: training interactions and the time of a prediction enter; how often each item was viewed before it leaves.

use std::sync::Arc;

use slirec_core::timestamp::DAY;

use super::TIE;
use super::counted::Counted;
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::Baseline;

/// Popularity over a time before the prediction.
pub(super) struct Popularity {
    pub(super) counted: Arc<Counted>,
    /// Days before the prediction; none for all of training.
    pub(super) days: Option<f64>,
}

impl Baseline for Popularity {
    fn score_all(&self, group: &EvaluationGroup, out: &mut [f64]) {
        let Some(days) = self.days else {
            out.copy_from_slice(&self.counted.popularity);
            return;
        };
        for (out, share) in out.iter_mut().zip(&self.counted.share_of_top) {
            *out = TIE * share;
        }
        let events = &self.counted.events;
        let end = self.counted.last_known.map_or(group.now, |known| group.now.min(known));
        let before = |time: f64| events.partition_point(|(event, _)| *event < time);
        for (_, item) in events.get(before(end - days * DAY)..before(end)).unwrap_or_default() {
            if let Some(out) = out.get_mut(*item as usize) {
                *out += 1.0;
            }
        }
    }
}
