//! `POST /invocations`: MLflow's scoring protocol, as `mlflow models serve` speaks it.
//!
//! A body with rows of `userId: string, items: [string], timestamps: [string]` enters, in any of the protocol's forms;
//! `{"predictions": [{"itemIds": [gid…], "preds": [score…]}]}` leaves, one prediction for each row. Accepted and refused
//! requests, statuses, error codes and messages are those of recorded servers (`tests/fixtures/mlflow`); where a
//! recorded server fails for want of knowledge (unknown products, empty histories) this one answers.

mod array_shape;
mod content_type;
mod frame;
mod frame_text;
mod inputs;
mod json;
mod json_error;
mod payload;
mod python_json;
mod python_text;
mod refusal;
mod signature;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use slirec_core::catalog::Catalog;
use slirec_engine::{Priority, RecommendationRequest, Recommendations, ViewHistory};

use super::call::Call;
use super::error::ApiError;
use super::json_response;
use super::parsing::parse_body;
use crate::metrics::{Metrics, Stage};
use crate::scoring;
use crate::state::AppState;
use content_type::Format;
use payload::Invocation;
use refusal::Refusal;

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
    let format = match content_type::parse(content_type) {
        Ok(format) => format,
        Err(reason) => return Ok((StatusCode::UNSUPPORTED_MEDIA_TYPE, reason).into_response()),
    };
    let body = call.admitted_body(&state, Priority::Interactive)?;
    let Invocation { sessions, wrapped } = read(&state.metrics, format, body).await?;
    let settings = &state.settings.invocations;
    if sessions.len() > settings.max_rows {
        let (found, most) = (sessions.len(), settings.max_rows);
        return Err(Refusal::invalid_input(&format!("Found {found} rows: expected at most {most}.")).into());
    }
    let (now, limit) = (scoring::now(), settings.limit);
    let longest = state.settings.limits.history;
    if let Some(found) = sessions.iter().map(ViewHistory::len).find(|length| *length > longest) {
        return Err(Refusal::invalid_input(&format!("Found {found} items: expected at most {longest}.")).into());
    }
    let served = state.served();
    let scoring = call.scoring(&state, &served);
    let requests = sessions.into_iter().map(|history| RecommendationRequest::new(history, now, limit));
    let answers = scoring.recommend_all(requests).await?;
    let catalog = served.engine.catalog();
    let predictions: Vec<_> = answers.iter().map(|answer| prediction(catalog, answer)).collect();
    Ok(state.metrics.timed(Stage::Serialise, || match wrapped {
        true => json_response(StatusCode::OK, &Predictions { predictions }),
        false => json_response(StatusCode::OK, &predictions),
    }))
}

async fn read(metrics: &Metrics, format: Format, body: Bytes) -> Result<Invocation, ApiError> {
    match format {
        Format::Json => Ok(parse_body(metrics, body, payload::parse).await??),
        // Neither has ever worked with lists in the signature: MLflow refuses CSV with these words.
        Format::Csv => {
            let reason = "Failed to get pandas types as some of the inputs types are not DataType.";
            Err(no_table("CSV-formatted", "to_csv", reason).into())
        }
        Format::Parquet => Err(no_table("Parquet", "to_parquet", "Parquet is not supported here: send JSON").into()),
    }
}

fn no_table(what: &str, method: &str, reason: &str) -> Refusal {
    Refusal::bad_request(format!(
        "Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid {what} Pandas DataFrame produced \
         using the `pandas.DataFrame.{method}()` method. Error: '{reason}'"
    ))
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
        Self::refused(refusal.code, refusal.message)
    }
}
