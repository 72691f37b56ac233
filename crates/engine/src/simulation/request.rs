//! One request: what it asks, what has become of it, and the memory that it takes.

use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::Instant;

use crate::Priority;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum End {
    Answered,
    /// The memory or the queue was full, or the service stopped.
    Refused,
    /// It waited too long, and was refused when its turn came.
    RefusedLate,
    /// Its deadline passed.
    TooLate,
    /// Its client left.
    Left,
}

/// What is known of a request.
pub(super) struct Request {
    pub(super) priority: Priority,
    pub(super) deadline: Instant,
    /// The model whose workers have it.
    pub(super) model: Option<usize>,
    pub(super) end: Rc<Cell<Option<End>>>,
    /// Whether it waits in a queue.
    pub(super) queued: Rc<Cell<bool>>,
    /// None once the call is over; what waits in a queue holds its share on.
    pub(super) memory: Option<Rc<Memory>>,
}

/// What waits in the queue.
pub(super) struct Job {
    pub(super) number: usize,
    pub(super) end: Rc<Cell<Option<End>>>,
    pub(super) queued: Rc<Cell<bool>>,
    pub(super) _memory: Option<Rc<Memory>>,
}

impl Drop for Job {
    fn drop(&mut self) {
        assert!(!self.is_waiting() || thread::panicking(), "request {} is wanted and was dropped", self.number);
        self.queued.set(false);
    }
}

impl Job {
    /// Whether its answer is wanted.
    pub(super) fn is_waiting(&self) -> bool {
        self.end.get().is_none()
    }
}

/// Memory of one request, given back when this is dropped.
pub(super) struct Memory {
    held: Rc<Cell<usize>>,
    bytes: usize,
}

impl Memory {
    /// None when the budget does not hold it.
    pub(super) fn new(held: &Rc<Cell<usize>>, bytes: usize, budget: usize) -> Option<Rc<Self>> {
        let all = held.get() + bytes;
        (all <= budget).then(|| {
            held.set(all);
            Rc::new(Self { held: Rc::clone(held), bytes })
        })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.held.set(self.held.get().checked_sub(self.bytes).expect("nothing is given back twice"));
    }
}
