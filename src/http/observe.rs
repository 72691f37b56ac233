//! Around every request: gives it an id, counts it and writes one log line when it is answered. No user data: bodies and
//! query strings never reach the log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::request_id::{MakeRequestId, MakeRequestUuid};
use tracing::{Instrument, field};

use crate::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
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
    let span = tracing::info_span!("request", id = shown, method = %method, route, trace = field::Empty);
    if let Some(trace) = trace_id(request.headers()) {
        span.record("trace", trace);
        #[cfg(feature = "otel")]
        crate::logging::telemetry::continue_trace(&span, request.headers());
    }
    let mut response = async {
        let response = next.run(request).await;
        let seconds = started.elapsed().as_secs_f64();
        state.metrics.answered(route, response.status(), seconds);
        let (status, milliseconds) = (response.status().as_u16(), seconds * 1000.0);
        // Refusals are counted; a line at a raised level for each would only add to an overload.
        if response.status().is_server_error() && response.status() != StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(status, milliseconds, "answered");
        } else {
            tracing::info!(status, milliseconds, "answered");
        }
        response
    }
    .instrument(span)
    .await;
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    // What browsers show beside a request; the playground too.
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    if let Ok(timing) = HeaderValue::from_str(&format!("total;dur={milliseconds:.3}")) {
        headers.insert(SERVER_TIMING, timing);
    }
    if !state.readiness.is_ready() {
        // Clients that keep their connections go elsewhere for the next request.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
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

/// The trace's id of a `traceparent` header (W3C Trace Context, version 00): `00-<32 hex>-<16 hex>-<2 hex>`.
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(TRACE_PARENT)?.to_str().ok()?;
    let mut parts = value.split('-');
    let hexadecimal = |part: &str, length| {
        part.len() == length && part.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
    };
    let (version, trace) = (parts.next()?, parts.next()?);
    let (parent, flags) = (parts.next()?, parts.next()?);
    let sound = hexadecimal(version, 2) && hexadecimal(trace, 32) && hexadecimal(parent, 16) && hexadecimal(flags, 2);
    let known = trace.bytes().any(|digit| digit != b'0') && version != "ff";
    (sound && known).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_trace_parent_names_a_trace() {
        let found = |value: &str| {
            let headers = HeaderMap::from_iter([(TRACE_PARENT, HeaderValue::from_str(value).unwrap())]);
            trace_id(&headers).map(str::to_owned)
        };
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(found(&format!("00-{trace}-00f067aa0ba902b7-01")).as_deref(), Some(trace));
        let zeros = "0".repeat(32);
        for wrong in ["", "00", &format!("00-{trace}"), &format!("00-{zeros}-00f067aa0ba902b7-01"), "00-x-y-z"] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
    }
}
