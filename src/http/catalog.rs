//! `GET /v1/catalog`: all products, for pages that show them. Nothing enters but the model in service, whose catalogue
//! is encoded once.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::compression;
use super::error::{ApiError, ErrorBody};
use crate::serving::{Catalog, EncodedCatalog};
use crate::state::AppState;

/// All products of the catalogue.
#[utoipa::path(
    get, path = "/v1/catalog", operation_id = "catalog", tag = "recommendations",
    responses(
        (status = 200, description = "All products, with an ETag", body = Catalog),
        (status = 304, description = "The products are those of the request's If-None-Match"),
        (status = 401, description = "A known API key is needed", body = ErrorBody),
    ),
)]
pub(super) async fn catalog(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let served = state.served();
    let EncodedCatalog { json, gzip, tag, .. } = served.catalog().await.ok_or_else(ApiError::internal)?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let known =
        known.is_some_and(|tags| tags.split(',').map(str::trim).any(|known| known == "*" || is_same(known, tag)));
    let validity = [
        (header::ETAG, tag.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, header::ACCEPT_ENCODING.as_str()),
    ];
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok(match (known, compression::accepts_gzip(&headers)) {
        (true, _) => (StatusCode::NOT_MODIFIED, validity).into_response(),
        (false, false) => (validity, kind, shared(json)).into_response(),
        (false, true) => (validity, kind, [(header::CONTENT_ENCODING, "gzip")], shared(gzip)).into_response(),
    })
}

/// Compares two tags as `If-None-Match` requires: weakly.
fn is_same(known: &str, tag: &str) -> bool {
    known.trim_start_matches("W/") == tag.trim_start_matches("W/")
}

/// Bytes of an answer that are shared with all others.
fn shared(bytes: &Arc<[u8]>) -> Bytes {
    Bytes::from_owner(Arc::clone(bytes))
}
