//! The ways to another model: on request, on SIGHUP, because the pointer file or an alias changed, or with a shop's
//! changes. Each ends in a log line and a count; a bundle that cannot be served leaves the old one serving.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::files::{FileWork, SMALL_FILES};
use crate::registry::Look;
use crate::serving::Served;
use crate::state::AppState;

/// From a rebuild that failed to the next.
const AGAIN: Duration = Duration::from_secs(5);

/// Reads the API keys, the webhooks' secrets and the certificate and loads the bundle again.
///
/// # Errors
/// With the reason; whatever failed stays what it was.
pub(crate) async fn reload(state: &AppState, cause: &str) -> anyhow::Result<Arc<Served>> {
    let (keys, certificate, secrets) = tokio::join!(
        read_again(state, &state.files.keys, "API keys", |state| state.keys.reload()),
        read_again(state, &state.files.certificate, "the certificate", AppState::reload_certificate),
        read_again(state, &state.files.secrets, "webhook secrets", |state| {
            state.webhooks.as_ref().map_or(Ok(()), |webhooks| webhooks.reload())
        }),
    );
    let outcome = state.serving.reload().await.and_then(|model| keys.and(secrets).and(certificate).map(|()| model));
    record(state, cause, outcome)
}

/// Reads what stands beside the model; on failure it stays what it was.
async fn read_again(
    state: &AppState,
    files: &FileWork,
    what: &str,
    read: fn(&AppState) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let owned = state.clone();
    let outcome = files.run(SMALL_FILES, move || read(&owned)).await;
    if let Err(error) = &outcome {
        tracing::error!(error = format!("{error:#}"), "{what} cannot be read: what was read before stays");
    }
    outcome
}

/// Puts the model before the present one back into service.
///
/// # Errors
/// With the reason.
pub(crate) async fn rollback(state: &AppState) -> anyhow::Result<Arc<Served>> {
    record(state, "rollback", state.serving.rollback().await)
}

fn record(state: &AppState, cause: &str, outcome: anyhow::Result<Arc<Served>>) -> anyhow::Result<Arc<Served>> {
    state.metrics.reloaded(outcome.is_ok());
    match &outcome {
        Ok(_) => state.served().log_in_service(cause),
        Err(error) => tracing::error!(cause, error = format!("{error:#}"), "the model in service stays"),
    }
    outcome
}

/// Reloads whenever the pointer file has another content. Polls, because notifications are lost on the volumes that
/// Kubernetes mounts. Never returns.
pub(crate) async fn follow_pointer(state: AppState) {
    let mut interval = tokio::time::interval(state.settings.model.poll());
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut readable = true;
    loop {
        interval.tick().await;
        let owned = state.clone();
        let moved = state.files.pointer.run(SMALL_FILES, move || owned.serving.source().has_moved()).await;
        if let Err(error) = &moved
            && readable
        {
            tracing::warn!(error = format!("{error:#}"), "the pointer file cannot be read, the model in service stays");
        }
        readable = moved.is_ok();
        if matches!(moved, Ok(true)) {
            // The outcome is in the log; a bad bundle is not tried again until the pointer changes.
            let _ = reload(&state, "pointer").await;
        }
    }
}

/// Reloads whenever the alias in the registry means another version. Never returns, unless the version is fixed.
pub(crate) async fn follow_registry(state: AppState) {
    let Some(registry) = state.registry.clone().filter(|registry| registry.may_change()) else { return };
    loop {
        state.metrics.registry_confirmed(registry.confirmed());
        tokio::time::sleep(registry.pause()).await;
        match registry.look().await {
            Ok(Look::Same) => {
                state.metrics.registry_looked(true);
                let registry = Arc::clone(&registry);
                let written = state.files.cache.run(SMALL_FILES, move || Ok(registry.remember_answer()?)).await;
                if let Err(error) = written {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "that the registry was heard is not remembered for the next start");
                }
            }
            Ok(Look::Another) => {
                state.metrics.registry_looked(true);
                // The outcome is in the log.
                let _ = reload(&state, "registry").await;
            }
            Err(error) => {
                state.metrics.registry_looked(false);
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the registry cannot be asked, the model in service stays"
                );
            }
        }
    }
}

/// Makes the model in service follow the shop: one rebuild takes in all changes until it begins, however many they are.
/// Never returns.
pub(crate) async fn follow_changes(state: AppState) {
    let Some(webhooks) = state.webhooks.clone() else { return };
    state.metrics.changed_products(webhooks.changed_products());
    loop {
        webhooks.changed().await;
        let started = Instant::now();
        let outcome = state.serving.follow_changes().await;
        let took = started.elapsed();
        let products = webhooks.changed_products();
        state.metrics.changed_products(products);
        match outcome {
            Ok(()) => tracing::info!(products, seconds = took.as_secs_f64(), "the shop's changes are in service"),
            Err(error) => {
                state.metrics.reloaded(false);
                tracing::error!(error = format!("{error:#}"), "the shop's changes are not in service, trying again");
                tokio::time::sleep(AGAIN).await;
                webhooks.follow_again();
            }
        }
        // A shop that changes all the time takes at most half of one core from those who ask.
        tokio::time::sleep(took).await;
    }
}
