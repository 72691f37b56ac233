//! Interactions as a directory of Parquet files: what Spark, Databricks, DataFusion or DuckDB write of a clickstream that
//! is too large for one machine. Files enter in order of their names; interactions leave one at a time.
//!
//! Columns: `user`, `item`, `timestamp` (Unix seconds or milliseconds, a timestamp, a date or ISO 8601), `category`, and
//! perhaps `weight`, `event` and attributes of users. Columns that the files are partitioned by may stand in the path only (`user_bucket=7/part-0.parquet`).
//! A user's rows may lie in any file and in any order: preparing sorts them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::vec;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError as WriteError;
use parquet::file::properties::WriterProperties;
use slirec_core::files::{FileError, StagedFile, is_regular};
use slirec_core::interactions::{Interaction, InteractionSource, ReadError, Told};

use crate::events::input;
use crate::interaction_columns::{InteractionColumns, Rows};
use crate::parquet::{Batches, ParquetError};

/// Whether this is what [`ParquetInteractions`] reads: a directory, or a file that is Parquet.
pub fn is_parquet(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 4];
    // A pipe could not be read again from its start.
    path.is_dir()
        || is_regular(path)
            && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok_and(|()| start == *b"PAR1")
}

/// The files of a directory in the order of their names, or the one file; what starts with a dot or an underscore is no
/// data.
///
/// # Errors
/// [`FileError`] when the directory cannot be read.
pub fn data_files(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    input::files(&[path.to_owned()])
}

/// Reads interactions of Parquet files without keeping them.
pub struct ParquetInteractions {
    columns: InteractionColumns,
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

impl ParquetInteractions {
    /// Finds the files of a directory, or takes the one file.
    ///
    /// # Errors
    /// [`FileError`] when the directory cannot be read.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Ok(Self::of_files(data_files(path)?, InteractionColumns::default()))
    }

    /// Reads these files, whose columns have these names.
    pub fn of_files(files: Vec<PathBuf>, columns: InteractionColumns) -> Self {
        Self { columns, files: files.into_iter(), current: None, row: 0 }
    }

    /// Goes to the next row; false at the end.
    fn advance(&mut self) -> Result<bool, io::Error> {
        loop {
            let Some(current) = &mut self.current else {
                let Some(path) = self.files.next() else { return Ok(false) };
                self.current = Some(Current::open(path, &self.columns)?);
                continue;
            };
            if current.batch.as_ref().is_some_and(Rows::has_more) {
                break;
            }
            match current.batches.next() {
                Some(batch) => {
                    let place = current.path.display();
                    current.batch = Some(Rows::new(&batch.map_err(of_file)?, &self.columns, &place)?);
                }
                None => self.current = None,
            }
        }
        self.row += 1;
        Ok(true)
    }
}

impl Current {
    fn open(path: PathBuf, columns: &InteractionColumns) -> Result<Self, io::Error> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = File::open(&path).map_err(named)?;
        let batches =
            Batches::open(file, &path, input::partition_values(&path), |name| columns.wants(name)).map_err(of_file)?;
        Ok(Self { path, batches, batch: None, row: 0 })
    }
}

fn of_file(error: ParquetError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
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
        let (row, path) = (current.row, &current.path);
        Some(current.batch.as_mut()?.next(line, || format!("row {row} of {}", path.display())))
    }

    fn told(&self) -> Told {
        let rows = self.current.as_ref().and_then(|current| current.batch.as_ref());
        rows.map(Rows::told).unwrap_or_default()
    }
}

/// Writes batches as a Parquet file that appears when it is complete.
pub struct AnswerWriter {
    path: PathBuf,
    staged: StagedFile,
    writer: ArrowWriter<File>,
}

impl AnswerWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be written, or exists and is not to be replaced.
    pub fn create(path: &Path, schema: SchemaRef, replace: bool) -> Result<Self, FileError> {
        let staged = StagedFile::create(path, replace)?;
        let file = File::create(staged.path()).map_err(FileError::io("write", path))?;
        let compression = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(unwritten(path))?;
        Ok(Self { path: path.to_owned(), staged, writer })
    }

    /// Writes some rows.
    ///
    /// # Errors
    /// [`FileError`] when they cannot be written.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), FileError> {
        self.writer.write(rows).map_err(unwritten(&self.path))
    }

    /// Gives the file its name, once it is on the disk: who goes on behind it trusts the name.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be written.
    pub fn finish(self) -> Result<(), FileError> {
        let file = self.writer.into_inner().map_err(unwritten(&self.path))?;
        file.sync_all().map_err(FileError::io("write", &self.path))?;
        self.staged.commit()
    }
}

fn unwritten(path: &Path) -> impl FnOnce(WriteError) -> FileError + '_ {
    move |error| FileError::io("write", path)(io::Error::other(error))
}
