//! A Shopify of our own: documents are checked against Shopify's schema and carried out on a shop in memory; it can be told
//! to throttle, to fail, to lose answers, to revoke tokens and to page in small pages.

#[path = "mock/execute.rs"]
mod execute;
#[path = "mock/shop.rs"]
mod shop;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State as AxumState};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use shop::Shop;

const SCHEMA: &str = include_str!("../../../../tests/fixtures/shopify/admin_2026-10.subset.graphql");

/// Shopify's schema, as far as we use it.
pub(crate) fn schema() -> Valid<Schema> {
    Schema::parse_and_validate(SCHEMA, "admin.graphql").unwrap()
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Refused by the throttle, HTTP 200.
    Throttled,
    /// HTTP 429 with `Retry-After`.
    TooMany,
    /// HTTP 500, nothing is done.
    Failed,
    /// An `INTERNAL_SERVER_ERROR` in an answer of HTTP 200, nothing is done.
    Internal,
    /// The connection breaks before anything is done.
    LostRequest,
    /// It is done, then the connection breaks.
    LostAnswer,
    /// It is done, then half of the answer is sent.
    HalfAnswer,
    /// The token ends.
    RevokedToken,
}

impl Fault {
    pub(crate) const ALL: [Self; 8] = [
        Self::Throttled,
        Self::TooMany,
        Self::Failed,
        Self::Internal,
        Self::LostRequest,
        Self::LostAnswer,
        Self::HalfAnswer,
        Self::RevokedToken,
    ];
}

/// The shop and how it behaves.
pub(crate) struct State {
    pub(crate) shop: Shop,
    /// Faults by the number of the request, from 0.
    pub(crate) faults: BTreeMap<u64, Fault>,
    /// Points of the throttle: most, left, a second.
    pub(crate) bucket: (f64, f64, f64),
    /// Points that one product of a page costs.
    pub(crate) product_cost: f64,
    /// Version that the shop says it serves.
    pub(crate) version: String,
    pub(crate) scopes: Vec<&'static str>,
    /// A status that every request is answered with.
    pub(crate) status: Option<u16>,
    /// Requests so far.
    pub(crate) requests: u64,
    /// Requests that the throttle refused.
    pub(crate) throttled: u64,
    /// Names of the operations so far.
    pub(crate) operations: Vec<String>,
    /// What would have failed at Shopify: wrong documents, wrong variables, a token where none belongs.
    pub(crate) violations: Vec<String>,
    /// Access tokens that were granted.
    pub(crate) grants: u64,
    tokens: HashSet<String>,
    filled: Instant,
}

/// A running shop.
pub(crate) struct MockShop {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    _runtime: Arc<tokio::runtime::Runtime>,
}

#[derive(Clone)]
struct App {
    state: Arc<Mutex<State>>,
    schema: Arc<Valid<Schema>>,
    address: SocketAddr,
}

impl MockShop {
    /// Starts an empty shop on a free port, in threads of its own.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            shop: Shop::default(),
            faults: BTreeMap::new(),
            bucket: (2000.0, 2000.0, 1000.0),
            product_cost: 3.0,
            version: "2026-10".to_owned(),
            scopes: vec![
                "write_products",
                "write_publications",
                "write_metaobjects",
                "write_metaobject_definitions",
                "read_orders",
            ],
            status: None,
            requests: 0,
            throttled: 0,
            operations: Vec::new(),
            violations: Vec::new(),
            grants: 0,
            tokens: HashSet::from(["shpat_static".to_owned()]),
            filled: Instant::now(),
        }));
        let app = App { state: Arc::clone(&state), schema: Arc::new(schema()), address };
        let routes = Router::new()
            .route("/admin/api/{version}/graphql.json", post(graphql))
            .route("/admin/oauth/access_token", post(access_token))
            .route("/bulk/{number}", get(bulk_result))
            .with_state(app);
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self { url: format!("http://{address}"), state, _runtime: Arc::new(runtime) }
    }

    /// The shop as it is now.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Fails the test if a request would have failed at Shopify.
    pub(crate) fn assert_correct(&self) {
        assert_eq!(self.state().violations, [] as [String; 0]);
    }
}

