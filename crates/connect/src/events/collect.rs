//! From sorted records to interactions: all events of a user enter together; robots, repeated and doubly reported events
//! are left out, the rest leaves in order of time.
//!
//! Nothing here grows with the data: a user with more than a million events is no shopper.

use std::fs::File;
use std::io;
use std::path::Path;

use slirec_core::timestamp::DAY;

use super::record::{Identity, Record, is_of, time_of, user_of};
use super::sort::{Merged, RUN_BYTES, Sorter};

/// Most events of a user, whatever the options say.
const MOST_EVENTS: usize = 1_000_000;

/// What to leave out.
#[derive(Debug, Clone, Copy)]
pub struct Cleaning {
    /// A page view of the same product by the same user within so many seconds of the one before is the same view; 0
    /// takes every view. Orders, rows whose times are dates or ordinals, and rows of tables without kinds are never
    /// taken for one.
    pub collapse_seconds: f64,
    /// A user with more events on one day is a robot; 0 for no limit.
    pub most_daily_events: usize,
}

/// What was left out, and what remained.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Totals {
    /// Users with interactions.
    pub users: u64,
    /// Rows that were written.
    pub interactions: u64,
    /// Events that came more than once.
    pub repeated: u64,
    /// Views that were reported twice.
    pub collapsed: u64,
    /// Users that were left out as robots.
    pub robots: u64,
    /// Their events.
    pub robot_events: u64,
    /// Unix seconds of the first and the last interaction.
    pub times: Option<(f64, f64)>,
}

/// Calls `write` with every interaction, ordered by user and time.
pub(super) fn collect(
    sorted: &mut Merged,
    cleaning: &Cleaning,
    write: &mut dyn FnMut(&Record<'_>) -> io::Result<()>,
) -> io::Result<Totals> {
    let mut totals = Totals::default();
    let mut group = Group::new(cleaning);
    while let Some(bytes) = sorted.next()? {
        if group.events > 0 && !is_of(bytes, &group.user) {
            group.finish(&mut totals, write)?;
        }
        group.push(bytes);
    }
    group.finish(&mut totals, write)?;
    Ok(totals)
}

/// Gives all records of a user the name that the user was last known by, and sorts them anew.
pub(super) fn stitch(sorted: &mut Merged, directory: &Path) -> io::Result<Vec<File>> {
    let mut sorter = Sorter::new(directory, RUN_BYTES);
    let mut group: Vec<Vec<u8>> = Vec::new();
    let flush = |group: &mut Vec<Vec<u8>>, sorter: &mut Sorter| -> io::Result<()> {
        let known_as = group.iter().rev().filter_map(|bytes| Record::read(bytes)).map(|record| record.known_as);
        let known_as = known_as.into_iter().find(|name| !name.is_empty()).map(str::to_owned);
        for bytes in group.drain(..) {
            match (Record::read(&bytes), &known_as) {
                (Some(record), Some(name)) => sorter.push(|out| Record { user: name, ..record }.write(out))?,
                _ => sorter.push(|out| out.extend(&bytes))?,
            }
        }
        Ok(())
    };
    while let Some(bytes) = sorted.next()? {
        // Beyond the limit the user is left out later anyway, under whatever name.
        if group.first().is_some_and(|first| user_of(first) != user_of(bytes)) || group.len() >= MOST_EVENTS {
            flush(&mut group, &mut sorter)?;
        }
        group.push(bytes.to_vec());
    }
    flush(&mut group, &mut sorter)?;
    sorter.finish()
}

/// The events of one user.
struct Group<'a> {
    cleaning: &'a Cleaning,
    user: Vec<u8>,
    /// The records, one behind the other; those of a robot are not kept.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    robot: bool,
    events: u64,
    /// Day and its number of events.
    day: (u64, usize),
    /// What becomes of each record; kept for its memory.
    fates: Vec<Fate>,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Written,
    /// The same event came before.
    Repeated,
    /// The same view was reported before.
    Collapsed,
}

