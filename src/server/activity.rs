//! What a connection is doing and since when: events of its stream and its requests enter; the phase leaves, by which
//! it is timed out, closed for others, or waited for when the service stops.

use std::sync::LazyLock;
use std::time::Instant;

use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Phase {
    /// It was accepted and nothing has come from the client.
    Fresh = 0,
    /// Its requests are answered, and nothing of the next one is there.
    Idle = 1,
    /// A request's headers are on their way.
    Headers = 2,
    /// A request's body is on its way.
    Body = 3,
    /// A request is there and is being answered.
    Busy = 4,
}

const PHASE_BITS: u32 = 3;
const REQUEST_BITS: u32 = 13;
const PHASE_MASK: u64 = (1 << PHASE_BITS) - 1;
const REQUEST_MASK: u64 = (1 << REQUEST_BITS) - 1;

/// Times count from here, so that they fit beside the rest.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Phase, number of the request (modulo 2^13) and the milliseconds since when, in one word: they change together.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<AtomicU64>);

impl Activity {
    /// Of a connection that was accepted now.
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(pack(Phase::Fresh, 0))))
    }

    /// What the connection is doing.
    pub(super) fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) & PHASE_MASK {
            0 => Phase::Fresh,
            1 => Phase::Idle,
            2 => Phase::Headers,
            3 => Phase::Body,
            _ => Phase::Busy,
        }
    }

    /// Since when the service waits for the client, in milliseconds from a fixed point; none while it does not.
    pub(super) fn waits_since(&self) -> Option<u64> {
        let word = self.0.load(Ordering::Relaxed);
        (word & PHASE_MASK != Phase::Busy as u64).then_some(word >> (PHASE_BITS + REQUEST_BITS))
    }

    /// Bytes have come. True when they begin a request.
    pub(super) fn bytes_came(&self) -> bool {
        let begins = matches!(self.phase(), Phase::Fresh | Phase::Idle);
        if begins {
            self.0.store(pack(Phase::Headers, self.number()), Ordering::Relaxed);
        }
        begins
    }

    /// A request's headers are there. It is over when all clones of the returned value are dropped.
    pub(super) fn request(&self, with_body: bool) -> Arc<RequestInProgress> {
        let number = (self.number() + 1) & REQUEST_MASK;
        let phase = if with_body { Phase::Body } else { Phase::Busy };
        // An exchange is ordered after every change that it overwrites: none of the earlier request shows any more.
        self.0.swap(pack(phase, number), Ordering::Relaxed);
        Arc::new(RequestInProgress { activity: self.clone(), number })
    }

    fn number(&self) -> u64 {
        (self.0.load(Ordering::Relaxed) >> PHASE_BITS) & REQUEST_MASK
    }
}

/// A request that is read or answered.
#[derive(Debug)]
pub(super) struct RequestInProgress {
    activity: Activity,
    number: u64,
}

impl RequestInProgress {
    /// Its body was read whole: from now on the client waits for the service.
    pub(super) fn is_read(&self) {
        self.set(Phase::Busy);
    }

    /// Its body will not be read to its end: the connection can serve no other request.
    pub(super) fn is_abandoned(&self) {
        // No request has the next number, so that nothing changes the phase any more.
        let next = (self.number + 1) & REQUEST_MASK;
        self.activity.0.store(pack(Phase::Body, next), Ordering::Relaxed);
    }

    /// Whether [`RequestInProgress::is_abandoned`] was called.
    pub(super) fn was_abandoned(&self) -> bool {
        self.activity.number() != self.number
    }

    /// Not when the next request has begun: a body may be found to have ended by a task of its own, later.
    fn set(&self, phase: Phase) {
        let word = &self.activity.0;
        let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let number = (word >> PHASE_BITS) & REQUEST_MASK;
            (number == self.number).then(|| pack(phase, number))
        });
    }
}

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        self.set(Phase::Idle);
    }
}

fn pack(phase: Phase, number: u64) -> u64 {
    // 48 bits of milliseconds are 8,900 years.
    let elapsed = u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX);
    (elapsed << (PHASE_BITS + REQUEST_BITS)) | (number << PHASE_BITS) | phase as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_goes_from_fresh_to_headers_to_busy_to_idle() {
        let activity = Activity::new();
        assert_eq!(activity.phase(), Phase::Fresh);
        assert!(activity.bytes_came() && !activity.bytes_came());
        assert_eq!(activity.phase(), Phase::Headers);
        let request = activity.request(true);
        assert!(!activity.bytes_came());
        assert_eq!(activity.phase(), Phase::Body);
        assert!(activity.waits_since().is_some());
        request.is_read();
        assert_eq!((activity.phase(), activity.waits_since()), (Phase::Busy, None));
        drop(request);
        assert_eq!(activity.phase(), Phase::Idle);
    }

    #[test]
    fn a_request_is_over_when_its_answer_and_its_body_are() {
        let activity = Activity::new();
        let answer = activity.request(true);
        let body = Arc::clone(&answer);
        drop(answer);
        assert_eq!(activity.phase(), Phase::Body);
        drop(body);
        assert_eq!(activity.phase(), Phase::Idle);
    }

    #[test]
    fn what_happens_late_to_an_earlier_request_does_not_change_the_next_one() {
        let activity = Activity::new();
        let earlier = activity.request(true);
        let _next = activity.request(false);
        earlier.is_read();
        drop(earlier);
        assert_eq!(activity.phase(), Phase::Busy);
    }

    #[test]
    fn a_connection_whose_body_was_abandoned_is_never_idle_again() {
        let activity = Activity::new();
        let request = activity.request(true);
        assert!(!request.was_abandoned());
        request.is_abandoned();
        assert!(request.was_abandoned());
        drop(request);
        assert_eq!(activity.phase(), Phase::Body);
    }
}
