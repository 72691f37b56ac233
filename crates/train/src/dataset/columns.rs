//! Columns of a dataset as one safetensors file: values enter one by one, a file leaves that any safetensors reader
//! opens. Nothing is kept in memory while writing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
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

/// Columns of a file, read whole.
#[derive(Debug)]
pub(crate) struct Columns<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
}

impl<'a> Columns<'a> {
    /// Reads a file whose SHA-256 the manifest records.
    pub(crate) fn read(path: &'a Path, sha256: &str) -> Result<Self, DatasetError> {
        let bytes = fs::read(path).map_err(FileError::io("read", path))?;
        check_hash(path, &files::sha256(&bytes), sha256)?;
        Ok(Self { path, bytes })
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
        let invalid = |problem: String| DatasetError::Invalid { path: self.path.to_owned(), problem };
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|error| invalid(error.to_string()))?;
        let tensor = tensors.tensor(name).map_err(|error| invalid(error.to_string()))?;
        if tensor.dtype() != kind {
            return Err(invalid(format!("column `{name}` has type {:?}: expected {kind:?}", tensor.dtype())));
        }
        Ok(tensor.data().as_chunks::<N>().0.iter().map(|bytes| convert(*bytes)).collect())
    }
}
