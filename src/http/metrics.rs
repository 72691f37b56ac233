//! `GET /metrics`: everything that the service counts, in Prometheus' text format.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use crate::metrics::TEXT_FORMAT;
use crate::state::AppState;

pub(crate) async fn metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    let text = state.metrics.render(&state.served(), state.in_flight()).map_err(|error| {
        tracing::error!(%error, "metrics cannot be rendered");
        ApiError::internal()
    })?;
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response())
}
