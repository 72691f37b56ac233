//! The way in: requests ask to be admitted, are read, and then wait in the queue. What waits for what is generic, so that
//! tests run this very code under simulated time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::Overloaded;
use crate::overload::Overload;
use crate::queue::{Priority, QueueSender};

/// The queue and the rule before it; cheap to clone. The queue closes when the last clone is dropped.
pub(crate) struct Intake<T> {
    queue: QueueSender<T>,
    overload: Arc<Overload>,
    /// Requests that were admitted and not yet submitted: they are being read.
    admitted: Arc<AtomicUsize>,
}

/// Leave to submit a request; counts as one that waits until it is dropped, which the caller does once it has submitted.
#[derive(Debug)]
pub struct Admission(Arc<AtomicUsize>);

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> Clone for Intake<T> {
    fn clone(&self) -> Self {
        let Self { queue, overload, admitted } = self;
        Self { queue: queue.clone(), overload: Arc::clone(overload), admitted: Arc::clone(admitted) }
    }
}

impl<T> fmt::Debug for Intake<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Intake").field("queue", &self.queue).field("overload", &self.overload).finish()
    }
}

impl<T> Intake<T> {
    pub(crate) fn new(queue: QueueSender<T>, overload: Arc<Overload>) -> Self {
        Self { queue, overload, admitted: Arc::default() }
    }

    /// Whether a request that must be answered within `left` can be, behind what waits already. Requests that are no longer
    /// wanted take no worker's time, so they are no reason to refuse others.
    ///
    /// # Errors
    /// [`Overloaded::QueueFull`].
    pub(crate) fn admit(
        &self,
        priority: Priority,
        left: Duration,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Admission, Overloaded> {
        // Counted first: of two requests at once at least one sees the other.
        let admitted = self.admitted.fetch_add(1, Ordering::Relaxed);
        let admission = Admission(Arc::clone(&self.admitted));
        let admits = || {
            let (interactive, batch) = self.queue.lengths();
            let behind = match priority {
                Priority::Interactive => interactive,
                Priority::Batch => interactive + batch,
            };
            self.overload.admits(behind + admitted, left)
        };
        let is_admitted = admits() || (self.queue.retain(priority, is_wanted) && admits());
        if is_admitted { Ok(admission) } else { Err(Overloaded::QueueFull) }
    }

    /// Puts a request into the queue. Refuses none: that is for [`Intake::admit`] to do before.
    pub(crate) fn submit(&self, now: Instant, priority: Priority, request: T) {
        self.queue.push(now, priority, request);
    }

    /// Requests that wait for a worker: interactive ones, sessions of batches.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        self.queue.lengths()
    }

    /// Answers that the workers can give a second, by what the last ones took; infinite while nothing is known.
    pub(crate) fn capacity(&self) -> f64 {
        self.overload.capacity()
    }
}
