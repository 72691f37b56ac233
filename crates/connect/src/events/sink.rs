//! Where parsers put what they find: events enter, sortable records leave; what was passed over is counted, what was
//! wrong is counted and sampled.

mod names;

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

use slirec_core::catalog::NO_CATEGORY;

use super::counts::{BadRow, Counts, SAMPLED_ROWS, count_name};
use super::event::{Event, Kind, ProductName, Weights};
use super::identity::identity;
use super::problem::{Clock, Problem};
use super::products::Products;
use super::record::{Identity, Place, Record};
use super::sort::{RUN_BYTES, Sorter};
use crate::time::{EARLIEST, Moment, TimeReader};
use names::check_name;

/// How many bytes of a bad row are kept.
const SAMPLED_BYTES: usize = 2_000;
/// How many characters of a name stand in a message.
const SHOWN: usize = 120;

/// Why an event without a shopper is passed over.
pub(super) const NO_USER: &str = "no user";
/// Why an event without a product is passed over.
pub(super) const NO_ITEM: &str = "no item";

/// Unix seconds of the year 2200: what lies behind cannot be meant.
const FAR: f64 = 7_258_118_400.0;

/// What every parser needs to know.
#[derive(Debug)]
pub struct Meaning {
    /// Which products there are.
    pub products: Products,
    /// Which kinds count, and how much.
    pub weights: Weights,
}

/// Takes what parsers find; one a thread.
#[derive(Debug)]
pub(super) struct Sink<'a> {
    meaning: &'a Meaning,
    clock: Clock,
    pub(super) sorter: Sorter,
    /// Records whose day and month are not told apart yet.
    pub(super) pending: Sorter,
    pub(super) counts: Counts,
    file: (usize, Arc<str>),
    row: u64,
    /// Events of the row so far, whatever became of them.
    parts: u32,
    /// The row's events come later.
    suspended: bool,
}

impl<'a> Sink<'a> {
    pub(super) fn new(meaning: &'a Meaning, clock: Clock, directory: &Path) -> Self {
        Self {
            meaning,
            clock,
            sorter: Sorter::new(directory, RUN_BYTES),
            pending: Sorter::new(directory, RUN_BYTES),
            counts: Counts::default(),
            file: (0, Arc::from("")),
            row: 0,
            parts: 0,
            suspended: false,
        }
    }

    /// What follows comes from this row of this file.
    pub(super) fn start_row(&mut self, file: &(usize, Arc<str>), row: u64) {
        self.resume_row(file, row);
        self.counts.rows += 1;
    }

    /// What follows comes from a row that has been counted already, and suspended.
    pub(super) fn resume_row(&mut self, file: &(usize, Arc<str>), row: u64) {
        if self.file.0 != file.0 || self.row == 0 {
            self.file = file.clone();
        }
        self.row = row;
        (self.parts, self.suspended) = (0, false);
    }

    /// The row's events are found later, when the row is resumed.
    pub(super) fn suspend_row(&mut self) {
        self.suspended = true;
    }

    /// Ends a row: a bad one is counted instead of stopping for it.
    pub(super) fn finish_row(&mut self, result: Result<(), Problem>, content: &[u8]) -> io::Result<()> {
        match result {
            Ok(()) if self.parts == 0 && !self.suspended => self.ignore("no event in the row"),
            Ok(()) => {}
            Err(Problem::Io(error)) => return Err(error),
            Err(Problem::Row(problem)) => self.bad_part(problem, content),
        }
        Ok(())
    }

    /// Counts a bad event among others of its row, or a bad row.
    pub(super) fn bad_part(&mut self, problem: String, content: &[u8]) {
        self.part();
        self.counts.bad_rows += 1;
        if self.counts.bad_sample.len() < SAMPLED_ROWS {
            let shown = content.get(..content.len().min(SAMPLED_BYTES)).unwrap_or_default();
            let content = String::from_utf8_lossy(shown).trim_end().replace(['\n', '\r'], " ");
            let (file_number, file) = self.file.clone();
            self.counts.bad_sample.push(BadRow { file_number, file, row: self.row, problem, content });
        }
    }

    /// Counts one event of the row.
    fn part(&mut self) -> u32 {
        let part = self.parts;
        self.counts.further += u64::from(part > 0);
        self.parts = part.saturating_add(1);
        part
    }

    /// Counts an event that is of no use.
    pub(super) fn ignore(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.part();
        let reason = reason.into();
        match self.counts.ignored.get_mut(&*reason) {
            Some(count) => *count += 1,
            None => drop(self.counts.ignored.insert(reason, 1)),
        }
    }

    /// Counts an event whose kind is neither known nor mapped.
    pub(super) fn unknown_kind(&mut self, name: &str) {
        self.part();
        self.counts.unknown_kind_events += 1;
        count_name(&mut self.counts.unknown_kinds, name, 1);
    }

