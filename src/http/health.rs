//! Whether the service lives, whether it wants requests, and which version it is.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::ApiError;
use super::json_response;
use crate::state::AppState;

#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    model: &'a str,
    version: &'a str,
}

/// `GET /ping` and `/health`: the process answers. The body is what an MLflow scoring server sends.
pub(crate) async fn ping() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], "\n").into_response()
}

/// `GET /version`: the bare version of this service, with the content type that MLflow gives it.
pub(crate) async fn version() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], env!("CARGO_PKG_VERSION")).into_response()
}

/// `GET /ready`: 200 while requests are welcome, 503 once the service has been asked to stop.
pub(crate) async fn ready(State(state): State<AppState>) -> Response {
    if !state.readiness.is_ready() {
        return ApiError::unavailable("The service is stopping").into_response();
    }
    let engine = state.engine();
    let model = engine.model();
    json_response(StatusCode::OK, &Ready { ready: true, model: &model.name, version: &model.version })
}
