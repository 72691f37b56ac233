//! What happens in one run: a seed enters, workers, loads, pauses and changes of the model leave.

use std::time::Duration;

use super::drawn::Drawn;

/// Requests that the workers could answer during one phase.
pub(super) const PHASE: f64 = 120.0;

/// One run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) workers: usize,
    pub(super) queue_wait: Option<Duration>,
    /// Mean work of a request of the first model.
    pub(super) work: Duration,
    /// By how much the first estimate is wrong, as a factor.
    pub(super) estimate: f64,
    /// How much the work of requests differs, 0 to 1.
    pub(super) spread: f64,
    /// Share of requests that take twenty times as long.
    pub(super) stalls: f64,
    pub(super) batches: f64,
    /// Share of clients that leave before they are answered.
    pub(super) leaving: f64,
    /// Shortest and longest deadline, in works.
    pub(super) deadlines: (f64, f64),
    /// Memory that all requests may take, in requests of mean size.
    pub(super) budget: usize,
    /// Loads of the phases, as factors of the capacity.
    pub(super) phases: Vec<f64>,
    pub(super) phase: Duration,
    /// When the machine pauses, and for how long.
    pub(super) pauses: Vec<(Duration, Duration)>,
    pub(super) changes: Vec<(Duration, Change)>,
}

/// A change of the model in service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    /// Another model, whose work is so many times that of the first.
    Reload(f64),
    /// The model before it.
    Rollback,
}

impl Plan {
    pub(super) fn drawn(seed: u64) -> Self {
        let mut drawn = Drawn::new(seed);
        let workers = drawn.count(1, 6);
        let work = Duration::from_secs_f64(drawn.magnitude(0.000_2, 0.02));
        let phase = work.mul_f64(PHASE / workers as f64);
        let phases: Vec<f64> = (0..drawn.count(2, 4)).map(|_| drawn.magnitude(0.1, 6.0)).collect();
        let length = phase * phases.len() as u32;
        let shortest = drawn.magnitude(1.0, 20.0);
        Self {
            workers,
            queue_wait: drawn.is(0.8).then(|| work.mul_f64(drawn.magnitude(2.0, 100.0))),
            work,
            estimate: drawn.magnitude(0.2, 5.0),
            spread: if drawn.is(0.3) { 0.0 } else { drawn.share() },
            stalls: if drawn.is(0.5) { 0.0 } else { 0.01 },
            batches: if drawn.is(0.4) { 0.0 } else { drawn.between(0.0, 0.6) },
            leaving: if drawn.is(0.5) { 0.0 } else { drawn.between(0.0, 0.4) },
            deadlines: (shortest, shortest * drawn.magnitude(1.0, 50.0)),
            budget: drawn.count(5, 400),
            pauses: (0..drawn.count(0, 2)).map(|_| (length.mul_f64(drawn.share()), work * 30)).collect(),
            changes: (0..drawn.count(0, 4))
                .map(|_| (length.mul_f64(drawn.share()), Change::drawn(&mut drawn)))
                .collect(),
            phases,
            phase,
        }
    }
}

impl Change {
    fn drawn(drawn: &mut Drawn) -> Self {
        if drawn.is(0.3) { Self::Rollback } else { Self::Reload(drawn.magnitude(0.3, 3.0)) }
    }
}
