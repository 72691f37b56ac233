//! Where parsers put what they find: events enter, sortable records leave; what was passed over is counted, what was
//! wrong is counted and sampled.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;

use slirec_core::timestamp;

use super::event::{Event, Kind, ProductName, Weights};
use super::products::Products;
use super::record::Record;
use super::sort::{RUN_BYTES, Sorter};

/// How many bad rows are kept for the person who looks into them.
const SAMPLED_ROWS: usize = 100;
/// How many bytes of a bad row are kept.
const SAMPLED_BYTES: usize = 2_000;
/// How many names of unknown products are counted one by one.
const LISTED_PRODUCTS: usize = 10_000;
/// Longest name of a user or product, in bytes.
const LONGEST_NAME: usize = 1_000;

/// Category of products that nobody gives one.
pub const NO_CATEGORY: &str = "none";

/// What every parser needs to know.
#[derive(Debug)]
pub struct Meaning {
    /// Which products there are.
    pub products: Products,
    /// Which kinds count, and how much.
    pub weights: Weights,
}

/// Why a row did not become events.
#[derive(Debug)]
pub(super) enum Problem {
    /// The row is wrong; the next one may be right.
    Row(String),
    /// Nothing more can be written.
    Io(io::Error),
}

impl From<String> for Problem {
    fn from(problem: String) -> Self {
        Self::Row(problem)
    }
}

impl From<&str> for Problem {
    fn from(problem: &str) -> Self {
        Self::Row(problem.to_owned())
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

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

/// What was counted while reading.
#[derive(Debug, Default)]
pub struct Counts {
    /// Rows or lines.
    pub rows: u64,
    /// Events by kind that became records.
    pub taken: BTreeMap<&'static str, u64>,
    /// Events that were passed over, by reason.
    pub ignored: BTreeMap<&'static str, u64>,
    /// Rows that could not be read.
    pub bad_rows: u64,
    /// The first of them.
    pub bad_sample: Vec<BadRow>,
    /// Events of products that the catalogue does not hold.
    pub unknown_events: u64,
    /// Their names with their numbers of events: the first 10,000 names.
    pub unknown_products: HashMap<String, u64>,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.bad_rows += other.bad_rows;
        self.unknown_events += other.unknown_events;
        for (reason, count) in other.ignored {
            *self.ignored.entry(reason).or_default() += count;
        }
        for (kind, count) in other.taken {
            *self.taken.entry(kind).or_default() += count;
        }
        for (name, count) in other.unknown_products {
            count_name(&mut self.unknown_products, &name, count);
        }
        self.bad_sample.extend(other.bad_sample);
        self.bad_sample.sort();
        self.bad_sample.truncate(SAMPLED_ROWS);
    }
}

/// Takes what parsers find; one a thread.
#[derive(Debug)]
pub(super) struct Sink<'a> {
    meaning: &'a Meaning,
    pub(super) sorter: Sorter,
    pub(super) counts: Counts,
    file: (usize, Arc<str>),
    row: u64,
}

impl<'a> Sink<'a> {
    pub(super) fn new(meaning: &'a Meaning, directory: &Path) -> Self {
        Self {
            meaning,
            sorter: Sorter::new(directory, RUN_BYTES),
            counts: Counts::default(),
            file: (0, Arc::from("")),
            row: 0,
        }
    }

    /// What follows comes from this row of this file.
    pub(super) fn start_row(&mut self, file: &(usize, Arc<str>), row: u64) {
        if self.file.0 != file.0 || self.row == 0 {
            self.file = file.clone();
        }
        self.row = row;
        self.counts.rows += 1;
    }

    /// What follows comes from a row that has been counted already.
    pub(super) fn resume_row(&mut self, file: &(usize, Arc<str>), row: u64) {
        self.start_row(file, row);
        self.counts.rows -= 1;
    }

    /// Counts a bad row instead of stopping for it.
    pub(super) fn finish_row(&mut self, result: Result<(), Problem>, content: &[u8]) -> io::Result<()> {
        match result {
            Ok(()) => {}
            Err(Problem::Io(error)) => return Err(error),
            Err(Problem::Row(problem)) => self.bad_row(problem, content),
        }
        Ok(())
    }

