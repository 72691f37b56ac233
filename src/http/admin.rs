//! What operators can do while the service runs, on the admin address: load the bundle again, go back to the one
//! before, change the log's level. Nothing here takes a path or an address: what is loaded is configured, not
//! requested.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use slirec_core::bundle::Manifest;

use super::error::{ApiError, RequestBody};
use super::json_response;
use super::object::Object;
use super::quote::bounded;
use crate::registry::Registered;
use crate::reload;
use crate::serving::{Busy, Served};
use crate::state::AppState;

#[derive(Serialize)]
struct InService<'a> {
    name: &'a str,
    version: &'a str,
    sha256: &'a str,
    created: &'a str,
    /// What it is called in the registry, if it came from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<&'a Registered>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    level: String,
}

/// `POST /admin/reload`: 200 with the model now in service, or 422 with the reason why the old one stays.
pub(super) async fn reload(State(state): State<AppState>) -> Result<Response, ApiError> {
    outcome(reload::reload(&state, "request").await)
}

/// `POST /admin/rollback`: the model before the present one.
pub(super) async fn rollback(State(state): State<AppState>) -> Result<Response, ApiError> {
    outcome(reload::rollback(&state).await)
}

/// `PUT /admin/log-level` with `{"level": "debug"}`, as `log.level` has it, until the next start.
pub(super) async fn log_level(
    State(state): State<AppState>,
    RequestBody(body): RequestBody,
) -> Result<Response, ApiError> {
    let Object(Level { level }) =
        serde_json::from_slice(&body).map_err(|error| ApiError::bad_request(bounded(format_args!("body: {error}"))))?;
    state.log_level.set(&level).map_err(|problem| ApiError::bad_request(bounded(format_args!("level: {problem}"))))?;
    tracing::info!(level, "log level changed");
    Ok(json_response(StatusCode::OK, &serde_json::json!({ "level": level })))
}

fn outcome(outcome: anyhow::Result<Arc<Served>>) -> Result<Response, ApiError> {
    match outcome {
        Ok(served) => {
            let Manifest { name, version, created, .. } = served.engine.model();
            let (sha256, registry) = (served.engine.sha256(), served.registered.as_ref());
            let body = InService { name, version, sha256, created, registry };
            Ok(json_response(StatusCode::OK, &body))
        }
        Err(error) if error.is::<Busy>() => Err(ApiError::conflict(&error.to_string())),
        // The reason is for operators; clients never see it.
        Err(error) => Err(ApiError::unprocessable(format!("{error:#}"))),
    }
}
