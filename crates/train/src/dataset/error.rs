//! What is wrong with a dataset, or with what one is made of.

use std::path::PathBuf;

use slirec_core::files::FileError;
use slirec_core::history::HistoryError;
use slirec_core::interactions::ReadError;
use slirec_core::vocabulary::VocabularyError;
use thiserror::Error;

/// A dataset that cannot be made or read.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The vocabulary breaks a rule.
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    /// An interaction cannot be read.
    #[error("{path}: {source}")]
    Interaction {
        /// The file.
        path: PathBuf,
        /// Line, content and reason.
        source: ReadError,
    },
    /// A line of an expanded file is wrong.
    #[error("{path}: line {line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What was found and what was expected.
        problem: String,
    },
    /// The content breaks a rule.
    #[error("{path}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// A temporary file could not be used.
    #[error("cannot write temporary files: {0}")]
    Temporary(#[from] std::io::Error),
    /// A history cannot be encoded.
    #[error(transparent)]
    History(#[from] HistoryError),
}
