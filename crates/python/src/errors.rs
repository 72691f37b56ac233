//! Errors of the libraries enter, Python's exceptions leave, with the same sentences as those of the programs.

use std::error::Error;

use pyo3::exceptions::{PyException, PyValueError};
use pyo3::{PyErr, create_exception};

create_exception!(slirec, SlirecError, PyException, "What could not be done, and why.");

/// An error with its causes, each once: many of our errors spell out their cause themselves.
pub(crate) fn failure(error: impl Error) -> PyErr {
    SlirecError::new_err(sentence(&error))
}

/// An argument that cannot be used.
pub(crate) fn unusable(problem: impl Into<String>) -> PyErr {
    PyValueError::new_err(problem.into())
}

fn sentence(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !sentence.contains(&text) {
            sentence = format!("{sentence}: {text}");
        }
        cause = error.source();
    }
    sentence
}
