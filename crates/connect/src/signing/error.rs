//! What can be wrong with a key or a signature. Nothing of a private key stands in a message.

use std::path::{Path, PathBuf};

use slirec_core::bundle::BundleError;
use slirec_core::files::FileError;
use thiserror::Error;

/// A key or a signature that cannot be used.
#[derive(Debug, Error)]
pub enum SigningError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is to be signed or verified is no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A key cannot be used.
    #[error("{path}: {problem}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// The bundle is not what someone trusted signed.
    #[error("{path}: {problem}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// The key does not sign.
    #[error("the key does not sign: {0}")]
    Sign(String),
}

impl SigningError {
    pub(super) fn key(path: &Path, problem: impl Into<String>) -> Self {
        Self::Key { path: path.to_owned(), problem: problem.into() }
    }

    pub(super) fn refused(path: PathBuf, problem: impl Into<String>) -> Self {
        Self::Refused { path, problem: problem.into() }
    }
}
