//! The rows of a block of separated text: a block and its layout enter, fields leave.

use std::borrow::Cow;
use std::io;

use super::COLUMNS;
use super::separator::Separator;
use crate::events::input::Block;

/// What a row may not have been, to be read.
const NOT_UTF8: &str = "found bytes that are not UTF-8: --encoding latin1 or another one reads them";

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where the value of a column stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In the field of this position.
    Field(usize),
    /// In the file's path: it is the same for all rows.
    Path(String),
}

/// How the text of a file is divided.
pub(super) struct Layout {
    pub(super) separator: Separator,
    pub(super) quote: Option<u8>,
    /// Where the columns stand that are asked for.
    pub(super) places: [Option<Place>; COLUMNS],
    /// Whether a column stands within another one, which then holds JSON.
    pub(super) nested: bool,
    /// Number of columns, by the header or else by the first row; 0 before either is read.
    pub(super) columns: usize,
}

impl Layout {
    /// The value of a column that is asked for.
    pub(super) fn value<'v>(&'v self, fields: &Fields<'v>, index: usize) -> Option<Cow<'v, str>> {
        match self.places.get(index)?.as_ref()? {
            Place::Field(position) => fields.get(*position).map(Cow::Borrowed),
            Place::Path(value) => Some(Cow::Borrowed(value)),
        }
    }
}

/// The fields of a row.
pub(super) enum Fields<'a> {
    Csv(&'a csv::StringRecord),
    /// The fields, and the line that they stand in.
    Split(&'a [&'a str], &'a str),
}

impl<'a> Fields<'a> {
    pub(super) fn get(&self, index: usize) -> Option<&'a str> {
        match self {
            Self::Csv(record) => record.get(index),
            Self::Split(fields, _) => fields.get(index).copied(),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &'a str> + '_ {
        (0..).map_while(|index| self.get(index))
    }

    /// The row for people to read.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Csv(record) => row_text(record),
            Self::Split(_, line) => (*line).to_owned(),
        }
    }
}

/// Is called with every row of a block: its line, and its fields or what is wrong with it. False ends the block.
pub(super) type Visit<'v> = dyn FnMut(u64, Result<Fields<'_>, &'static str>) -> io::Result<bool> + 'v;

/// Calls `visit` with the rows of a block until it says false.
pub(super) fn rows(block: &Block, layout: &Layout, visit: &mut Visit<'_>) -> io::Result<()> {
    let Separator::Byte(separator) = layout.separator else { return split_rows(block, layout, visit) };
    match plain_text(&block.bytes, layout.quote) {
        Some(text) => plain_rows(text, block.first_line, separator, visit),
        None => csv_rows(block, layout, separator, visit),
    }
}

/// The text of a block in which nothing is quoted, so that every line end and separator is one.
fn plain_text(bytes: &[u8], quote: Option<u8>) -> Option<&str> {
    let is_quoted = quote.is_some_and(|quote| memchr::memchr(quote, bytes).is_some());
    let ends_line = |place: usize| bytes.get(place + 1) == Some(&b'\n');
    if is_quoted || bytes.starts_with(BYTE_ORDER_MARK) || !memchr::memchr_iter(b'\r', bytes).all(ends_line) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

/// Rows without quotes, which are divided where they stand.
fn plain_rows(text: &str, first_line: u64, separator: u8, visit: &mut Visit<'_>) -> io::Result<()> {
    let mut fields: Vec<&str> = Vec::new();
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    for (number, end) in (first_line..).zip(ends) {
        let line = text.get(start..end).unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        start = end + 1;
        if line.is_empty() {
            continue;
        }
        fields.clear();
        let mut field = 0;
        for place in memchr::memchr_iter(separator, line.as_bytes()) {
            fields.push(line.get(field..place).unwrap_or_default());
            field = place + 1;
        }
        fields.push(line.get(field..).unwrap_or_default());
        if !visit(number, Ok(Fields::Split(&fields, line)))? {
            return Ok(());
        }
    }
    Ok(())
}

/// Rows among which some are quoted, or are no text.
fn csv_rows(block: &Block, layout: &Layout, separator: u8, visit: &mut Visit<'_>) -> io::Result<()> {
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(separator).flexible(true).has_headers(false).quoting(layout.quote.is_some());
    if let Some(quote) = layout.quote {
        builder.quote(quote);
    }
    let mut reader = builder.from_reader(block.bytes.as_slice());
    let mut record = csv::StringRecord::new();
    loop {
        let read = reader.read_record(&mut record);
        let line = |record: &csv::StringRecord| {
            block.first_line + record.position().map_or(1, csv::Position::line).saturating_sub(1)
        };
        let go_on = match read {
            Ok(false) => return Ok(()),
            Ok(true) => visit(line(&record), Ok(Fields::Csv(&record)))?,
            Err(error) => match error.kind() {
                csv::ErrorKind::Utf8 { pos, .. } => {
                    let line = block.first_line + pos.as_ref().map_or(1, csv::Position::line).saturating_sub(1);
                    visit(line, Err(NOT_UTF8))?
                }
                _ => return Err(io::Error::other(error)),
            },
        };
        if !go_on {
            return Ok(());
        }
    }
}

/// Separators of several characters, such as `::`, and spaces; nothing is quoted there.
fn split_rows(block: &Block, layout: &Layout, visit: &mut Visit<'_>) -> io::Result<()> {
    let mut fields: Vec<&str> = Vec::new();
    for (number, line) in block.lines() {
        let go_on = match std::str::from_utf8(line) {
            Ok(text) => {
                fields.clear();
                match &layout.separator {
                    Separator::Text(separator) => fields.extend(text.split(separator.as_str())),
                    _ => fields.extend(text.split_whitespace()),
                }
                visit(number, Ok(Fields::Split(&fields, text)))?
            }
            Err(_) => visit(number, Err(NOT_UTF8))?,
        };
        if !go_on {
            return Ok(());
        }
    }
    Ok(())
}

/// A row for people to read.
pub(in crate::events) fn row_text(record: &csv::StringRecord) -> String {
    record.iter().collect::<Vec<_>>().join(",")
}
