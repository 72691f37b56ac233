//! One worker thread: takes jobs, drops those that nobody waits for or that waited too long, scores the others.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select_biased};

use crate::model::Model;
use crate::patience::Patience;
use crate::queue::Exit;
use crate::request::{RecommendationRequest, Recommendations};
use crate::scorer::{Scorer, ScorerMaker};
use crate::spread::{Helpers, SharedWork};
use crate::{EngineError, Overloaded, Priority};

/// After this a worker looks whether it should rest on.
const REST: Duration = Duration::from_millis(5);

/// Who asked, and whether they still want to know.
pub trait Caller: Send + 'static {
    /// False once nobody waits for the answer; the engine then drops the request before it scores.
    fn is_waiting(&self) -> bool;

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
pub(crate) struct Worker {
    pub(crate) model: Arc<Model>,
    pub(crate) scorer: Scorer,
    /// Makes another one when it has failed.
    pub(crate) scorer_maker: Arc<ScorerMaker>,
    pub(crate) helpers: Helpers,
    /// Invitations to help with large requests.
    pub(crate) shared: Receiver<Arc<SharedWork>>,
    pub(crate) interactive: Exit<Job>,
    pub(crate) batch: Receiver<(Instant, Job)>,
    pub(crate) patience: Arc<Patience>,
    /// Whether this is the one that rests when one should.
    pub(crate) may_rest: bool,
    /// Dropped when the worker ends.
    pub(crate) _alive: Sender<Infallible>,
}

impl Worker {
    /// Works until the engine is gone and its queues are empty.
    pub(crate) fn work(mut self) {
        loop {
            if self.may_rest && self.patience.one_rests() {
                self.rest();
                continue;
            }
            select_biased! {
                recv(self.shared) -> work => {
                    if let Ok(work) = work {
                        self.help(&work);
                    }
                }
                recv(self.interactive.tickets()) -> ticket => match ticket {
                    Ok(()) => self.interactive_job(),
                    // Both queues close together.
                    Err(_) => break,
                },
                recv(self.batch) -> job => match job {
                    Ok((queued, job)) => self.job(queued, job, Priority::Batch),
                    Err(_) => break,
                },
            }
        }
        while self.interactive.tickets().try_recv().is_ok() {
            self.interactive_job();
        }
        while let Ok((queued, job)) = self.batch.try_recv() {
            self.job(queued, job, Priority::Batch);
        }
    }

    /// Leaves the queues to the others for a moment.
    fn rest(&mut self) {
        if let Ok(work) = self.shared.recv_timeout(REST) {
            self.help(&work);
        }
    }

    fn help(&mut self, work: &SharedWork) {
        if !work.help(&mut self.scorer) {
            self.renew();
        }
    }

    fn interactive_job(&mut self) {
        match self.interactive.take(&self.patience) {
            Some((queued, job, true)) => {
                self.job(queued, job, Priority::Interactive);
                if self.patience.give_way() {
                    // A worker that never pauses keeps its core for a whole slice of the scheduler, which is longer than
                    // everything else that its answer has to wait for.
                    thread::yield_now();
                }
            }
            Some((_, job, false)) => reply(job.caller, Err(Overloaded::WaitedTooLong.into())),
            None => {}
        }
    }

    fn job(&mut self, queued: Instant, job: Job, priority: Priority) {
        let Job { request, caller } = job;
        if !caller.is_waiting() {
            return;
        }
        let (waited, began) = (queued.elapsed(), Instant::now());
        // A panic ends the request, not the worker.
        let scored = catch_unwind(AssertUnwindSafe(|| self.model.recommend(&mut self.scorer, &self.helpers, &request)));
        let mut answer = scored.unwrap_or_else(|_| {
            tracing::error!("scoring panicked");
            Err(EngineError::Worker)
        });
        let failed = answer.as_ref().is_err_and(EngineError::is_fault);
        if let Ok(answer) = &mut answer {
            answer.timings.queued = waited;
            self.patience.worked(began.elapsed(), priority);
        }
        reply(caller, answer);
        if failed {
            self.renew();
        }
    }

    /// Scores on with new sessions: whatever an error or a panic left in the old ones reaches no other request.
    fn renew(&mut self) {
        match self.scorer_maker.scorer() {
            Ok(scorer) => {
                self.scorer = scorer;
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