impl<'a> Group<'a> {
    fn new(cleaning: &'a Cleaning) -> Self {
        let (user, bytes, ends) = (Vec::new(), Vec::new(), Vec::new());
        Self { cleaning, user, bytes, ends, robot: false, events: 0, day: (0, 0), fates: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.events == 0 {
            self.user.clear();
            self.user.extend(user_of(bytes));
        }
        self.events += 1;
        // A time is not negative.
        let day = (time_of(bytes) / DAY) as u64;
        self.day = if self.day.0 == day { (day, self.day.1 + 1) } else { (day, 1) };
        let limit = self.cleaning.most_daily_events;
        self.robot |= limit > 0 && self.day.1 > limit || self.ends.len() >= MOST_EVENTS;
        if self.robot {
            (self.bytes, self.ends) = (Vec::new(), Vec::new());
        } else {
            self.bytes.extend(bytes);
            self.ends.push(self.bytes.len());
        }
    }

    fn finish(&mut self, totals: &mut Totals, write: &mut dyn FnMut(&Record<'_>) -> io::Result<()>) -> io::Result<()> {
        if self.robot {
            totals.robots += 1;
            totals.robot_events += self.events;
        }
        let mut start = 0;
        let slices = self.ends.iter().map(|end| self.bytes.get(std::mem::replace(&mut start, *end)..*end));
        let records: Vec<Record<'_>> = slices.filter_map(|bytes| Record::read(bytes?)).collect();
        self.fates.clear();
        self.fates.resize(records.len(), Fate::Written);
        mark_repeated(&records, &mut self.fates);
        mark_collapsed(&records, &mut self.fates, self.cleaning.collapse_seconds);
        for (record, fate) in records.iter().zip(&self.fates) {
            match fate {
                Fate::Repeated => totals.repeated += 1,
                Fate::Collapsed => totals.collapsed += 1,
                Fate::Written => {
                    write(record)?;
                    totals.interactions += 1;
                    let (first, last) = totals.times.unwrap_or((record.time, record.time));
                    totals.times = Some((first.min(record.time), last.max(record.time)));
                }
            }
        }
        totals.users += u64::from(!records.is_empty());
        (self.robot, self.events, self.day) = (false, 0, (0, 0));
        self.bytes.clear();
        self.ends.clear();
        Ok(())
    }
}

/// Marks the records that repeat another one: the same event and item, of which the earliest received counts. Two events
/// that clash in their id are told apart by their fingerprints.
fn mark_repeated(records: &[Record<'_>], fates: &mut [Fate]) {
    let mut identified: Vec<(usize, Identity, &str)> =
        (0..).zip(records).filter_map(|(index, record)| Some((index, record.identity?, record.item))).collect();
    // Stable: of events received at once, the first of the input counts.
    identified.sort_by_key(|(_, identity, item)| (identity.id, *item, identity.received.to_bits()));
    for events in identified.chunk_by(|left, right| (left.1.id, left.2) == (right.1.id, right.2)) {
        let mut kept: Vec<u64> = Vec::new();
        for (index, identity, _) in events {
            let fingerprint = identity.fingerprint;
            let known = kept.iter().any(|other| *other == fingerprint || *other == 0 || fingerprint == 0);
            if known && let Some(fate) = fates.get_mut(*index) {
                *fate = Fate::Repeated;
            } else {
                kept.push(fingerprint);
            }
        }
    }
}

/// Marks the views of an item within so many seconds of the one before, whether that one is written or not: SQL says the
/// same with a window function.
fn mark_collapsed(records: &[Record<'_>], fates: &mut [Fate], seconds: f64) {
    if seconds <= 0.0 {
        return;
    }
    let views = (0..).zip(records.iter().zip(&*fates));
    let mut views: Vec<(&str, usize, f64)> = views
        .filter(|(_, (record, fate))| record.collapsible && **fate == Fate::Written)
        .map(|(index, (record, _))| (record.item, index, record.time))
        .collect();
    views.sort_unstable_by_key(|(item, index, _)| (*item, *index));
    for [(item, _, before), (other, index, time)] in views.array_windows() {
        if item == other
            && time - before <= seconds
            && let Some(fate) = fates.get_mut(*index)
        {
            *fate = Fate::Collapsed;
        }
    }
}
