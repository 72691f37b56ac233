//! Why an invocation is refused: the codes are those of an MLflow scoring server, the sentences our own.

use thiserror::Error;

/// A request body that cannot be answered; always status 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    /// `BAD_REQUEST` or `INVALID_PARAMETER_VALUE`.
    pub(crate) code: &'static str,
    /// The field, what was found and what was expected.
    pub(crate) message: String,
}

impl Refusal {
    /// A body, a table or a value that cannot be read.
    pub(crate) fn request(message: String) -> Self {
        Self { code: "BAD_REQUEST", message }
    }

    /// Rows that are not those of the signature.
    pub(crate) fn signature(message: String) -> Self {
        Self { code: "INVALID_PARAMETER_VALUE", message }
    }

    /// Rows without columns of the signature.
    pub(crate) fn missing(place: &str, columns: &[&str]) -> Self {
        Self::signature(format!(
            "{place}: found no {}: expected the columns userId (string), items and timestamps (lists of strings)",
            columns.join(", no ")
        ))
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::request(format!("body: is not JSON: {error}"))
    }
}
