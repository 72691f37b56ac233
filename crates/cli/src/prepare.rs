//! `slirec prepare`: an interactions file, or a directory of Parquet files, enters; a dataset directory leaves.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use slirec_train::dataset::prepare::{PrepareOptions, PrepareReport, prepare};

use crate::{output, progress};

/// Split interactions for training and evaluation
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Interactions: label, user, item, timestamp, category, separated by tabs; gzip is recognised, - is standard input. Or
    /// Parquet, a file or a directory, with columns user, item, timestamp, category
    #[arg(long, value_name = "PATH")]
    interactions: PathBuf,
    /// Directory to write
    #[arg(long, value_name = "DIRECTORY")]
    output: PathBuf,
    /// Seed of the negatives
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Keep the file's order within a user instead of ordering by time
    #[arg(long)]
    keep_order: bool,
    /// Leave out lines that cannot be read, and report them, instead of stopping
    #[arg(long)]
    skip_bad_lines: bool,
    /// Also write the original's expanded files into this directory
    #[arg(long, value_name = "DIRECTORY")]
    export_original: Option<PathBuf>,
    /// Negatives of each validation row
    #[arg(long, value_name = "NUMBER", default_value = "4")]
    valid_negatives: NonZeroUsize,
    /// Negatives of each test row
    #[arg(long, value_name = "NUMBER", default_value = "9")]
    test_negatives: NonZeroUsize,
    /// Replace an earlier dataset
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let options = PrepareOptions {
        interactions: arguments.interactions.clone(),
        output: arguments.output.clone(),
        seed: arguments.seed,
        keep_order: arguments.keep_order,
        skip_bad_lines: arguments.skip_bad_lines,
        export_original: arguments.export_original.clone(),
        replace: arguments.force,
        valid_negatives: arguments.valid_negatives,
        test_negatives: arguments.test_negatives,
    };
    let mut counter = progress::Counter::new("interactions");
    let report = read(&options, &mut |step, done| counter.set(step, done))?;
    counter.finish();
    let manifest = &report.manifest;
    output::print(format!(
        "{}: {} interactions of {} users with {} items in {} categories",
        arguments.output.display(),
        manifest.interactions,
        manifest.users,
        manifest.items,
        manifest.categories
    ))?;
    let rows = &manifest.rows;
    output::print(format!("rows: {} train, {} valid, {} test", rows.train, rows.valid, rows.test))?;
    if manifest.skipped_lines > 0 {
        output::print(format!("{} lines were left out:", manifest.skipped_lines))?;
        for line in &report.skipped {
            output::print(format!("  {}", output::printable(line)))?;
        }
        if manifest.skipped_lines > report.skipped.len() as u64 {
            output::print("  …")?;
        }
    }
    Ok(())
}

#[cfg(feature = "parquet")]
fn read(options: &PrepareOptions, progress: &mut dyn FnMut(&'static str, u64)) -> Result<PrepareReport> {
    use slirec_connect::partitions::{ParquetInteractions, is_parquet};
    use slirec_train::dataset::prepare::prepare_from;

    if is_parquet(&options.interactions) {
        let mut source = ParquetInteractions::open(&options.interactions)?;
        return Ok(prepare_from(options, &mut source, progress)?);
    }
    Ok(prepare(options, progress)?)
}

#[cfg(not(feature = "parquet"))]
fn read(options: &PrepareOptions, progress: &mut dyn FnMut(&'static str, u64)) -> Result<PrepareReport> {
    Ok(prepare(options, progress)?)
}