async fn graphql(
    AxumState(app): AxumState<App>,
    UrlPath(version): UrlPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut state = app.state.lock().unwrap();
    let number = state.requests;
    state.requests += 1;
    let fault = state.faults.get(&number).copied();
    if version != "2026-10" {
        state.violations.push(format!("version {version} in the address"));
    }
    if let Some(status) = state.status {
        return (StatusCode::from_u16(status).unwrap(), r#"{"errors":"no"}"#).into_response();
    }
    match fault {
        Some(Fault::LostRequest) => return broken(b"".to_vec()),
        Some(Fault::Failed) => return (StatusCode::INTERNAL_SERVER_ERROR, "oops").into_response(),
        Some(Fault::TooMany) => return (StatusCode::TOO_MANY_REQUESTS, [("Retry-After", "0.1")], "").into_response(),
        Some(Fault::Internal) => {
            let errors =
                json!([{"message": "Internal error.\nRequest ID: 0", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]);
            return answer(&state, &json!({"errors": errors}));
        }
        Some(Fault::RevokedToken) => state.tokens.clear(),
        _ => {}
    }
    let token = headers.get("X-Shopify-Access-Token").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !state.tokens.contains(token) {
        let body = json!({"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"});
        return (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response();
    }
    let answered = carry_out(&app, &mut state, &body, fault == Some(Fault::Throttled));
    let bytes = serde_json::to_vec(&answered).unwrap();
    match fault {
        Some(Fault::LostAnswer) => broken(Vec::new()),
        Some(Fault::HalfAnswer) => broken(bytes[..bytes.len() / 2].to_vec()),
        _ => answer(&state, &answered),
    }
}

fn answer(state: &State, body: &Value) -> Response {
    let version = [("X-Shopify-API-Version", state.version.clone())];
    (StatusCode::OK, version, axum::Json(body)).into_response()
}

/// Some bytes, and then the connection breaks.
fn broken(bytes: Vec<u8>) -> Response {
    let parts = [Ok(Bytes::from(bytes)), Err(io::Error::other("the connection breaks"))];
    let body = Body::from_stream(futures_util::stream::iter(parts));
    ([(header::CONTENT_TYPE, "application/json"), (header::CONTENT_LENGTH, "100000")], body).into_response()
}

fn carry_out(app: &App, state: &mut State, body: &[u8], throttle: bool) -> Value {
    let request: Value = serde_json::from_slice(body).unwrap();
    let text = request["query"].as_str().unwrap();
    let name = request["operationName"].as_str().unwrap_or_default().to_owned();
    let document = match ExecutableDocument::parse_and_validate(&app.schema, text, "request.graphql") {
        Ok(document) => document,
        Err(errors) => {
            state.violations.push(format!("{name}: {}", errors.errors));
            return json!({"errors": [{"message": errors.errors.to_string()}]});
        }
    };
    let operation = document.operations.get(Some(&name)).unwrap();
    let variables = serde_json::from_value(request["variables"].clone()).unwrap();
    let variables = match apollo_compiler::request::coerce_variable_values(&app.schema, operation, &variables) {
        Ok(variables) => serde_json::to_value(variables.into_inner()).unwrap(),
        Err(error) => {
            state.violations.push(format!("{name}: {}", error.message()));
            return json!({"errors": [{"message": error.message().to_string()}]});
        }
    };
    state.operations.push(name);
    let cost = execute::cost(operation, &variables, state.product_cost);
    if cost > 1000.0 {
        let message = format!("Query cost is {cost}, which exceeds the single query max cost limit (1000).");
        return json!({"errors": [{"message": message, "extensions": {"code": "MAX_COST_EXCEEDED"}}]});
    }
    let elapsed = state.filled.elapsed().as_secs_f64();
    state.filled = Instant::now();
    let (most, left, rate) = state.bucket;
    let left = (left + elapsed * rate).min(most);
    let refused = throttle || left < cost;
    state.bucket.1 = if refused { left } else { left - cost };
    let status = json!({"maximumAvailable": most, "currentlyAvailable": state.bucket.1, "restoreRate": rate});
    let extensions = |actual: Value| json!({"cost": {"requestedQueryCost": cost, "actualQueryCost": actual, "throttleStatus": status}});
    if refused {
        state.throttled += 1;
        let errors = json!([{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]);
        return json!({"errors": errors, "extensions": extensions(Value::Null)});
    }
    let mut context = execute::Context { shop: &mut state.shop, scopes: &state.scopes, address: app.address };
    match execute::operation(&mut context, &app.schema, operation, &variables) {
        Ok(data) => json!({"data": data, "extensions": extensions(json!(cost))}),
        Err(denied) => json!({
            "data": null,
            "errors": [{"message": denied, "extensions": {"code": "ACCESS_DENIED"}}],
            "extensions": extensions(json!(cost)),
        }),
    }
}

async fn access_token(AxumState(app): AxumState<App>, body: String) -> Response {
    let mut state = app.state.lock().unwrap();
    let pairs: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let pair = |name: &str| pairs.get(name).map(String::as_str);
    let known = pair("client_id") == Some("client") && pair("client_secret") == Some("shpss_right");
    if pair("grant_type") != Some("client_credentials") || !known {
        return (StatusCode::BAD_REQUEST, axum::Json(json!({"error": "invalid_client"}))).into_response();
    }
    state.grants += 1;
    let token = format!("shpat_granted_{}", state.grants);
    state.tokens.insert(token.clone());
    axum::Json(json!({"access_token": token, "scope": "write_products", "expires_in": 86_399})).into_response()
}

async fn bulk_result(AxumState(app): AxumState<App>, UrlPath(number): UrlPath<usize>, headers: HeaderMap) -> Response {
    let mut state = app.state.lock().unwrap();
    if headers.contains_key("X-Shopify-Access-Token") {
        state.violations.push("an access token was sent to the storage of a bulk result".to_owned());
    }
    match state.shop.bulk_result(number) {
        Some(lines) => lines.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
