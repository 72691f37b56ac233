//! `POST /webhooks/shopify`: a delivery of the shop enters; what became of it leaves once it is on the disk.
//!
//! Shopify repeats what is not answered with 200 within five seconds, so nothing here waits for the model: it follows
//! on its own. The signature is the key; API keys do not count here.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use slirec_connect::webhooks::{Accepted, Refusal};

use super::call::Call;
use super::error::ApiError;
use super::json_response;
use crate::state::AppState;

/// Shopify waits five seconds for an answer.
const KEPT_WITHIN: Duration = Duration::from_secs(4);

/// 200 for what is kept, repeated, late or none of ours; 401 for a wrong signature, 400 for a wrong content, 503 when
/// it cannot be kept now.
pub(super) async fn shopify(
    State(state): State<AppState>,
    headers: HeaderMap,
    mut call: Call,
) -> Result<Response, ApiError> {
    let body = call.take_body();
    let webhooks = state.webhooks.clone().ok_or_else(|| ApiError::not_found("/webhooks/shopify"))?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let delivery = webhooks.open(header, &body.bytes).map_err(|refusal| {
        state.metrics.delivered(if refusal == Refusal::Signature { "unsigned" } else { "malformed" });
        tracing::warn!(%refusal, "a delivery is refused");
        match refusal {
            Refusal::Signature => ApiError::unsigned(),
            Refusal::Header { .. } | Refusal::Body(_) => ApiError::bad_request(refusal.to_string()),
        }
    })?;
    let store = Arc::clone(&webhooks);
    let outcome = match state.files.changes.run(KEPT_WITHIN, move || Ok(store.accept(delivery)?)).await {
        Ok(Accepted::Changed) => "changed",
        Ok(Accepted::Repeated) => "repeated",
        Ok(Accepted::Late) => "late",
        Ok(Accepted::Unrelated) => "unrelated",
        Err(error) => {
            state.metrics.delivered("failed");
            tracing::error!(error = format!("{error:#}"), "a delivery cannot be kept");
            return Err(ApiError::unavailable("The delivery cannot be kept now: send it again"));
        }
    };
    state.metrics.delivered(outcome);
    Ok(json_response(StatusCode::OK, &serde_json::json!({ "outcome": outcome })))
}
