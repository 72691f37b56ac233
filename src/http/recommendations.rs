//! `POST /v1/recommendations`: the products that fit a session best.
//!
//! Enters: `{"history": [{"item": "novel", "time": 1730807061}], "limit": 16, "now": 1730809300, "user_id": "…"}`; only
//! `history` is required. Leaves: which model answered, whether the scores are the model's or popularity's, and products
//! in falling order of their scores.

mod request;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use slirec_core::catalog::Product;
use slirec_engine::{Engine, RecommendationRequest, Recommendations, Source};

use super::error::{ApiError, RequestBody};
use super::json_response;
use super::parsing::parse_body;
use crate::scoring;
use crate::state::AppState;

#[derive(Serialize)]
struct Answer<'a> {
    model: Model<'a>,
    source: &'a str,
    items: Vec<Item<'a>>,
    /// Items of the history that the model does not know.
    unknown_items: usize,
}

#[derive(Serialize)]
struct Model<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Item<'a> {
    handle: &'a str,
    gid: &'a str,
    title: &'a str,
    category: &'a str,
    score: f32,
}

/// Answers one session.
pub(crate) async fn recommend(
    State(state): State<AppState>,
    RequestBody(body): RequestBody,
) -> Result<Response, ApiError> {
    let request = parse_body(body, request::parse).await?.map_err(ApiError::bad_request)?;
    let request = RecommendationRequest {
        history: request.history,
        now: request.now.unwrap_or_else(scoring::now),
        limit: request.limit,
    };
    let engine = state.engine();
    let recommendations = scoring::recommend(&engine, &state.metrics, request).await?;
    Ok(json_response(StatusCode::OK, &answer(&engine, &recommendations)))
}

fn answer<'a>(engine: &'a Engine, recommendations: &Recommendations) -> Answer<'a> {
    let products = recommendations.products.iter();
    let items =
        products.filter_map(|scored| Some(item(engine.catalog().products().get(scored.product)?, scored.score)));
    Answer {
        model: Model { name: &engine.model().name, version: &engine.model().version },
        source: match recommendations.source {
            Source::Model => "model",
            Source::Popular => "popular",
        },
        items: items.collect(),
        unknown_items: recommendations.unknown_items,
    }
}

fn item(product: &Product, score: f32) -> Item<'_> {
    Item { handle: &product.handle, gid: &product.gid, title: &product.title, category: &product.category, score }
}
