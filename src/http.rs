//! The HTTP side of the service: the whole route table, and what stands around every route.
//!
//! Handlers extract, call the engine, reply. One file per protocol: [`recommendations`] has the service's own,
//! [`invocations`] MLflow's scoring protocol, [`inference`] the Open Inference Protocol. [`playground`] is a page
//! for people, [`webhooks`] receives a shop's changes.

mod admin;
mod call;
mod caps;
mod catalog;
mod compression;
mod cors;
pub(crate) mod error;
#[cfg(test)]
pub(crate) mod harness;
mod health;
pub(crate) mod in_process;
mod inference;
mod invocations;
mod metrics;
mod object;
mod observe;
mod openapi;
mod parsing;
mod playground;
mod products;
mod quote;
mod raw_json;
mod reason;
mod recommendations;
mod refused;
mod status;
mod user;
mod values;
mod webhooks;
mod well_formed;

use std::any::Any;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde::Serialize;
use tower_http::catch_panic::CatchPanicLayer;

use crate::state::AppState;
use error::ApiError;
pub(crate) use error::BodyTimeout;
use inference::InferenceError;
pub(crate) use refused::{Refusal, malformed};

/// Paths of clients in the log are cut to so many characters.
const LONGEST_PATH: usize = 200;

/// Every route for clients.
pub(crate) fn router(state: AppState) -> Router {
    let open = Router::new()
        .route("/ping", get(health::ping))
        .route("/health", get(health::ping))
        .route("/live", get(health::live))
        .route("/ready", get(health::ready))
        .route("/version", get(health::version))
        .route("/v2/health/live", get(inference::live))
        .route("/v2/health/ready", get(inference::ready))
        .route("/openapi.json", get(openapi::document).layer(compression::layer()));
    let guarded = Router::new()
        .route("/v1/recommendations", post(recommendations::recommend))
        .route("/v1/recommendations:batch", post(recommendations::recommend_batch))
        .route("/v1/recommendations:page", post(recommendations::recommend_page))
        // As clients write them that escape what they need not.
        .route("/v1/recommendations%3Abatch", post(recommendations::recommend_batch))
        .route("/v1/recommendations%3Apage", post(recommendations::recommend_page))
        .route("/v1/rank", post(recommendations::rank))
        .route("/v1/related", post(recommendations::related))
        .route("/v1/complements", post(recommendations::complements))
        .route("/v1/trending", post(recommendations::trending))
        .route("/v1/buy-again", post(recommendations::buy_again))
        .route("/v1/catalog", get(catalog::catalog))
        .route("/v1/status", get(status::status))
        .route("/invocations", post(invocations::invoke))
        .route("/v2", get(inference::server))
        .route("/v2/repository/index", post(inference::index))
        .route("/v2/models", get(inference::models))
        .route("/v2/models/{model}", get(inference::model))
        .route("/v2/models/{model}/ready", get(inference::model_ready))
        .route("/v2/models/{model}/infer", post(inference::infer))
        .route("/v2/models/{model}/versions/{version}", get(inference::model_version))
        .route("/v2/models/{model}/versions/{version}/ready", get(inference::model_version_ready))
        .route("/v2/models/{model}/versions/{version}/infer", post(inference::infer_version))
        .route_layer(middleware::from_fn_with_state(state.clone(), call::want_key));
    let pages = playground::routes(state.settings.server.playground).layer(compression::layer());
    let mut routes = open.merge(guarded).merge(pages);
    if state.settings.server.metrics {
        routes = routes.route("/metrics", get(metrics::metrics).layer(compression::layer()));
    }
    if state.webhooks.is_some() {
        routes = routes.route("/webhooks/shopify", post(webhooks::shopify));
    }
    let routes = within_limits(routes, &state);
    let routes = match cors::layer(&state.settings.cors) {
        Some(layer) => routes.layer(middleware::from_fn_with_state(layer, cors::allow)),
        None => routes,
    };
    observed(routes, state)
}

/// Every route for operators; the answers of the admin address.
pub(crate) fn admin_router(state: AppState) -> Router {
    let open = Router::new()
        .route("/live", get(health::live))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics::metrics).layer(compression::layer()));
    let guarded = Router::new()
        .route("/admin/reload", post(admin::reload))
        .route("/admin/rollback", post(admin::rollback))
        .route("/admin/log-level", put(admin::log_level))
        .route("/admin/products", post(products::change))
        .route_layer(middleware::from_fn_with_state(state.clone(), call::want_admin_key));
    let routes = within_limits(open.merge(guarded), &state);
    observed(routes, state)
}

fn within_limits(routes: Router<AppState>, state: &AppState) -> Router<AppState> {
    let server = &state.settings.server;
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(server.max_body_bytes))
        .layer(middleware::from_fn(refused::refuse))
        .layer(CatchPanicLayer::custom(panicked))
}

fn observed(routes: Router<AppState>, state: AppState) -> Router {
    routes.layer(middleware::from_fn_with_state(state.clone(), observe::observe)).with_state(state)
}

async fn not_found(request: Request) -> Response {
    let path: String = request.uri().path().chars().take(LONGEST_PATH).collect();
    tracing::debug!(path, "no such route");
    error_response(&request, ApiError::not_found(request.uri().path()))
}

async fn method_not_allowed(request: Request) -> Response {
    error_response(&request, ApiError::method_not_allowed(request.method().as_str()))
}

/// An error in the form of the protocol that was asked.
fn error_response(request: &Request, error: ApiError) -> Response {
    let path = request.uri().path();
    match path == "/v2" || path.starts_with("/v2/") {
        true => InferenceError::from(error).into_response(),
        false => error.into_response(),
    }
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
