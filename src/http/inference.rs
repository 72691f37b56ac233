//! `/v2`: the Open Inference Protocol (KServe, Triton and MLServer speak it), over HTTP.
//!
//! Tensors `userId`, `items` and `timestamps` of datatype BYTES enter, for one session or several ([`tensors`] has the
//! forms); `itemIds` (BYTES) and `preds` (FP32) leave. Errors are `{"error": "…"}`.

mod binary;
mod metadata;
mod tensors;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use slirec_engine::{Priority, RecommendationRequest, Source};

use super::call::Call;
use super::error::{ApiError, with_headers};
use super::json_response;
use super::parsing::parse_body;
use crate::metrics::Stage;
use crate::scoring;
use crate::serving::Served;
use crate::state::AppState;
use metadata::{ModelMetadata, ServerMetadata};
use tensors::{Answer, Inference};

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
pub(super) struct Named<T>(T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for Named<T> {
    type Rejection = InferenceError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, InferenceError> {
        let named = Path::from_request_parts(parts, state).await;
        let Path(named) =
            named.map_err(|_| ApiError::no_such("No model has a name or version that is not UTF-8".to_owned()))?;
        Ok(Self(named))
    }
}

/// `GET /v2/health/live`
pub(super) async fn live() -> StatusCode {
    StatusCode::OK
}

/// `GET /v2/health/ready`
pub(super) async fn ready(State(state): State<AppState>) -> Result<(), InferenceError> {
    match state.readiness.is_ready() {
        true => Ok(()),
        false => Err(ApiError::unavailable("The service is stopping").into()),
    }
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
    Named(model): Named<String>,
) -> Result<Response, InferenceError> {
    let served = known(&state, &model, None)?;
    let metadata = ModelMetadata::new(&model, served.engine.model(), state.settings.invocations.limit);
    Ok(json_response(StatusCode::OK, &metadata))
}

/// `GET /v2/models/{model}/versions/{version}`
pub(super) async fn model_version(
    State(state): State<AppState>,
    Named((model, version)): Named<(String, String)>,
) -> Result<Response, InferenceError> {
    let served = known(&state, &model, Some(&version))?;
    let metadata = ModelMetadata::new(&model, served.engine.model(), state.settings.invocations.limit);
    Ok(json_response(StatusCode::OK, &metadata))
}

/// `GET /v2/models/{model}/ready`
pub(super) async fn model_ready(
    State(state): State<AppState>,
    Named(model): Named<String>,
) -> Result<(), InferenceError> {
    known(&state, &model, None)?;
    ready(State(state)).await
}

/// `GET /v2/models/{model}/versions/{version}/ready`
pub(super) async fn model_version_ready(
    State(state): State<AppState>,
    Named((model, version)): Named<(String, String)>,
) -> Result<(), InferenceError> {
    known(&state, &model, Some(&version))?;
    ready(State(state)).await
}

/// `POST /v2/models/{model}/infer`
pub(super) async fn infer(
    State(state): State<AppState>,
    Named(model): Named<String>,
    headers: HeaderMap,
    call: Result<Call, ApiError>,
) -> Result<Response, InferenceError> {
    let served = known(&state, &model, None)?;
    answer(&state, &served, &model, call?, &headers).await
}

/// `POST /v2/models/{model}/versions/{version}/infer`
pub(super) async fn infer_version(
    State(state): State<AppState>,
    Named((model, version)): Named<(String, String)>,
    headers: HeaderMap,
    call: Result<Call, ApiError>,
) -> Result<Response, InferenceError> {
    let served = known(&state, &model, Some(&version))?;
    answer(&state, &served, &model, call?, &headers).await
}

/// The model in service, if it has this name and version.
fn known(state: &AppState, name: &str, version: Option<&str>) -> Result<std::sync::Arc<Served>, InferenceError> {
    let served = state.served();
    let model = served.engine.model();
    let shown: String = name.chars().take(200).collect();
    if model.name != name && !state.settings.inference.names.iter().any(|known| known == name) {
        return Err(ApiError::no_such(format!("Model {shown} not found")).into());
    }
    if version.is_some_and(|version| version != model.version && version != format!("v{}", model.version)) {
        return Err(ApiError::no_such(format!("Model {shown} has no such version: it serves {}", model.version)).into());
    }
    Ok(served)
}

async fn answer(
    state: &AppState,
    served: &Served,
    model: &str,
    mut call: Call,
    headers: &HeaderMap,
) -> Result<Response, InferenceError> {
    let json_length = binary::json_length(headers).map_err(ApiError::bad_request)?;
    let limits = tensors::Limits { rows: state.settings.invocations.max_rows, history: state.settings.limits.history };
    let read = move |bytes: &[u8]| tensors::parse(bytes, json_length, limits);
    let body = call.admitted_body(state, Priority::Interactive)?;
    let parsed = parse_body(&state.metrics, body, read).await?;
    let Inference { id, sessions, form, outputs } = parsed.map_err(ApiError::bad_request)?;
    let (now, limit) = (scoring::now(), state.settings.invocations.limit);
    let requests = sessions.into_iter().map(|history| RecommendationRequest::new(history, now, limit));
    let found = call.scoring(state, served).recommend_all(requests).await?;
    let popular = found.iter().any(|answer| answer.source == Source::Popular);
    Ok(state.metrics.timed(Stage::Serialise, || {
        let answer = Answer::new(&served.engine, model, id, popular, &found, form, &outputs);
        json_response(StatusCode::OK, &answer)
    }))
}
