//! One worker thread: takes jobs, drops those that nobody waits for or that waited too long, scores the others.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select_biased};

use crate::engine::Caller;
use crate::model::Model;
use crate::request::RecommendationRequest;
use crate::scorer::Scorer;
use crate::spread::{Helpers, SharedWork};
use crate::{EngineError, Overloaded};

/// A queue that has not been empty for this long is a standing one: not a burst that the next moments work off.
const STANDING: Duration = Duration::from_millis(100);

/// A request that waits for a worker.
pub(crate) struct Job {
    pub(crate) request: Arc<RecommendationRequest>,
    pub(crate) caller: Box<dyn Caller>,
    pub(crate) queued: Instant,
}

/// How long interactive requests may wait. A burst may wait its turn; once the queue stands, whoever waited longer than
/// the target is refused, so that the requests that are answered are answered in time (the idea of CoDel, as servers
/// use it: Maurer, "Fail at Scale", ACM Queue 13(8), 2015).
#[derive(Debug)]
pub(crate) struct Patience {
    target: Option<Duration>,
    /// Since when the queue has not been empty; none while it is. Held for one comparison.
    waiting_since: Mutex<Option<Instant>>,
}

impl Patience {
    pub(crate) fn new(target: Option<Duration>) -> Self {
        Self { target, waiting_since: Mutex::new(None) }
    }

    /// Whether a job that was queued then is still worth an answer; called whenever one is taken from the queue.
    fn allows(&self, queued: Instant, queue_is_empty: bool) -> bool {
        let Some(target) = self.target else { return true };
        let mut waiting_since = self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = waiting_since.get_or_insert(queued).elapsed() > STANDING;
        if queue_is_empty {
            *waiting_since = None;
        }
        queued.elapsed() <= if standing { target } else { STANDING.max(target) }
    }
}

/// Everything that a worker thread owns.
pub(crate) struct Worker {
    pub(crate) model: Arc<Model>,
    pub(crate) scorer: Scorer,
    pub(crate) helpers: Helpers,
    /// Invitations to help with large requests.
    pub(crate) shared: Receiver<Arc<SharedWork>>,
    pub(crate) interactive: Receiver<Job>,
    pub(crate) batch: Receiver<Job>,
    pub(crate) patience: Arc<Patience>,
    /// Dropped when the worker ends.
    pub(crate) _alive: Sender<Infallible>,
}

impl Worker {
    /// Works until the engine is gone and its queues are empty.
    pub(crate) fn work(mut self) {
        loop {
            select_biased! {
                recv(self.shared) -> work => {
                    if let Ok(work) = work {
                        work.help(&mut self.scorer);
                    }
                }
                recv(self.interactive) -> job => match job {
                    Ok(job) => self.interactive_job(job),
                    // Both queues close together.
                    Err(_) => break,
                },
                recv(self.batch) -> job => match job {
                    Ok(job) => self.job(job),
                    Err(_) => break,
                },
            }
        }
        while let Ok(job) = self.interactive.try_recv() {
            self.job(job);
        }
        while let Ok(job) = self.batch.try_recv() {
            self.job(job);
        }
    }

    fn interactive_job(&mut self, job: Job) {
        if self.patience.allows(job.queued, self.interactive.is_empty()) {
            self.job(job);
        } else {
            reply(job.caller, Err(Overloaded::WaitedTooLong.into()));
        }
    }

    fn job(&mut self, job: Job) {
        let Job { request, caller, queued } = job;
        if !caller.is_waiting() {
            return;
        }
        let waited = queued.elapsed();
        // A panic ends the request, not the worker. The scorer holds no state between runs that it could spoil.
        let scored = catch_unwind(AssertUnwindSafe(|| self.model.recommend(&mut self.scorer, &self.helpers, &request)));
        let mut answer = scored.unwrap_or_else(|_| {
            tracing::error!("scoring panicked");
            Err(EngineError::Worker)
        });
        if let Ok(answer) = &mut answer {
            answer.timings.queued = waited;
        }
        reply(caller, answer);
    }
}

fn reply(caller: Box<dyn Caller>, answer: Result<crate::Recommendations, EngineError>) {
    if catch_unwind(AssertUnwindSafe(|| caller.answer(answer))).is_err() {
        tracing::error!("answering panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(milliseconds: u64) -> Instant {
        Instant::now() - Duration::from_millis(milliseconds)
    }

    fn patience() -> Patience {
        Patience::new(Some(Duration::from_millis(20)))
    }

    #[test]
    fn without_a_target_everybody_may_wait() {
        assert!(Patience::new(None).allows(ago(60_000), false));
    }

    #[test]
    fn a_burst_may_wait_and_so_may_whoever_comes_after_a_pause() {
        let patience = patience();
        assert!(patience.allows(ago(60), true));
        *patience.waiting_since.lock().unwrap() = None;
        assert!(patience.allows(ago(60), false));
    }

    #[test]
    fn in_a_standing_queue_only_short_waits_are_answered_until_it_was_empty() {
        let patience = patience();
        *patience.waiting_since.lock().unwrap() = Some(ago(1_000));
        assert!(patience.allows(Instant::now(), false));
        assert!(!patience.allows(ago(60), true));
        assert!(patience.allows(ago(60), false));
    }
}
