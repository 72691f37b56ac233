//! `slirec prepare`: an interactions file, or a directory of Parquet files, enters; a dataset directory leaves.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use slirec_connect::user_table;
use slirec_core::event::Event;
use slirec_core::timestamp::DAY;
use slirec_core::vocabulary::UserKind;
use slirec_train::dataset::Division;
use slirec_train::dataset::findings::Findings;
use slirec_train::dataset::prepare::{PrepareOptions, PrepareReport, prepare};
use slirec_train::dataset::users::UserAttributes;

use crate::inspect::utc;
use crate::{output, progress};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// The last interaction of every user is the test row, the one before it the validation row
    Last,
    /// Everything before one moment is known; the first interaction of a user from then on is the test row, the last one
    /// before it the validation row. Users with fewer than two interactions before it are left out
    Time,
}

/// Split interactions for training and evaluation
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Interactions: label, user, item, timestamp, category, perhaps weight and event, separated by tabs; gzip is recognised, - is standard
    /// input. Or Parquet, a file or a directory, with columns user, item, timestamp, category
    #[arg(long, value_name = "PATH")]
    interactions: PathBuf,
    /// Directory to write
    #[arg(long, value_name = "DIRECTORY")]
    output: PathBuf,
    /// What to keep from training
    #[arg(long, value_enum, default_value = "last")]
    split: SplitName,
    /// With --split time: the share of all interactions that lie before the moment; 0.9 unless it is given
    #[arg(long, value_name = "SHARE", value_parser = share)]
    split_share: Option<f64>,
    /// What happened where the interactions do not say it, such as purchases in a file of orders
    #[arg(long, default_value = "view", value_parser = event())]
    event: Event,
    /// Seed of the negatives
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Keep the file's order within a user instead of ordering by time; equal times keep the file's order anyway
    #[arg(long)]
    keep_order: bool,
    /// Leave out lines that cannot be read, and report them, instead of stopping
    #[arg(long)]
    skip_bad_lines: bool,
    /// Leave out users with fewer interactions: those with fewer than 4 give no training row
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    min_interactions: NonZeroUsize,
    /// Also write the original's expanded files into this directory
    #[arg(long, value_name = "DIRECTORY")]
    export_original: Option<PathBuf>,
    /// Negatives of each validation row
    #[arg(long, value_name = "NUMBER", default_value = "4")]
    valid_negatives: NonZeroUsize,
    /// Negatives of each test row
    #[arg(long, value_name = "NUMBER", default_value = "9")]
    test_negatives: NonZeroUsize,
    /// Table of users, whose attributes models may read: CSV, TSV, JSON lines or Parquet with a column `user`, which has the
    /// names of the interactions; all other columns are attributes, a text, a number or a list of texts each. Compressed or
    /// not
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Replace an earlier dataset
    #[arg(long)]
    force: bool,
}

/// Reads the name of an event.
fn event() -> impl TypedValueParser<Value = Event> {
    PossibleValuesParser::new(Event::ALL.map(Event::name)).try_map(|name| Event::of_name(&name).ok_or("no event"))
}

/// The share of the interactions before the moment of `--split time`.
const SPLIT_SHARE: f64 = 0.9;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let by_time = arguments.split == SplitName::Time;
    ensure!(by_time || arguments.split_share.is_none(), "--split-share is the share before the moment of --split time");
    let options = PrepareOptions {
        interactions: arguments.interactions.clone(),
        output: arguments.output.clone(),
        event: arguments.event,
        seed: arguments.seed,
        time_share: by_time.then_some(arguments.split_share.unwrap_or(SPLIT_SHARE)),
        keep_order: arguments.keep_order,
        skip_bad_lines: arguments.skip_bad_lines,
        min_interactions: arguments.min_interactions,
        export_original: arguments.export_original.clone(),
        replace: arguments.force,
        valid_negatives: arguments.valid_negatives,
        test_negatives: arguments.test_negatives,
        users: arguments.users.as_deref().map(user_table::read).transpose()?,
    };
    let mut counter = progress::Counter::new("interactions");
    let report = read(&options, &mut |step, done| counter.set(step, done))?;
    counter.finish();
    tell(&arguments.output, &report)
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| "expected a number between 0 and 1".to_owned())
}

/// A summary on standard output, warnings on standard error.
fn tell(directory: &Path, report: &PrepareReport) -> Result<()> {
    let manifest = &report.manifest;
    output::print(format!(
        "{}: {} interactions of {} users with {} items in {} categories",
        directory.display(),
        manifest.interactions,
        manifest.users,
        manifest.items,
        manifest.categories
    ))?;
    if let Some(events) = &manifest.events {
        output::print(format!("events: {events}"))?;
    }
    let rows = &manifest.rows;
    output::print(format!("rows: {} train, {} valid, {} test", rows.train, rows.valid, rows.test))?;
    if let Division::Time { share, cut } = manifest.split {
        output::print(format!("cut at {}: {:.1} % of the interactions lie before it", utc(cut), 100.0 * share))?;
    }
    if let Some(found) = &manifest.findings {
        let (read, bad) = (found.rows_read, manifest.skipped_lines);
        let mut parts = vec![format!("{} interactions", manifest.interactions), format!("{bad} bad lines")];
        if found.short_users > 0 || found.min_interactions > 1 {
            let Findings { min_interactions, short_users, short_user_interactions, .. } = found;
            let or_cut = if manifest.split == Division::Last { "" } else { ", or than 2 before the cut" };
            parts.push(format!(
                "{short_user_interactions} of {short_users} users with fewer than {min_interactions} interactions{or_cut}"
            ));
        }
        output::print(format!("read: {read} rows = {}", parts.join(" + ")))?;
    }
    if let Some(users) = &manifest.user_attributes {
        output::print(told_of_users(manifest.users, users))?;
    }
    let (first, last) = (manifest.first_time, manifest.last_time);
    output::print(format!("times: {} to {} ({:.1} days)", utc(first), utc(last), (last - first) / DAY))?;
    if manifest.skipped_lines > 0 {
        output::print(format!("{} lines were left out:", manifest.skipped_lines))?;
        for line in &report.skipped {
            output::print(format!("  {}", output::printable(line)))?;
        }
        if manifest.skipped_lines > report.skipped.len() as u64 {
            output::print("  …")?;
        }
        output::warn(format!("{} lines were left out because they could not be read", manifest.skipped_lines));
    }
    manifest.warnings().iter().for_each(output::warn);
    let tomorrow = SystemTime::now().duration_since(UNIX_EPOCH).map_or(f64::INFINITY, |now| now.as_secs_f64() + DAY);
    if last > tomorrow {
        output::warn(format!("the last interaction lies in the future, at {}", utc(last)));
    }
    Ok(())
}

/// How much is known of the users.
fn told_of_users(users: u64, found: &UserAttributes) -> String {
    let UserAttributes { features, known, described, without_interactions, repeated, .. } = found;
    let of = features.iter().zip(known).map(|(feature, known)| {
        let (values, kind) =
            (feature.rows() - 1, if feature.kind() == UserKind::Number { "buckets" } else { "values" });
        format!("{} of {known} users in {values} {kind}", feature.name)
    });
    let of: Vec<String> = of.collect();
    let others = match (without_interactions, repeated) {
        (0, 0) => String::new(),
        _ => format!(" ({without_interactions} more without interactions, {repeated} repeated rows)"),
    };
    format!("users: {described} of {users} described{others}: {}", of.join(", "))
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
