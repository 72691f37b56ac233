//! What can go wrong between us and a registry.

use slirec_core::bundle::BundleError;
use slirec_core::files::FileError;
use thiserror::Error;

/// A failure that ends what was being done.
#[derive(Debug, Error)]
pub enum MlflowError {
    /// No server was named.
    #[error(
        "which server? expected MLFLOW_TRACKING_URI, such as http://127.0.0.1:5000, or DATABRICKS_HOST and DATABRICKS_TOKEN"
    )]
    NoAddress,
    /// The address is none.
    #[error("{variable} is `{address}`: {problem}")]
    Address {
        /// Where it came from.
        variable: &'static str,
        /// What was found.
        address: String,
        /// What was expected.
        problem: &'static str,
    },
    /// The credentials are incomplete or hold characters that cannot be sent.
    #[error("{0}")]
    Credentials(&'static str),
    /// The name of a model cannot be used.
    #[error("`{found}` is no model: {expected}")]
    Reference {
        /// What was found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The connection failed, or the server did, again and again.
    #[error("{operation}: no answer from the MLflow server after {tries} tries: {problem}")]
    Connection {
        /// What was asked.
        operation: String,
        /// How often.
        tries: u32,
        /// The last failure.
        problem: String,
    },
    /// The server refuses, and will go on to.
    #[error("{operation}: HTTP {status}: {code}{message}")]
    Refused {
        /// What was asked.
        operation: String,
        /// The HTTP status.
        status: u16,
        /// MLflow's error code with a colon and a space, or nothing.
        code: String,
        /// The server's words, or ours for what it means.
        message: String,
    },
    /// The answer is not what the documentation says.
    #[error("{operation}: the answer is not understood: {problem}")]
    Answer {
        /// What was asked.
        operation: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// Files lie where we cannot, or must not, reach them.
    #[error("{0}")]
    Location(String),
    /// A version that cannot be served by us.
    #[error("version {version} of {model} is no model of ours: {problem}")]
    NotOurs {
        /// The registered model.
        model: String,
        /// Its version.
        version: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A file is not what the manifest says.
    #[error("version {version} of {model}: {file}: {problem}")]
    File {
        /// The registered model.
        model: String,
        /// Its version.
        version: String,
        /// The file of the bundle.
        file: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A file here cannot be read or written.
    #[error(transparent)]
    Local(#[from] FileError),
    /// The bundle's manifest cannot be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl MlflowError {
    /// Whether the server said so with this code of MLflow's.
    pub(super) fn has_code(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code.strip_suffix(": ") == Some(wanted))
    }

    /// Whether what was asked for does not exist.
    pub fn is_missing(&self) -> bool {
        self.has_code("RESOURCE_DOES_NOT_EXIST") || matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether the request may have been done although its answer is lost.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Connection { .. })
    }
}
