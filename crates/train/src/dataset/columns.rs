//! Columns of a dataset as one safetensors file: values enter one by one, a file leaves that any safetensors reader
//! opens. Nothing is kept in memory while writing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::json;
use slirec_core::files::{self, FileError};

use super::{DatasetError, check_hash};

/// A column that is being written.
#[derive(Debug)]
pub(crate) struct Column {
    name: &'static str,
    kind: &'static str,
    width: u64,
    bytes: u64,
    file: BufWriter<File>,
}

impl Column {
    fn new(directory: &Path, name: &'static str, kind: &'static str, width: u64) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(directory)?);
        Ok(Self { name, kind, width, bytes: 0, file })
    }

    /// A column of 32-bit ids.
    pub(crate) fn ids(directory: &Path, name: &'static str) -> io::Result<Self> {
        Self::new(directory, name, "U32", 4)
    }

    /// A column of bytes.
    pub(crate) fn bytes(directory: &Path, name: &'static str) -> io::Result<Self> {
        Self::new(directory, name, "U8", 1)
    }

    /// A column of 64-bit floats.
    pub(crate) fn floats(directory: &Path, name: &'static str) -> io::Result<Self> {
        Self::new(directory, name, "F64", 8)
    }

    /// A column of 64-bit counts.
    pub(crate) fn counts(directory: &Path, name: &'static str) -> io::Result<Self> {
        Self::new(directory, name, "U64", 8)
    }

    /// Appends the bytes of one or more values.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}

/// Joins columns to one file.
pub(crate) fn write(path: &Path, columns: Vec<Column>) -> Result<(), FileError> {
    let join = || -> io::Result<()> {
        let mut header = BTreeMap::new();
        let mut offset = 0;
        for column in &columns {
            let end = offset + column.bytes;
            let shape = [column.bytes / column.width];
            header.insert(column.name, json!({"dtype": column.kind, "shape": shape, "data_offsets": [offset, end]}));
            offset = end;
        }
        let mut text = serde_json::to_vec(&header)?;
        // Values start at a multiple of 8 bytes, so that readers may map the file.
        text.resize(text.len().next_multiple_of(8), b' ');
        let mut output = BufWriter::with_capacity(1 << 18, File::create(path)?);
        output.write_all(&(text.len() as u64).to_le_bytes())?;
        output.write_all(&text)?;
        for column in columns {
            let mut file = column.file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            io::copy(&mut BufReader::with_capacity(1 << 18, file), &mut output)?;
        }
        output.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    };
    join().map_err(FileError::io("write", path))
}

/// Columns of a file, each read when it is asked for: never is more than one in memory twice.
#[derive(Debug)]
pub(crate) struct Columns<'a> {
    path: &'a Path,
    metadata: Metadata,
    /// Where the values start.
    start: u64,
}

impl<'a> Columns<'a> {
    /// Opens a file whose SHA-256 the manifest records.
    pub(crate) fn read(path: &'a Path, sha256: &str) -> Result<Self, DatasetError> {
        let bytes = fs::read(path).map_err(FileError::io("read", path))?;
        check_hash(path, &files::sha256(&bytes), sha256)?;
        let invalid = |error: SafeTensorError| invalid(path, error.to_string());
        let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(invalid)?;
        // A header lies in memory, so its length fits 64 bits. Before it stands its length, in 8 bytes.
        Ok(Self { path, metadata, start: 8 + header as u64 })
    }

    /// A column of bytes that need not be there.
    pub(crate) fn bytes_if_any(&self, name: &str) -> Result<Option<Vec<u8>>, DatasetError> {
        self.metadata.info(name).map(|_| self.values(name, Dtype::U8, u8::from_le_bytes)).transpose()
    }

    pub(crate) fn ids(&self, name: &str) -> Result<Vec<u32>, DatasetError> {
        self.values(name, Dtype::U32, u32::from_le_bytes)
    }

    pub(crate) fn floats(&self, name: &str) -> Result<Vec<f64>, DatasetError> {
        self.values(name, Dtype::F64, f64::from_le_bytes)
    }

    pub(crate) fn counts(&self, name: &str) -> Result<Vec<u64>, DatasetError> {
        self.values(name, Dtype::U64, u64::from_le_bytes)
    }

    fn values<T, const N: usize>(
        &self,
        name: &str,
        kind: Dtype,
        convert: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, DatasetError> {
        let missing = || invalid(self.path, format!("has no column `{name}`"));
        let column = self.metadata.info(name).ok_or_else(missing)?;
        if column.dtype != kind {
            let problem = format!("column `{name}` has type {:?}: expected {kind:?}", column.dtype);
            return Err(invalid(self.path, problem));
        }
        let (from, to) = column.data_offsets;
        let read = || -> io::Result<Vec<T>> {
            let mut file = File::open(self.path)?;
            file.seek(SeekFrom::Start(self.start + from as u64))?;
            let mut bytes = vec![0; to.saturating_sub(from)];
            file.read_exact(&mut bytes)?;
            Ok(bytes.as_chunks::<N>().0.iter().map(|bytes| convert(*bytes)).collect())
        };
        Ok(read().map_err(FileError::io("read", self.path))?)
    }
}

fn invalid(path: &Path, problem: String) -> DatasetError {
    DatasetError::Invalid { path: path.to_owned(), problem }
}
