//! A file of JSON lines that outlives the program: lines are appended and flushed to the disk before they count, and read
//! again after a restart.
//!
//! A last line that is cut off, as a crash leaves it, is dropped: it was not acknowledged.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use slirec_core::files::{self, FileError};
use thiserror::Error;

/// A store that cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line in the midst of the file is damaged.
    #[error("{path}:{line}: {problem}: expected a change of a product; leave the line out to go on without it")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

/// An open file of lines.
#[derive(Debug)]
pub(crate) struct LineFile {
    path: PathBuf,
    file: File,
    lines: usize,
    bytes: usize,
}

impl LineFile {
    /// Opens the file, or makes it, and hands over its lines.
    ///
    /// # Errors
    /// [`StoreError`] naming the file and line.
    pub(crate) fn open<T: DeserializeOwned>(path: &Path, mut take: impl FnMut(T)) -> Result<Self, StoreError> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(FileError::io("open", path))?;
        let text = files::read_small(path, u64::MAX)?;
        // Whatever stands behind the last line end was being written when the program died.
        let whole = memchr::memrchr(b'\n', &text).map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(FileError::io("repair", path))?;
        }
        file.seek(SeekFrom::End(0)).map_err(FileError::io("open", path))?;
        let mut lines = 0;
        for line in text.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
            lines += 1;
            let problem = |error: serde_json::Error| error.to_string();
            take(serde_json::from_slice(line).map_err(problem).map_err(|problem| StoreError::Line {
                path: path.to_owned(),
                line: lines,
                problem,
            })?);
        }
        Ok(Self { path: path.to_owned(), file, lines, bytes: whole })
    }

    /// Lines of the file.
    pub(crate) fn lines(&self) -> usize {
        self.lines
    }

    /// Bytes of the file.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a line; when it returns, the line is on the disk.
    ///
    /// # Errors
    /// [`StoreError::File`] when it cannot be written: then it is not there.
    pub(crate) fn append(&mut self, line: &impl Serialize) -> Result<(), StoreError> {
        let bytes = text(line, &self.path)?;
        let mut write = || -> std::io::Result<()> {
            let end = self.file.stream_position()?;
            let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
            if written.is_err() {
                // Half a line in the midst of the file would make it unreadable.
                self.file.set_len(end)?;
                self.file.seek(SeekFrom::Start(end))?;
            }
            written
        };
        write().map_err(FileError::io("write", &self.path))?;
        self.lines += 1;
        self.bytes += bytes.len();
        Ok(())
    }

    /// Writes the file anew with other lines.
    ///
    /// # Errors
    /// [`StoreError::File`] when it cannot be written: then it stays as it was.
    pub(crate) fn rewrite<'a, T: Serialize + 'a>(
        &mut self,
        lines: impl Iterator<Item = &'a T>,
    ) -> Result<(), StoreError> {
        let (mut bytes, mut count) = (Vec::new(), 0);
        for line in lines {
            bytes.extend(text(line, &self.path)?);
            count += 1;
        }
        // The file that was written goes on being written to: opened anew, it might not be had.
        let file = files::replace(&self.path, &bytes)?;
        (self.file, self.lines, self.bytes) = (file, count, bytes.len());
        Ok(())
    }
}

/// A line with its end.
fn text(line: &impl Serialize, path: &Path) -> Result<Vec<u8>, FileError> {
    let mut bytes = serde_json::to_vec(line).map_err(|reason| FileError::Json { path: path.to_owned(), reason })?;
    bytes.push(b'\n');
    Ok(bytes)
}
