//! Parquet: batches enter, rows leave. Columns of text, numbers and times are read as they are; where a path goes into a
//! struct or a list, the row becomes JSON first.

use serde_json::{Map, Value};

use super::columns::{self, Paths};
use super::reading::Sample;
use super::{COLUMNS, Column, ITEM, Reading, TIME, Table, USER};
use crate::closest::no_column;
use crate::events::problem::Problem;
use crate::events::sink::Sink;
use crate::parquet::{Batch, ColumnValues};
use crate::time::Moment;

/// The columns of a batch, in the order of the table's.
pub(in crate::events) struct ParquetColumns {
    values: [Option<ColumnValues>; COLUMNS],
    /// Where paths go into nested columns.
    paths: Option<Paths>,
}

impl Table {
    /// Whether a column of the file is needed.
    pub(in crate::events) fn wants_column(&self, name: &str) -> bool {
        self.columns()
            .into_iter()
            .flatten()
            .any(|column| name.eq_ignore_ascii_case(column.name()) || name.eq_ignore_ascii_case(column.head()))
    }

    /// Finds the columns of a batch.
    ///
    /// # Errors
    /// Which column is missing, or has a type that is not read.
    pub(in crate::events) fn parquet_columns(&self, batch: &Batch) -> Result<ParquetColumns, String> {
        let mut values = [const { None }; COLUMNS];
        let mut nested = false;
        for (slot, column) in values.iter_mut().zip(self.columns()) {
            let Some(column) = column else { continue };
            let find = |name: &str| -> Result<Option<ColumnValues>, String> {
                let names = batch.names();
                let position = columns::position(name, names.iter().map(String::as_str))?;
                Ok(position.and_then(|position| names.get(position)).map(|name| batch.column(name)))
            };
            let found = match find(column.name())? {
                Some(found) => found,
                None => {
                    nested = true;
                    let found = find(column.head())?.filter(|_| column.head() != column.name());
                    found.ok_or_else(|| no_column(column.name(), batch.all_names().iter().map(String::as_str)))?
                }
            };
            if column.head() == column.name()
                && let Some(problem) = found.unreadable()
            {
                return Err(format!("column `{column}` {problem}"));
            }
            *slot = Some(found);
        }
        let paths = if nested { Some(self.paths()?) } else { None };
        Ok(ParquetColumns { values, paths })
    }

    /// Decides by the first batch how the file is read.
    pub(in crate::events) fn parquet_reading(
        &self,
        columns: &ParquetColumns,
        rows: usize,
        latest: f64,
        before: Option<&Reading>,
    ) -> Reading {
        let mut sample = Sample::default();
        for row in 0..rows {
            if sample.is_full() {
                break;
            }
            match &columns.paths {
                None => sample.push(&|index| columns.values.get(index)?.as_ref()?.text(row)),
                Some(paths) => {
                    let line = self.object(columns, row).to_string();
                    self.sample_json(paths, line.as_bytes(), &mut sample);
                }
            }
        }
        self.reading(&sample, latest, before)
    }

    /// Reads a row of a batch.
    pub(in crate::events) fn parquet_row(
        &self,
        reading: &Reading,
        columns: &ParquetColumns,
        row: usize,
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        sink.counts.found_columns = u16::MAX;
        if let Some(paths) = &columns.paths {
            return self
                .each_row(paths, self.object(columns, row), &mut |row| self.nested_row(reading, paths, row, sink));
        }
        let typed: Option<Moment> = columns.values.get(TIME).and_then(|column| column.as_ref()?.moment(row));
        let value = |index: usize| columns.values.get(index)?.as_ref()?.text(row);
        for index in [USER, ITEM] {
            let is_rounded = |values: &ColumnValues| values.is_rounded(row);
            if columns.values.get(index).is_some_and(|values| values.as_ref().is_some_and(is_rounded)) {
                sink.rounded_id(&value(index).unwrap_or_default());
            }
        }
        self.row(reading, &value, typed, sink)
    }

    /// The row as a JSON object of the columns that are asked for.
    fn object(&self, columns: &ParquetColumns, row: usize) -> Value {
        let mut object = Map::new();
        for (column, values) in self.columns().into_iter().zip(&columns.values) {
            let (Some(column), Some(values)) = (column, values) else { continue };
            let name = if columns.paths.is_some() { Column::head(column) } else { column.name() };
            if !object.contains_key(name) {
                object.insert(name.to_owned(), values.json(row));
            }
        }
        Value::Object(object)
    }
}
