//! Parquet files column by column: files enter, batches of rows leave, of which only the columns that are asked for were
//! read. Values are read as text or time whatever their type in the file.

use std::borrow::Cow;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use slirec_core::timestamp::DAY;
use thiserror::Error;

use crate::time;

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// A Parquet file that cannot be used.
#[derive(Debug, Error)]
#[error("{path}: {problem}")]
pub struct ParquetError {
    /// The file.
    pub path: PathBuf,
    /// What was found and what was expected.
    pub problem: String,
}

/// A file's batches with the columns whose names were wanted.
pub(crate) struct Batches {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    partitions: Vec<(String, String)>,
}

impl Batches {
    /// Opens a file; `wanted` tells by its name whether a top-level column is to be read. `partitions` are the values
    /// that stand in the path.
    pub(crate) fn open(
        file: File,
        path: &Path,
        partitions: Vec<(String, String)>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, ParquetError> {
        let reader = guarded(path, || {
            let error = |error: parquet::errors::ParquetError| of_file(path, &error);
            // Without the writer's own schema, text is text: not a dictionary and not a view.
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
            let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(error)?;
            let schema = builder.parquet_schema();
            let roots = schema.root_schema().get_fields().iter().enumerate();
            let roots = roots.filter(|(_, field)| wanted(field.name())).map(|(index, _)| index);
            let mask = ProjectionMask::roots(schema, roots);
            builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(error)
        })?;
        Ok(Self { path: path.to_owned(), reader, partitions })
    }

    /// The next batch, or none at the end.
    pub(crate) fn next(&mut self) -> Option<Result<Batch, ParquetError>> {
        let batch = self.reader.next()?;
        Some(
            batch
                .map(|rows| Batch { rows, partitions: self.partitions.clone() })
                .map_err(|error| ParquetError { path: self.path.clone(), problem: error.to_string() }),
        )
    }
}

/// A damaged file makes the library panic in places: that is an error of the file, not the end of the program.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    let panicked = |_| ParquetError { path: path.to_owned(), problem: "is damaged: it cannot be decoded".to_owned() };
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(panic)))
}

fn of_file(path: &Path, error: &parquet::errors::ParquetError) -> ParquetError {
    ParquetError { path: path.to_owned(), problem: error.to_string() }
}

/// Some rows.
pub(crate) struct Batch {
    rows: RecordBatch,
    partitions: Vec<(String, String)>,
}

/// A column of a batch: one that the file holds, or one value for all rows that stands in its path.
#[derive(Clone)]
pub(crate) enum ColumnValues {
    Stored(ArrayRef),
    Partition(String),
    Missing,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// Bytes of the rows in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.rows.get_array_memory_size() as u64
    }

    /// A column by its name.
    pub(crate) fn column(&self, name: &str) -> ColumnValues {
        if let Some(column) = self.rows.column_by_name(name) {
            return ColumnValues::Stored(column.clone());
        }
        let partition = self.partitions.iter().find(|(partition, _)| partition == name);
        partition.map_or(ColumnValues::Missing, |(_, value)| ColumnValues::Partition(value.clone()))
    }

    /// The first column whose name starts so: loaders append versions.
    pub(crate) fn column_starting(&self, prefix: &str) -> ColumnValues {
        let schema = self.rows.schema();
        let index = schema.fields().iter().position(|field| field.name().starts_with(prefix));
        index.map_or(ColumnValues::Missing, |index| ColumnValues::Stored(self.rows.column(index).clone()))
    }
}

