//! Measuring a model beside the baselines: a scorer and rows enter; an analysis leaves, and on the way how long it will
//! take.

mod table;

use std::time::{Duration, Instant};

use anyhow::Result;
use slirec_train::analysis::{Analysis, Subject, analyse};
use slirec_train::baselines::{self, Fitted};
use slirec_train::dataset::Dataset;
use slirec_train::evaluation::{Scorer, Seen};

use crate::progress;
pub(crate) use table::table;

/// Rows before the first estimate: the very first ones are slower than the others.
const WARM_UP: usize = 1;
/// Rows that an estimate is made from, if they take long enough to be measured.
const ESTIMATED_FROM: usize = 10;
const MEASURABLE: Duration = Duration::from_millis(200);

/// Says once how long ranking will take, by the time of the first rows.
struct Estimate {
    total: usize,
    /// Rows that were done at a time.
    from: (usize, Instant),
    told: bool,
}

impl Estimate {
    fn new(total: usize) -> Self {
        Self { total, from: (0, Instant::now()), told: false }
    }

    /// `done` rows are ranked: the estimate for all of them, once.
    fn after(&mut self, done: usize) -> Option<Duration> {
        if self.told {
            return None;
        }
        if done <= WARM_UP && done < self.total {
            self.from = (done, Instant::now());
            return None;
        }
        let (measured, elapsed) = (done.saturating_sub(self.from.0), self.from.1.elapsed());
        if measured < ESTIMATED_FROM && elapsed < MEASURABLE && done < self.total {
            return None;
        }
        self.told = true;
        Some(elapsed.mul_f64(self.total as f64 / measured.max(1) as f64))
    }
}

/// The baselines of a dataset, with the options that its validation rows choose.
pub(crate) fn fit(dataset: &Dataset, seen: Seen) -> Result<Vec<Fitted>> {
    let bar = progress::bar(0, "").with_message("baselines");
    let mut lines = progress::Lines::new();
    let fitted = baselines::fit(dataset, seen, &mut |what| {
        bar.set_message(format!("baselines: {what}"));
        lines.print(|| format!("baselines: {what}"));
        Ok(())
    });
    bar.finish_and_clear();
    fitted.map_err(anyhow::Error::from_boxed)
}

/// Measures a model and baselines; says how long it will take and how far it is.
pub(crate) fn judge(model: &mut dyn Scorer, subject: &Subject<'_>, baselines: &[Fitted]) -> Result<Analysis> {
    let bar = progress::bar(subject.groups.len() as u64, "histories");
    let mut lines = progress::Lines::new();
    let mut estimate = Estimate::new(subject.groups.len());
    let analysis = analyse(model, subject, baselines, &mut |name, done, all| {
        bar.set_length(all as u64);
        bar.set_message(format!("ranking by {name}"));
        bar.set_position(done as u64);
        if let Some(takes) = estimate.after(done) {
            let (seconds, items) = (takes.as_secs_f64(), subject.vocabulary.items().len());
            bar.suspend(|| note!("ranking {all} histories over {items} items by {name} takes about {seconds:.0} s"));
        }
        lines.print(|| format!("ranking by {name}: {done} of {all} histories"));
        Ok(())
    });
    bar.finish_and_clear();
    analysis.map_err(anyhow::Error::from_boxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_estimated_once_from_the_first_rows() {
        let mut estimate = Estimate::new(1_000);
        let told: Vec<usize> = (1..=1_000).filter(|done| estimate.after(*done).is_some()).collect();
        assert_eq!(told.len(), 1);
        assert!(told[0] <= WARM_UP + ESTIMATED_FROM, "{told:?}");
        let mut few = Estimate::new(3);
        assert_eq!((1..=3).filter(|done| few.after(*done).is_some()).count(), 1);
        assert!(Estimate::new(5).after(5).is_some(), "all rows at once");
    }
}
