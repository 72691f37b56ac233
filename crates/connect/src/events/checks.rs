//! Whether what was read is to be trusted: counts enter, the reason to refuse leaves.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::counts::{Counts, Noticed, by_frequency};
use super::read::Runs;
use super::record::Record;
use super::shares::exceeds;
use super::sort::{RUN_BYTES, Sorter, merge};
use super::summary::time;
use super::table::Table;
use super::{ImportError, Limits, Source};

/// How many unknown kinds a refusal names.
const NAMED: usize = 10;

/// Refuses what is more likely a mistake than data.
///
/// # Errors
/// [`ImportError::Refused`], with the reason, an example and what to do.
pub(super) fn check(source: &Source, runs: &Runs, limits: &Limits) -> Result<(), ImportError> {
    let counts = &runs.counts;
    if let Source::Table(table) = source {
        check_columns(table, counts)?;
        check_kinds(table, counts)?;
    }
    let events = counts.events();
    if exceeds(counts.bad_rows, events, limits.max_bad) {
        let first = counts.bad_sample.first();
        let first = first.map(|row| format!("{}:{}: {}", row.file, row.row, row.problem)).unwrap_or_default();
        let (read, rest) =
            if runs.ended_early { ("the first ", ", whatever the rest of the file holds") } else { ("", "") };
        return refused(format!(
            "{} of {read}{events} rows are bad, which is more than --max-bad {} allows{rest}; the first is {first}",
            counts.bad_rows, limits.max_bad
        ));
    }
    let odd = counts.early.count + counts.late.count;
    if exceeds(odd, counts.taken_events(), limits.max_odd_times) {
        let first = [&counts.early, &counts.late].into_iter().filter_map(|noticed| noticed.first.as_ref()).min();
        let first = first.map(|(file, row, seconds)| {
            let moment = seconds.parse().map(time).unwrap_or_default();
            format!("{}:{row}: {moment}", name(runs, *file))
        });
        return refused(format!(
            "{odd} of {} times lie before 1995 or after tomorrow, which is more than --max-odd-times {} allows; the first \
             is {}; --time-unit and --time-format say how times are written, --order names a column of numbers that only \
             give an order",
            counts.taken_events(),
            limits.max_odd_times,
            first.unwrap_or_default()
        ));
    }
    Ok(())
}

fn refused<T>(problem: String) -> Result<T, ImportError> {
    Err(ImportError::Refused(problem))
}

fn check_columns(table: &Table, counts: &Counts) -> Result<(), ImportError> {
    let keys: Vec<&str> = counts.keys.iter().map(String::as_str).collect();
    if counts.rows == 0 || counts.rows == counts.bad_rows && keys.is_empty() {
        return Ok(());
    }
    match table.columns_not_found(counts.found_columns, &keys) {
        Some(problem) => refused(format!("the input {problem}")),
        None => Ok(()),
    }
}

fn check_kinds(table: &Table, counts: &Counts) -> Result<(), ImportError> {
    let unknown = counts.unknown_kind_events;
    let rows = counts.events();
    if !table.has_kind_names() && unknown > 0 && unknown * 2 > rows {
        let kinds = by_frequency(&counts.unknown_kinds);
        let mut named: Vec<String> = kinds.iter().take(NAMED).map(|(name, count)| format!("{name} {count}")).collect();
        if kinds.len() > NAMED {
            named.push("…".to_owned());
        }
        return refused(format!(
            "{unknown} of {rows} rows have kinds that are not known: {}; say what they mean, such as --kinds \
             {}=view, or ignore",
            named.join(", "),
            kinds.first().map(|(name, _)| *name).unwrap_or_default()
        ));
    }
    Ok(())
}

fn name(runs: &Runs, file: usize) -> Arc<str> {
    runs.files.get(file).cloned().unwrap_or_else(|| Arc::from(""))
}

/// Tells day and month of the records whose text says both, by the column's other dates, and sorts them with the rest.
///
/// # Errors
/// When no other date tells, or when some tell the one and some the other.
pub(super) fn tell_dates(runs: &mut Runs, directory: &Path) -> Result<(), ImportError> {
    let counts = &runs.counts;
    let example = |noticed: &Noticed| {
        noticed
            .first
            .as_ref()
            .map_or_else(String::new, |(file, row, text)| format!("`{text}` ({}:{row})", name(runs, *file)))
    };
    let expected = "--time-format day-first or month-first says which is meant";
    let day_first = match (counts.day_first.count > 0, counts.month_first.count > 0) {
        (true, true) => {
            return refused(format!(
                "some dates have the day first, such as {}, and some the month, such as {}: {expected}",
                example(&counts.day_first),
                example(&counts.month_first)
            ));
        }
        (false, false) if counts.two_readings.count > 0 => {
            return refused(format!(
                "no date tells whether the day or the month stands first, such as {}, the first of {}: {expected}",
                example(&counts.two_readings),
                counts.two_readings.count
            ));
        }
        (day_first, _) => day_first,
    };
    if !runs.pending.is_empty() {
        let pending = std::mem::take(&mut runs.pending);
        runs.sorted.extend(resolved(pending, day_first, directory).map_err(ImportError::Temporary)?);
    }
    Ok(())
}

fn resolved(pending: Vec<File>, day_first: bool, directory: &Path) -> io::Result<Vec<File>> {
    let mut records = merge(pending, directory)?;
    let mut sorter = Sorter::new(directory, RUN_BYTES);
    while let Some(bytes) = records.next()? {
        let Some(record) = Record::read(bytes) else { continue };
        let time = record.month_first.filter(|_| !day_first).unwrap_or(record.time);
        sorter.push(|out| Record { time, month_first: None, ..record }.write(out))?;
    }
    sorter.finish()
}
