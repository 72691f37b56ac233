//! From the async side to the engine and back: requests enter, recommendations leave, and no async thread ever scores.
//! Requests whose client has left are dropped before scoring; an overloaded service refuses or answers by popularity.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use slirec_engine::{Admission, Caller, EngineError, Overloaded, Priority, RecommendationRequest, Recommendations};
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::config::OverloadAnswer;
use crate::memory::Reservation;
use crate::metrics::Metrics;
use crate::serving::Served;
use crate::state::AppState;

/// Unix seconds of the service's clock.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

/// Why a call got no recommendations.
#[derive(Debug, Error)]
pub(crate) enum ScoreError {
    /// The service refuses what is beyond its capacity.
    #[error("the service is overloaded")]
    Overloaded,
    /// The answer was not there in time.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// One call of a client: what may be done for it, and until when.
#[derive(Debug)]
pub(crate) struct Scoring<'a> {
    pub(crate) state: &'a AppState,
    /// The model that answers this call.
    pub(crate) served: &'a Arc<Served>,
    /// When the answer must be there.
    pub(crate) deadline: Instant,
    /// True when the service is overloaded and popularity answers the call.
    pub(crate) only_popular: bool,
    /// Stands for the call among the requests that wait, until its first session does.
    pub(crate) admission: Option<Admission>,
    /// Memory that the call's requests take.
    pub(crate) memory: Arc<Reservation>,
}

impl Scoring<'_> {
    /// Answers one session.
    ///
    /// # Errors
    /// [`ScoreError`] when the service is overloaded, when the deadline passed, or when scoring failed.
    pub(crate) async fn recommend(mut self, request: RecommendationRequest) -> Result<Recommendations, ScoreError> {
        let pending = self.submit(request, Priority::Interactive);
        self.finish(pending).await
    }

    /// Answers the sessions of one call, in their order. All of them, or none. Single requests go before several.
    ///
    /// # Errors
    /// As for [`Scoring::recommend`].
    pub(crate) async fn recommend_all(
        mut self,
        requests: impl ExactSizeIterator<Item = RecommendationRequest>,
    ) -> Result<Vec<Recommendations>, ScoreError> {
        let at_once = self.state.settings.engine.rows_at_once();
        let priority = if requests.len() == 1 { Priority::Interactive } else { Priority::Batch };
        let mut answers = Vec::with_capacity(requests.len());
        let mut pending = VecDeque::with_capacity(at_once);
        for request in requests {
            if pending.len() >= at_once
                && let Some(oldest) = pending.pop_front()
            {
                answers.push(self.finish(oldest).await?);
            }
            pending.push_back(self.submit(request, priority));
        }
        for oldest in pending {
            answers.push(self.finish(oldest).await?);
        }
        Ok(answers)
    }

    /// Answers sessions one after the other, each without the products of those before it. All of them, or none.
    ///
    /// # Errors
    /// As for [`Scoring::recommend`].
    pub(crate) async fn recommend_apart(
        mut self,
        requests: Vec<RecommendationRequest>,
    ) -> Result<Vec<Recommendations>, ScoreError> {
        let products = self.served.engine.catalog().products();
        let mut answers: Vec<Recommendations> = Vec::with_capacity(requests.len());
        for mut request in requests {
            let answered = answers.iter().flat_map(|answer| &answer.products);
            for product in answered.filter_map(|scored| products.get(scored.product)) {
                request.selection.exclude.push(&product.handle);
            }
            let pending = self.submit(request, Priority::Interactive);
            answers.push(self.finish(pending).await?);
        }
        Ok(answers)
    }

    fn submit(&mut self, request: RecommendationRequest, priority: Priority) -> Pending {
        let request = Arc::new(request);
        if self.only_popular {
            return Pending { request, answer: None };
        }
        let (sender, receiver) = oneshot::channel();
        let (metrics, memory) = (Arc::clone(&self.state.metrics), Arc::clone(&self.memory));
        let caller = Waiting { sender, deadline: self.deadline, metrics, _memory: memory };
        self.served.engine.submit(Arc::clone(&request), priority, caller);
        self.admission = None;
        Pending { request, answer: Some(receiver) }
    }

    async fn finish(&self, pending: Pending) -> Result<Recommendations, ScoreError> {
        let Pending { request, answer } = pending;
        let metrics = &self.state.metrics;
        let answer = match answer {
            None => self.popular(&request).await?,
            Some(receiver) => match self.wait(receiver).await? {
                Ok(answer) => answer,
                Err(EngineError::Overloaded(overloaded)) => self.overloaded(overloaded, &request).await?,
                Err(error) => return Err(error.into()),
            },
        };
        metrics.recommended(&answer, request.history.len());
        metrics.shopper(&request.user);
        self.served.coverage.add(&answer);
        Ok(answer)
    }

    async fn wait(
        &self,
        receiver: oneshot::Receiver<Result<Recommendations, EngineError>>,
    ) -> Result<Result<Recommendations, EngineError>, ScoreError> {
        let present = CancelledOnDrop(Some(&self.state.metrics));
        let answer = timeout_at(self.deadline, receiver).await;
        present.stayed();
        match answer {
            Ok(answer) => Ok(answer.unwrap_or(Err(EngineError::Worker))),
            Err(_) => {
                self.state.metrics.deadline_exceeded();
                Err(ScoreError::DeadlineExceeded)
            }
        }
    }

    async fn overloaded(
        &self,
        overloaded: Overloaded,
        request: &Arc<RecommendationRequest>,
    ) -> Result<Recommendations, ScoreError> {
        let metrics = &self.state.metrics;
        match (self.state.settings.limits.overload, overloaded) {
            (OverloadAnswer::Reject, Overloaded::DeadlineTooNear) => {
                metrics.deadline_exceeded();
                Err(ScoreError::DeadlineExceeded)
            }
            (OverloadAnswer::Reject, _) => {
                metrics.shed(overloaded.into());
                Err(ScoreError::Overloaded)
            }
            (OverloadAnswer::Popular, _) => {
                metrics.shed(overloaded.into());
                self.popular(request).await
            }
        }
    }

    /// Answers without the engine's threads; away from the async ones where a long history is counted.
    async fn popular(&self, request: &Arc<RecommendationRequest>) -> Result<Recommendations, ScoreError> {
        if request.history.len() <= LONG_HISTORY {
            return Ok(self.served.engine.popular(request));
        }
        let (served, request) = (Arc::clone(self.served), Arc::clone(request));
        let counted = tokio::task::spawn_blocking(move || served.engine.popular(&request)).await;
        counted.map_err(|_| EngineError::Worker.into())
    }
}

