//! Parquet files: batches enter, events of their rows leave.

use std::fs::File;
use std::path::Path;

use super::{Name, Reader};
use crate::events::shares::is_hopeless;
use crate::events::snowplow::parquet::{Rows, wanted};
use crate::events::table::ParquetColumns;
use crate::events::{ImportError, Source, input};
use crate::parquet::Batches;

impl Reader<'_, '_, '_> {
    pub(super) fn parquet(&mut self, file: File, path: &Path, name: &Name) -> Result<(), ImportError> {
        let named = Path::new(&*name.1).to_owned();
        let invalid = |problem| ImportError::Invalid { path: named.clone(), problem };
        let partitions = input::partition_values(path);
        let mut batches = match self.task.source {
            Source::Snowplow(_) => Batches::open(file, &named, partitions, wanted)?,
            Source::Table(table) => Batches::open(file, &named, partitions, |column| table.wants_column(column))?,
            _ => return Err(invalid("is a Parquet file: expected text".to_owned())),
        };
        let rows = batches.rows();
        let mut number = 0;
        let mut reading = None;
        while let Some(batch) = batches.next() {
            let batch = batch?;
            match self.task.source {
                Source::Snowplow(snowplow) => {
                    let rows = Rows::new(&batch).map_err(invalid)?;
                    for row in 0..batch.len() {
                        number += 1;
                        self.sink.start_row(name, number);
                        let result = rows.row(snowplow, row, &mut self.sink);
                        self.sink.finish_row(result, b"")?;
                    }
                }
                Source::Table(table) => {
                    let columns: ParquetColumns = table.parquet_columns(&batch).map_err(invalid)?;
                    let reading = reading.get_or_insert_with(|| {
                        let (latest, before) = (self.task.clock.latest(), self.before.as_ref());
                        table.parquet_reading(&columns, batch.len(), latest, before)
                    });
                    for row in 0..batch.len() {
                        number += 1;
                        self.sink.start_row(name, number);
                        let result = table.parquet_row(reading, &columns, row, &mut self.sink);
                        self.sink.finish_row(result, b"")?;
                    }
                }
                _ => {}
            }
            self.bytes += batch.bytes();
            (self.progress)(self.bytes);
            // A row of lists holds any number of events.
            let is_flat = matches!(self.task.source, Source::Table(table) if !table.has_paths());
            if self.is_only && is_flat && number < rows {
                let (counts, left) = (&self.sink.counts, rows.saturating_sub(number));
                self.ended_early = is_hopeless(counts.events() + left, counts.bad_rows, 0, self.task.max_bad);
                if self.ended_early {
                    break;
                }
            }
        }
        self.told(reading);
        Ok(())
    }
}
