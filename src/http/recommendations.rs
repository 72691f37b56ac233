//! `/v1`, the service's own API: the products that fit a session best, those of many sessions, the order of given products,
//! the products that go with one.
//!
//! Enters, for `POST /v1/recommendations`: `{"history": [{"item": "novel", "time": 1730807061}], "limit": 16}` and options;
//! only `history` is required. Leaves: which model answered, whether the scores are the model's or popularity's, and
//! products in falling order of their scores.

pub(super) mod answers;
pub(super) mod bodies;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use slirec_engine::RecommendationRequest;

use super::call::Call;
use super::error::{ApiError, Failure};
use super::json_response;
use super::parsing::{parse, parse_body};
use crate::metrics::Stage;
use crate::scoring;
use crate::state::AppState;
use answers::{Answer, BatchAnswer, RankAnswer, explained_history};
use bodies::{BatchBody, Limits, RankBody, RecommendationBody, RelatedBody};

/// The products that fit a session best.
#[utoipa::path(
    post, path = "/v1/recommendations", operation_id = "recommend", tag = "recommendations",
    request_body = RecommendationBody,
    responses(
        (status = 200, description = "The best products", body = Answer),
        Failure,
    ),
)]
pub(super) async fn recommend(State(state): State<AppState>, mut call: Call) -> Result<Response, ApiError> {
    let (limits, now) = (Limits::from(&state.settings.limits), scoring::now());
    let read = move |bytes: &[u8]| parse::<RecommendationBody>(bytes)?.into_request(limits, now);
    let request = parse_body(&state.metrics, call.take_session(&state)?, read).await?;
    answer(&state, &call, request).await
}

/// The products that fit each of several sessions best.
#[utoipa::path(
    post, path = "/v1/recommendations:batch", operation_id = "recommendBatch", tag = "recommendations",
    request_body = BatchBody,
    responses(
        (status = 200, description = "The best products of each session, in the order of the sessions", body = BatchAnswer),
        Failure,
    ),
)]
pub(super) async fn recommend_batch(State(state): State<AppState>, mut call: Call) -> Result<Response, ApiError> {
    let (limits, now) = (Limits::from(&state.settings.limits), scoring::now());
    let read = move |bytes: &[u8]| parse::<BatchBody>(bytes)?.into_requests(limits, now);
    let requests = parse_body(&state.metrics, call.take_body(), read).await?.map_err(ApiError::bad_request)?;
    let histories: Vec<_> = requests.iter().map(explained_history).collect();
    let served = state.served();
    let found = call.scoring(&state, &served).recommend_all(requests.into_iter()).await?;
    Ok(state.metrics.timed(Stage::Serialise, || {
        json_response(StatusCode::OK, &BatchAnswer::new(&served.engine, &histories, &found))
    }))
}

/// Given products in the order in which they fit a session.
#[utoipa::path(
    post, path = "/v1/rank", operation_id = "rank", tag = "recommendations",
    request_body = RankBody,
    responses(
        (status = 200, description = "The candidates by falling score", body = RankAnswer),
        Failure,
    ),
)]
pub(super) async fn rank(State(state): State<AppState>, mut call: Call) -> Result<Response, ApiError> {
    let (limits, now) = (Limits::from(&state.settings.limits), scoring::now());
    let read = move |bytes: &[u8]| parse::<RankBody>(bytes)?.into_request(limits, now);
    let read = parse_body(&state.metrics, call.take_session(&state)?, read).await?;
    let (request, candidates) = read.map_err(ApiError::bad_request)?;
    let history = explained_history(&request);
    let served = state.served();
    let found = call.scoring(&state, &served).recommend(request).await?;
    Ok(state.metrics.timed(Stage::Serialise, || {
        json_response(StatusCode::OK, &RankAnswer::new(&served.engine, &history, &found, candidates))
    }))
}

/// The products that go with one product: the best for a shopper who has just viewed it and nothing else.
#[utoipa::path(
    post, path = "/v1/related", operation_id = "related", tag = "recommendations",
    request_body = RelatedBody,
    responses(
        (status = 200, description = "The best products beside it", body = Answer),
        Failure,
    ),
)]
pub(super) async fn related(State(state): State<AppState>, mut call: Call) -> Result<Response, ApiError> {
    let (limits, now) = (Limits::from(&state.settings.limits), scoring::now());
    let read = move |bytes: &[u8]| parse::<RelatedBody>(bytes)?.into_request(limits, now);
    let request = parse_body(&state.metrics, call.take_session(&state)?, read).await?;
    answer(&state, &call, request).await
}

async fn answer(
    state: &AppState,
    call: &Call,
    request: Result<RecommendationRequest, String>,
) -> Result<Response, ApiError> {
    let request = request.map_err(ApiError::bad_request)?;
    let history = explained_history(&request);
    let served = state.served();
    let found = call.scoring(state, &served).recommend(request).await?;
    Ok(state
        .metrics
        .timed(Stage::Serialise, || json_response(StatusCode::OK, &Answer::new(&served.engine, &history, &found))))
}
