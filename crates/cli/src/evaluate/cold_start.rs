//! `slirec evaluate --cold`: a run, its dataset and the catalogue enter; metrics of products that a network was trained
//! without leave, as a table or JSON.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use slirec_core::catalog::Catalog;
use slirec_train::analysis::Interval;
use slirec_train::cold_start::{self, ColdOptions, ColdStart};
use slirec_train::dataset::Dataset;
use slirec_train::run::RunSummary;

use super::scratch::Scratch;
use crate::output;
use crate::train::{Display, stop_on_interrupt};

/// Products or rows below which figures say little.
const FEW: usize = 50;

/// What `slirec evaluate --cold` measures.
pub(super) struct Cold<'a> {
    pub(super) run: &'a Path,
    pub(super) dataset: &'a Path,
    pub(super) catalog: &'a Path,
    pub(super) share: f64,
    pub(super) seed: u64,
    pub(super) json: bool,
}

pub(super) fn run(cold: &Cold<'_>) -> Result<()> {
    let trained = RunSummary::read(cold.run)?;
    let dataset = Dataset::read(cold.dataset)?;
    let (of_run, given) = (&trained.record.dataset_sha256, &dataset.sha256);
    ensure!(of_run == given, "the run was trained on dataset {of_run}: found {given}");
    let dataset = dataset.with_user_features(&trained.hyperparameters.model.user_features)?;
    let catalog = Catalog::read(cold.catalog).context("the catalogue cannot be used")?;
    let directory = Scratch::new()?;
    let interrupted = stop_on_interrupt()?;
    let options = ColdOptions {
        dataset: &dataset,
        catalog: &catalog,
        hyperparameters: &trained.hyperparameters,
        share: cold.share,
        seed: cold.seed,
        directory: directory.path(),
        interrupted: &interrupted,
    };
    let mut display = Display::aside(trained.hyperparameters.training.epochs);
    let measured = cold_start::measure(options, &mut |event| display.show(&event));
    display.finish();
    let measured = measured?;
    let ColdStart { held_out, rows, .. } = measured;
    if held_out < FEW || rows < FEW {
        output::warn(format!(
            "{held_out} products and {rows} rows say little: below {FEW}, most differences are chance"
        ));
    }
    if cold.json { output::print_json(&measured) } else { output::print(table(&measured)) }
}

fn table(found: &ColdStart) -> String {
    let ColdStart { held_out, trained_on, rows, measured } = found;
    let mut lines = vec![format!(
        "{held_out} products held out, {trained_on} trained on; {rows} rows, in which one of the former follows the latter"
    )];
    lines.push(format!("{:<30} {:>9} {:>20} {:>6}   {:>9} {:>20}", "", "NDCG@10", "95 %", "rank", "among new", "95 %"));
    let interval = |Interval { low, high }: Interval| format!("{low:.4} to {high:.4}");
    for one in measured {
        let (all, among) = (interval(one.interval), interval(one.among_interval));
        lines.push(format!(
            "{:<30} {:>9.4} {all:>20} {:>6.0}   {:>9.4} {among:>20}",
            one.by, one.ndcg_10, one.median_rank, one.among_held_out
        ));
    }
    lines.join("\n")
}