/// Histories beyond so many views are counted on a thread of their own.
const LONG_HISTORY: usize = 10_000;

/// A request that the engine has.
struct Pending {
    request: Arc<RecommendationRequest>,
    /// None: popularity answers without the engine.
    answer: Option<oneshot::Receiver<Result<Recommendations, EngineError>>>,
}

/// The engine's side of a call that waits.
struct Waiting {
    sender: oneshot::Sender<Result<Recommendations, EngineError>>,
    deadline: Instant,
    metrics: Arc<Metrics>,
    /// The request waits on when its client has left, and takes its memory until it is dropped.
    _memory: Arc<Reservation>,
}

impl Caller for Waiting {
    fn is_waiting(&self) -> bool {
        let waiting = !self.sender.is_closed();
        if !waiting {
            self.metrics.dropped();
        }
        waiting
    }

    fn deadline(&self) -> Option<std::time::Instant> {
        Some(self.deadline.into_std())
    }

    fn answer(self: Box<Self>, answer: Result<Recommendations, EngineError>) {
        // The client may have left since the worker looked.
        let _ = self.sender.send(answer);
    }
}

/// Counts a client that leaves: the server drops the handler then.
struct CancelledOnDrop<'a>(Option<&'a Metrics>);

impl CancelledOnDrop<'_> {
    fn stayed(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelledOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(metrics) = self.0 {
            metrics.cancelled();
        }
    }
}
