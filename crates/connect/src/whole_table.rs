//! Tables that are held in memory as a whole: the text of a file enters and leaves decoded, or what is wrong with the file.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use slirec_core::files::FileError;
use thiserror::Error;

use crate::events::ImportError;
use crate::events::input::Text;
use crate::text::decode;

/// Most bytes of a table as text, unpacked.
const LARGEST: u64 = 1 << 30;

/// A table that cannot be used.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file cannot be opened, unpacked or decoded.
    #[error(transparent)]
    Open(#[from] ImportError),
    /// A row or the header is wrong.
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, or the row of a Parquet file, from 1.
        line: u64,
        /// What was found and what was expected.
        problem: String,
    },
    /// The file is of a kind that is not read.
    #[error("{path}: {problem}")]
    Kind {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
}

impl TableError {
    pub(crate) fn kind(path: &Path, problem: impl Into<String>) -> Self {
        Self::Kind { path: path.to_owned(), problem: problem.into() }
    }
}

/// The text of a file, and whether it was read as Latin-1.
pub(crate) fn whole(path: &Path, text: Text<'_>) -> Result<(String, bool), TableError> {
    let mut bytes = Vec::new();
    text.reader.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| match error.kind() {
        // What is wrong with the content is told without the words of the operating system.
        io::ErrorKind::InvalidData => TableError::kind(path, error.to_string()),
        _ => FileError::io("read", path)(error).into(),
    })?;
    match bytes.len() as u64 {
        0..=LARGEST => Ok(decode(bytes)),
        _ => Err(TableError::kind(path, "holds more than 1 GiB: expected a smaller table, or several files")),
    }
}
