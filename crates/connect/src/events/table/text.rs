//! Separated text: CSV, TSV and its relatives enter, rows leave. Fields are divided by the csv crate; `quotes` sees to it
//! that no quote swallows the lines behind it.

use std::io;
use std::sync::Arc;

use super::reading::Sample;
use super::rows::{Fields, Layout, Place, rows};
use super::separator::Separator;
use super::{COLUMNS, Column, ITEM, Reading, TIME, Table, USER, columns};
use crate::closest::no_column;
use crate::events::counts::Counts;
use crate::events::input::{Block, Blocks, Quotes, Text};
use crate::events::problem::Problem;
use crate::events::sink::{Sink, shown};
use crate::time::TimeReader;

/// A file of separated text, and what is known of it.
pub(in crate::events) struct TextFile<'a> {
    pub(in crate::events) text: Text<'a>,
    /// Its position among the inputs, and its name.
    pub(in crate::events) name: &'a (usize, Arc<str>),
    /// The columns that stand in its path.
    pub(in crate::events) partitions: &'a [(String, String)],
    /// The latest plausible time.
    pub(in crate::events) latest: f64,
    /// How the file before was read.
    pub(in crate::events) before: Option<&'a Reading>,
}

impl Table {
    /// Reads all lines of separated text, as long as `go_on` says so of the bytes read and what was counted.
    ///
    /// # Errors
    /// What reading fails of; columns that are not there, a quote that swallows lines, a first line that is data.
    pub(in crate::events) fn read_text(
        &self,
        file: TextFile<'_>,
        sink: &mut Sink<'_>,
        go_on: &mut dyn FnMut(u64, &Counts) -> bool,
    ) -> io::Result<Option<Reading>> {
        let TextFile { text, name, partitions, latest, before } = file;
        let (separator, declared) = self.separator(&text.start);
        let quote = self.quote_of(&separator);
        let quotes = match (&separator, quote) {
            (Separator::Byte(separator), Some(quote)) => Some(Quotes { separator: *separator, quote }),
            _ => None,
        };
        let places = [const { None }; COLUMNS];
        let mut layout = Layout { separator, quote, places, nested: self.has_paths(), columns: 0 };
        let mut blocks = Blocks::of_records(text.reader, quotes);
        let mut reading: Option<Reading> = None;
        // Lines in front of the data: what names the separator, and the header.
        let mut in_front = usize::from(declared) + usize::from(self.header);
        if !self.header {
            layout.places = self.places(None, partitions).map_err(invalid)?;
        }
        let mut first_rows = true;
        while let Some(block) = blocks.next()? {
            if let Some(line) = block.overlong {
                sink.start_row(name, line);
                sink.finish_row(Err("the line is longer than 16 MiB".into()), b"")?;
            }
            sink.counts.lines += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
            let mut skipped = 0;
            if in_front > 0 {
                skipped = in_front;
                in_front -= self.read_header(&block, &mut layout, in_front, (partitions, latest))?;
            }
            if layout.columns == 0 {
                layout.columns = self.count_columns(&block, &layout, skipped)?;
            }
            if first_rows {
                let sampled = self.sample(&block, &layout, skipped)?;
                reading = Some(self.reading(&sampled, latest, before));
                sink.counts.found_columns = u16::MAX;
                first_rows = in_front > 0;
            }
            if let Some(reading) = &reading {
                self.read_rows(&block, &layout, (name, skipped), reading, sink)?;
            }
            if !go_on(block.bytes.len() as u64, &sink.counts) {
                break;
            }
        }
        Ok(reading)
    }

    /// Reads the rows of a block behind those that are skipped.
    fn read_rows(
        &self,
        block: &Block,
        layout: &Layout,
        (name, mut skipped): (&(usize, Arc<str>), usize),
        reading: &Reading,
        sink: &mut Sink<'_>,
    ) -> io::Result<()> {
        rows(block, layout, &mut |number, fields| {
            if skipped > 0 {
                skipped -= 1;
                return Ok(true);
            }
            sink.start_row(name, number);
            let result = match &fields {
                Ok(fields) => self.text_row(reading, fields, layout, sink),
                Err(problem) => Err((*problem).into()),
            };
            // Only a bad row is worth writing out again.
            let bad = matches!(result, Err(Problem::Row(_)));
            let content = fields.ok().filter(|_| bad).map(|fields| fields.text()).unwrap_or_default();
            sink.finish_row(result, content.as_bytes())?;
            Ok(true)
        })
    }

    fn text_row(
        &self,
        reading: &Reading,
        fields: &Fields<'_>,
        layout: &Layout,
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        // A separator that is not quoted would move the values behind it into other columns.
        if fields.get(layout.columns).is_some()
            && fields.all().skip(layout.columns).any(|field| !field.trim().is_empty())
        {
            let (found, expected) = (fields.all().count(), layout.columns);
            return Err(format!("found {found} columns: expected {expected}, as the first line has").into());
        }
        // A row that ends before the columns it cannot do without is none: a footer, a rule, a line that was cut off.
        let is_behind = |index: &usize| matches!(layout.places.get(*index), Some(Some(Place::Field(place))) if fields.get(*place).is_none());
        if [USER, ITEM, TIME].iter().any(is_behind) {
            let (found, expected) = (fields.all().count(), layout.columns);
            return Err(format!("found {found} columns: expected {expected}, as the first line has").into());
        }
        let value = |index: usize| layout.value(fields, index);
        if layout.nested {
            return self.rows_of_texts(reading, &value, sink);
        }
        self.row(reading, &value, None, sink)
    }

