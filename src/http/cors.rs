//! Which pages in browsers may call the service: origins enter, a layer leaves, or none, which is the default.
//!
//! A page may send whatever headers it asks for, instead of a list: libraries for traces and measurements add headers
//! of their own (`baggage`, `sentry-trace`, `tracestate`, `x-datadog-…`), and one that is missing in a list stops every
//! call of the shop. This gives nothing away: only configured origins are answered so, browsers send no cookies or
//! passwords of theirs along (credentials are not allowed), and keys are in headers that a page must know by itself.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tower::{Layer, ServiceExt};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::config::CorsSettings;

/// How long browsers keep a preflight; Chromium's maximum.
const MAX_AGE: Duration = Duration::from_secs(7_200);
/// Headers of answers that pages may read, beside those that every page may.
const EXPOSED: [HeaderName; 5] = [
    header::ETAG,
    header::RETRY_AFTER,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("server-timing"),
    HeaderName::from_static("inference-header-content-length"),
];

/// The layer for the configured origins.
pub(super) fn layer(settings: &CorsSettings) -> Option<CorsLayer> {
    if settings.origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(MAX_AGE);
    if settings.origins.iter().any(|origin| origin == "*") {
        return Some(layer.allow_origin(Any));
    }
    let origins = settings.origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    Some(layer.allow_origin(origins.collect::<Vec<_>>()))
}

/// Answers preflights, and names the headers of other answers that a page may read.
pub(super) async fn allow(State(layer): State<CorsLayer>, request: Request, next: Next) -> Response {
    // The layer takes every OPTIONS for a preflight; others are answered as without it.
    if request.method() == Method::OPTIONS && !is_preflight(&request) {
        return next.run(request).await;
    }
    match layer.layer(next).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Whether a browser asks what a page may send, before the request itself.
pub(super) fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use super::super::harness::{Answer, Service};

    const ORIGIN: &str = "https://shop.example";

    fn service() -> Service {
        let keys = ("SLIREC__AUTH__KEYS", "a-key-of-a-client-0001");
        Service::with(&[("SLIREC__CORS__ORIGINS", ORIGIN), keys])
    }

    async fn preflight(service: &Service, path: &str, method: &str, wanted: &str) -> Answer {
        let headers =
            [("origin", ORIGIN), ("access-control-request-method", method), ("access-control-request-headers", wanted)];
        service.ask("OPTIONS", path, &headers, "").await
    }

    #[tokio::test]
    async fn a_page_may_send_the_headers_of_every_library_for_traces_without_a_key() {
        let service = service();
        for wanted in [
            "baggage,content-type,sentry-trace",
            "tracestate,traceparent",
            "b3,x-b3-traceid,x-b3-spanid,x-b3-sampled",
            "x-datadog-trace-id,x-datadog-parent-id,x-datadog-origin",
            "newrelic,elastic-apm-traceparent,x-request-id,x-request-timeout-ms",
            "authorization,x-api-key",
        ] {
            let answer = preflight(&service, "/v1/recommendations", "POST", wanted).await;
            assert_eq!(answer.status, 200, "{wanted}");
            assert_eq!(answer.header("access-control-allow-headers"), wanted);
            assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
            assert_eq!(answer.header("access-control-max-age"), "7200");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
            assert!(answer.header("vary").contains("access-control-request-headers"), "{answer:?}");
        }
        let answer = preflight(&service, "/v1/catalog", "GET", "if-none-match").await;
        assert_eq!(answer.header("access-control-allow-headers"), "if-none-match");
        assert!(answer.header("access-control-allow-methods").contains("GET"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_preflight_is_no_request_of_its_route() {
        for service in [service(), Service::new()] {
            for path in ["/v1/recommendations", "/v1/catalog", "/nowhere"] {
                preflight(&service, path, "POST", "content-type").await;
            }
            let text = service.operate("GET", "/metrics", &[], "").await.text();
            let counted = text.lines().filter(|line| line.starts_with("slirec_request"));
            let counted: Vec<&str> = counted.filter(|line| !line.ends_with(" 0")).collect();
            assert!(counted.is_empty(), "{counted:?}");
            let status = service.ask("GET", "/v1/status", &[("x-api-key", "a-key-of-a-client-0001")], "").await;
            assert_eq!(status.json()["traffic"]["requests"], 0);
        }
    }

    #[tokio::test]
    async fn options_that_are_no_preflight_and_other_origins_get_no_leave() {
        let service = service();
        let key = ("x-api-key", "a-key-of-a-client-0001");
        let plain = service.ask("OPTIONS", "/v1/recommendations", &[key], "").await;
        assert_eq!((plain.status.as_u16(), plain.header("allow").as_str()), (405, "POST"));
        let headers = [("origin", "https://evil.example"), ("access-control-request-method", "POST")];
        let other = service.ask("OPTIONS", "/v1/recommendations", &headers, "").await;
        assert_eq!(other.header("access-control-allow-origin"), "");
    }

    #[tokio::test]
    async fn pages_may_read_the_headers_that_answers_have_and_errors_too() {
        let service = service();
        for path in ["/v1/recommendations", "/nowhere", "/ready"] {
            let answer = service.ask("GET", path, &[("origin", ORIGIN)], "").await;
            assert_eq!(answer.header("access-control-allow-origin"), ORIGIN, "{path}");
            for name in ["etag", "retry-after", "x-request-id", "server-timing", "inference-header-content-length"] {
                assert!(answer.header("access-control-expose-headers").split(',').any(|found| found == name), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn the_operators_address_is_not_for_pages() {
        let headers = [("origin", ORIGIN), ("access-control-request-method", "POST")];
        let answer = service().operate("OPTIONS", "/admin/reload", &headers, "").await;
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}
