//! What can go wrong between us and a shop.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

/// A failure that ends what was being done.
#[derive(Debug, Error)]
pub enum ShopifyError {
    /// The address of the shop is none.
    #[error("the shop's address is `{0}`: expected its name such as example.myshopify.com, or https://…")]
    Address(String),
    /// Neither a token nor a client's id and secret were given.
    #[error("no credentials: expected SHOPIFY_ACCESS_TOKEN, or SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET")]
    NoCredentials,
    /// The credentials hold characters that cannot be sent.
    #[error("the {0} holds characters that cannot be sent: expected the text as Shopify shows it")]
    Credentials(&'static str),
    /// The connection failed, again and again.
    #[error("{operation}: the shop did not answer after {tries} tries: {problem}")]
    Connection {
        /// What was asked.
        operation: String,
        /// How often.
        tries: u32,
        /// The last failure.
        problem: String,
    },
    /// The answer to something that must not be done twice was lost.
    #[error("{operation}: the answer was lost, it may have been done: {problem}")]
    Lost {
        /// What was asked.
        operation: String,
        /// The failure.
        problem: String,
    },
    /// The shop refuses, and will go on to.
    #[error("{operation}: HTTP {status}: {meaning}")]
    Refused {
        /// What was asked.
        operation: String,
        /// The HTTP status.
        status: u16,
        /// What the status means at Shopify.
        meaning: String,
    },
    /// The app lacks a right.
    #[error("{operation}: access denied: {problem}")]
    AccessDenied {
        /// What was asked.
        operation: String,
        /// The scope that is missing, in Shopify's words.
        problem: String,
    },
    /// The app lacks rights, found before anything was done.
    #[error("the app lacks the access scopes {}: grant them in its settings", .0.join(", "))]
    MissingScopes(Vec<String>),
    /// A query asks for more than one may.
    #[error("{operation}: costs more than one query may")]
    TooDear {
        /// What was asked.
        operation: String,
    },
    /// The shop is busy and stays so.
    #[error("{operation}: still throttled after {waited:?}")]
    Throttled {
        /// What was asked.
        operation: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The document or its variables are wrong: a defect of this program or a version of the API that is too old.
    #[error("{operation}: {problem}")]
    Invalid {
        /// What was asked.
        operation: String,
        /// Shopify's words.
        problem: String,
    },
    /// The answer is not what the documentation says.
    #[error("{operation}: the answer is not understood: {problem}")]
    Answer {
        /// What was asked.
        operation: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// The shop did not do what it was asked, and said why.
    #[error("{operation}: {}", join(errors))]
    User {
        /// What was asked.
        operation: String,
        /// The reasons.
        errors: Vec<UserError>,
    },
    /// What the shop holds stands against it.
    #[error("{0}")]
    Shop(String),
    /// A bulk operation ended without a result.
    #[error("bulk operation {id} ended as {status}{}", .code.as_ref().map(|code| format!(": {code}")).unwrap_or_default())]
    Bulk {
        /// The operation.
        id: String,
        /// `FAILED`, `CANCELED` or `EXPIRED`.
        status: String,
        /// Shopify's reason.
        code: Option<String>,
    },
}

/// Why the shop did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserError {
    /// Path of the input that is at fault.
    #[serde(default)]
    pub field: Option<Vec<String>>,
    /// For people.
    pub message: String,
    /// For programs, where the mutation has codes.
    #[serde(default)]
    pub code: Option<String>,
}

impl fmt::Display for UserError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(formatter, "{}: ", field.join("."))?;
        }
        formatter.write_str(&self.message)?;
        self.code.as_ref().map_or(Ok(()), |code| write!(formatter, " ({code})"))
    }
}

/// All of them on one line.
pub(super) fn join(errors: &[UserError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
