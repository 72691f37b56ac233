//! A run: its directory enters, in any state; its settings, its metrics by epoch and its weights leave.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use slirec_train::hyperparameters::Hyperparameters;
use slirec_train::metrics::RankingMetrics;
use slirec_train::run::{Checkpoint, EpochMetrics, RunRecord, RunState, RunSummary};

use super::page::{Page, number};
use super::times::utc;
use super::{hyperparameters, times};

/// What a run holds.
#[derive(Debug, Serialize)]
pub(crate) struct RunContents {
    record: RunRecord,
    last_time_utc: String,
    items: usize,
    categories: usize,
    hyperparameters: Hyperparameters,
    metrics: Vec<EpochMetrics>,
    checkpoints: Vec<Checkpoint>,
}

impl RunContents {
    pub(crate) fn read(directory: &Path) -> Result<Self> {
        let RunSummary { record, hyperparameters, vocabulary, metrics, checkpoints } = RunSummary::read(directory)?;
        Ok(Self {
            last_time_utc: times::utc(record.last_time),
            items: vocabulary.items().len(),
            categories: vocabulary.features().first().map_or(0, |feature| feature.values.len()),
            record,
            hyperparameters,
            metrics,
            checkpoints,
        })
    }

    pub(crate) fn show(&self, page: &mut Page) {
        let record = &self.record;
        let state = match record.state {
            RunState::Running => "running: not over, or killed; nothing evaluates or exports it",
            RunState::Interrupted => "interrupted: stopped early, its best weights can be used",
            RunState::Diverged => "diverged: given up, its best weights before that can be used",
            RunState::Finished => "finished",
        };
        page.field("state", state);
        page.field("epochs", format!("{} of {}", record.epochs, self.hyperparameters.training.epochs));
        let best = self.metrics.iter().find(|metrics| metrics.epoch == record.best_epoch);
        let best = match best.and_then(|best| best.ranking.as_ref()) {
            Some(ranking) => format!("ndcg@10 {:.4}", ranking.ndcg_10),
            None => format!("group_auc {:.4}", record.best_group_auc),
        };
        page.field("best epoch", format!("{}, {best}", record.best_epoch));
        page.field("seed", record.seed);
        page.field("training rows", number(record.train_rows));
        page.field("interactions", format!("{}, until {}", number(record.interactions), utc(record.last_time)));
        page.field("items", number(self.items as u64));
        page.field("categories", number(self.categories as u64));
        page.field("dataset", format!("SHA-256 {}", record.dataset_sha256));
        for Checkpoint { name, bytes, values, problem } in &self.checkpoints {
            let problem = problem.as_ref().map(|problem| format!(": cannot be used, {problem}")).unwrap_or_default();
            let size = format!("{} values, {} bytes{problem}", number(*values as u64), number(*bytes));
            page.field(name, size);
        }
        if !self.metrics.is_empty() {
            page.heading("Validation metrics by epoch (0: untrained; *: best)");
            let names =
                ["ndcg@10", "hr@10", "mrr", "auc", "logloss", "mean_mrr", "ndcg@2", "ndcg@4", "ndcg@6", "group_auc"];
            let cells = |metrics: &EpochMetrics| {
                let mut by_name = metrics.valid.by_name();
                by_name.extend(metrics.ranking.iter().flat_map(RankingMetrics::by_name));
                let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
                let mut row = vec![metrics.epoch.to_string(), metrics.steps.to_string(), figure(metrics.loss)];
                row.extend(names.iter().map(|name| figure(by_name.get(*name).copied())));
                row.push(if metrics.epoch == record.best_epoch { "*" } else { "" }.to_owned());
                row
            };
            let columns = [&["epoch", "steps", "loss"], &names[..], &[""]].concat();
            page.table(&columns, &self.metrics.iter().map(cells).collect::<Vec<_>>());
        }
        hyperparameters::show(page, &self.hyperparameters);
    }
}
