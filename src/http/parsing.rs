//! Large bodies are parsed away from the async threads, so that one client's history of 200,000 items delays nobody else.

use std::time::Instant;

use axum::body::Bytes;

use super::error::ApiError;
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