    fn bad_row(&mut self, problem: String, content: &[u8]) {
        self.counts.bad_rows += 1;
        if self.counts.bad_sample.len() < SAMPLED_ROWS {
            let shown = content.get(..content.len().min(SAMPLED_BYTES)).unwrap_or_default();
            let content = String::from_utf8_lossy(shown).trim_end().replace(['\n', '\r'], " ");
            let (file_number, file) = self.file.clone();
            self.counts.bad_sample.push(BadRow { file_number, file, row: self.row, problem, content });
        }
    }

    /// Counts an event that is of no use.
    pub(super) fn ignore(&mut self, reason: &'static str) {
        *self.counts.ignored.entry(reason).or_default() += 1;
    }

    /// Whether events of this kind are asked for at all; if not, one is counted as passed over.
    pub(super) fn wants(&mut self, kind: Kind) -> bool {
        let wanted = self.meaning.weights.of(kind) > 0;
        if !wanted {
            self.ignore(kind.name());
        }
        wanted
    }

    /// Takes an event, or says why it makes its row a bad one.
    pub(super) fn event(&mut self, event: &Event<'_>) -> Result<(), Problem> {
        let weight = event.weight.unwrap_or_else(|| self.meaning.weights.of(event.kind));
        if weight == 0 {
            self.ignore(event.kind.name());
            return Ok(());
        }
        if event.user.is_empty() {
            self.ignore("no user");
            return Ok(());
        }
        check_name("user", event.user)?;
        check_name("user", event.known_as.unwrap_or_default())?;
        let time = timestamp::from_number(event.time).map_err(|error| format!("time: {error}"))?;
        let meaning = self.meaning;
        let Some(found) = meaning.products.find(&event.product) else {
            self.unknown(&event.product);
            return Ok(());
        };
        check_name("item", found.handle)?;
        let category = found.category.or(event.category).filter(|name| !name.is_empty()).unwrap_or(NO_CATEGORY);
        check_name("category", category)?;
        let record = Record {
            user: event.user,
            time,
            id: event.id.filter(|id| !id.is_empty()).map_or(0, identity),
            // Half of the hash is enough to tell apart what has one id.
            fingerprint: event.fingerprint.filter(|text| !text.is_empty()).map_or(0, |text| identity(text) as u64 | 1),
            received: event.received.filter(|time| time.is_finite() && *time >= 0.0).unwrap_or(time),
            kind: event.kind,
            weight,
            item: found.handle,
            category,
            known_as: event.known_as.unwrap_or_default(),
        };
        *self.counts.taken.entry(event.kind.name()).or_default() += 1;
        self.sorter.push(|bytes| record.write(bytes))?;
        Ok(())
    }

    fn unknown(&mut self, product: &ProductName<'_>) {
        self.counts.unknown_events += 1;
        let name = match *product {
            ProductName::Handle(name) | ProductName::Id(name) => name,
            ProductName::AnyOf { handle, id, sku, title } => {
                [handle, id, sku, title].into_iter().flatten().find(|name| !name.is_empty()).unwrap_or_default()
            }
        };
        count_name(&mut self.counts.unknown_products, name, 1);
    }
}

fn count_name(names: &mut HashMap<String, u64>, name: &str, count: u64) {
    if let Some(counted) = names.get_mut(name) {
        *counted += count;
    } else if names.len() < LISTED_PRODUCTS && name.len() <= LONGEST_NAME {
        names.insert(name.to_owned(), count);
    }
}

fn check_name(what: &str, name: &str) -> Result<(), Problem> {
    if name.len() > LONGEST_NAME {
        return Err(format!("{what} has {} bytes: expected at most {LONGEST_NAME}", name.len()).into());
    }
    if name.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(format!("{what} is {name:?}: expected no tabs, line ends or other control characters").into());
    }
    Ok(())
}

/// A UUID is its own 128 bits, any other text is hashed to as many; never 0.
fn identity(text: &str) -> u128 {
    uuid(text.as_bytes())
        .unwrap_or_else(|| {
            let half = |salt: u8| {
                let mut hasher = DefaultHasher::new();
                (salt, text).hash(&mut hasher);
                u128::from(hasher.finish())
            };
            half(0) << 64 | half(1)
        })
        .max(1)
}

fn uuid(text: &[u8]) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut value = 0_u128;
    for (place, byte) in text.iter().enumerate() {
        match byte {
            b'-' if matches!(place, 8 | 13 | 18 | 23) => {}
            _ => value = value << 4 | u128::from(char::from(*byte).to_digit(16)?),
        }
    }
    Some(value)
}
