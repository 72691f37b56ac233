//! Interactions become a dataset: ordered by user, split, given ids, with negatives for evaluation.
//!
//! Three passes, each streaming: the file is read and sorted into runs (`collect`), the sorted records are counted
//! (`count`), the ids are written (`write`). In memory are the names and one run, never the interactions (see
//! `docs/FORMATS.md` for measured peaks).

mod collect;
mod count;
mod ids;
mod tables;
mod write;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use slirec_core::event::Event;
use slirec_core::files::{self, StagedDirectory};
use slirec_core::interactions::{InteractionReader, InteractionSource};
use slirec_core::user_table::UserTable;

use super::findings::{Findings, LEAST_TO_TRAIN};
use super::original::OriginalFiles;
use super::{
    BY_TIME, DatasetError, EVALUATION, FORMAT, IN_FILE_ORDER, INTERACTIONS, MANIFEST, Manifest, VOCABULARY, users,
};
use collect::{Collected, collect};
use count::{Counts, build_vocabulary, count, divide};
use ids::Ids;
use write::{Written, write_columns};

/// How to prepare.
#[derive(Debug, Clone)]
pub struct PrepareOptions {
    /// The interactions file; gzip is recognised, `-` is standard input.
    pub interactions: PathBuf,
    /// The dataset directory.
    pub output: PathBuf,
    /// What happened where the interactions do not say it.
    pub event: Event,
    /// Seed of the negatives.
    pub seed: u64,
    /// Divide by one moment, before which this share of the interactions lies, instead of leaving the last ones out.
    pub time_share: Option<f64>,
    /// Keep the file's order within a user instead of ordering by time; not with a division by time.
    pub keep_order: bool,
    /// Leave out lines that cannot be read instead of stopping.
    pub skip_bad_lines: bool,
    /// Leave out users with fewer interactions.
    pub min_interactions: NonZeroUsize,
    /// Also write the original's expanded files into this directory.
    pub export_original: Option<PathBuf>,
    /// Replace an earlier dataset.
    pub replace: bool,
    /// Negatives of each validation row.
    pub valid_negatives: NonZeroUsize,
    /// Negatives of each test row.
    pub test_negatives: NonZeroUsize,
    /// What is known of the users.
    pub users: Option<UserTable>,
}

impl PrepareOptions {
    /// As `slirec prepare` does without further flags, but with one negative a row.
    pub fn new(interactions: PathBuf, output: PathBuf) -> Self {
        let one = NonZeroUsize::MIN;
        Self {
            interactions,
            output,
            event: Event::View,
            seed: 42,
            time_share: None,
            keep_order: false,
            skip_bad_lines: false,
            min_interactions: one,
            export_original: None,
            replace: false,
            valid_negatives: one,
            test_negatives: one,
            users: None,
        }
    }
}

/// What happened besides the dataset.
#[derive(Debug)]
pub struct PrepareReport {
    /// The dataset's manifest.
    pub manifest: Manifest,
    /// The first lines that were left out.
    pub skipped: Vec<String>,
}

