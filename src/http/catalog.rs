//! `GET /v1/catalog`: all products, for pages that show them. Nothing enters but the model in service, whose
//! answer is made once.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use slirec_core::catalog::Product;
use slirec_engine::Engine;
use utoipa::ToSchema;

use super::compression;
use super::error::{ApiError, ErrorBody};
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

/// The catalogue of a model as pages get it.
#[derive(Debug)]
pub(crate) struct CatalogAnswer {
    body: Bytes,
    /// The body in gzip.
    compressed: Bytes,
    tag: String,
    /// Whether a product has a picture, which browsers then load from its address.
    pub(super) has_pictures: bool,
}

impl CatalogAnswer {
    /// Of a model's catalogue; none when it cannot be written as JSON.
    pub(crate) fn new(engine: &Engine) -> Option<Self> {
        let products: Vec<_> = engine.catalog().products().iter().map(CatalogProduct::new).collect();
        let has_pictures = products.iter().any(|product| product.image.is_some());
        let body = serde_json::to_vec(&Catalog { products }).ok()?;
        let compressed = compression::gzip(&body).ok()?;
        let hash: String = Sha256::digest(&body).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        // Weak: the same for the answer as it is and compressed.
        Some(Self { body: body.into(), compressed: compressed.into(), tag: format!("W/\"{hash}\""), has_pictures })
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
pub(super) async fn catalog(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let served = state.served();
    let CatalogAnswer { body, compressed, tag, .. } = served.catalog().await.ok_or_else(ApiError::internal)?;
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
        (false, false) => (validity, kind, body.clone()).into_response(),
        (false, true) => (validity, kind, [(header::CONTENT_ENCODING, "gzip")], compressed.clone()).into_response(),
    })
}

/// Compares two tags as `If-None-Match` requires: weakly.
fn is_same(known: &str, tag: &str) -> bool {
    known.trim_start_matches("W/") == tag.trim_start_matches("W/")
}
