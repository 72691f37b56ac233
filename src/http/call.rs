//! What every call to the model needs: a key, a deadline, its body, a permit to be scored, time of the engine.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use slirec_engine::{Admission, Priority};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::error::ApiError;
use super::error_response;
use crate::config::OverloadAnswer;
use crate::memory::{HELD_PER_BYTE, OutOfMemory, Reservation};
use crate::metrics::{Shed, Stage};
use crate::scoring::Scoring;
use crate::serving::Served;
use crate::state::AppState;

const TIMEOUT: &str = "x-request-timeout-ms";
/// Bytes that the buffer of a body of unknown length has at least.
const FEWEST: usize = 1024;

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
    if request.headers().contains_key(header::ORIGIN) {
        return Err(ApiError::forbidden_origin());
    }
    if !state.admin_keys.admit(request.headers()) {
        return Err(ApiError::unauthorized());
    }
    Ok(next.run(request).await)
}

/// A call to the model that was read whole and that the service has memory for.
#[derive(Debug)]
pub(crate) struct Call {
    body: Bytes,
    deadline: Instant,
    /// Held until the call is answered; none when the service is overloaded and answers by popularity.
    permit: Option<OwnedSemaphorePermit>,
    /// Held until the call's first session is in the engine's queue.
    admission: Option<Admission>,
    /// Memory for the body, for what is made of it, and for the answer.
    memory: Arc<Reservation>,
}

/// A body that is to be parsed, with the memory that it has reserved.
#[derive(Debug)]
pub(crate) struct CallBody {
    pub(super) bytes: Bytes,
    pub(super) memory: Arc<Reservation>,
}

impl Call {
    /// The body of a call that asks nothing of the engine; empty once it was taken.
    pub(crate) fn take_body(&mut self) -> CallBody {
        CallBody { bytes: std::mem::take(&mut self.body), memory: Arc::clone(&self.memory) }
    }

    /// The body, if the engine admits the call: nothing is parsed that would only be refused. An overloaded service
    /// that answers by popularity takes every body.
    ///
    /// # Errors
    /// 503 when the engine is overloaded and the service answers overload by refusing; 504 when the deadline has
    /// passed.
    pub(crate) fn admitted_body(&mut self, state: &AppState, priority: Priority) -> Result<CallBody, ApiError> {
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
    pub(crate) fn scoring<'a>(&mut self, state: &'a AppState, served: &'a Arc<Served>) -> Scoring<'a> {
        let (admission, memory) = (self.admission.take(), Arc::clone(&self.memory));
        Scoring { state, served, deadline: self.deadline, only_popular: admission.is_none(), admission, memory }
    }

    /// A JSON answer, which takes memory until it is sent.
    ///
    /// # Errors
    /// 503 when there is not enough.
    pub(crate) fn json_response(&self, state: &AppState, answer: &impl Serialize) -> Result<Response, ApiError> {
        let response = state.metrics.timed(Stage::Serialise, || serde_json::to_vec(answer));
        let body = response.map_err(|error| ApiError::unwritable(&error))?;
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Ok((headers, self.held(state, body)?).into_response())
    }

    /// The body of an answer, counted until it is sent.
    ///
    /// # Errors
    /// 503 when there is not enough memory.
    pub(crate) fn held(&self, state: &AppState, body: Vec<u8>) -> Result<Body, ApiError> {
        reserve(&self.memory, body.len(), state)?;
        Ok(Body::from(Bytes::from_owner(HeldAnswer { body, _memory: Arc::clone(&self.memory) })))
    }
}

impl FromRequest<AppState> for Call {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let deadline = deadline(request.headers(), state)?;
        if let Some(encoding) = compressed(&request) {
            return Err(ApiError::compressed_body(&encoding));
        }
        // The service has done nothing yet: that the time is over is no failure of its own.
        let read = timeout_at(deadline, read(request, state)).await;
        let (body, memory) = read.map_err(|_| ApiError::body_timeout())??;
        // Only now: a body that comes slowly keeps no permit from others.
        let permit = Arc::clone(&state.permits).try_acquire_owned().ok();
        if permit.is_none() {
            state.metrics.shed(Shed::InFlight);
            if state.settings.limits.overload == OverloadAnswer::Reject {
                return Err(ApiError::overloaded());
            }
        }
        Ok(Self { body: body.into(), deadline, permit, admission: None, memory: Arc::new(memory) })
    }
}

struct HeldAnswer {
    body: Vec<u8>,
    _memory: Arc<Reservation>,
}

impl AsRef<[u8]> for HeldAnswer {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// How the body is compressed. MLflow's servers do not look, and take it for wrong JSON.
fn compressed(request: &Request) -> Option<String> {
    let encoding = request.headers().get(header::CONTENT_ENCODING)?;
    let looks = request.uri().path().starts_with("/v1/") || request.uri().path().starts_with("/v2/");
    let encoding = String::from_utf8_lossy(encoding.as_bytes());
    (looks && !encoding.trim().eq_ignore_ascii_case("identity")).then(|| encoding.into_owned())
}

/// Reads the body into one buffer. What it and all that is made of it may take is reserved before it comes, all at once
/// when the client says how long it is: nothing is read that could not be parsed then.
async fn read(request: Request, state: &AppState) -> Result<(Vec<u8>, Reservation), ApiError> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let most = state.settings.server.max_body_bytes;
    if length.is_some_and(|length| length > most) {
        return Err(ApiError::body_too_large());
    }
    let announced = length.unwrap_or_default();
    let memory = Reservation::new(&state.memory);
    reserve(&memory, announced.saturating_mul(HELD_PER_BYTE), state)?;
    let (mut bytes, mut body) = (Vec::with_capacity(announced), request.into_body());
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        // What is no data are trailers, which are not used.
        let Ok(data) = frame.map_err(|error| ApiError::unreadable_body(&error))?.into_data() else { continue };
        if bytes.len() + data.len() > most {
            return Err(ApiError::body_too_large());
        }
        let room = bytes.capacity() - bytes.len();
        if data.len() > room {
            // Twice as much as there is, so that a body is copied a few times and not once for each of its pieces.
            let more = bytes.capacity().max(data.len()).max(FEWEST).min(most - bytes.capacity().min(most));
            reserve(&memory, more.saturating_mul(HELD_PER_BYTE), state)?;
            bytes.reserve_exact(room + more);
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, memory))
}

/// Reserves memory of a request.
///
/// # Errors
/// 503 when the budget does not hold it.
fn reserve(memory: &Reservation, bytes: usize, state: &AppState) -> Result<(), ApiError> {
    memory.grow(bytes).map_err(|OutOfMemory| {
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
