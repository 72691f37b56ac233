//! From bytes to what a protocol asks for, or a message that names the field. Large bodies are parsed away from the async
//! threads, so that one client's history of 200,000 items delays nobody else.

use std::time::Instant;

use axum::body::Bytes;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::object::Object;
use crate::metrics::{Metrics, Stage};

/// Smaller bodies parse in less time than it takes to hand them over.
const LARGE: usize = 128 * 1024;

/// Runs `parse` on a body.
pub(crate) async fn parse_body<T: Send + 'static>(
    metrics: &Metrics,
    body: Bytes,
    parse: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let started = Instant::now();
    let parsed = if body.len() < LARGE {
        Ok(parse(&body))
    } else {
        tokio::task::spawn_blocking(move || parse(&body)).await.map_err(|error| {
            tracing::error!(%error, "parsing failed");
            ApiError::internal()
        })
    };
    metrics.took(Stage::Parse, started.elapsed());
    parsed
}

/// Reads a body that is one JSON object. The message begins with the path of the field, such as `history[3].time`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let deserializer = &mut serde_json::Deserializer::from_slice(body);
    let Object(document): Object<T> = serde_path_to_error::deserialize(&mut *deserializer).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner().to_string());
        // A document that breaks off has no field to blame, and the root's own path is a dot.
        if error.inner().is_data() && path != "." { format!("{path}: {inner}") } else { format!("body: {inner}") }
    })?;
    deserializer.end().map_err(|error| format!("body: {error}"))?;
    Ok(document)
}
