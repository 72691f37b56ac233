//! What was counted while reading: rows, events by kind, what was left out by reason, rows that could not be read. Each
//! thread counts for itself; the counts are added in the end.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How many bad rows are kept for the person who looks into them.
pub(super) const SAMPLED_ROWS: usize = 100;
/// How many names of unknown products or kinds are counted one by one.
const LISTED_NAMES: usize = 10_000;
/// How many keys of JSON objects are kept to be named when a column is missing.
const LISTED_KEYS: usize = 100;
/// Longest name of a user or product, in bytes.
pub(super) const LONGEST_NAME: usize = 1_000;

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BadRow {
    /// Position of the file among the inputs.
    pub(super) file_number: usize,
    /// The file.
    pub file: Arc<str>,
    /// Line or row, from 1.
    pub row: u64,
    /// What was found and what was expected.
    pub problem: String,
    /// The row, cut to a readable length.
    pub content: String,
}

/// Rows of one sort: their number and the first of them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Noticed {
    /// How many.
    pub count: u64,
    /// The first of them: file, row and what stands there.
    pub first: Option<(usize, u64, String)>,
}

impl Noticed {
    /// Counts one; `example` is only asked for the first.
    pub(super) fn add(&mut self, file: usize, row: u64, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((file, row, example()));
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first = [self.first.take(), other.first].into_iter().flatten().min();
    }
}

/// What was counted while reading.
///
/// `rows + further` is the sum of `taken`, `ignored`, `unknown_events`, `unknown_kind_events` and `bad_rows`.
#[derive(Debug, Default)]
pub struct Counts {
    /// Rows or lines.
    pub rows: u64,
    /// Events behind the first one of their row: of lists, of tracker payloads and of events of several products.
    pub further: u64,
    /// Lines of separated text, those within quotes included.
    pub lines: u64,
    /// Events by kind that became records.
    pub taken: BTreeMap<&'static str, u64>,
    /// Events that were passed over, by reason.
    pub ignored: BTreeMap<Cow<'static, str>, u64>,
    /// Rows, or events of a row with several, that could not be read.
    pub bad_rows: u64,
    /// The first of them.
    pub bad_sample: Vec<BadRow>,
    /// Events of products that the catalogue does not hold.
    pub unknown_events: u64,
    /// Their names with their numbers of events: the first 10,000 names.
    pub unknown_products: HashMap<String, u64>,
    /// Events of kinds that are neither known nor mapped.
    pub unknown_kind_events: u64,
    /// Their names with their numbers of events: the first 10,000 names.
    pub unknown_kinds: HashMap<String, u64>,
    /// Times before 1995.
    pub early: Noticed,
    /// Times after tomorrow.
    pub late: Noticed,
    /// Ids such as `10.0` that were read as `10`.
    pub decimal_ids: Noticed,
    /// Ids that a floating point number has rounded.
    pub rounded_ids: Noticed,
    /// Names with U+FFFD, which stands where another program could not read a letter.
    pub damaged_names: Noticed,
    /// Names with invisible characters, which tell them apart from names that look the same.
    pub invisible_names: Noticed,
    /// Events whose first time cannot be meant, so that another one of theirs counts.
    pub other_times: Noticed,
    /// Dates whose day stands before the month, told by a day above 12.
    pub day_first: Noticed,
    /// Dates whose month stands before the day, told by a day above 12.
    pub month_first: Noticed,
    /// Dates whose day and month the text alone does not tell.
    pub two_readings: Noticed,
    /// Which of the asked columns have been found: a bit for each position in the table.
    pub(super) found_columns: u16,
    /// Keys of JSON objects: what is named when a column is missing.
    pub(super) keys: BTreeSet<String>,
    /// What the numbers of the time column were taken for: one text, or several where files differ.
    pub readings: BTreeSet<String>,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.further += other.further;
        self.lines += other.lines;
        self.bad_rows += other.bad_rows;
        self.unknown_events += other.unknown_events;
        self.unknown_kind_events += other.unknown_kind_events;
        for (reason, count) in other.ignored {
            *self.ignored.entry(reason).or_default() += count;
        }
        for (kind, count) in other.taken {
            *self.taken.entry(kind).or_default() += count;
        }
        for (name, count) in other.unknown_products {
            count_name(&mut self.unknown_products, &name, count);
        }
        for (name, count) in other.unknown_kinds {
            count_name(&mut self.unknown_kinds, &name, count);
        }
        for (noticed, of_other) in [
            (&mut self.early, other.early),
            (&mut self.late, other.late),
            (&mut self.decimal_ids, other.decimal_ids),
            (&mut self.rounded_ids, other.rounded_ids),
            (&mut self.damaged_names, other.damaged_names),
            (&mut self.invisible_names, other.invisible_names),
            (&mut self.other_times, other.other_times),
            (&mut self.day_first, other.day_first),
            (&mut self.month_first, other.month_first),
            (&mut self.two_readings, other.two_readings),
        ] {
            noticed.merge(of_other);
        }
        self.found_columns |= other.found_columns;
        other.keys.iter().for_each(|key| self.key(key));
        self.readings.extend(other.readings);
        self.bad_sample.extend(other.bad_sample);
        self.bad_sample.sort();
        self.bad_sample.truncate(SAMPLED_ROWS);
    }

    /// Remembers a key of a JSON object.
    pub(super) fn key(&mut self, key: &str) {
        if self.keys.len() < LISTED_KEYS && key.len() <= LONGEST_NAME && !self.keys.contains(key) {
            self.keys.insert(key.to_owned());
        }
    }

    /// Events that were read, whatever became of them: a row without any counts as one.
    pub fn events(&self) -> u64 {
        self.rows + self.further
    }

    /// Events that became records.
    pub fn taken_events(&self) -> u64 {
        self.taken.values().sum()
    }

    /// Events that were passed over.
    pub fn ignored_events(&self) -> u64 {
        self.ignored.values().sum()
    }
}

/// Adds to the count of a name, as long as there are not too many names.
pub(super) fn count_name(names: &mut HashMap<String, u64>, name: &str, count: u64) {
    if let Some(counted) = names.get_mut(name) {
        *counted += count;
    } else if names.len() < LISTED_NAMES && name.len() <= LONGEST_NAME {
        names.insert(name.to_owned(), count);
    }
}

/// Names with their counts, the most frequent first.
pub(super) fn by_frequency(names: &HashMap<String, u64>) -> Vec<(&str, u64)> {
    let mut names: Vec<(&str, u64)> = names.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    names.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
    names
}
