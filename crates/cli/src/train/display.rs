//! What a run shows while it goes on: a bar on a terminal, lines otherwise, and a line of metrics after each epoch.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use slirec_train::metrics::RankingMetrics;
use slirec_train::run::EpochMetrics;
use slirec_train::trainer::TrainEvent;

use crate::{output, progress};

/// Shows the events of a run.
pub(crate) struct Display {
    bar: ProgressBar,
    lines: progress::Lines,
    epochs: usize,
    epoch: usize,
    rows: u64,
    done: u64,
    /// Rows that were done before this process began.
    before: u64,
    recent_loss: f32,
    started: Instant,
    evaluating: Option<progress::Step>,
    /// Lines of metrics go to standard error: standard output is for what comes of all runs.
    aside: bool,
}

impl Display {
    pub(crate) fn new(epochs: usize) -> Self {
        Self {
            bar: ProgressBar::hidden(),
            lines: progress::Lines::new(),
            epochs,
            epoch: 0,
            rows: 0,
            done: 0,
            before: 0,
            recent_loss: 0.0,
            started: Instant::now(),
            evaluating: None,
            aside: false,
        }
    }

    /// For one of several runs, whose metrics are progress only.
    pub(crate) fn aside(epochs: usize) -> Self {
        Self { aside: true, ..Self::new(epochs) }
    }

    pub(crate) fn show(&mut self, event: &TrainEvent<'_>) {
        match event {
            TrainEvent::EpochStarts { epoch, rows, done } => {
                (self.epoch, self.rows, self.done, self.before) = (*epoch, *rows as u64, *done as u64, *done as u64);
                self.started = Instant::now();
                self.bar = progress::bar(self.rows, "examples").with_position(self.done);
            }
            TrainEvent::Step { loss, positives } => {
                self.done += *positives as u64;
                self.recent_loss = if self.recent_loss == 0.0 { *loss } else { 0.9 * self.recent_loss + 0.1 * loss };
                self.bar.set_message(format!("epoch {}/{} loss {:.4}", self.epoch, self.epochs, self.recent_loss));
                self.bar.set_position(self.done);
                let line = self.line();
                self.lines.print(|| line);
            }
            TrainEvent::Evaluating { rows } => {
                self.bar.finish_and_clear();
                // On a terminal only: without one, the line of metrics follows soon enough.
                self.evaluating = progress::step_on_terminal(format!("measuring on {rows} validation rows"));
            }
            TrainEvent::Evaluated { metrics, best } => {
                self.evaluating = None;
                let loss = metrics.loss.map_or_else(|| "       ".to_owned(), |loss| format!("{loss:7.4}"));
                let mark = if *best { " *" } else { "" };
                let line = format!("epoch {:>3} loss {loss} valid {}{mark}", metrics.epoch, figures(metrics));
                if self.aside {
                    note!("{line}");
                } else {
                    // Training goes on when the reader has closed.
                    let _ = output::print(line);
                }
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        self.bar.finish_and_clear();
        self.evaluating = None;
    }

    fn line(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = (self.done - self.before) as f64 / seconds.max(1e-3);
        let left = Duration::from_secs(((self.rows - self.done.min(self.rows)) as f64 / rate.max(1e-3)) as u64);
        format!(
            "epoch {}/{}: {} of {} examples, loss {:.4}, {rate:.0} examples/s, {} left in this epoch",
            self.epoch,
            self.epochs,
            self.done,
            self.rows,
            self.recent_loss,
            humantime::format_duration(left)
        )
    }
}

/// Where all items were ranked, what came of it, and little of the sampled negatives, which overrate a network.
fn figures(metrics: &EpochMetrics) -> String {
    let mut by_name = metrics.valid.by_name();
    by_name.extend(metrics.ranking.iter().flat_map(RankingMetrics::by_name));
    let names: &[&str] = match metrics.ranking {
        Some(_) => &["ndcg@10", "hr@10", "mrr", "coverage@10", "group_auc"],
        None => &["auc", "logloss", "mean_mrr", "ndcg@2", "ndcg@4", "ndcg@6", "group_auc"],
    };
    let figures = names.iter().filter_map(|name| Some(format!("{name} {:.4}", by_name.get(*name)?)));
    figures.collect::<Vec<_>>().join(" ")
}
