//! From the async side to the engine and back: requests enter, recommendations leave, and no async thread ever scores.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use slirec_engine::{Engine, EngineError, Overloaded, RecommendationRequest, Recommendations};
use tokio::sync::oneshot;

use crate::metrics::Metrics;

type Pending = oneshot::Receiver<Result<Recommendations, EngineError>>;

/// Unix seconds of the service's clock.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

/// Answers one request.
pub(crate) async fn recommend(
    engine: &Engine,
    metrics: &Metrics,
    request: RecommendationRequest,
) -> Result<Recommendations, EngineError> {
    let pending = submit(engine, request).inspect_err(|_| metrics.overloaded())?;
    finish(metrics, pending).await
}

/// Answers several requests, in their order, of which `at_once` wait for the engine at a time. All of them, or none.
pub(crate) async fn recommend_all(
    engine: &Engine,
    metrics: &Metrics,
    requests: impl ExactSizeIterator<Item = RecommendationRequest>,
    at_once: usize,
) -> Result<Vec<Recommendations>, EngineError> {
    let mut answers = Vec::with_capacity(requests.len());
    let mut pending = VecDeque::with_capacity(at_once);
    for request in requests {
        if pending.len() >= at_once
            && let Some(oldest) = pending.pop_front()
        {
            answers.push(finish(metrics, oldest).await?);
        }
        pending.push_back(submit(engine, request).inspect_err(|_| metrics.overloaded())?);
    }
    for oldest in pending {
        answers.push(finish(metrics, oldest).await?);
    }
    Ok(answers)
}

fn submit(engine: &Engine, request: RecommendationRequest) -> Result<Pending, Overloaded> {
    let (sender, receiver) = oneshot::channel();
    engine.submit(request, move |answer| {
        // Nobody waits any more when the client has left.
        let _ = sender.send(answer);
    })?;
    Ok(receiver)
}

async fn finish(metrics: &Metrics, pending: Pending) -> Result<Recommendations, EngineError> {
    let answer = pending.await.map_err(|_| EngineError::Worker)??;
    metrics.recommended(&answer);
    Ok(answer)
}
