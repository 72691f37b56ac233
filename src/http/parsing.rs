//! From bytes to what a protocol asks for, or a message that names the field. Large bodies are parsed away from the
//! async threads, so that one client's history of 200,000 items delays no other request.

use std::time::Instant;

use serde::de::{Deserialize, DeserializeOwned};

use super::call::CallBody;
use super::error::ApiError;
use super::object::Object;
use super::quote::bounded;
use super::well_formed::well_formed;
use crate::memory::Held;
use crate::metrics::{Metrics, Stage};

/// Smaller bodies parse in less time than it takes to hand them over.
const LARGE: usize = 128 * 1024;

/// Runs `parse` on a body, and gives back what it had reserved of memory and does not need.
pub(crate) async fn parse_body<T: Held + Send + 'static>(
    metrics: &Metrics,
    body: CallBody,
    parse: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let started = Instant::now();
    let CallBody { bytes, memory } = body;
    let length = bytes.len();
    let parse = move || {
        let parsed = parse(&bytes);
        drop(bytes);
        memory.shrink_to(parsed.held_bytes());
        parsed
    };
    let parsed = if length < LARGE {
        Ok(parse())
    } else {
        tokio::task::spawn_blocking(parse).await.map_err(|error| {
            tracing::error!(%error, "parsing failed");
            ApiError::internal()
        })
    };
    metrics.took(Stage::Parse, started.elapsed());
    parsed
}

/// Reads a body that is one JSON object, as [`well_formed`] has it. The message begins with the path of the field, such
/// as `history[3].time`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    read(&well_formed(body))
}

/// As [`parse`], of a document that is well-formed and may be borrowed from.
pub(crate) fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, String> {
    let deserializer = &mut serde_json::Deserializer::from_slice(body);
    let Object(document): Object<T> = serde_path_to_error::deserialize(&mut *deserializer).map_err(|error| {
        let (path, inner) = (error.path(), error.inner());
        // A document that breaks off has no field to blame, and the root's own path is a dot.
        let has_field = inner.is_data() && path.iter().next().is_some();
        if has_field { bounded(format_args!("{path}: {inner}")) } else { bounded(format_args!("body: {inner}")) }
    })?;
    deserializer.end().map_err(|error| format!("body: {error}"))?;
    Ok(document)
}