    /// Whether events of this kind are asked for at all; if not, one is counted as passed over.
    pub(super) fn wants(&mut self, kind: Kind) -> bool {
        let wanted = self.meaning.weights.of(kind) > 0;
        if !wanted {
            self.ignore(kind.name());
        }
        wanted
    }

    /// The latest plausible time.
    pub(super) fn latest(&self) -> f64 {
        self.clock.latest()
    }

    /// Reads a time; one of two readings is counted, so that the column tells which is meant.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub(super) fn read_time(&mut self, times: &TimeReader, text: &str) -> Result<Moment, String> {
        let moment = times.read(text)?;
        if moment.month_first.is_some() || moment.day_first.is_some() {
            self.date_order(moment.day_first, text);
        }
        Ok(moment)
    }

    /// Counts an event whose first time, of this name, cannot be meant, so that another one counts.
    pub(super) fn other_time(&mut self, name: &str) {
        self.counts.other_times.add(self.file.0, self.row, || name.to_owned());
    }

    /// Counts an id such as `10.0` that was read as `10`.
    pub(super) fn decimal_id(&mut self, text: &str) {
        self.counts.decimal_ids.add(self.file.0, self.row, || shown(text));
    }

    /// Counts an id that a floating point number has rounded.
    pub(super) fn rounded_id(&mut self, text: &str) {
        self.counts.rounded_ids.add(self.file.0, self.row, || shown(text));
    }

    /// Takes an event, or says why it makes its row a bad one.
    pub(super) fn event(&mut self, event: &Event<'_>) -> Result<(), Problem> {
        let weight = event.weight.unwrap_or_else(|| self.meaning.weights.of(event.kind));
        if weight == 0 {
            self.ignore(event.kind.name());
            return Ok(());
        }
        if event.user.is_empty() {
            self.ignore(NO_USER);
            return Ok(());
        }
        check_name("user", event.user)?;
        check_name("user", event.known_as.unwrap_or_default())?;
        check_time(event.time, self.clock)?;
        let meaning = self.meaning;
        let Some(found) = meaning.products.find(&event.product) else {
            self.unknown(&event.product);
            return Ok(());
        };
        check_name("item", found.handle)?;
        let category = found.category.or(event.category).filter(|name| !name.is_empty()).unwrap_or(NO_CATEGORY);
        check_name("category", category)?;
        self.notice(event);
        [event.user, found.handle, category].into_iter().for_each(|name| self.notice_name(name));
        let place = Place { file: u32::try_from(self.file.0).unwrap_or(u32::MAX), row: self.row, part: self.part() };
        let record = Record {
            user: event.user,
            time: event.time,
            place,
            kind: event.kind,
            weight,
            collapsible: event.collapsible,
            identity: event.id.filter(|id| !id.is_empty()).map(|id| Identity {
                id: identity(id),
                // Half of the hash is enough to tell apart what has one id.
                fingerprint: event
                    .fingerprint
                    .filter(|text| !text.is_empty())
                    .map_or(0, |text| identity(text) as u64 | 1),
                received: event.received.filter(|time| time.is_finite() && *time >= 0.0).unwrap_or(event.time),
            }),
            month_first: event.month_first,
            item: found.handle,
            category,
            known_as: event.known_as.unwrap_or_default(),
        };
        *self.counts.taken.entry(event.kind.name()).or_default() += 1;
        let sorter = if event.month_first.is_some() { &mut self.pending } else { &mut self.sorter };
        sorter.push(|bytes| record.write(bytes))?;
        Ok(())
    }

    /// Counts times that are hardly meant.
    fn notice(&mut self, event: &Event<'_>) {
        let Clock::Until(latest) = self.clock else { return };
        let noticed = if event.time < EARLIEST {
            &mut self.counts.early
        } else if event.time > latest {
            &mut self.counts.late
        } else {
            return;
        };
        noticed.add(self.file.0, self.row, || event.time.to_string());
    }

    /// Counts a date that tells, or does not tell, whether the day or the month stands first.
    fn date_order(&mut self, day_first: Option<bool>, text: &str) {
        let noticed = match day_first {
            Some(true) => &mut self.counts.day_first,
            Some(false) => &mut self.counts.month_first,
            None => &mut self.counts.two_readings,
        };
        noticed.add(self.file.0, self.row, || shown(text));
    }

    fn unknown(&mut self, product: &ProductName<'_>) {
        self.part();
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

/// What messages show of a text from outside.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn check_time(seconds: f64, clock: Clock) -> Result<(), Problem> {
    match clock {
        _ if !seconds.is_finite() || seconds < 0.0 => {
            Err(format!("time: {seconds} lies before 1970: expected a time from 1995 on").into())
        }
        Clock::Until(_) if seconds >= FAR => {
            Err(format!("time: {seconds} seconds lie behind the year 2200: expected a time until tomorrow").into())
        }
        _ => Ok(()),
    }
}
