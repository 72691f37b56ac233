//! The page for people at `/`, and the state of the service at `/status`: files that are part of the binary leave. They run
//! their own scripts, ask this service and nobody else; pictures of products come from where the catalogue says.

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::error::ApiError;
use crate::state::AppState;

/// No script or style inside the pages, nothing from elsewhere, no frames around them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The same for a catalogue with pictures, which lie elsewhere.
const POLICY_WITH_PICTURES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                                    img-src 'self' https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

macro_rules! assets {
    ($($name:literal: $kind:literal),* $(,)?) => {
        &[$(($name, $kind, include_str!(concat!("playground/", $name)))),*]
    };
}

const HTML: &str = "text/html; charset=utf-8";

/// Name, content type and content.
type Asset = (&'static str, &'static str, &'static str);

const SHOP: &str = include_str!("playground/shop.html");
const STATUS: &str = include_str!("playground/status.html");
const ASSETS: &[Asset] = assets![
    "style.css": "text/css; charset=utf-8",
    "shop.css": "text/css; charset=utf-8",
    "status.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "shop.js": "text/javascript; charset=utf-8",
    "api.js": "text/javascript; charset=utf-8",
    "catalog.js": "text/javascript; charset=utf-8",
    "controls.js": "text/javascript; charset=utf-8",
    "elements.js": "text/javascript; charset=utf-8",
    "lines.js": "text/javascript; charset=utf-8",
    "requests.js": "text/javascript; charset=utf-8",
    "results.js": "text/javascript; charset=utf-8",
    "session.js": "text/javascript; charset=utf-8",
    "strip.js": "text/javascript; charset=utf-8",
    "status.js": "text/javascript; charset=utf-8",
];

/// The pages and what they are made of.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(shop))
        .route("/status", get(|| async { file(HTML, STATUS, POLICY) }))
        .route("/assets/{name}", get(asset))
}

async fn shop(State(state): State<AppState>) -> Response {
    let has_pictures = state.served().catalog().is_some_and(|catalog| catalog.has_pictures);
    file(HTML, SHOP, if has_pictures { POLICY_WITH_PICTURES } else { POLICY })
}

async fn asset(name: Result<Path<String>, PathRejection>, address: Uri) -> Result<Response, ApiError> {
    // No file has a name that is not UTF-8.
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let found = ASSETS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, kind, content)| file(kind, content, POLICY)).ok_or_else(|| ApiError::not_found(address.path()))
}

fn file(kind: &'static str, content: &'static str, policy: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // They change with the binary, and are small.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}
