//! What an answer means: HTTP status, errors and costs enter; data, a pause or an error that says why leaves.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::error::{ShopifyError, UserError};
use super::pace::Cost;
use crate::http::causes;

/// An answer beyond this is none: a page of 250 products has a hundredth of it.
const LARGEST_ANSWER: usize = 64 << 20;

/// What became of one try.
pub(super) enum Outcome {
    Data(Value),
    Throttled(Duration),
    Transient(String),
    TokenRefused,
}

#[derive(Deserialize)]
pub(super) struct Answer {
    pub(super) data: Option<Value>,
    pub(super) errors: Option<Value>,
    pub(super) extensions: Option<Extensions>,
}

#[derive(Deserialize)]
pub(super) struct Extensions {
    pub(super) cost: Option<Cost>,
}

/// What the `errors` of an answer ask for: an array of objects, or a plain text.
pub(super) fn of_errors(operation: &str, errors: &Value, cost: Option<&Cost>) -> Result<Outcome, ShopifyError> {
    let single = [errors.clone()];
    let errors = errors.as_array().map_or(&single[..], Vec::as_slice);
    let code = |error: &Value| error.pointer("/extensions/code").and_then(Value::as_str).map(str::to_owned);
    let message = |error: &Value| {
        let message = error.get("message").unwrap_or(error);
        message.as_str().map_or_else(|| message.to_string(), str::to_owned)
    };
    let has = |wanted: &str| errors.iter().find(|error| code(error).as_deref() == Some(wanted));
    let operation = operation.to_owned();
    if has("THROTTLED").is_some() {
        return Ok(Outcome::Throttled(cost.map_or(Duration::from_secs(1), Cost::wait)));
    }
    if has("MAX_COST_EXCEEDED").is_some() {
        return Err(ShopifyError::TooDear { operation });
    }
    if let Some(error) = has("ACCESS_DENIED") {
        return Err(ShopifyError::AccessDenied { operation, problem: message(error) });
    }
    if let Some(error) = has("INTERNAL_SERVER_ERROR") {
        return Ok(Outcome::Transient(message(error).lines().next().unwrap_or_default().to_owned()));
    }
    let problem = errors.iter().map(message).collect::<Vec<_>>().join("; ");
    Err(ShopifyError::Invalid { operation, problem })
}

pub(super) fn refused(operation: &str, status: StatusCode) -> ShopifyError {
    let meaning = match status.as_u16() {
        401 => "the access token is refused",
        402 => "the shop is frozen until its owner pays",
        403 => "the shop forbids it",
        404 => "there is no such shop at this address",
        423 => "the shop is locked",
        430 => "Shopify takes the requests for an attack",
        _ => "unexpected",
    };
    ShopifyError::Refused { operation: operation.to_owned(), status: status.as_u16(), meaning: meaning.to_owned() }
}

pub(super) fn answer(operation: &str, problem: String) -> ShopifyError {
    ShopifyError::Answer { operation: operation.to_owned(), problem }
}

/// An error when a mutation has any.
pub(super) fn check(operation: &str, errors: Vec<UserError>) -> Result<(), ShopifyError> {
    if errors.is_empty() { Ok(()) } else { Err(ShopifyError::User { operation: operation.to_owned(), errors }) }
}

pub(super) fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::try_from_secs_f64(seconds.unwrap_or(1.0_f64).clamp(0.0, 60.0)).unwrap_or(Duration::from_secs(1))
}

/// The body of an answer, as far as it is bearable; a connection that breaks is a transient failure.
pub(super) async fn body(
    operation: &str,
    mut response: reqwest::Response,
) -> Result<Result<Vec<u8>, Outcome>, ShopifyError> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= LARGEST_ANSWER => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(answer(operation, format!("has more than {LARGEST_ANSWER} bytes"))),
            Ok(None) => return Ok(Ok(bytes)),
            Err(error) => return Ok(Err(Outcome::Transient(causes(error)))),
        }
    }
}
