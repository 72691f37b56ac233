//! Which pages in browsers may call the service: origins enter, a layer leaves, or none, which is the default.

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{Any, CorsLayer};

use crate::config::CorsSettings;
use crate::keys::API_KEY;

/// The layer for the configured origins.
pub(super) fn layer(settings: &CorsSettings) -> Option<CorsLayer> {
    if settings.origins.is_empty() {
        return None;
    }
    let headers = [
        header::CONTENT_TYPE,
        header::AUTHORIZATION,
        HeaderName::from_static(API_KEY),
        HeaderName::from_static("x-request-id"),
        HeaderName::from_static("x-request-timeout-ms"),
        HeaderName::from_static("traceparent"),
    ];
    // Beside those that every page may read.
    let answered = [
        header::ETAG,
        header::RETRY_AFTER,
        HeaderName::from_static("x-request-id"),
        HeaderName::from_static("server-timing"),
    ];
    let layer = CorsLayer::new().allow_methods([Method::GET, Method::POST]).allow_headers(headers);
    let layer = layer.expose_headers(answered);
    if settings.origins.iter().any(|origin| origin == "*") {
        return Some(layer.allow_origin(Any));
    }
    let origins = settings.origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    Some(layer.allow_origin(origins.collect::<Vec<_>>()))
}
