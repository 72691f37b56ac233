//! Parquet files column by column: files enter, batches of rows leave, of which only the columns that are asked for were
//! read. Values are read as text or time whatever their type in the file.

mod values;

use std::borrow::Cow;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as PhysicalType;
use thiserror::Error;

use values::{json_of, masked, number_of, seconds_of, text_of, unreadable};

use crate::time::{self, Moment};

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
    /// Names of all columns of the file.
    names: Arc<[String]>,
    /// Rows of the file.
    rows: u64,
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
        let (reader, names, rows) = guarded(path, || {
            let error = |error: parquet::errors::ParquetError| of_file(path, &error);
            // Without the writer's own schema, text is text: not a dictionary and not a view.
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
            let metadata = ArrowReaderMetadata::load(&file, options).map_err(error)?;
            let metadata = without_narrow_times(metadata).map_err(error)?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
            // A negative number of rows is that of a damaged file, which shows when it is read.
            let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or_default();
            let schema = builder.parquet_schema();
            let roots = schema.root_schema().get_fields();
            let names: Vec<String> = roots.iter().map(|field| field.name().to_owned()).collect();
            let roots = roots.iter().enumerate().filter(|(_, field)| wanted(field.name())).map(|(index, _)| index);
            let mask = ProjectionMask::roots(schema, roots);
            let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(error)?;
            Ok((reader, names, rows))
        })?;
        Ok(Self { path: path.to_owned(), reader, partitions, names: names.into(), rows })
    }

    /// Rows of the file.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The next batch, or none at the end.
    pub(crate) fn next(&mut self) -> Option<Result<Batch, ParquetError>> {
        let Self { path, reader, partitions, names, .. } = self;
        guarded(path, || {
            let rows = reader.next().transpose();
            let rows = rows.map_err(|error| ParquetError { path: path.clone(), problem: error.to_string() })?;
            Ok(rows.map(|rows| Batch { rows, partitions: partitions.clone(), all_names: Arc::clone(names) }))
        })
        .transpose()
    }
}

/// The old INT96 times reach far beyond what 64 bits of nanoseconds hold: they are read as microseconds, so that a far
/// year stays far.
fn without_narrow_times(metadata: ArrowReaderMetadata) -> Result<ArrowReaderMetadata, parquet::errors::ParquetError> {
    let roots = metadata.parquet_schema().root_schema().get_fields();
    let is_int96 = |index: usize| {
        roots.get(index).is_some_and(|root| root.is_primitive() && root.get_physical_type() == PhysicalType::INT96)
    };
    if !(0..roots.len()).any(is_int96) {
        return Ok(metadata);
    }
    let fields: Vec<_> = (0..)
        .zip(metadata.schema().fields())
        .map(|(index, field)| {
            if is_int96(index) {
                let wide = DataType::Timestamp(TimeUnit::Microsecond, None);
                Arc::new(field.as_ref().clone().with_data_type(wide))
            } else {
                Arc::clone(field)
            }
        })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), ArrowReaderOptions::new().with_schema(schema))
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
    all_names: Arc<[String]>,
}

/// A column of a batch: one that the file holds, or one value for all rows that stands in its path.
#[derive(Clone)]
pub(crate) enum ColumnValues {
    Stored(ArrayRef),
    Partition(String),
    Missing,
}

impl Batch {
    /// Rows that no file holds.
    pub(crate) fn of(rows: RecordBatch) -> Self {
        let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
        Self { rows, partitions: Vec::new(), all_names: names.into() }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// Bytes of the rows in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.rows.get_array_memory_size() as u64
    }

    /// Names of the columns that were read, and of those that stand in the path.
    pub(crate) fn names(&self) -> Vec<String> {
        let schema = self.rows.schema();
        let stored: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let partitions = self.partitions.iter().map(|(name, _)| name.clone());
        let partitions: Vec<String> = partitions.filter(|name| !stored.contains(name)).collect();
        stored.into_iter().chain(partitions).collect()
    }

    /// Names of all columns of the file, and of those that stand in the path.
    pub(crate) fn all_names(&self) -> Vec<String> {
        let partitions = self.partitions.iter().map(|(name, _)| name.clone());
        self.all_names.iter().cloned().chain(partitions).collect()
    }

    /// A column by its name.
    pub(crate) fn column(&self, name: &str) -> ColumnValues {
        if let Some(column) = self.rows.column_by_name(name) {
            return ColumnValues::Stored(column.clone());
        }
        // Warehouses write their names in upper case.
        let schema = self.rows.schema();
        if let Some(index) = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name)) {
            return ColumnValues::Stored(self.rows.column(index).clone());
        }
        let partition = self.partitions.iter().find(|(partition, _)| partition == name);
        partition.map_or(ColumnValues::Missing, |(_, value)| ColumnValues::Partition(value.clone()))
    }

    /// The first column whose name starts so: loaders append versions.
    pub(crate) fn column_starting(&self, prefix: &str) -> ColumnValues {
        let schema = self.rows.schema();
        let starts = |name: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        let index = schema.fields().iter().position(|field| starts(field.name()));
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
        if let Self::Stored(array) = self {
            let typed = seconds_of(array, row).map(|time| time.map(|(seconds, _)| seconds));
            // What is wrong with other numbers is said of their text.
            if let Some(seconds) = typed.or_else(|| number_of(array, row).map(Some)) {
                return Ok(seconds);
            }
        }
        self.text(row).map(|text| time::parse(&text)).transpose()
    }

    /// The value of a row of which the type says that it is a time or a date; none for null and for other types.
    pub(crate) fn moment(&self, row: usize) -> Option<Moment> {
        let Self::Stored(array) = self else { return None };
        seconds_of(array, row)?.map(|(seconds, whole_day)| Moment::typed(seconds, whole_day))
    }

    /// Whether the value of a row is a floating point number beyond those of which its type holds every whole one.
    pub(crate) fn is_rounded(&self, row: usize) -> bool {
        let Self::Stored(array) = self else { return false };
        let exact = match array.data_type() {
            DataType::Float16 => 2_048.0,
            DataType::Float32 => 16_777_216.0,
            DataType::Float64 => 9_007_199_254_740_992.0,
            _ => return false,
        };
        self.text(row).and_then(|text| text.parse().ok()).is_some_and(|number: f64| number.abs() >= exact)
    }

    /// The value of a row as JSON, nested as it is in the file.
    pub(crate) fn json(&self, row: usize) -> serde_json::Value {
        match self {
            Self::Missing => serde_json::Value::Null,
            Self::Partition(value) => serde_json::Value::String(value.clone()),
            Self::Stored(array) => json_of(array, row),
        }
    }

    /// Whether the values are numbers by their type.
    pub(crate) fn is_number(&self) -> bool {
        let is_decimal = |kind: &DataType| matches!(kind, DataType::Decimal128(..) | DataType::Decimal256(..));
        matches!(self, Self::Stored(array) if array.data_type().is_numeric() || is_decimal(array.data_type()))
    }

    /// What is wrong with a column whose values are no text, number or time.
    pub(crate) fn unreadable(&self) -> Option<String> {
        match self {
            Self::Stored(array) => unreadable(array.data_type()),
            _ => None,
        }
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
