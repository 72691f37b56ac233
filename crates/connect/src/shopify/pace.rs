//! How fast to ask: the throttle status of each answer enters, how long to wait leaves.
//!
//! Shopify keeps a bucket of points for an app and a shop. Each query takes its cost out, time fills it again. Asking
//! only when the bucket should hold enough is faster than being refused.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Deserialize;

/// Cost of a query or mutation that has not been asked before.
const FIRST_GUESS: f64 = 50.0;

/// `extensions.cost` of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cost {
    pub(super) requested_query_cost: f64,
    pub(super) throttle_status: ThrottleStatus,
}

/// The bucket as the shop sees it.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThrottleStatus {
    pub(super) maximum_available: f64,
    pub(super) currently_available: f64,
    pub(super) restore_rate: f64,
}

impl Cost {
    /// How long until the bucket holds what was asked for.
    pub(super) fn wait(&self) -> Duration {
        let ThrottleStatus { currently_available, restore_rate, .. } = self.throttle_status;
        seconds((self.requested_query_cost - currently_available) / restore_rate.max(1.0))
    }
}

/// Our picture of the bucket.
#[derive(Debug, Default)]
pub(super) struct Pace {
    status: Option<ThrottleStatus>,
    at: Option<Instant>,
    /// Points of the requests whose answers are not there yet.
    outstanding: f64,
    costs: HashMap<String, f64>,
}

/// A place in the queue for the bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reservation {
    /// How long to wait before asking.
    pub(super) wait: Duration,
    cost: f64,
}

impl Pace {
    /// Reserves the expected cost of an operation behind all that is reserved already.
    pub(super) fn reserve(&mut self, operation: &str, now: Instant) -> Reservation {
        let cost = self.costs.get(operation).copied().unwrap_or(FIRST_GUESS);
        self.outstanding += cost;
        let Some(status) = &mut self.status else { return Reservation { wait: Duration::ZERO, cost } };
        refill(status, self.at, now);
        self.at = Some(now);
        let lacking = self.outstanding - status.currently_available;
        Reservation { wait: seconds(lacking / status.restore_rate.max(1.0)), cost }
    }

    /// Ends a reservation: the request was answered, or was lost.
    pub(super) fn settle(&mut self, reservation: Reservation) {
        self.outstanding = (self.outstanding - reservation.cost).max(0.0);
    }

    /// Learns from an answer. What else is under way may be in its picture of the bucket already: then we wait a little
    /// longer than we must.
    pub(super) fn learn(&mut self, operation: &str, cost: &Cost, now: Instant) {
        self.costs.insert(operation.to_owned(), cost.requested_query_cost);
        self.status = Some(cost.throttle_status);
        self.at = Some(now);
    }

    /// The cost of an operation, if it has been asked before.
    pub(super) fn cost(&self, operation: &str) -> Option<f64> {
        self.costs.get(operation).copied()
    }
}

fn refill(status: &mut ThrottleStatus, since: Option<Instant>, now: Instant) {
    let elapsed = since.map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
    let filled = status.currently_available + elapsed * status.restore_rate;
    status.currently_available = filled.min(status.maximum_available);
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.clamp(0.0, 60.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(available: f64) -> Cost {
        let throttle_status =
            ThrottleStatus { maximum_available: 100.0, currently_available: available, restore_rate: 10.0 };
        Cost { requested_query_cost: 10.0, throttle_status }
    }

    #[test]
    fn no_request_waits_while_the_bucket_holds_enough_and_then_they_wait_in_order() {
        let mut pace = Pace::default();
        let now = Instant::now();
        let first = pace.reserve("Create", now);
        assert_eq!(first.wait, Duration::ZERO);
        pace.settle(first);
        pace.learn("Create", &cost(20.0), now);
        let places: Vec<Reservation> = (0..4).map(|_| pace.reserve("Create", now)).collect();
        let waits: Vec<f64> = places.iter().map(|place| place.wait.as_secs_f64()).collect();
        assert_eq!(waits, [0.0, 0.0, 1.0, 2.0]);
        // Three seconds later 50 points are there, of which 40 are still reserved.
        assert_eq!(pace.reserve("Create", now + Duration::from_secs(3)).wait, Duration::ZERO);
        places.into_iter().for_each(|place| pace.settle(place));
        assert_eq!(pace.outstanding, 10.0);
    }

    #[test]
    fn a_refusal_says_how_long_to_wait() {
        assert_eq!(cost(4.0).wait(), Duration::from_millis(600));
        assert_eq!(cost(90.0).wait(), Duration::ZERO);
    }
}
