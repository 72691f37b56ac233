//! Large bodies are parsed away from the async threads, so that one client's history of 200,000 items delays nobody else.

use axum::body::Bytes;

use super::error::ApiError;

/// Smaller bodies parse in less time than it takes to hand them over.
const LARGE: usize = 128 * 1024;

/// Runs `parse` on a body.
pub(crate) async fn parse_body<T: Send + 'static>(body: Bytes, parse: fn(&[u8]) -> T) -> Result<T, ApiError> {
    if body.len() < LARGE {
        return Ok(parse(&body));
    }
    tokio::task::spawn_blocking(move || parse(&body)).await.map_err(|error| {
        tracing::error!(%error, "parsing failed");
        ApiError::internal()
    })
}
