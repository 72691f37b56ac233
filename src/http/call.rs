//! What every call to the model needs: a key, a deadline, its body, a permit to be scored, time of the engine.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use slirec_engine::{Admission, Priority};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::error::{ApiError, RequestBody};
use super::error_response;
use crate::config::OverloadAnswer;
use crate::metrics::Shed;
use crate::scoring::Scoring;
use crate::serving::Served;
use crate::state::AppState;

const TIMEOUT: &str = "x-request-timeout-ms";
/// Smaller bodies need no share of the memory for bodies: as many as there are connections do no harm.
const SMALL: usize = 64 * 1024;

/// Lets requests with a known API key pass.
pub(super) async fn want_key(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match state.keys.admit(request.headers()) {
        true => next.run(request).await,
        false => error_response(&request, ApiError::unauthorized()),
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

/// A call to the model that was read whole and that the service has room for.
#[derive(Debug)]
pub(crate) struct Call {
    body: Bytes,
    deadline: Instant,
    /// Held until the call is answered; none when the service is overloaded and answers by popularity.
    permit: Option<OwnedSemaphorePermit>,
    /// Held until the call's first session is in the engine's queue.
    admission: Option<Admission>,
    /// Held as long as what was read of a large body may be in memory.
    _memory: Option<OwnedSemaphorePermit>,
}

impl Call {
    /// The body of a call that asks nothing of the engine; empty once it was taken.
    pub(crate) fn take_body(&mut self) -> Bytes {
        std::mem::take(&mut self.body)
    }

    /// The body, if the engine has time for what it asks: nothing is parsed that would only be refused. An overloaded service
    /// that answers by popularity takes every body.
    ///
    /// # Errors
    /// 503 when the engine has no time and the service answers overload by refusing; 504 when the deadline has passed.
    pub(crate) fn admitted_body(&mut self, state: &AppState, priority: Priority) -> Result<Bytes, ApiError> {
        if self.permit.is_some() {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.metrics.deadline_exceeded();
                return Err(ApiError::deadline_exceeded());
            }
            match state.served().engine.admit(priority, left) {
                Ok(admission) => self.admission = Some(admission),
                Err(overloaded) => {
                    state.metrics.shed(overloaded.into());
                    if state.settings.limits.overload == OverloadAnswer::Reject {
                        return Err(ApiError::overloaded());
                    }
                }
            }
        }
        Ok(self.take_body())
    }

    /// Scores sessions for this call.
    pub(crate) fn scoring<'a>(&mut self, state: &'a AppState, served: &'a Served) -> Scoring<'a> {
        let admission = self.admission.take();
        Scoring { state, served, deadline: self.deadline, only_popular: admission.is_none(), admission }
    }
}

impl FromRequest<AppState> for Call {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let deadline = deadline(request.headers(), state)?;
        let compressed = compressed(&request);
        let read = timeout_at(deadline, read(request, state)).await;
        let (body, memory) = read.map_err(|_| {
            state.metrics.deadline_exceeded();
            ApiError::deadline_exceeded()
        })??;
        // Read first: many clients send all before they read an answer.
        if let Some(encoding) = compressed {
            return Err(ApiError::compressed_body(&encoding));
        }
        // Only now: a body that comes slowly keeps no permit from others.
        let permit = Arc::clone(&state.permits).try_acquire_owned().ok();
        if permit.is_none() {
            state.metrics.shed(Shed::InFlight);
            if state.settings.limits.overload == OverloadAnswer::Reject {
                return Err(ApiError::overloaded());
            }
        }
        Ok(Self { body, deadline, permit, admission: None, _memory: memory })
    }
}

/// How the body is compressed. MLflow's servers do not look, and take it for wrong JSON.
fn compressed(request: &Request) -> Option<String> {
    let encoding = request.headers().get(header::CONTENT_ENCODING)?;
    let looks = request.uri().path().starts_with("/v1/") || request.uri().path().starts_with("/v2/");
    let encoding = String::from_utf8_lossy(encoding.as_bytes());
    (looks && !encoding.trim().eq_ignore_ascii_case("identity")).then(|| encoding.into_owned())
}

/// The body, and its share of the memory for bodies if it is large.
async fn read(request: Request, state: &AppState) -> Result<(Bytes, Option<OwnedSemaphorePermit>), ApiError> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let Some(length) = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok()) else {
        return read_unannounced(request.into_body(), state).await;
    };
    // What is larger than allowed is refused as soon as it is read that far: many clients send all before they read an
    // answer. Those that ask first are told at once.
    let most = state.settings.server.max_body_bytes;
    if length > most && request.headers().contains_key(header::EXPECT) {
        return Err(ApiError::body_too_large());
    }
    let length = length.min(most);
    let memory = if length <= SMALL { None } else { Some(memory(length, state)?) };
    let RequestBody(body) = RequestBody::from_request(request, state).await?;
    Ok((body, memory))
}

/// As [`read`], of a body that does not say how long it is: once it is not small, it may become as long as any.
async fn read_unannounced(mut body: Body, state: &AppState) -> Result<(Bytes, Option<OwnedSemaphorePermit>), ApiError> {
    let most = state.settings.server.max_body_bytes;
    let (mut bytes, mut share) = (Vec::new(), None);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        // What is no data are trailers, which nobody wants.
        let Ok(data) = frame.map_err(|_| ApiError::unreadable_body())?.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > most {
            return Err(ApiError::body_too_large());
        }
        if length > SMALL && share.is_none() {
            share = Some(memory(most, state)?);
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes.into(), share))
}

fn memory(length: usize, state: &AppState) -> Result<OwnedSemaphorePermit, ApiError> {
    let share = u32::try_from(length.div_ceil(1024)).unwrap_or(u32::MAX);
    let memory = Arc::clone(&state.body_kibibytes).try_acquire_many_owned(share);
    memory.map_err(|_| {
        state.metrics.shed(Shed::Memory);
        ApiError::overloaded()
    })
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
