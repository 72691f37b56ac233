//! The third pass: sorted records and ids enter; the columns of a dataset, its negatives, the names of its users and, on
//! request, the original's expanded files leave.

use std::io;
use std::path::Path;

use slirec_core::vocabulary::DEFAULT_ID;

use super::PrepareOptions;
use super::collect::Collected;
use super::count::{Counts, kept};
use super::ids::Ids;
use super::tables::{InteractionColumns, Negatives};
use crate::dataset::findings::Findings;
use crate::dataset::names::Names;
use crate::dataset::original::{ExpandedHistory, OriginalFiles};
use crate::dataset::sort::Record;
use crate::dataset::{DatasetError, Division, EventCounts, Part, Parts, Rows, Split};

/// What was written, and what was found on the way.
pub(super) struct Written {
    pub(super) rows: Rows,
    /// None where all are views.
    pub(super) events: Option<EventCounts>,
    /// Only what this pass finds.
    pub(super) findings: Findings,
}

/// Writes the dataset's columns.
///
/// # Errors
/// [`DatasetError`] when a file cannot be written.
pub(super) fn write_columns(
    options: &PrepareOptions,
    directory: &Path,
    collected: &mut Collected,
    (counts, division): (&Counts, Division),
    ids: &Ids,
    export: Option<OriginalFiles>,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<Written, DatasetError> {
    let Collected { users, items, categories, sorted, .. } = collected;
    let mut writer = Writer {
        names: (items, categories),
        ids,
        columns: InteractionColumns::create(directory)?,
        negatives: Negatives::create(options, directory, &counts.item_rows)?,
        export,
        rows: Rows { train: 0, valid: 0, test: 0 },
        findings: Findings::default(),
        repeats: Repeats { by_time: !options.keep_order, keys: Vec::new() },
    };
    sorted.for_each_user(|records| -> Result<(), DatasetError> {
        let parts = kept(records, options.min_interactions.get(), division);
        let Some((first, parts)) = records.first().zip(parts) else { return Ok(()) };
        writer.user(users.name(first.user), records, parts)?;
        progress("writing", writer.columns.written());
        Ok(())
    })?;
    let Writer { columns, negatives, export, rows, findings, .. } = writer;
    if let Some(export) = export {
        export.finish()?;
    }
    let events = columns.finish(directory)?;
    negatives.finish(directory)?;
    Ok(Written { rows, events, findings })
}

struct Writer<'a> {
    /// Of items and of categories.
    names: (&'a Names, &'a Names),
    ids: &'a Ids,
    columns: InteractionColumns,
    negatives: Negatives,
    export: Option<OriginalFiles>,
    rows: Rows,
    findings: Findings,
    repeats: Repeats,
}

impl Writer<'_> {
    fn user(&mut self, user: &str, records: &[Record], parts: Parts) -> Result<(), DatasetError> {
        let mut expanded = ExpandedHistory::default();
        self.findings.duplicates += self.repeats.count(records);
        let mut before: Option<&Record> = None;
        for (position, record) in records.iter().enumerate() {
            let (item, category) = (self.ids.item(record.item), self.ids.category(record.category));
            self.columns.push(item, category, record.time, record.event)?;
            let part = parts.of(position);
            let mut drawn = Vec::new();
            if let Some(before) = before {
                self.count(part, item == DEFAULT_ID, before.time == record.time);
                if let Part::Row(split) = part {
                    drawn = self.negatives.draw(split, record.item, self.ids)?;
                }
            }
            self.export(part, user, record, before.is_some(), &drawn, &mut expanded)?;
            before = Some(record);
        }
        Ok(self.columns.end_user(user)?)
    }

    /// Counts a row with a history.
    fn count(&mut self, part: Part, unseen: bool, equal_time: bool) {
        let (unseen, equal_time) = (u64::from(unseen), u64::from(equal_time));
        let found = &mut self.findings;
        found.equal_times += equal_time;
        match part {
            Part::Later => {}
            Part::Train => self.rows.train += 1,
            Part::Row(Split::Valid) => {
                self.rows.valid += 1;
                found.unseen_valid_rows += unseen;
                found.equal_time_valid_rows += equal_time;
            }
            Part::Row(Split::Test) => {
                self.rows.test += 1;
                found.unseen_test_rows += unseen;
                found.equal_time_test_rows += equal_time;
            }
        }
    }

    fn export(
        &mut self,
        part: Part,
        user: &str,
        record: &Record,
        has_history: bool,
        negatives: &[u32],
        expanded: &mut ExpandedHistory,
    ) -> io::Result<()> {
        let Some(export) = self.export.as_mut().filter(|_| part != Part::Later) else { return Ok(()) };
        let split = if let Part::Row(split) = part { Some(split) } else { None };
        let (items, categories) = self.names;
        let names = |item: u32, category: u32| (items.name(item), categories.name(category));
        let (item, category) = names(record.item, record.category);
        if has_history {
            let negatives = negatives.iter().map(|item| names(*item, self.ids.category_of(*item)));
            export.write(split, expanded, user, record.time, (item, category), negatives)?;
        }
        expanded.push(item, category, record.time);
        Ok(())
    }
}

/// Finds interactions that stand there twice: the same user, item and time.
struct Repeats {
    /// Whether equal times stand beside each other.
    by_time: bool,
    /// Time and item; kept for its memory.
    keys: Vec<(u64, u32)>,
}

impl Repeats {
    fn count(&mut self, records: &[Record]) -> u64 {
        let Self { by_time, keys } = self;
        keys.clear();
        let key = |record: &Record| (record.time.to_bits(), record.item);
        if *by_time {
            for [before, record] in records.array_windows().filter(|[before, record]| before.time == record.time) {
                if keys.last().is_none_or(|last| last.0 != before.time.to_bits()) {
                    keys.push(key(before));
                }
                keys.push(key(record));
            }
        } else {
            keys.extend(records.iter().map(key));
        }
        keys.sort_unstable();
        // A number of records in memory fits 64 bits.
        keys.array_windows().filter(|[before, key]| before == key).count() as u64
    }
}
