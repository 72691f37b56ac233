//! Interactions as a directory of Parquet files: what Spark, Databricks, DataFusion or DuckDB write of a clickstream that
//! is too large for one machine. Files enter in order of their names; interactions leave one at a time.
//!
//! Columns: `user`, `item`, `timestamp` (Unix seconds or milliseconds, a timestamp, a date or ISO 8601), `category`, and
//! perhaps `weight` and `event`. Columns that the files are partitioned by may stand in the path only (`user_bucket=7/part-0.parquet`).
//! A user's rows may lie in any file and in any order: preparing sorts them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::vec;

use slirec_core::event::Event;
use slirec_core::files::{FileError, is_regular};
use slirec_core::interactions::{Interaction, InteractionSource, LineError, LineProblem, MOST_WEIGHT, ReadError};
use slirec_core::timestamp::TimestampError;

use crate::events::input;
use crate::parquet::{Batch, Batches, ColumnValues, ParquetError};

/// The columns that must be there.
const COLUMNS: [&str; 4] = ["user", "item", "timestamp", "category"];
const WEIGHT: &str = "weight";
const EVENT: &str = "event";

/// Whether this is what [`ParquetInteractions`] reads: a directory, or a file that is Parquet.
pub fn is_parquet(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 4];
    // A pipe could not be read again from its start.
    path.is_dir()
        || is_regular(path)
            && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok_and(|()| start == *b"PAR1")
}

/// Reads interactions of Parquet files without keeping them.
pub struct ParquetInteractions {
    files: vec::IntoIter<PathBuf>,
    current: Option<Current>,
    /// Row of the whole input, from 1: what errors name beside the file.
    row: u64,
}

struct Current {
    path: PathBuf,
    batches: Batches,
    batch: Option<Rows>,
    /// Row of the file, from 1.
    row: u64,
}

/// A batch with its columns found.
struct Rows {
    columns: [ColumnValues; 4],
    weight: ColumnValues,
    event: ColumnValues,
    next: usize,
    len: usize,
    /// Texts of the row that was read last, because an interaction borrows.
    texts: [String; 3],
}

impl ParquetInteractions {
    /// Finds the files of a directory, or takes the one file.
    ///
    /// # Errors
    /// [`FileError`] when the directory cannot be read.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Ok(Self { files: input::files(&[path.to_owned()])?.into_iter(), current: None, row: 0 })
    }

    /// Goes to the next row; false at the end.
    fn advance(&mut self) -> Result<bool, io::Error> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(path) = self.files.next() else { return Ok(false) };
                self.current = Some(Current::open(path)?);
                continue;
            };
            if current.batch.as_ref().is_some_and(|rows| rows.next < rows.len) {
                break;
            }
            match current.batches.next() {
                Some(batch) => current.batch = Some(Rows::new(&batch.map_err(of_file)?, &current.path)?),
                None => self.current = None,
            }
        }
        self.row += 1;
        Ok(true)
    }
}

impl Current {
    fn open(path: PathBuf) -> Result<Self, io::Error> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = File::open(&path).map_err(named)?;
        let wanted = |name: &str| COLUMNS.contains(&name) || [WEIGHT, EVENT].contains(&name);
        let batches = Batches::open(file, &path, input::partition_values(&path), wanted).map_err(of_file)?;
        Ok(Self { path, batches, batch: None, row: 0 })
    }
}

fn of_file(error: ParquetError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

impl Rows {
    fn new(batch: &Batch, path: &Path) -> Result<Self, io::Error> {
        let columns = COLUMNS.map(|name| batch.column(name));
        if let Some((name, _)) = COLUMNS.iter().zip(&columns).find(|(_, column)| column.is_missing()) {
            let problem = format!("{}: has no column `{name}`: expected {}", path.display(), COLUMNS.join(", "));
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        let (weight, event) = (batch.column(WEIGHT), batch.column(EVENT));
        Ok(Self { columns, weight, event, next: 0, len: batch.len(), texts: [const { String::new() }; 3] })
    }

    /// Reads the next row: time, weight and event; the texts are kept.
    fn read(&mut self) -> Result<(f64, u16, Option<Event>), LineProblem> {
        let row = self.next;
        self.next += 1;
        let [user, item, time, category] = &self.columns;
        for ((text, column), name) in
            self.texts.iter_mut().zip([user, item, category]).zip(["user", "item", "category"])
        {
            let value = column.text(row).filter(|value| !value.is_empty()).ok_or(LineProblem::Empty(name))?;
            if value.bytes().any(|byte| byte.is_ascii_control()) {
                return Err(LineProblem::Control(name));
            }
            text.clear();
            text.push_str(&value);
        }
        let seconds =
            time.seconds(row).map_err(|problem| LineProblem::Timestamp(TimestampError::NotANumber(problem)))?;
        let seconds = seconds.ok_or(LineProblem::Empty("timestamp"))?;
        let seconds = slirec_core::timestamp::from_number(seconds)?;
        let weight = self.weight.text(row).map_or(Ok(1), |text| {
            let number = text.parse().ok().filter(|weight| (1..=MOST_WEIGHT).contains(weight));
            number.ok_or_else(|| LineProblem::Weight(text.into_owned()))
        })?;
        let event = self.event.text(row).filter(|name| !name.is_empty());
        let event = event.map(|name| Event::of_name(&name).ok_or_else(|| LineProblem::Event(name.into_owned())));
        Ok((seconds, weight, event.transpose()?))
    }
}

impl InteractionSource for ParquetInteractions {
    fn next_weighted(&mut self) -> Option<Result<(Interaction<'_>, u16), ReadError>> {
        let line = self.row + 1;
        match self.advance() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(source) => {
                // What follows a damaged file cannot be trusted to be what was meant.
                (self.current, self.files) = (None, Vec::new().into_iter());
                return Some(Err(ReadError::Io { line, source }));
            }
        }
        let current = self.current.as_mut()?;
        current.row += 1;
        let place = || format!("row {} of {}", current.row, current.path.display());
        let rows = current.batch.as_mut()?;
        Some(match rows.read() {
            Ok((timestamp, weight, event)) => {
                let [user, item, category] = &rows.texts;
                Ok((Interaction { user, item, timestamp, category, event }, weight))
            }
            Err(problem) => Err(ReadError::Line(LineError { line, problem, content: place() })),
        })
    }
}
