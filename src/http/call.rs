//! What every call to the model needs before its body is read: a key, a place among the requests in flight, a deadline.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::error::ApiError;
use crate::config::OverloadAnswer;
use crate::metrics::Shed;
use crate::scoring::Scoring;
use crate::serving::Served;
use crate::state::AppState;

const TIMEOUT: &str = "x-request-timeout-ms";

/// Lets requests with a known API key pass.
pub(super) async fn want_key(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    match state.keys.admit(request.headers()) {
        true => Ok(next.run(request).await),
        false => Err(ApiError::unauthorized()),
    }
}

/// Lets requests with a known admin key pass. Pages in browsers are kept out: they could reach a loopback address.
pub(super) async fn want_admin_key(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if request.headers().contains_key(axum::http::header::ORIGIN) || !state.admin_keys.admit(request.headers()) {
        return Err(ApiError::unauthorized());
    }
    Ok(next.run(request).await)
}

/// A call to the model that the service has room for.
#[derive(Debug)]
pub(crate) struct Call {
    deadline: Instant,
    /// Held until the call is answered; none when the service is overloaded and answers by popularity.
    place: Option<OwnedSemaphorePermit>,
}

impl Call {
    /// Scores sessions for this call.
    pub(crate) fn scoring<'a>(&self, state: &'a AppState, served: &'a Served) -> Scoring<'a> {
        Scoring { state, served, deadline: self.deadline, only_popular: self.place.is_none() }
    }
}

impl FromRequestParts<AppState> for Call {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let deadline = deadline(&parts.headers, state)?;
        let place = state.places.clone().try_acquire_owned().ok();
        if place.is_none() {
            state.metrics.shed(Shed::InFlight);
            if state.settings.limits.overload == OverloadAnswer::Reject {
                return Err(ApiError::overloaded());
            }
        }
        Ok(Self { deadline, place })
    }
}

fn deadline(headers: &HeaderMap, state: &AppState) -> Result<Instant, ApiError> {
    let longest = state.settings.limits.deadline();
    let Some(value) = headers.get(TIMEOUT) else { return Ok(Instant::now() + longest) };
    let milliseconds = value.to_str().ok().and_then(|text| text.parse::<u64>().ok()).filter(|value| *value > 0);
    let Some(milliseconds) = milliseconds else {
        let message = format!("header {TIMEOUT}: expected a whole number of milliseconds above 0");
        return Err(ApiError::bad_request(message));
    };
    Ok(Instant::now() + longest.min(std::time::Duration::from_millis(milliseconds)))
}
