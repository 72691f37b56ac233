//! Around every request: gives it an id, counts it and writes one log line when it is answered. No user data: bodies and
//! query strings never reach the log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::request_id::{MakeRequestId, MakeRequestUuid};
use tracing::Instrument;

use crate::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Ids of clients beyond this are replaced.
const LONGEST_ID: usize = 128;

/// The outermost layer of every route.
pub(crate) async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let shown = id.to_str().unwrap_or_default();
    let span = tracing::info_span!("request", id = shown, method = %method, route);
    let mut response = async {
        let response = next.run(request).await;
        let seconds = started.elapsed().as_secs_f64();
        state.metrics.answered(route, response.status(), seconds);
        let status = response.status().as_u16();
        tracing::info!(status, milliseconds = seconds * 1000.0, "answered");
        response
    }
    .instrument(span)
    .await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The client's id if it is short and printable, or a new one.
fn request_id(request: &Request) -> HeaderValue {
    let usable = |id: &&HeaderValue| !id.is_empty() && id.len() <= LONGEST_ID && id.to_str().is_ok();
    request.headers().get(REQUEST_ID).filter(usable).cloned().unwrap_or_else(|| {
        let made = MakeRequestUuid.make_request_id(request);
        made.map_or(HeaderValue::from_static("unknown"), |id| id.into_header_value())
    })
}
