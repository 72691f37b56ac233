//! The ways to another model: on request, on SIGHUP, or because the pointer file changed. Each ends in a log line and a
//! count; a bundle that cannot be served leaves the old one serving.

use slirec_engine::ModelInfo;
use tokio::time::MissedTickBehavior;

use crate::state::AppState;

/// Reads the API keys and loads the bundle again.
///
/// # Errors
/// With the reason; whatever failed stays what it was.
pub(crate) async fn reload(state: &AppState, cause: &str) -> anyhow::Result<ModelInfo> {
    let keys = state.keys.reload();
    if let Err(error) = &keys {
        tracing::error!(error = format!("{error:#}"), "API keys cannot be read, the old ones stay");
    }
    let outcome = state.serving.reload().await.and_then(|model| keys.map(|()| model));
    record(state, cause, outcome)
}

/// Puts the model before the present one back into service.
///
/// # Errors
/// With the reason.
pub(crate) async fn rollback(state: &AppState) -> anyhow::Result<ModelInfo> {
    record(state, "rollback", state.serving.rollback().await)
}

fn record(state: &AppState, cause: &str, outcome: anyhow::Result<ModelInfo>) -> anyhow::Result<ModelInfo> {
    state.metrics.reloaded(outcome.is_ok());
    match &outcome {
        Ok(model) => tracing::info!(cause, model = model.name, version = model.version, "model in service"),
        Err(error) => tracing::error!(cause, error = format!("{error:#}"), "the model in service stays"),
    }
    outcome
}

/// Reloads whenever the pointer file has another content. Polls, because notifications are lost on the volumes that
/// Kubernetes mounts. Never returns.
pub(crate) async fn follow_pointer(state: AppState) {
    let source = state.serving.source();
    let mut interval = tokio::time::interval(state.settings.model.poll());
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = source.pointer();
    loop {
        interval.tick().await;
        let found = source.pointer();
        if found.is_some() && found != known {
            known = found;
            // The outcome is in the log; a bad bundle is not tried again until the pointer changes.
            let _ = reload(&state, "pointer").await;
        }
    }
}
