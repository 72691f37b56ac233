//! The queue, the rule before it, deadlines, reloads, rollbacks and the stop under simulated time: seeds enter, broken
//! invariants leave. No thread, no clock: a seed always gives the same run.
//!
//! What runs is [`Intake`](crate::intake::Intake), the queue and [`Overload`](crate::overload::Overload) themselves; the
//! workers, the callers with their deadlines, and the change of models are played as `worker.rs` and the service do them.
//! `make simulate` runs 10,000 seeds, `make simulate SEED=…` one again.

mod agenda;
mod drawn;
mod goodput;
mod plan;
mod request;
mod world;

use std::num::NonZeroUsize;
use std::thread::{self, available_parallelism};

use plan::Plan;
use world::World;

/// Seeds of an ordinary test.
const FEW: u64 = 200;

/// Says how to see a failure again.
struct Shown(u64);

impl Drop for Shown {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("seed {seed} failed: `make simulate SEED={seed}` repeats it", seed = self.0);
        }
    }
}

/// Runs the seeds that were asked for, one or so many, on all cores.
fn every_seed(check: impl Fn(u64) + Sync) {
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = asked("SEED").map_or(0..asked("SEEDS").unwrap_or(FEW), |seed| seed..seed + 1);
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        for first in 0..cores {
            let (check, seeds) = (&check, seeds.clone().skip(first).step_by(cores));
            scope.spawn(move || {
                for seed in seeds {
                    let _shown = Shown(seed);
                    check(seed);
                }
            });
        }
    });
}

#[test]
fn whatever_comes_every_request_has_one_end_in_time_in_order_and_by_one_model() {
    every_seed(|seed| drop(World::new(Plan::drawn(seed), seed).run()));
}

#[test]
fn goodput_never_falls_with_offered_load() {
    every_seed(goodput::check);
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let run = || World::new(Plan::drawn(7), 7).run();
    assert_eq!(run(), run());
}
