//! Any table with a column for the shopper, the product and the time: CSV, TSV, other separators, JSON lines, Parquet.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;

use super::event::{Event, Kind, ProductName};
use super::input::Blocks;
use super::sink::{Problem, Sink};
use crate::time;

/// Names a column: by its header or JSON key, with dots for keys within keys, or by its number from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column(String);

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" | "0" => Err("expected the name of a column, or its number from 1".to_owned()),
            name => Ok(Self(name.to_owned())),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Column {
    /// The column's name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// The columns of a batch, in the order of the table's.
#[cfg(feature = "parquet")]
pub(super) type ParquetColumns = [Option<crate::parquet::ColumnValues>; 8];

/// Which columns mean what, and how the text is divided.
#[derive(Debug, Clone)]
pub struct Table {
    /// The shopper.
    pub user: Column,
    /// The product.
    pub item: Column,
    /// The time: Unix seconds or milliseconds, or ISO 8601.
    pub time: Column,
    /// The product's category, for tables without a catalogue.
    pub category: Option<Column>,
    /// What was done, by the names of [`Kind`].
    pub kind: Option<Column>,
    /// How much the row counts, a whole number.
    pub weight: Option<Column>,
    /// The event's id, for deduplication.
    pub id: Option<Column>,
    /// Rows below the minimum are left out, such as poor ratings.
    pub minimum: Option<(Column, f64)>,
    /// What stands between columns; none to tell by the first line.
    pub separator: Option<String>,
    /// Whether the first line names the columns.
    pub header: bool,
}

impl Table {
    fn columns(&self) -> [Option<&Column>; 8] {
        let minimum = self.minimum.as_ref().map(|(column, _)| column);
        [
            Some(&self.user),
            Some(&self.item),
            Some(&self.time),
            self.category.as_ref(),
            self.kind.as_ref(),
            self.weight.as_ref(),
            self.id.as_ref(),
            minimum,
        ]
    }

    /// The names of all columns that are asked for.
    #[cfg(feature = "parquet")]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns().into_iter().flatten().map(Column::name)
    }

    /// What a row means; `value` finds the value of a column.
    pub(super) fn row<'a>(
        &self,
        value: &dyn Fn(usize) -> Option<Cow<'a, str>>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        let [user, item, time, category, kind, weight, id, minimum] = [0, 1, 2, 3, 4, 5, 6, 7].map(value);
        let missing = |column: &Column| format!("no value in column `{column}`");
        if let Some((column, least)) = &self.minimum {
            let found = minimum.ok_or_else(|| missing(column))?;
            let number: f64 = found.trim().parse().map_err(|_| format!("{column} is `{found}`: expected a number"))?;
            if number < *least {
                sink.ignore("below the minimum");
                return Ok(());
            }
        }
        let kind = match &kind {
            None => Kind::View,
            Some(name) => match Kind::of_name(name.trim()) {
                Some(kind) if sink.wants(kind) => kind,
                Some(_) => return Ok(()),
                None => {
                    sink.ignore("another kind of event");
                    return Ok(());
                }
            },
        };
        let time = time.ok_or_else(|| missing(&self.time))?;
        let time = time::parse(&time).map_err(|problem| format!("{}: {problem}", self.time))?;
        let weight = weight.map(|text| {
            let number = text.trim().parse().ok().filter(|weight| *weight <= 1000);
            number.ok_or_else(|| format!("weight is `{text}`: expected a whole number from 0 to 1000"))
        });
        let (user, item) = (user.unwrap_or_default(), item.ok_or_else(|| missing(&self.item))?);
        sink.event(&Event {
            category: category.as_deref().map(str::trim),
            weight: weight.transpose()?,
            id: id.as_deref(),
            ..Event::new(user.trim(), ProductName::Id(item.trim()), time, kind)
        })
    }

    /// Finds the columns of a batch, or says which is missing.
    #[cfg(feature = "parquet")]
    pub(super) fn parquet_columns(&self, batch: &crate::parquet::Batch) -> Result<ParquetColumns, String> {
        let columns = self.columns().map(|column| column.map(|column| (column, batch.column(column.name()))));
        let missing = columns.iter().flatten().find(|(_, values)| values.is_missing());
        match missing {
            Some((column, _)) => Err(format!("has no column `{column}`")),
            None => Ok(columns.map(|column| column.map(|(_, values)| values))),
        }
    }

    /// Reads a row of a batch.
    #[cfg(feature = "parquet")]
    pub(super) fn parquet_row(&self, columns: &ParquetColumns, row: usize, sink: &mut Sink<'_>) -> Result<(), Problem> {
        let value = |index: usize| {
            let column = columns.get(index)?.as_ref()?;
            // The third column is the time: typed ones have no text.
            match column.seconds(row) {
                Ok(Some(seconds)) if index == 2 => Some(Cow::Owned(seconds.to_string())),
                _ => column.text(row),
            }
        };
        self.row(&value, sink)
    }

    /// Reads a JSON line.
    pub(super) fn json_line(&self, line: &[u8], sink: &mut Sink<'_>) -> Result<(), Problem> {
        let object: Value = serde_json::from_slice(line).map_err(super::fields::problem)?;
        let columns = self.columns();
        let value = |index: usize| {
            let column = columns.get(index).copied().flatten()?;
            let found = object
                .get(column.name())
                .or_else(|| column.name().split('.').try_fold(&object, |object, key| object.get(key)));
            match found? {
                Value::Null => None,
                Value::String(text) => Some(Cow::Borrowed(text.as_str())),
                other => Some(Cow::Owned(other.to_string())),
            }
        };
        self.row(&value, sink)
    }

    /// Reads all lines of separated text.
    pub(super) fn read_text(
        &self,
        mut input: Box<dyn BufRead + Send>,
        file: &(usize, Arc<str>),
        sink: &mut Sink<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<()> {
        let start = input.fill_buf()?;
        let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let separator = self.separator.clone().unwrap_or_else(|| guess(first).to_owned());
        match separator.as_bytes() {
            [byte] => self.read_csv(&mut input, *byte, file, sink, progress),
            _ => self.read_split(&mut input, &separator, file, sink, progress),
        }
    }

    /// Positions of the columns, from the header or from their numbers.
    fn positions(&self, header: Option<&[&str]>) -> io::Result<[Option<usize>; 8]> {
        let mut positions = [None; 8];
        for (position, column) in positions.iter_mut().zip(self.columns()) {
            let Some(column) = column else { continue };
            let by_name = header.and_then(|header| header.iter().position(|name| name.trim() == column.name()));
            let by_number = || column.name().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            *position = by_name.or_else(by_number);
            if position.is_none() {
                let problem = match header {
                    Some(header) => format!("has no column `{column}`: found {}", header.join(", ")),
                    None => format!("column is `{column}`: expected a number from 1, there is no header"),
                };
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
        }
        Ok(positions)
    }

    fn read_csv(
        &self,
        input: &mut dyn Read,
        separator: u8,
        file: &(usize, Arc<str>),
        sink: &mut Sink<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<()> {
        // In TSV a quote is a character like any other.
        let quoting = separator != b'\t';
        let mut builder = csv::ReaderBuilder::new();
        builder.delimiter(separator).flexible(true).has_headers(self.header).quoting(quoting);
        let mut reader = builder.from_reader(input);
        let header = if self.header { Some(reader.headers().map_err(io::Error::other)?.clone()) } else { None };
        let positions = self.positions(header.as_ref().map(|header| header.iter().collect::<Vec<_>>()).as_deref())?;
        let mut record = csv::StringRecord::new();
        let mut bytes = 0;
        loop {
            let read = reader.read_record(&mut record);
            if matches!(read, Ok(false)) {
                return Ok(());
            }
            sink.start_row(file, record.position().map_or(0, csv::Position::line));
            let position = reader.position().byte();
            progress(position - bytes);
            bytes = position;
            let result = match read {
                Ok(_) => self.row(&|index| text_at(&record, &positions, index), sink),
                Err(error) => match error.into_kind() {
                    csv::ErrorKind::Io(error) => return Err(error),
                    csv::ErrorKind::Utf8 { .. } => Err("found bytes that are not UTF-8".into()),
                    kind => Err(format!("{kind:?}").into()),
                },
            };
            // Only a bad row is worth writing out again.
            let content = if matches!(result, Err(Problem::Row(_))) { row_text(&record) } else { String::new() };
            sink.finish_row(result, content.as_bytes())?;
        }
    }

    /// Separators of several characters, such as `::`; nothing is quoted there.
    fn read_split(
        &self,
        input: &mut dyn Read,
        separator: &str,
        file: &(usize, Arc<str>),
        sink: &mut Sink<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<()> {
        let mut positions = if self.header { None } else { Some(self.positions(None)?) };
        let mut blocks = Blocks::new(input);
        while let Some(block) = blocks.next()? {
            progress(block.bytes.len() as u64);
            for (number, line) in block.lines() {
                let Some(positions) = &positions else {
                    let header = String::from_utf8_lossy(line);
                    positions = Some(self.positions(Some(&header.split(separator).collect::<Vec<_>>()))?);
                    continue;
                };
                sink.start_row(file, number);
                // Old data sets are Latin-1; the columns that matter are rarely hit by that.
                let text = String::from_utf8_lossy(line);
                let values: Vec<&str> = text.split(separator).collect();
                let value = |index: usize| {
                    let position = positions.get(index).copied().flatten()?;
                    values.get(position).filter(|value| !value.is_empty()).map(|value| Cow::Borrowed(*value))
                };
                let result = self.row(&value, sink);
                sink.finish_row(result, line)?;
            }
        }
        Ok(())
    }
}

fn text_at<'a>(record: &'a csv::StringRecord, positions: &[Option<usize>; 8], index: usize) -> Option<Cow<'a, str>> {
    let position = positions.get(index).copied().flatten()?;
    record.get(position).filter(|value| !value.is_empty()).map(Cow::Borrowed)
}

/// A row for people to read.
pub(super) fn row_text(record: &csv::StringRecord) -> String {
    record.iter().collect::<Vec<_>>().join(",")
}

/// The separator of which the first line holds most.
pub(crate) fn guess(line: &[u8]) -> &'static str {
    let count = |separator: &str| memchr::memmem::find_iter(line, separator).count();
    if count("::") > 1 {
        return "::";
    }
    ["\t", ",", ";", "|"].into_iter().max_by_key(|separator| (count(separator), *separator == ",")).unwrap_or(",")
}
