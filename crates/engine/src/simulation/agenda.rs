//! What is to happen: events enter with their times, and leave in the order of these.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use super::plan::Change;
use super::request::Job;
use crate::intake::Admission;

/// A call that was admitted and is being read.
pub(super) struct Reading {
    pub(super) number: usize,
    pub(super) _admission: Admission,
}

/// What may happen.
pub(super) enum Event {
    Comes,
    /// A request was read; it is given to the model that serves now.
    Read(Reading),
    Deadline(usize),
    Leaves(usize),
    Done {
        model: usize,
        job: Job,
        took: Duration,
    },
    /// Workers may have something to do.
    Wake,
    Change(Change),
    Stop,
}

/// What happens next, by its time and then as it was scheduled.
struct Scheduled {
    at: Instant,
    number: usize,
    event: Event,
}

impl Ord for Scheduled {
    /// The earliest is the greatest: that is what a heap gives first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scheduled {}

/// Everything that is scheduled.
#[derive(Default)]
pub(super) struct Agenda {
    events: BinaryHeap<Scheduled>,
    added: usize,
}

impl Agenda {
    pub(super) fn add(&mut self, at: Instant, event: Event) {
        self.added += 1;
        self.events.push(Scheduled { at, number: self.added, event });
    }

    pub(super) fn next(&mut self) -> Option<(Instant, Event)> {
        self.events.pop().map(|Scheduled { at, event, .. }| (at, event))
    }
}
