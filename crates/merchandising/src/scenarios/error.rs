//! Scenarios that cannot be used: the text of the file and a place in it enter, a message leaves that names file, line and
//! key, what was found and what was expected.

use std::path::{Path, PathBuf};

use slirec_core::files::FileError;
use slirec_core::places::PlaceError;
use thiserror::Error;

/// A file of scenarios that cannot be used.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no text.
    #[error("{0}: found bytes that are not UTF-8, expected UTF-8 text")]
    NotText(PathBuf),
    /// Its content breaks a rule.
    #[error(transparent)]
    Invalid(#[from] PlaceError),
}

/// The text of a file with its path, for errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// The error for a problem at an offset of the text.
    pub(super) fn error(&self, offset: usize, problem: impl ToString) -> ScenarioError {
        PlaceError::new(self.path, self.text, offset, problem).into()
    }
}
