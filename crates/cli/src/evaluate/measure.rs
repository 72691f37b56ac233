//! Measuring one scorer: it enters with groups and candidates; its metrics leave, and on the way how long it will take.
//! The metrics of several scorers become a table.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use slirec_train::analysis::Measured;
use slirec_train::dataset::evaluation::{Candidate, EvaluationGroup};
use slirec_train::evaluation::{Scorer, evaluate_ranking, evaluate_sampled};

use crate::progress;

/// Which rows were measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Measurement<'a> {
    /// Name of the split or file.
    #[serde(rename = "rows")]
    pub(crate) set: &'a str,
    /// Rows that there are.
    #[serde(rename = "all_rows")]
    pub(crate) rows: usize,
    /// Rows that were measured.
    pub(crate) groups: usize,
    /// Seed of the sample, where not all were.
    pub(crate) sample_seed: Option<u64>,
    /// Measured rows whose item training has not seen.
    pub(crate) unseen: usize,
    /// Items that were ranked.
    pub(crate) candidates: usize,
}

/// Rows before the first estimate: the very first one is slower than the others.
const WARM_UP: usize = 1;
/// Rows that an estimate is made from, if they take long enough to be measured.
const ESTIMATED_FROM: usize = 10;
const MEASURABLE: Duration = Duration::from_millis(200);

/// Says once how long ranking will take, by the time of the first rows.
struct Estimate {
    total: usize,
    started: Option<Instant>,
    told: bool,
}

impl Estimate {
    fn new(total: usize) -> Self {
        Self { total, started: None, told: false }
    }

    /// `done` rows are ranked: the estimate for all of them, once.
    fn after(&mut self, done: usize) -> Option<Duration> {
        if done <= WARM_UP {
            self.started = Some(Instant::now());
            return None;
        }
        let elapsed = self.started.filter(|_| !self.told)?.elapsed();
        let measured = done - WARM_UP;
        if measured < ESTIMATED_FROM && elapsed < MEASURABLE && done < self.total {
            return None;
        }
        self.told = true;
        Some(elapsed.mul_f64(self.total as f64 / measured as f64))
    }
}

/// Measures a scorer on groups and over all candidates; says how long it will take and how far it is.
pub(super) fn measure(
    name: &'static str,
    scorer: &mut dyn Scorer,
    groups: &[EvaluationGroup],
    candidates: &[Candidate],
) -> Result<Measured> {
    let total = groups.len();
    let step = progress::step(format!("scoring {total} groups by {name}"));
    let sampled = evaluate_sampled(scorer, groups).map_err(anyhow::Error::from_boxed)?;
    drop(step);
    let bar = progress::bar(total as u64, "histories").with_message(format!("ranking by {name}"));
    let mut lines = progress::Lines::new();
    let mut estimate = Estimate::new(total);
    let ranking = evaluate_ranking(scorer, groups, candidates, &mut |done| {
        bar.set_position(done as u64);
        if let Some(takes) = estimate.after(done) {
            let (seconds, items) = (takes.as_secs_f64(), candidates.len());
            bar.suspend(|| note!("ranking {total} histories over {items} items by {name} takes about {seconds:.0} s"));
        }
        lines.print(|| format!("ranking by {name}: {done} of {total} histories"));
    });
    bar.finish_and_clear();
    Ok(Measured { name: name.to_owned(), sampled, ranking: ranking.map_err(anyhow::Error::from_boxed)? })
}

/// Metrics as a table, a line each scorer.
pub(crate) fn table(measurement: &Measurement<'_>, results: &[Measured]) -> String {
    let sampled = ["auc", "logloss", "mean_mrr", "ndcg@2", "ndcg@4", "ndcg@6", "group_auc"];
    let ranking = ["hr@10", "ndcg@10", "mrr", "coverage@10"];
    let heads: String = sampled.iter().chain(&ranking).map(|name| format!("{name:>12}")).collect();
    let Measurement { set, rows, groups, sample_seed, unseen, candidates } = measurement;
    let mut lines = vec![format!("{groups} groups of {set}, full ranking over {candidates} candidates")];
    if let Some(seed) = sample_seed {
        lines.push(format!("a sample of {rows} rows, drawn with seed {seed}"));
    }
    if *unseen > 0 {
        lines.push(format!("{unseen} of them have an item that was never seen in training and count as not found"));
    }
    lines.push(format!("{:<14}{heads}", ""));
    for Measured { name, sampled: on_negatives, ranking: on_all } in results {
        let (on_negatives, on_all) = (on_negatives.by_name(), on_all.by_name());
        let figures = sampled.iter().map(|name| on_negatives.get(*name));
        let figures = figures.chain(ranking.iter().map(|name| on_all.get(*name)));
        let cells =
            figures.map(|figure| figure.map_or_else(|| format!("{:>12}", "-"), |value| format!("{value:>12.4}")));
        lines.push(format!("{name:<14}{}", cells.collect::<String>()));
    }
    lines.join("\n")
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
    }
}
