//! The queue before the workers: requests enter as they come and leave first come, first served.
//!
//! Interactive requests go before the sessions of batches, until a session has waited for as long as an interactive request
//! may: then it is next, so that batches go on under any load.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::overload::Overload;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which requests go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// A client waits for this very answer. Goes first; is refused when it waited too long.
    Interactive,
    /// Part of a larger piece of work. Scored when no interactive request waits, or once it has waited as long as those may;
    /// waits as long as its caller does.
    Batch,
}

/// What waits, oldest first, and since when.
#[derive(Debug)]
struct Waiting<T> {
    interactive: VecDeque<(Instant, T)>,
    batch: VecDeque<(Instant, T)>,
    /// Workers that can take it.
    receivers: usize,
}

/// Where requests enter; the queue closes when all of these are gone.
pub(crate) struct QueueSender<T> {
    waiting: Arc<Mutex<Waiting<T>>>,
    /// One ticket for each request that waits.
    tickets: Sender<()>,
}

/// Where they leave.
pub(crate) struct QueueReceiver<T> {
    waiting: Arc<Mutex<Waiting<T>>>,
    tickets: Receiver<()>,
}

/// The next request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    /// To be answered; it has waited since then.
    Answer(Instant, T),
    /// To be refused: it waited too long.
    Refuse(T),
}

impl<T> Clone for QueueSender<T> {
    fn clone(&self) -> Self {
        Self { waiting: Arc::clone(&self.waiting), tickets: self.tickets.clone() }
    }
}

impl<T> Clone for QueueReceiver<T> {
    fn clone(&self) -> Self {
        lock(&self.waiting).receivers += 1;
        Self { waiting: Arc::clone(&self.waiting), tickets: self.tickets.clone() }
    }
}

impl<T> Drop for QueueReceiver<T> {
    /// What waits for workers of which none is left is dropped, so that its callers learn it.
    fn drop(&mut self) {
        let mut waiting = lock(&self.waiting);
        waiting.receivers -= 1;
        let unanswered = (waiting.receivers == 0)
            .then(|| [std::mem::take(&mut waiting.interactive), std::mem::take(&mut waiting.batch)]);
        // Callers are dropped outside of the lock.
        drop(waiting);
        drop(unanswered);
    }
}

impl<T> fmt::Debug for QueueSender<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("QueueSender").field("waiting", &self.tickets.len()).finish_non_exhaustive()
    }
}

/// A queue. Its length is bounded by [`Overload`], which is asked before a request is read.
pub(crate) fn queue<T>() -> (QueueSender<T>, QueueReceiver<T>) {
    let (sender, receiver) = unbounded();
    let waiting = Arc::new(Mutex::new(Waiting { interactive: VecDeque::new(), batch: VecDeque::new(), receivers: 1 }));
    (QueueSender { waiting: Arc::clone(&waiting), tickets: sender }, QueueReceiver { waiting, tickets: receiver })
}

impl<T> QueueSender<T> {
    /// How many wait: interactive requests, sessions of batches.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        let waiting = lock(&self.waiting);
        (waiting.interactive.len(), waiting.batch.len())
    }

    /// Adds a request that waits from `now` on. Without workers, as after all of them ended, it is dropped.
    pub(crate) fn push(&self, now: Instant, priority: Priority, request: T) {
        let mut waiting = lock(&self.waiting);
        if waiting.receivers == 0 {
            // The caller is dropped outside of the lock.
            drop(waiting);
            return drop(request);
        }
        match priority {
            Priority::Interactive => waiting.interactive.push_back((now, request)),
            Priority::Batch => waiting.batch.push_back((now, request)),
        }
        drop(waiting);
        // Workers that ended since have dropped the request.
        let _ = self.tickets.send(());
    }

    /// Takes out what is no longer wanted of all that goes before a new request of this priority, such as requests whose
    /// clients have left: whether there was any.
    pub(crate) fn retain(&self, priority: Priority, is_wanted: impl Fn(&T) -> bool) -> bool {
        let mut unwanted = Vec::new();
        let mut waiting = lock(&self.waiting);
        let Waiting { interactive, batch, .. } = &mut *waiting;
        let before = [Some(interactive), Some(batch).filter(|_| priority == Priority::Batch)];
        for queue in before.into_iter().flatten() {
            if !queue.iter().all(|(_, request)| is_wanted(request)) {
                let (wanted, others) = std::mem::take(queue).into_iter().partition(|(_, request)| is_wanted(request));
                *queue = wanted;
                unwanted.push(others);
            }
        }
        // Callers are dropped outside the lock. Tickets without a request are harmless.
        drop(waiting);
        unwanted.iter().any(|others: &VecDeque<_>| !others.is_empty())
    }
}

impl<T> QueueReceiver<T> {
    /// Gives one ticket for each request that waits; closed once none waits and none can enter.
    pub(crate) fn tickets(&self) -> &Receiver<()> {
        &self.tickets
    }

