//! `/v2`: the Open Inference Protocol (KServe, Triton and MLServer speak it), over HTTP.
//!
//! Tensors `userId`, `items` and `timestamps` enter, for one session or several ([`request`] has the forms); `itemIds`
//! (BYTES) and `preds` (FP32) leave. Errors are `{"error": "…"}`.

mod answer;
mod binary;
mod datatype;
mod elements;
mod input;
mod metadata;
mod request;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use slirec_engine::{Priority, RecommendationRequest};

use super::call::Call;
use super::error::{ApiError, with_headers};
use super::json_response;
use super::parsing::parse_body;
use crate::metrics::Stage;
use crate::scoring;
use crate::serving::Served;
use crate::state::AppState;
use answer::{Wish, Written};
use input::Limits;
use metadata::{ModelMetadata, ServerMetadata};
use request::Inference;

/// An error in the protocol's form.
pub(super) struct InferenceError(ApiError);

impl From<ApiError> for InferenceError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for InferenceError {
    fn into_response(self) -> Response {
        let (status, message) = self.0.into_parts();
        with_headers(json_response(status, &json!({ "error": message })))
    }
}

/// What the path names.
pub(super) struct PathName<T>(T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for PathName<T> {
    type Rejection = InferenceError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, InferenceError> {
        let named = Path::from_request_parts(parts, state).await;
        let Path(named) =
            named.map_err(|_| ApiError::no_such("No model has a name or version that is not UTF-8".to_owned()))?;
        Ok(Self(named))
    }
}

/// `GET /v2/health/live`
pub(super) async fn live() -> Response {
    json_response(StatusCode::OK, &json!({ "live": true }))
}

/// `GET /v2/health/ready`; 503 once the service is stopping.
pub(super) async fn ready(State(state): State<AppState>) -> Response {
    let ready = state.readiness.is_ready();
    with_headers(json_response(readiness_status(ready), &json!({ "ready": ready })))
}

fn readiness_status(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// `GET /v2`: which server this is.
pub(super) async fn server() -> Response {
    json_response(StatusCode::OK, &ServerMetadata::new())
}

/// `POST /v2/repository/index`: the one model that is served.
pub(super) async fn index(State(state): State<AppState>) -> Response {
    #[derive(Serialize)]
    struct Entry<'a> {
        name: &'a str,
        version: &'a str,
        state: &'static str,
        reason: &'static str,
    }
    let served = state.served();
    let model = served.engine.model();
    let entry = Entry { name: &model.name, version: &model.version, state: "READY", reason: "" };
    json_response(StatusCode::OK, &[entry])
}

/// `GET /v2/models/{model}`: inputs and outputs.
pub(super) async fn model(
    State(state): State<AppState>,
    PathName(model): PathName<String>,
) -> Result<Response, InferenceError> {
    let served = known(&state, &model, None)?;
    let metadata = ModelMetadata::new(&model, &served.engine, state.settings.invocations.limit);
    Ok(json_response(StatusCode::OK, &metadata))
}

/// `GET /v2/models/{model}/versions/{version}`
pub(super) async fn model_version(
    State(state): State<AppState>,
    PathName((model, version)): PathName<(String, String)>,
) -> Result<Response, InferenceError> {
    let served = known(&state, &model, Some(&version))?;
    let metadata = ModelMetadata::new(&model, &served.engine, state.settings.invocations.limit);
    Ok(json_response(StatusCode::OK, &metadata))
}

/// `GET /v2/models`: the names by which the one model is known, its own first.
pub(super) async fn models(State(state): State<AppState>) -> Response {
    let served = state.served();
    let own = served.engine.model().name.as_str();
    let others = state.settings.inference.names.iter().map(String::as_str).filter(|name| *name != own);
    let models: Vec<&str> = std::iter::once(own).chain(others).collect();
    json_response(StatusCode::OK, &json!({ "models": models }))
}

/// `GET /v2/models/{model}/ready`
pub(super) async fn model_ready(
    State(state): State<AppState>,
    PathName(model): PathName<String>,
) -> Result<Response, InferenceError> {
    known(&state, &model, None)?;
    Ok(readiness_of(&state, &model))
}

/// `GET /v2/models/{model}/versions/{version}/ready`
pub(super) async fn model_version_ready(
    State(state): State<AppState>,
    PathName((model, version)): PathName<(String, String)>,
) -> Result<Response, InferenceError> {
    known(&state, &model, Some(&version))?;
    Ok(readiness_of(&state, &model))
}

fn readiness_of(state: &AppState, model: &str) -> Response {
    let ready = state.readiness.is_ready();
    with_headers(json_response(readiness_status(ready), &json!({ "name": model, "ready": ready })))
}

/// `POST /v2/models/{model}/infer`
pub(super) async fn infer(
    State(state): State<AppState>,
    PathName(model): PathName<String>,
    headers: HeaderMap,
    call: Result<Call, ApiError>,
) -> Result<Response, InferenceError> {
    let served = known(&state, &model, None)?;
    answer_call(&state, &served, &model, call?, &headers).await
}

/// `POST /v2/models/{model}/versions/{version}/infer`
pub(super) async fn infer_version(
    State(state): State<AppState>,
    PathName((model, version)): PathName<(String, String)>,
    headers: HeaderMap,
    call: Result<Call, ApiError>,
) -> Result<Response, InferenceError> {
    let served = known(&state, &model, Some(&version))?;
    answer_call(&state, &served, &model, call?, &headers).await
}

/// The model in service, if it has this name and version.
fn known(state: &AppState, name: &str, version: Option<&str>) -> Result<std::sync::Arc<Served>, InferenceError> {
    let served = state.served();
    let model = served.engine.model();
    // As MLServer words it.
    let shown: String = name.chars().take(200).collect();
    if model.name != name && !state.settings.inference.names.iter().any(|known| known == name) {
        return Err(ApiError::no_such(format!("Model {shown} not found")).into());
    }
    if version.is_some_and(|version| version != model.version && version != format!("v{}", model.version)) {
        return Err(ApiError::no_such(format!("Model {shown} has no such version: it serves {}", model.version)).into());
    }
    Ok(served)
}

async fn answer_call(
    state: &AppState,
    served: &Arc<Served>,
    model: &str,
    mut call: Call,
    headers: &HeaderMap,
) -> Result<Response, InferenceError> {
    let json_length = binary::json_length(headers).map_err(ApiError::bad_request)?;
    let limits = Limits { rows: state.settings.invocations.max_rows, history: state.settings.limits.history };
    let by = Arc::clone(served);
    let read = move |bytes: &[u8]| request::parse(bytes, json_length, limits, by.engine.users());
    let parsed = parse_body(&state.metrics, call.admitted_body(state, Priority::Interactive)?, read).await?;
    let Inference { id, sessions, users, form, outputs } = parsed.map_err(ApiError::bad_request)?;
    let (now, limit) = (scoring::now(), state.settings.invocations.limit);
    let request = |(history, user)| RecommendationRequest { user, ..RecommendationRequest::new(history, now, limit) };
    let requests = sessions.into_iter().zip(users).map(request);
    let found = call.scoring(state, served).recommend_all(requests).await.map_err(ApiError::from)?;
    let wish = Wish { model, id, form, outputs: &outputs };
    let written = state.metrics.timed(Stage::Serialise, || answer::write(&served.engine, wish, &found));
    let Written { body, json_length } = written.map_err(|error| ApiError::unwritable(&error))?;
    let body = call.held(state, body)?;
    Ok(match json_length {
        None => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Some(length) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (HeaderName::from_static(binary::JSON_LENGTH), length.to_string()),
            ];
            (headers, body).into_response()
        }
    })
}
