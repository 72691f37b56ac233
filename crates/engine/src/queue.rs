//! The queue of interactive requests: they enter as they come and leave in the order in which they can be answered in time.
//!
//! As long as the oldest has not waited longer than the target, it is first. Once it has, it is late whatever happens, and the
//! newest are first: all would be late otherwise, those after a burst too, and those before an overload is told from one (the
//! adaptive LIFO of the article that [`patience`](crate::patience) names).

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::Overloaded;
use crate::patience::{Patience, Turn};

/// What waits, oldest first, and since when.
type Waiting<T> = Arc<Mutex<VecDeque<(Instant, T)>>>;

/// Where requests enter; the queue closes when all of these are gone.
pub(crate) struct Entrance<T> {
    waiting: Waiting<T>,
    capacity: usize,
    /// One for each that waits.
    tickets: Sender<()>,
}

/// Where they leave.
pub(crate) struct Exit<T> {
    waiting: Waiting<T>,
    tickets: Receiver<()>,
}

impl<T> Clone for Entrance<T> {
    fn clone(&self) -> Self {
        Self { waiting: Arc::clone(&self.waiting), capacity: self.capacity, tickets: self.tickets.clone() }
    }
}

impl<T> Clone for Exit<T> {
    fn clone(&self) -> Self {
        Self { waiting: Arc::clone(&self.waiting), tickets: self.tickets.clone() }
    }
}

impl<T> fmt::Debug for Entrance<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Entrance").field("waiting", &self.len()).finish_non_exhaustive()
    }
}

/// A queue for as many requests.
pub(crate) fn queue<T>(capacity: usize) -> (Entrance<T>, Exit<T>) {
    let (sender, receiver) = unbounded();
    let waiting = Waiting::default();
    (Entrance { waiting: Arc::clone(&waiting), capacity, tickets: sender }, Exit { waiting, tickets: receiver })
}

impl<T> Entrance<T> {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.tickets.len()
    }

    /// Adds one that waits from now on.
    ///
    /// # Errors
    /// [`Overloaded::QueueFull`].
    pub(crate) fn push(&self, item: T) -> Result<(), Overloaded> {
        self.push_at(Instant::now(), item)
    }

    fn push_at(&self, since: Instant, item: T) -> Result<(), Overloaded> {
        {
            let mut waiting = lock(&self.waiting);
            if waiting.len() >= self.capacity {
                return Err(Overloaded::QueueFull);
            }
            waiting.push_back((since, item));
        }
        self.tickets.send(()).map_err(|_| {
            // Nobody is left who could take what waits.
            let vain = mem::take(&mut *lock(&self.waiting));
            drop(vain);
            Overloaded::QueueFull
        })
    }
}

impl<T> Exit<T> {
    /// Gives one ticket for each that waits; closed once nobody waits and nobody can enter.
    pub(crate) fn tickets(&self) -> &Receiver<()> {
        &self.tickets
    }

    /// The next one, for a ticket: since when it has waited, and whether it is still worth an answer.
    pub(crate) fn take(&self, patience: &Patience) -> Option<(Instant, T, bool)> {
        let mut waiting = lock(&self.waiting);
        let (oldest, _) = waiting.front()?;
        let turn = patience.turn(*oldest, waiting.len() == 1);
        let (queued, item) = match turn {
            Turn::Oldest | Turn::Refused => waiting.pop_front()?,
            Turn::Newest => waiting.pop_back()?,
        };
        Some((queued, item, turn != Turn::Refused))
    }
}

fn lock<T>(waiting: &Waiting<T>) -> MutexGuard<'_, VecDeque<(Instant, T)>> {
    // No code of others runs under the lock.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Priority;

    /// Long times, that no pause of the machine is like them.
    const TARGET: Duration = Duration::from_secs(20);

    /// A queue in which the first have waited for twice the target, and the others have just come.
    fn filled(late: u32, others: u32) -> (Entrance<u32>, Exit<u32>) {
        let (entrance, exit) = queue(100);
        (0..late).for_each(|item| entrance.push_at(Instant::now() - 2 * TARGET, item).unwrap());
        (late..late + others).for_each(|item| entrance.push(item).unwrap());
        (entrance, exit)
    }

    fn patience() -> Patience {
        Patience::new(Some(TARGET), 1)
    }

    fn taken(exit: &Exit<u32>, patience: &Patience) -> Vec<(u32, bool)> {
        let waiting = exit.tickets().try_iter();
        waiting.filter_map(|()| exit.take(patience)).map(|(_, item, allowed)| (item, allowed)).collect()
    }

    #[test]
    fn who_came_first_is_first_as_long_as_nobody_is_late() {
        let (entrance, exit) = filled(0, 3);
        assert_eq!(entrance.len(), 3);
        assert_eq!(taken(&exit, &patience()), [(0, true), (1, true), (2, true)]);
        assert_eq!(entrance.len(), 0);
    }

    #[test]
    fn the_newest_go_before_those_who_are_late_whatever_happens() {
        let (_entrance, exit) = filled(3, 2);
        assert_eq!(taken(&exit, &patience()), [(4, true), (3, true), (2, true), (1, true), (0, true)]);
    }

    #[test]
    fn in_a_standing_queue_those_who_are_late_are_refused_first() {
        let (_entrance, exit) = filled(2, 2);
        let patience = patience().with_calm(2 * TARGET);
        (0..17).for_each(|_| patience.worked(TARGET, Priority::Interactive));
        assert_eq!(taken(&exit, &patience), [(0, false), (1, false), (2, true), (3, true)]);
    }

    #[test]
    fn without_a_target_the_order_is_that_of_coming() {
        let (_entrance, exit) = filled(2, 1);
        assert_eq!(taken(&exit, &Patience::new(None, 1)), [(0, true), (1, true), (2, true)]);
    }

    #[test]
    fn a_full_queue_takes_nobody_and_a_closed_one_gives_what_it_has() {
        let (entrance, exit) = queue(2);
        assert_eq!(
            [entrance.push(0), entrance.push(1), entrance.push(2)],
            [Ok(()), Ok(()), Err(Overloaded::QueueFull)]
        );
        drop(entrance);
        assert_eq!(taken(&exit, &Patience::new(None, 1)).len(), 2);
        assert!(exit.tickets().recv().is_err());
        let (entrance, exit) = queue(2);
        drop(exit);
        assert_eq!(entrance.push(0), Err(Overloaded::QueueFull));
    }
}
