//! The first pass: interactions enter one by one; their names, and their records in order of users and times, leave.

use std::path::Path;

use slirec_core::interactions::{InteractionSource, ReadError};

use super::PrepareOptions;
use crate::dataset::DatasetError;
use crate::dataset::names::Names;
use crate::dataset::sort::{MOST_RUNS, RUN_LENGTH, Record, Sorted, Sorter};

/// How many skipped lines are kept for the report.
const SHOWN_SKIPPED: usize = 5;

/// Interactions between two calls of `progress`.
const PROGRESS_EVERY: u64 = 50_000;

/// Everything that the first pass learns.
pub(super) struct Collected {
    pub(super) users: Names,
    pub(super) items: Names,
    pub(super) categories: Names,
    /// Interactions that were read.
    pub(super) total: u64,
    pub(super) skipped_lines: u64,
    /// The first of them.
    pub(super) skipped: Vec<String>,
    pub(super) sorted: Sorted,
}

pub(super) fn collect(
    options: &PrepareOptions,
    source: &mut dyn InteractionSource,
    directory: &Path,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<Collected, DatasetError> {
    let path = &options.interactions;
    let mut sorter = Sorter::new(directory, !options.keep_order, RUN_LENGTH, MOST_RUNS);
    let (mut users, mut items, mut categories) = (Names::default(), Names::default(), Names::default());
    let (mut total, mut skipped_lines, mut skipped) = (0, 0, Vec::new());
    let too_many = || DatasetError::Invalid { path: path.clone(), problem: "has more than 4 GiB of names".into() };
    while let Some(row) = source.next_weighted() {
        let (row, weight) = match row {
            Ok(row) => row,
            Err(ReadError::Line(error)) if options.skip_bad_lines => {
                skipped_lines += 1;
                if skipped.len() < SHOWN_SKIPPED {
                    skipped.push(error.to_string());
                }
                continue;
            }
            Err(source) => return Err(DatasetError::Interaction { path: path.clone(), source }),
        };
        sorter.push(Record {
            user: users.index(row.user).ok_or_else(too_many)?,
            item: items.index(row.item).ok_or_else(too_many)?,
            category: categories.index(row.category).ok_or_else(too_many)?,
            time: row.timestamp,
            sequence: total,
            weight,
            event: row.event.unwrap_or(options.event),
        })?;
        total += 1;
        if total.is_multiple_of(PROGRESS_EVERY) {
            progress("reading", total);
        }
    }
    [&mut users, &mut items, &mut categories].into_iter().for_each(Names::complete);
    let sorted = sorter.finish(&mut |done| progress("sorting", done))?;
    Ok(Collected { users, items, categories, total, skipped_lines, skipped, sorted })
}
