//! The pages: the shop at `/`, the state of the service at `/status`, the API at `/docs`. Files that are part of the
//! binary leave. They run their own scripts and ask this service alone; pictures of products come from where the
//! catalogue says.

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
const DOCS: &str = include_str!("playground/docs.html");
/// Where [`DOCS`] names the other pages, if there are any.
const OTHER_PAGES: &str = "<!--pages-->";
/// What `/docs` is made of, which is there without the other pages too.
const SHARED_ASSETS: &[Asset] = assets![
    "style.css": "text/css; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "api.js": "text/javascript; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
    "elements.js": "text/javascript; charset=utf-8",
    "key.js": "text/javascript; charset=utf-8",
];
const ASSETS: &[Asset] = assets![
    "shop.css": "text/css; charset=utf-8",
    "status.css": "text/css; charset=utf-8",
    "shop.js": "text/javascript; charset=utf-8",
    "catalog.js": "text/javascript; charset=utf-8",
    "controls.js": "text/javascript; charset=utf-8",
    "lines.js": "text/javascript; charset=utf-8",
    "rails.js": "text/javascript; charset=utf-8",
    "requests.js": "text/javascript; charset=utf-8",
    "results.js": "text/javascript; charset=utf-8",
    "session.js": "text/javascript; charset=utf-8",
    "strip.js": "text/javascript; charset=utf-8",
    "status.js": "text/javascript; charset=utf-8",
];

/// The pages and what they are made of; `/docs` is there when the others are not wanted.
pub(super) fn routes(are_wanted: bool) -> Router<AppState> {
    let routes = Router::new().route("/docs", get(docs)).route("/assets/{name}", get(asset));
    match are_wanted {
        true => routes.route("/", get(shop)).route("/status", get(|| async { file(HTML, STATUS, POLICY) })),
        false => routes,
    }
}

async fn docs(State(state): State<AppState>) -> Response {
    let others =
        if state.settings.server.playground { r#"<a href=".">Shop</a> <a href="status">Status</a> "# } else { "" };
    file(HTML, DOCS.replace(OTHER_PAGES, others), POLICY)
}

async fn shop(State(state): State<AppState>) -> Response {
    let has_pictures = state.served().catalog().await.is_some_and(|catalog| catalog.has_pictures);
    file(HTML, SHOP, if has_pictures { POLICY_WITH_PICTURES } else { POLICY })
}

async fn asset(
    State(state): State<AppState>,
    name: Result<Path<String>, PathRejection>,
    address: Uri,
) -> Result<Response, ApiError> {
    // No file has a name that is not UTF-8.
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let others = if state.settings.server.playground { ASSETS } else { &[] };
    let found = SHARED_ASSETS.iter().chain(others).find(|(known, ..)| *known == name);
    found.map(|(_, kind, content)| file(kind, *content, POLICY)).ok_or_else(|| ApiError::not_found(address.path()))
}

fn file(kind: &'static str, content: impl IntoResponse, policy: &'static str) -> Response {
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
