//! Whether the process is alive, whether it is ready for requests, and which version it is.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{ApiError, ErrorBody};
use super::json_response;
use crate::state::AppState;

/// The answer of a service that is ready.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready<'a> {
    /// Always true: otherwise the status is 503.
    ready: bool,
    /// Name of the model in service.
    model: &'a str,
    /// Its version.
    version: &'a str,
}

/// The answer of a service that is alive.
#[derive(Serialize, ToSchema)]
pub(super) struct Live {
    /// Always true.
    live: bool,
}

/// `GET /ping` and `/health`: the process answers. The body is what an MLflow scoring server sends.
pub(crate) async fn ping() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], "\n").into_response()
}

/// Whether the process answers.
#[utoipa::path(
    get, path = "/live", operation_id = "live", tag = "operation",
    responses((status = 200, description = "The process answers", body = Live)),
)]
pub(crate) async fn live() -> Response {
    json_response(StatusCode::OK, &Live { live: true })
}

/// `GET /version`: the bare version of this service, with the content type that MLflow gives it.
pub(crate) async fn version() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], env!("CARGO_PKG_VERSION")).into_response()
}

/// Whether the service is ready: not before the model is warm, and not once the service has been asked to stop.
#[utoipa::path(
    get, path = "/ready", operation_id = "ready", tag = "operation",
    responses(
        (status = 200, description = "Ready for requests", body = Ready),
        (status = 503, description = "The service is stopping", body = ErrorBody),
    ),
)]
pub(crate) async fn ready(State(state): State<AppState>) -> Response {
    if !state.readiness.is_ready() {
        return ApiError::unavailable("The service is stopping").into_response();
    }
    let served = state.served();
    let model = served.engine.model();
    json_response(StatusCode::OK, &Ready { ready: true, model: &model.name, version: &model.version })
}
