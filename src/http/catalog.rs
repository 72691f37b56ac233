//! `GET /v1/catalog`: the products that the service knows, for pages that show them. Nothing enters but the model in service.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use slirec_core::catalog::Product;
use utoipa::ToSchema;

use super::error::ErrorBody;
use crate::state::AppState;

/// Attribute of a catalogue that holds the address of a picture.
const IMAGE: &str = "image";

/// All products.
#[derive(Serialize, ToSchema)]
pub(super) struct Catalog<'a> {
    /// In the catalogue's order.
    products: Vec<CatalogProduct<'a>>,
}

/// A product of the catalogue.
#[derive(Serialize, ToSchema)]
pub(super) struct CatalogProduct<'a> {
    #[schema(example = "atlas")]
    handle: &'a str,
    #[schema(example = "gid://shopify/Product/14809003753817")]
    gid: &'a str,
    title: &'a str,
    category: &'a str,
    /// Whether it may be recommended.
    available: bool,
    /// Address of a picture, for products that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    image: Option<&'a str>,
}

impl<'a> CatalogProduct<'a> {
    fn new(product: &'a Product) -> Self {
        let Product { handle, gid, title, category, available, attributes } = product;
        // Only what a page may load: no scripts, no other schemes.
        let image = attributes.get(IMAGE).map(String::as_str).filter(|address| address.starts_with("https://"));
        Self { handle, gid, title, category, available: *available, image }
    }
}

/// All products of the catalogue.
#[utoipa::path(
    get, path = "/v1/catalog", operation_id = "catalog", tag = "recommendations",
    responses(
        (status = 200, description = "All products, with an ETag", body = Catalog),
        (status = 304, description = "The products are those of the request's If-None-Match"),
        (status = 401, description = "A known API key is needed", body = ErrorBody),
    ),
)]
pub(super) async fn catalog(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let served = state.served();
    let products = served.engine.catalog().products().iter().map(CatalogProduct::new).collect();
    let mut response = super::json_response(StatusCode::OK, &Catalog { products });
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let hash: String = Sha256::digest(&bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{hash}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let known = known.is_some_and(|tags| tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response = if known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        Response::from_parts(parts, axum::body::Body::empty())
    } else {
        Response::from_parts(parts, bytes.into())
    };
    response
}
