//! Around every request: gives it an id, counts it and writes one log line when it is answered; the questions of probes
//! and scrapers below the usual level, preflights uncounted. No user data: bodies and query strings never reach the
//! log.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::request_id::{MakeRequestId, MakeRequestUuid};
use tracing::{Instrument, Span, field};

use super::cors;
use crate::metrics::routes;
use crate::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// Ids of clients beyond this are replaced.
const LONGEST_ID: usize = 128;
/// Methods of clients are cut to so many characters.
const LONGEST_METHOD: usize = 20;

/// The outermost layer of every route.
pub(crate) async fn observe(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let span = span(&request, &id);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = routes::label(route.as_ref().map(MatchedPath::as_str));
    // The browser's own question: whatever it says, the page has asked for nothing yet.
    let is_preflight = cors::is_preflight(&request);
    let mut response = async {
        let response = next.run(request).await;
        let elapsed = started.elapsed();
        if is_preflight {
            tracing::debug!(status = response.status().as_u16(), "preflight answered");
        } else {
            state.metrics.answered(route, response.status(), elapsed.as_secs_f64());
            log_answer(route, response.status(), elapsed);
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

/// What all lines about a request have in common.
fn span(request: &Request, id: &HeaderValue) -> Span {
    let id = id.to_str().unwrap_or_default();
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    // A method is ASCII.
    let method = request.method().as_str();
    let method = method.get(..LONGEST_METHOD).unwrap_or(method);
    let span = tracing::info_span!("request", id, method, route = routes::label(route), trace = field::Empty);
    if let Some(trace) = trace_id(request.headers()) {
        span.record("trace", trace);
        #[cfg(feature = "otel")]
        crate::logging::telemetry::continue_trace(&span, request.headers());
    }
    span
}

/// One line for each request, at a level that fits what it says.
fn log_answer(route: &str, status: StatusCode, elapsed: Duration) {
    let milliseconds = elapsed.as_secs_f64() * 1000.0;
    let is_refusal = status == StatusCode::SERVICE_UNAVAILABLE;
    let status_code = status.as_u16();
    // Refusals are counted; a line at a raised level for each would only add to an overload.
    if status.is_server_error() && !is_refusal {
        tracing::warn!(status = status_code, milliseconds, "answered");
    } else if routes::is_probe(route) {
        tracing::debug!(status = status_code, milliseconds, "answered");
    } else {
        tracing::info!(status = status_code, milliseconds, "answered");
    }
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
    use tracing::Level;

    use super::super::harness::{Log, Service};
    use super::*;

    #[tokio::test]
    async fn probes_and_scrapes_are_logged_below_the_usual_level() {
        let service = Service::new();
        let paths = ["/live", "/ready", "/ping", "/health", "/v2/health/live", "/v2/models/slirec/ready"];
        for (level, lines) in [(Level::INFO, 0), (Level::DEBUG, paths.len() + 1)] {
            let (log, _guard) = Log::record(level);
            for path in paths {
                assert_eq!(service.get(path).await.status, 200, "{path}");
            }
            service.operate("GET", "/metrics", &[], "").await;
            assert_eq!(log.text().matches(r#""message":"answered""#).count(), lines, "{}", log.text());
        }
        let (log, _guard) = Log::record(Level::INFO);
        service.get("/version").await;
        assert!(log.text().contains(r#""message":"answered""#), "{}", log.text());
    }

    #[tokio::test]
    async fn the_reason_of_a_refusal_is_logged_for_those_who_look_without_what_the_request_said() {
        let service = Service::with(&[("SLIREC__AUTH__KEYS", "a-secret-of-a-client-01")]);
        let ask = async |level: Level| {
            let (log, _guard) = Log::record(level);
            for (path, body) in [
                ("/v1/recommendations", r#"{"history": [{"item": "a", "time": "secret"}]}"#),
                ("/v1/recommendations", r#"{"history": [], "secret": 1}"#),
                ("/v1/recommendations?secret=1", r#"{"history": [], "limit": "secret"}"#),
                ("/v1/related", r#"{"item": ["secret"]}"#),
                ("/invocations", r#"{"inputs": {"userId": "secret", "items": ["secret"]}}"#),
                ("/invocations", r#"{"secret": "secret"}"#),
                ("/v2/models/slirec/infer", r#"{"inputs": [{"name": "secret", "shape": [1], "datatype": "secret"}]}"#),
            ] {
                let headers = [("x-api-key", "a-secret-of-a-client-01"), ("content-type", "application/json")];
                let answer = service.ask("POST", path, &headers, body).await;
                assert!(answer.status.is_client_error(), "{path} {body}: {}", answer.text());
            }
            service.ask("POST", "/v1/rank", &[("x-api-key", "another-secret")], "secret").await;
            log.text()
        };
        let usual = ask(Level::INFO).await;
        assert!(!usual.contains("refused") && !usual.contains("secret"), "{usual}");
        let all = ask(Level::DEBUG).await;
        assert!(!all.contains("secret"), "{all}");
        assert_eq!(all.matches(r#""message":"refused""#).count(), 8, "{all}");
        assert!(all.contains(r#""reason":"history[0].time"#), "{all}");
    }

    #[tokio::test]
    async fn a_path_without_a_route_is_logged_for_those_who_look_within_a_length() {
        let service = Service::new();
        let long = format!("/v1/recommendation?secret{}", "x".repeat(5_000));
        for (level, found) in [(Level::INFO, false), (Level::DEBUG, true)] {
            let (log, _guard) = Log::record(level);
            service.post(&long, "{}").await;
            service.get(&format!("/{}", "y".repeat(5_000))).await;
            let text = log.text();
            assert_eq!(text.contains(r#""path":"/v1/recommendation""#), found, "{text}");
            assert!(!text.contains("secret") && text.lines().all(|line| line.len() < 2_000), "{text}");
        }
    }

    #[tokio::test]
    async fn what_clients_send_as_method_or_id_makes_neither_labels_nor_long_lines() {
        let service = Service::new();
        let (log, _guard) = Log::record(Level::INFO);
        service.ask(&"M".repeat(5_000), "/v1/rank", &[("x-request-id", &"i".repeat(5_000))], "").await;
        assert!(log.text().lines().all(|line| line.len() < 2_000), "{}", log.text());
        assert_eq!(service.metric(r#"slirec_requests_total{route="/v1/rank",status="405"}"#).await, Some(1.0));
    }

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
