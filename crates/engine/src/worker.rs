//! One worker thread: takes requests from the queue, drops those without a caller, refuses those that waited too long, scores
//! the others.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, select_biased};

use crate::backend::Backend;
use crate::overload::Overload;
use crate::queue::{Next, QueueReceiver};
use crate::recommender::Recommender;
use crate::request::{RecommendationRequest, Recommendations};
use crate::spread::SharedWork;
use crate::{EngineError, Overloaded};

/// Takes the answer to a request, and says whether it is still wanted.
pub trait Caller: Send + 'static {
    /// False once the answer is no longer wanted; the engine then drops the request before it scores.
    fn is_waiting(&self) -> bool;

    /// When the answer must be there: a request that cannot be answered by then is refused before it is scored.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Takes the answer, on a worker thread.
    fn answer(self: Box<Self>, answer: Result<Recommendations, EngineError>);
}

/// A function takes the answer, whatever has happened meanwhile.
impl<F: FnOnce(Result<Recommendations, EngineError>) + Send + 'static> Caller for F {
    fn is_waiting(&self) -> bool {
        true
    }

    fn answer(self: Box<Self>, answer: Result<Recommendations, EngineError>) {
        self(answer);
    }
}

/// A request that waits for a worker.
pub(crate) struct Job {
    pub(crate) request: Arc<RecommendationRequest>,
    pub(crate) caller: Box<dyn Caller>,
}

/// Everything that a worker thread owns.
pub(crate) struct Worker<B: Backend> {
    pub(crate) recommender: Recommender<B>,
    /// Invitations to help with large requests.
    pub(crate) shared: Receiver<Arc<SharedWork<B>>>,
    pub(crate) queue: QueueReceiver<Job>,
    pub(crate) overload: Arc<Overload>,
    /// Dropped when the worker ends.
    pub(crate) _alive: Sender<Infallible>,
}

impl<B: Backend> Worker<B> {
    /// Works until the engine is gone and its queue is empty.
    pub(crate) fn work(mut self) {
        loop {
            select_biased! {
                recv(self.shared) -> work => {
                    if let Ok(work) = work {
                        self.help(&work);
                    }
                }
                recv(self.queue.tickets()) -> ticket => match ticket {
                    Ok(()) => self.next_job(),
                    Err(_) => break,
                },
            }
        }
    }

    fn help(&mut self, work: &SharedWork<B>) {
        if !work.help(&mut self.recommender.backend) {
            self.renew();
        }
    }

    fn next_job(&mut self) {
        match self.queue.take(Instant::now(), &self.overload) {
            Some(Next::Answer(queued, job)) => self.job(queued, job),
            Some(Next::Refuse(job)) => reply(job.caller, Err(Overloaded::WaitedTooLong.into())),
            None => {}
        }
    }

    fn job(&mut self, queued: Instant, job: Job) {
        let Job { request, caller } = job;
        if !caller.is_waiting() {
            return;
        }
        let (waited, began) = (queued.elapsed(), Instant::now());
        let left = caller.deadline().map(|deadline| deadline.saturating_duration_since(began));
        if left.is_some_and(|left| self.overload.is_hopeless(left)) {
            return reply(caller, Err(Overloaded::DeadlineTooNear.into()));
        }
        // A panic ends the request, not the worker.
        let scored = catch_unwind(AssertUnwindSafe(|| self.recommender.recommend(&request)));
        let mut answer = scored.unwrap_or_else(|_| {
            tracing::error!("scoring panicked");
            Err(EngineError::Worker)
        });
        let failed = answer.as_ref().is_err_and(EngineError::is_fault);
        if let Ok(answer) = &mut answer {
            answer.timings.queued = waited;
        }
        let answered = answer.is_ok();
        reply(caller, answer);
        if answered {
            // With the reply: the thread that it wakes may take the processor.
            self.overload.worked(began.elapsed());
        }
        if failed {
            self.renew();
        }
    }

    /// Scores on with new sessions: whatever an error or a panic left in the old ones reaches no other request.
    fn renew(&mut self) {
        match self.recommender.backend.another() {
            Ok(backend) => {
                self.recommender.backend = backend;
                tracing::warn!("scoring failed; the worker has new sessions");
            }
            Err(error) => {
                tracing::error!(%error, "scoring failed; the worker keeps its sessions, as there are no new ones")
            }
        }
    }
}

fn reply(caller: Box<dyn Caller>, answer: Result<Recommendations, EngineError>) {
    if catch_unwind(AssertUnwindSafe(|| caller.answer(answer))).is_err() {
        tracing::error!("answering panicked");
    }
}