    /// Finds the columns in the header; how many lines in front of the data the block held.
    fn read_header(
        &self,
        block: &Block,
        layout: &mut Layout,
        in_front: usize,
        (partitions, latest): (&[(String, String)], f64),
    ) -> io::Result<usize> {
        let mut seen = 0;
        let mut found = Ok(());
        let header = Layout {
            separator: layout.separator.clone(),
            quote: layout.quote,
            places: [const { None }; COLUMNS],
            nested: false,
            columns: 0,
        };
        rows(block, &header, &mut |_, fields| {
            seen += 1;
            if seen == in_front && self.header {
                let fields = fields.map_err(|problem| invalid(format!("the first line: {problem}")))?;
                let names: Vec<&str> = fields.all().collect();
                layout.columns = names.len();
                found = self.places(Some(&names), partitions).and_then(|found| {
                    let problem = self.check_header(&names, found.get(TIME).unwrap_or(&None), latest);
                    layout.places = found;
                    problem
                });
            }
            Ok(seen < in_front)
        })?;
        found.map_err(invalid)?;
        Ok(seen)
    }

    /// The number of columns of the first row of data.
    fn count_columns(&self, block: &Block, layout: &Layout, mut skipped: usize) -> io::Result<usize> {
        let mut count = 0;
        rows(block, layout, &mut |_, fields| {
            if skipped > 0 {
                skipped -= 1;
                return Ok(true);
            }
            count = fields.map_or(0, |fields| fields.all().count());
            Ok(count == 0)
        })?;
        let is_beyond = |place: &Option<Place>| matches!(place, Some(Place::Field(position)) if *position >= count);
        let beyond = layout.places.iter().zip(self.columns()).find(|(place, _)| count > 0 && is_beyond(place));
        match beyond {
            Some((_, Some(column))) => Err(invalid(format!("has no column `{column}`: the first row has {count}"))),
            _ => Ok(count),
        }
    }

    /// Where the columns stand: in the header, by their numbers, or else in the file's path.
    fn places(
        &self,
        header: Option<&[&str]>,
        partitions: &[(String, String)],
    ) -> Result<[Option<Place>; COLUMNS], String> {
        let mut places = [const { None }; COLUMNS];
        for (place, column) in places.iter_mut().zip(self.columns()) {
            let Some(column) = column else { continue };
            let by_name = |name: &str| match header {
                Some(header) => columns::position(name, header.iter().copied()),
                None => Ok(None),
            };
            let by_number = |column: &Column| {
                let position = column.name().parse::<usize>().ok()?.checked_sub(1)?;
                header.is_none_or(|header| position < header.len()).then_some(position)
            };
            let position = match by_name(column.name())?.or_else(|| by_number(column)) {
                None => by_name(column.head())?,
                found => found,
            };
            let in_path = || partitions.iter().find(|(name, _)| name.eq_ignore_ascii_case(column.name()));
            *place = position.map(Place::Field).or_else(|| Some(Place::Path(in_path()?.1.clone())));
            if place.is_none() {
                return Err(match header {
                    Some(header) => no_column(
                        column.name(),
                        header.iter().map(|name| name.trim()).chain(partitions.iter().map(|(name, _)| name.as_str())),
                    ),
                    None => format!("column is `{column}`: expected a number from 1, there is no header"),
                });
            }
        }
        Ok(places)
    }

    /// A header whose time is one is a row of data.
    fn check_header(&self, names: &[&str], time: &Option<Place>, latest: f64) -> Result<(), String> {
        let numbered = |column: &Column| !names.iter().any(|name| name.trim() == column.name());
        let name = match time {
            Some(Place::Field(position)) => names.get(*position).copied(),
            _ => None,
        };
        let Some(name) = name.filter(|_| numbered(self.order_column()) && !self.is_ordinal()) else { return Ok(()) };
        let reader = TimeReader::decide(&self.times, latest, std::iter::once(name), None);
        if reader.read(name).is_err() {
            return Ok(());
        }
        let line = shown(&names.join(", "));
        Err(format!(
            "the first line looks like data, its column {} is a time: {line}; --no-header reads it",
            self.order_column()
        ))
    }

    /// Values of the first rows, by which times and ids are told.
    fn sample(&self, block: &Block, layout: &Layout, mut skipped: usize) -> io::Result<Sample> {
        let mut sample = Sample::default();
        rows(block, layout, &mut |_, fields| {
            if skipped > 0 {
                skipped -= 1;
            } else if let Ok(fields) = fields {
                let value = |index: usize| layout.value(&fields, index);
                if layout.nested { self.sample_texts(&value, &mut sample) } else { sample.push(&value) }
            }
            Ok(!sample.is_full())
        })?;
        Ok(sample)
    }
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
