//! `POST /invocations`: MLflow's scoring protocol, as `mlflow models serve` has it.
//!
//! A body with rows of `userId: string, items: [string], timestamps: [string]` enters, in any of the protocol's forms;
//! `{"predictions": [{"itemIds": [gid…], "preds": [score…]}]}` leaves, one prediction for each row. A model that reads
//! attributes of shoppers has optional columns for them, such as `user.country`. Accepted and
//! refused requests, statuses and error codes are those of recorded servers (`tests/fixtures/mlflow`); where a recorded
//! server fails for want of knowledge (unknown products, empty histories) this one answers.

mod cells;
mod columns;
mod content_type;
mod payload;
mod python_numbers;
mod refusal;
mod rows;
mod split;
mod table;
mod users;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use slirec_core::catalog::Catalog;
use slirec_engine::{Priority, RecommendationRequest, Recommendations};

use super::call::Call;
use super::error::ApiError;
use super::parsing::parse_body;
use crate::config::Settings;
use crate::scoring;
use crate::state::AppState;
use cells::CellRules;
use content_type::Format;
use payload::Invocation;
use refusal::Refusal;
use table::Rules;

/// The answer to one row.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prediction<'a> {
    item_ids: Vec<&'a str>,
    preds: Vec<f32>,
}

#[derive(Serialize)]
struct Predictions<'a> {
    predictions: Vec<Prediction<'a>>,
}

/// Answers an invocation.
pub(crate) async fn invoke(
    State(state): State<AppState>,
    headers: HeaderMap,
    mut call: Call,
) -> Result<Response, ApiError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match content_type::parse(content_type) {
        Ok(Format::Json) => {}
        Ok(Format::Csv) => {
            let message = "body: is CSV, which cannot hold the lists of items and timestamps: expected JSON";
            return Err(Refusal::request(message.to_owned()).into());
        }
        // As MLflow: plain text.
        Err(reason) => return Ok(ApiError::unsupported_media_type(reason).into_parts().into_response()),
    }
    let rules = rules(&state.settings);
    let served = state.served();
    let by = Arc::clone(&served);
    let read = move |body: &[u8]| {
        let invocation = payload::parse(body, rules)?;
        let users = users::parse(body, by.engine.users(), invocation.sessions.len())?;
        Ok::<_, Refusal>((invocation, users))
    };
    let (Invocation { sessions, wrapped }, users) =
        parse_body(&state.metrics, call.admitted_body(&state, Priority::Interactive)?, read).await??;
    let (now, limit) = (scoring::now(), state.settings.invocations.limit);
    let request = |(history, user)| RecommendationRequest { user, ..RecommendationRequest::new(history, now, limit) };
    let requests = sessions.into_iter().zip(users).map(request);
    let answers = call.scoring(&state, &served).recommend_all(requests).await?;
    let catalog = served.engine.catalog();
    let predictions: Vec<_> = answers.iter().map(|answer| prediction(catalog, answer)).collect();
    match wrapped {
        true => call.json_response(&state, &Predictions { predictions }),
        false => call.json_response(&state, &predictions),
    }
}

fn rules(settings: &Settings) -> Rules {
    let cells = CellRules { history: settings.limits.history, number_times: true };
    Rules { cells, rows: settings.invocations.max_rows }
}

fn prediction<'a>(catalog: &'a Catalog, answer: &Recommendations) -> Prediction<'a> {
    let products = answer.products.iter();
    let found =
        products.filter_map(|scored| Some((catalog.products().get(scored.product)?.gid.as_str(), scored.score)));
    let (item_ids, preds) = found.unzip();
    Prediction { item_ids, preds }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal.code, &refusal.message)
    }
}
