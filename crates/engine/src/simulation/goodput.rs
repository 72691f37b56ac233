//! Answers in time under rising load: a seed enters; more offered load never gives fewer answers.

use super::drawn::Drawn;
use super::plan::{PHASE, Plan};
use super::request::End;
use super::world::World;

/// Loads as factors of the capacity.
const LOADS: [f64; 5] = [0.5, 0.9, 1.2, 2.0, 5.0];
/// Phases of a run.
const PHASES: usize = 5;
/// What chance may take of the answers that the workers are good for.
const CHANCE: f64 = 0.9;

/// Checks it for one service.
pub(super) fn check(seed: u64) {
    let mut before = 0.0;
    for load in LOADS {
        let answered = answered(seed, load);
        assert!(
            answered >= CHANCE * before,
            "{answered} answers at load {load} after {before}: {:?}",
            plan(seed, load)
        );
        // What waits in the end is answered beyond it.
        before = f64::max(before, answered).min(PHASE * PHASES as f64);
    }
}

fn answered(seed: u64, load: f64) -> f64 {
    let ends = World::new(plan(seed, load), seed).run();
    ends.get(&End::Answered).copied().unwrap_or_default() as f64
}

/// A steady service: what a seed draws, without changes, pauses, stalls and clients that leave, and with deadlines that a
/// request which need not wait long meets.
fn plan(seed: u64, load: f64) -> Plan {
    let mut drawn = Drawn::new(seed ^ 0x600d);
    let deadline = drawn.magnitude(6.0, 200.0);
    Plan {
        estimate: 1.0,
        stalls: 0.0,
        leaving: 0.0,
        batches: 0.0,
        deadlines: (deadline, deadline),
        budget: 100_000,
        phases: vec![load; PHASES],
        pauses: Vec::new(),
        changes: Vec::new(),
        ..Plan::drawn(seed)
    }
}
