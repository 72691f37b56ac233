//! The HTTP side of the service: the whole route table, and what stands around every route.
//!
//! Handlers extract, call the engine, reply. One file per protocol: [`invocations`] speaks MLflow's scoring protocol,
//! [`recommendations`] the service's own.

mod error;
mod health;
mod invocations;
mod metrics;
mod object;
mod observe;
mod parsing;
mod recommendations;

use std::any::Any;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::state::AppState;
use error::ApiError;

/// Every route of the service.
pub(crate) fn router(state: AppState) -> Router {
    let settings = &state.settings.server;
    let routes = Router::new()
        .route("/v1/recommendations", post(recommendations::recommend))
        .route("/invocations", post(invocations::invoke))
        .route("/ping", get(health::ping))
        .route("/health", get(health::ping))
        .route("/ready", get(health::ready))
        .route("/version", get(health::version))
        .route("/metrics", get(metrics::metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed);
    routes
        .layer(DefaultBodyLimit::max(settings.max_body_bytes))
        .layer(RequestBodyTimeoutLayer::new(settings.read_timeout()))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state.clone(), observe::observe))
        .with_state(state)
}

async fn not_found(request: Request) -> ApiError {
    ApiError::not_found(request.uri().path())
}

async fn method_not_allowed(request: Request) -> ApiError {
    ApiError::method_not_allowed(request.method().as_str())
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    // The panic hook has written the cause to the log.
    tracing::error!("a handler panicked");
    ApiError::internal().into_response()
}

/// A JSON answer.
fn json_response(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