    /// The next request, for a ticket.
    pub(crate) fn take(&self, now: Instant, overload: &Overload) -> Option<Next<T>> {
        let mut waiting = lock(&self.waiting);
        let waited = |since: &Instant| now.saturating_duration_since(*since);
        let objective = overload.objective().unwrap_or(Duration::MAX);
        let batch_is_due = waiting.batch.front().is_some_and(|(since, _)| waited(since) > objective);
        if waiting.interactive.is_empty() || batch_is_due {
            return waiting.batch.pop_front().map(|(since, request)| Next::Answer(since, request));
        }
        let (since, request) = waiting.interactive.pop_front()?;
        // The last one keeps no other from its answer: it is late because the machine paused.
        let refused = overload.is_late(waited(&since)) && !waiting.interactive.is_empty();
        Some(if refused { Next::Refuse(request) } else { Next::Answer(since, request) })
    }
}

fn lock<T>(waiting: &Mutex<Waiting<T>>) -> MutexGuard<'_, Waiting<T>> {
    // No code of others runs under the lock.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTIVE: Duration = Duration::from_millis(50);

    fn overload() -> Overload {
        Overload::new(Some(OBJECTIVE), 1, Duration::from_millis(1))
    }

    /// What leaves at `now`; requests that are refused are negative.
    fn taken(receiver: &QueueReceiver<i32>, now: Instant, overload: &Overload) -> Vec<i32> {
        let next = receiver.tickets().try_iter().filter_map(|()| receiver.take(now, overload));
        let shown = next.map(|next| match next {
            Next::Answer(_, request) => request,
            Next::Refuse(request) => -request,
        });
        shown.collect()
    }

    #[test]
    fn requests_leave_first_come_first_served_and_interactive_ones_before_batches() {
        let ((sender, receiver), now) = (queue(), Instant::now());
        sender.push(now, Priority::Batch, 1);
        (2..5).for_each(|request| sender.push(now, Priority::Interactive, request));
        assert_eq!(sender.lengths(), (3, 1));
        assert_eq!(taken(&receiver, now, &overload()), [2, 3, 4, 1]);
        assert_eq!(sender.lengths(), (0, 0));
    }

    #[test]
    fn what_is_no_longer_wanted_is_taken_out_and_the_others_keep_their_order() {
        let ((sender, receiver), now) = (queue(), Instant::now());
        (1..6).for_each(|request| sender.push(now, Priority::Interactive, request));
        (6..8).for_each(|request| sender.push(now, Priority::Batch, request));
        let retain = |priority| sender.retain(priority, |request| request % 2 == 1);
        assert!(retain(Priority::Interactive) && !retain(Priority::Interactive));
        assert_eq!(sender.lengths(), (3, 2));
        assert!(retain(Priority::Batch) && !retain(Priority::Batch));
        assert_eq!(sender.lengths(), (3, 1));
        sender.push(now, Priority::Interactive, 9);
        assert_eq!(taken(&receiver, now, &overload()), [1, 3, 5, 9, 7]);
    }

    #[test]
    fn a_session_of_a_batch_is_next_once_it_waited_for_the_objective() {
        let ((sender, receiver), now) = (queue(), Instant::now());
        sender.push(now, Priority::Batch, 1);
        sender.push(now + OBJECTIVE, Priority::Interactive, 2);
        sender.push(now + OBJECTIVE, Priority::Batch, 3);
        assert_eq!(taken(&receiver, now + 2 * OBJECTIVE, &overload()), [1, 2, 3]);
    }

    #[test]
    fn requests_that_waited_for_twice_the_objective_are_refused_unless_no_other_waits() {
        let ((sender, receiver), now) = (queue(), Instant::now());
        sender.push(now, Priority::Interactive, 1);
        assert_eq!(taken(&receiver, now + 10 * OBJECTIVE, &overload()), [1]);
        sender.push(now, Priority::Interactive, 1);
        sender.push(now + OBJECTIVE, Priority::Interactive, 2);
        assert_eq!(taken(&receiver, now + OBJECTIVE * 5 / 2, &overload()), [-1, 2]);
        sender.push(now, Priority::Batch, 3);
        sender.push(now, Priority::Interactive, 4);
        let unlimited = Overload::new(None, 1, Duration::from_millis(1));
        assert_eq!(taken(&receiver, now + 1_000 * OBJECTIVE, &unlimited), [4, 3]);
    }

    #[test]
    fn a_closed_queue_gives_what_it_has() {
        let ((sender, receiver), now) = (queue(), Instant::now());
        sender.push(now, Priority::Interactive, 1);
        drop(sender);
        assert_eq!(taken(&receiver, now, &overload()), [1]);
        assert!(receiver.tickets().recv().is_err());
    }

    #[test]
    fn requests_without_workers_are_dropped_whether_the_last_one_ended_before_or_after() {
        let ((sender, receiver), now) = (queue(), Instant::now());
        let (first, second) = (Arc::new(1), Arc::new(2));
        let other = receiver.clone();
        drop(receiver);
        sender.push(now, Priority::Interactive, Arc::clone(&first));
        sender.push(now, Priority::Batch, Arc::clone(&second));
        assert_eq!((sender.lengths(), Arc::strong_count(&first)), ((1, 1), 2));
        drop(other);
        sender.push(now, Priority::Interactive, Arc::clone(&first));
        assert_eq!(sender.lengths(), (0, 0));
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
    }
}
