//! `/v1`, the service's own API: the products that fit a session best, those of many sessions, the order of given
//! products, the products that go with one, or with a cart, that are in demand, or that are bought again,
//! the rails of a page.
//!
//! Enters, for `POST /v1/recommendations`: `{"history": [{"item": "novel", "time": 1730807061}], "limit": 16}` and
//! options; only `history` is required. Leaves: which model answered, whether the scores are the model's or
//! popularity's, and products in falling order of their scores.

pub(super) mod answers;
mod arranging;
pub(super) mod bodies;
mod buy_again;
mod closest;
mod complements;
mod evidence;
mod explanations;
mod lists;
mod names;
mod page;
mod related;
mod requests;
mod ruled;
mod trending;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::de::DeserializeOwned;
use slirec_engine::Priority;

use super::call::{Call, CallBody};
use super::error::{ApiError, Failure};
use super::parsing::parse_body;
use crate::memory::Held;
use crate::scoring;
use crate::serving::Served;
use crate::state::AppState;
pub(super) use buy_again::*;
pub(super) use complements::*;
pub(super) use page::*;
pub(super) use related::*;
pub(super) use trending::*;

use answers::{BatchAnswer, RankAnswer, RecommendationAnswer};
use arranging::arranged;
use bodies::{BatchBody, RankBody, RecommendationBody};
use lists::{Limits, parse_within};
use names::Resolver;
use requests::{Question, Ranking, unranked};

/// The products that fit a session best.
#[utoipa::path(
    post, path = "/v1/recommendations", operation_id = "recommend", tag = "recommendations",
    request_body = RecommendationBody,
    responses(
        (status = 200, description = "The best products", body = RecommendationAnswer),
        Failure,
    ),
)]
pub(super) async fn recommend(State(state): State<AppState>, mut call: Call) -> Result<Response, ApiError> {
    answer(&state, &mut call, RecommendationBody::into_question).await
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
    let served = state.served();
    let questions = |body: BatchBody, resolver: &mut Resolver<'_>, clock| body.into_questions(resolver, clock);
    let questions = read(&state, &served, call.admitted_body(&state, Priority::Batch)?, questions).await??;
    let questions = arranged(&state, &served, questions).await;
    let questions = questions.map_err(|(place, error)| error.within(&format!("sessions[{place}].")))?;
    let (requests, echoes): (Vec<_>, Vec<_>) =
        questions.into_iter().map(|Question { request, echo, .. }| (request, echo)).unzip();
    let found = call.scoring(&state, &served).recommend_all(requests.into_iter()).await?;
    echoes.iter().zip(&found).for_each(|(echo, found)| echo.count(&state, found));
    call.json_response(&state, &BatchAnswer::new(&served, &echoes, &found))
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
    let served = state.served();
    let question = |body: RankBody, resolver: &mut Resolver<'_>, clock| body.into_question(resolver, clock);
    let Ranking { question, candidates } =
        read(&state, &served, call.admitted_body(&state, Priority::Interactive)?, question).await??;
    let question = arrange_one(&state, &served, question).await?;
    let unranked = unranked(&candidates, &question, &Resolver::new(&served));
    let Question { request, echo, .. } = question;
    let found = call.scoring(&state, &served).recommend(request).await?;
    call.json_response(&state, &RankAnswer::new(&served, &echo, &found, &unranked))
}

/// Reads a body and makes of it what the engine is asked; a large one away from the async threads.
async fn read<B: DeserializeOwned, Q: Held + Send + 'static>(
    state: &AppState,
    served: &Arc<Served>,
    body: CallBody,
    question: impl FnOnce(B, &mut Resolver<'_>, f64) -> Q + Send + 'static,
) -> Result<Q, ApiError> {
    let (limits, clock) = (Limits::from(&state.settings.limits), scoring::now());
    let served = Arc::clone(served);
    let read = move |bytes: &[u8]| {
        let body = parse_within::<B>(limits, bytes)?;
        Ok(question(body, &mut Resolver::new(&served), clock))
    };
    parse_body(&state.metrics, body, read).await?.map_err(ApiError::bad_request)
}

/// As [`arranged`], of one question.
async fn arrange_one(state: &AppState, served: &Arc<Served>, question: Question) -> Result<Question, ApiError> {
    let questions = arranged(state, served, vec![question]).await.map_err(|(_, error)| error)?;
    questions.into_iter().next().ok_or_else(ApiError::internal)
}

/// Reads a body that makes one question, and answers it.
async fn answer<B: DeserializeOwned + 'static>(
    state: &AppState,
    call: &mut Call,
    question: impl FnOnce(B, &mut Resolver<'_>, f64) -> Result<Question, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let served = state.served();
    let question = read(state, &served, call.admitted_body(state, Priority::Interactive)?, question).await??;
    let Question { request, echo, .. } = arrange_one(state, &served, question).await?;
    let found = call.scoring(state, &served).recommend(request).await?;
    echo.count(state, &found);
    call.json_response(state, &RecommendationAnswer::new(&served, &echo, &found))
}

#[cfg(test)]
mod tests;