impl ColumnValues {
    /// Whether there is no such column.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// The value of a row as text; none for null and for types that are no text or number.
    pub(crate) fn text(&self, row: usize) -> Option<Cow<'_, str>> {
        match self {
            Self::Missing => None,
            Self::Partition(value) => Some(Cow::Borrowed(value)),
            Self::Stored(array) => text_of(array, row),
        }
    }

    /// The value of a row as Unix seconds: a timestamp, a date, a number or text.
    pub(crate) fn seconds(&self, row: usize) -> Result<Option<f64>, String> {
        if let Self::Stored(array) = self
            && let Some(seconds) = seconds_of(array, row)
        {
            return Ok(seconds);
        }
        self.text(row).map(|text| time::parse(&text)).transpose()
    }

    /// A field of a struct, or of the first element of a list of structs.
    pub(crate) fn field(&self, name: &str) -> Self {
        let Self::Stored(array) = self else { return Self::Missing };
        let field = array.as_struct_opt().and_then(|array| {
            array.column_by_name(name).map(|field| {
                // A field of a struct that is null is null, whatever is stored there.
                (field.clone(), array.nulls().cloned())
            })
        });
        match field {
            Some((field, Some(nulls))) if nulls.null_count() > 0 => Self::Stored(masked(&field, &nulls)),
            Some((field, _)) => Self::Stored(field),
            None => Self::Missing,
        }
    }

    /// The texts of a field in a row's list of structs, such as the ids of the product entities.
    pub(crate) fn texts_in_list(&self, row: usize, field: &str) -> Vec<String> {
        let Self::Stored(array) = self else { return Vec::new() };
        let entities = match array.data_type() {
            DataType::List(_) => {
                array.as_list_opt::<i32>().filter(|list| list.is_valid(row)).map(|list| list.value(row))
            }
            DataType::LargeList(_) => {
                array.as_list_opt::<i64>().filter(|list| list.is_valid(row)).map(|list| list.value(row))
            }
            _ => None,
        };
        let Some(entities) = entities else { return Vec::new() };
        let fields = Self::Stored(entities.clone()).field(field);
        (0..entities.len()).filter_map(|entity| fields.text(entity).map(Cow::into_owned)).collect()
    }
}

/// The array with further nulls; left as it is where arrow does not take them.
fn masked(array: &ArrayRef, nulls: &arrow_buffer::NullBuffer) -> ArrayRef {
    let nulls = arrow_buffer::NullBuffer::union(array.nulls(), Some(nulls));
    let data = array.to_data().into_builder().nulls(nulls).build();
    data.map_or_else(|_| array.clone(), arrow_array::make_array)
}

fn text_of(array: &ArrayRef, row: usize) -> Option<Cow<'_, str>> {
    if row >= array.len() || array.is_null(row) {
        return None;
    }
    macro_rules! number {
        ($type:ty) => {
            array.as_primitive_opt::<$type>().map(|values| Cow::Owned(values.value(row).to_string()))
        };
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string_opt::<i32>().map(|values| Cow::Borrowed(values.value(row))),
        DataType::LargeUtf8 => array.as_string_opt::<i64>().map(|values| Cow::Borrowed(values.value(row))),
        // Some writers leave out that their bytes are text.
        DataType::Binary => {
            let bytes = array.as_binary_opt::<i32>()?.value(row);
            std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
        }
        DataType::Boolean => array.as_boolean_opt().map(|values| Cow::Owned(values.value(row).to_string())),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        _ => None,
    }
}

/// Unix seconds of typed times; the outer none says that the type is another.
fn seconds_of(array: &ArrayRef, row: usize) -> Option<Option<f64>> {
    let scale = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => 1.0,
        DataType::Timestamp(TimeUnit::Millisecond, _) => 1e3,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1e6,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1e9,
        DataType::Date32 => 1.0 / DAY,
        _ => return None,
    };
    if row >= array.len() || array.is_null(row) {
        return Some(None);
    }
    let value = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => array.as_primitive_opt::<TimestampSecondType>()?.value(row),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            array.as_primitive_opt::<TimestampMillisecondType>()?.value(row)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive_opt::<TimestampMicrosecondType>()?.value(row)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => array.as_primitive_opt::<TimestampNanosecondType>()?.value(row),
        _ => i64::from(array.as_primitive_opt::<Date32Type>()?.value(row)),
    };
    // Microseconds of our centuries are below 2^53: the division rounds to the nearest `f64` of the decimal.
    Some(Some(value as f64 / scale))
}