/// Prepares a dataset of the interactions file. `progress` is called with a step's name and the interactions done so far.
///
/// # Errors
/// [`DatasetError`]; the output directory then does not exist.
pub fn prepare(
    options: &PrepareOptions,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<PrepareReport, DatasetError> {
    let mut reader = InteractionReader::new(files::open_text(&options.interactions)?);
    prepare_from(options, &mut reader, progress)
}

/// Prepares a dataset of interactions from elsewhere; the path in the options only names them in errors.
///
/// # Errors
/// [`DatasetError`]; the output directory then does not exist.
pub fn prepare_from(
    options: &PrepareOptions,
    source: &mut dyn InteractionSource,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<PrepareReport, DatasetError> {
    if options.time_share.is_some() && options.keep_order {
        let problem = "cannot be divided by time in the file's order: expected one of the two".to_owned();
        return Err(DatasetError::Invalid { path: options.interactions.clone(), problem });
    }
    let staged = StagedDirectory::create(&options.output, MANIFEST, options.replace)?;
    let export = options.export_original.as_deref().map(|directory| OriginalFiles::create(directory, options.replace));
    let export = export.transpose()?;
    let mut collected = collect(options, source, staged.path(), progress)?;
    let split = divide(&mut collected, options)?;
    let counts = count(&mut collected, options.min_interactions.get(), split)?;
    let invalid = |problem| DatasetError::Invalid { path: options.interactions.clone(), problem };
    check(options, &collected, &counts).map_err(invalid)?;
    let vocabulary = build_vocabulary(&collected, &counts).map_err(invalid)?;
    vocabulary.write(&staged.path().join(VOCABULARY))?;
    let ids = Ids::of(&collected, &counts, &vocabulary);
    let written = write_columns(options, staged.path(), &mut collected, (&counts, split), &ids, export, progress)?;
    let user_attributes =
        options.users.as_ref().map(|table| users::write(staged.path(), table, counts.users)).transpose()?;
    let hash = |name: &str| files::sha256_of_file(&staged.path().join(name));
    let (first_time, last_time) = counts.times;
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        interactions: counts.interactions,
        users: counts.users,
        items: counts.training_items.len(),
        categories: counts.training_categories.len(),
        findings: Some(findings(options, &collected, &counts, &written)),
        split,
        rows: written.rows,
        events: written.events,
        valid_negatives: options.valid_negatives.get(),
        test_negatives: options.test_negatives.get(),
        seed: options.seed,
        order: if options.keep_order { IN_FILE_ORDER } else { BY_TIME }.to_owned(),
        first_time,
        last_time,
        skipped_lines: collected.skipped_lines,
        interactions_sha256: hash(INTERACTIONS)?,
        evaluation_sha256: hash(EVALUATION)?,
        vocabulary_sha256: hash(VOCABULARY)?,
        user_attributes,
    };
    files::write_json(&staged.path().join(MANIFEST), &manifest)?;
    staged.commit()?;
    Ok(PrepareReport { manifest, skipped: collected.skipped })
}

fn findings(options: &PrepareOptions, collected: &Collected, counts: &Counts, written: &Written) -> Findings {
    Findings {
        rows_read: collected.total + collected.skipped_lines,
        // A number of interactions in memory fits 64 bits.
        min_interactions: options.min_interactions.get() as u64,
        short_users: counts.short_users,
        short_user_interactions: collected.total - counts.interactions,
        users_without_training_rows: counts.users_without_training_rows,
        interactions_without_training_rows: counts.interactions_without_training_rows,
        before_1995: counts.before_1995,
        ..written.findings.clone()
    }
}

/// Says why data cannot teach anything.
fn check(options: &PrepareOptions, collected: &Collected, counts: &Counts) -> Result<(), String> {
    if collected.total == 0 {
        let bad = match collected.skipped_lines {
            0 => String::new(),
            lines => format!(": none of its {lines} lines could be read"),
        };
        return Err(format!("holds no interactions{bad}"));
    }
    if counts.training_rows == 0 {
        let at_least = match options.time_share {
            None => format!("{LEAST_TO_TRAIN} interactions"),
            Some(_) => "3 interactions before the cut".to_owned(),
        };
        return Err(format!(
            "has {} interactions of {} users but no training rows: expected a user with at least {at_least}",
            collected.total,
            collected.users.len()
        ));
    }
    if counts.users == 1 {
        return Err("has the interactions of one user only: expected more, to learn what shoppers share".to_owned());
    }
    let items = counts.item_rows.iter().filter(|rows| **rows > 0).count();
    let needed = options.valid_negatives.max(options.test_negatives).get().saturating_add(1);
    if items < needed {
        return Err(format!(
            "has {items} different items: expected at least {needed}, to draw {} negatives beside a positive",
            needed - 1
        ));
    }
    Ok(())
}
