//! Interactions that are in memory: batches of Arrow enter, from a data frame of any library; interactions leave one at a
//! time. Beside them the catalogue of a frame, and recommendations as columns.

mod answers;
mod catalog;

use std::io;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use arrow_select::take::take;
use slirec_core::interactions::{Interaction, InteractionSource, ReadError, Told};

pub use crate::interaction_columns::InteractionColumns;
use crate::interaction_columns::Rows;
use crate::parquet::Batch;
pub use answers::{AnswerColumns, AnswerRow};
pub use catalog::{CatalogFrameError, catalog};

/// What errors call the frame.
pub const PLACE: &str = "the frame";

/// Reads interactions of batches without keeping them.
pub struct FrameInteractions<B> {
    columns: InteractionColumns,
    /// None at the end.
    batches: Option<B>,
    rows: Option<Rows>,
    /// Row of all batches, from 1.
    row: u64,
}

impl<B: Iterator<Item = Result<RecordBatch, ArrowError>>> FrameInteractions<B> {
    /// Of batches whose columns have these names; others are ignored.
    pub fn new(batches: B, columns: InteractionColumns) -> Self {
        Self { columns, batches: Some(batches), rows: None, row: 0 }
    }

    /// Goes to the next row; false at the end.
    fn advance(&mut self) -> Result<bool, io::Error> {
        while !self.rows.as_ref().is_some_and(Rows::has_more) {
            let Some(batch) = self.batches.as_mut().and_then(Iterator::next) else { return Ok(false) };
            let batch = batch
                .and_then(|batch| plain_columns(&batch, |name| self.columns.wants(name)))
                .map_err(io::Error::other)?;
            self.rows = Some(Rows::new(&Batch::of(batch), &self.columns, &PLACE)?);
        }
        self.row += 1;
        Ok(true)
    }
}

/// The columns that are wanted, with plain values: a dictionary's, as of categories, are looked up.
fn plain_columns(batch: &RecordBatch, wanted: impl Fn(&str) -> bool) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(batch.columns());
    let (mut kept, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in fields.filter(|(field, _)| wanted(field.name())) {
        let column = plain(column)?;
        kept.push(Field::new(field.name(), column.data_type().clone(), true));
        columns.push(column);
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Schema::new(kept).into(), columns, &rows)
}

fn plain(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match (column.data_type(), column.as_any_dictionary_opt()) {
        (DataType::Dictionary(..), Some(dictionary)) => take(dictionary.values(), dictionary.keys(), None),
        _ => Ok(column.clone()),
    }
}

impl<B: Iterator<Item = Result<RecordBatch, ArrowError>>> InteractionSource for FrameInteractions<B> {
    fn next_weighted(&mut self) -> Option<Result<(Interaction<'_>, u16), ReadError>> {
        let line = self.row + 1;
        match self.advance() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(source) => {
                (self.batches, self.rows) = (None, None);
                return Some(Err(ReadError::Io { line, source }));
            }
        }
        Some(self.rows.as_mut()?.next(line, || format!("row {line} of {PLACE}")))
    }

    fn told(&self) -> Told {
        self.rows.as_ref().map(Rows::told).unwrap_or_default()
    }
}
