//! Bundles that were made to do harm: each is refused with its reason, quickly and in little memory, by the way that the
//! service loads bundles.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy grants these to tests, but not to the helpers beside them"
)]

mod cases;
mod files;
mod graphs;
mod manifests;
mod tensors;

use std::path::Path;
use std::time::{Duration, Instant};

use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions};

use cases::{Case, Copy, demo};

/// What the service reads at most by default.
const MAX_BYTES: u64 = 256 << 20;
/// Most memory that this process may ever hold, the demo model and all cases together.
const MOST_MEMORY: u64 = 500 << 20;

fn load(directory: &Path) -> Result<Engine, String> {
    let bundle = Bundle::read_within(directory, MAX_BYTES).map_err(|error| error.to_string())?;
    Engine::from_bundle(bundle, &EngineOptions::default()).map_err(|error| error.to_string())
}

/// Most memory that this process held, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn refuse(cases: Vec<Case>) {
    let mut slowest = (Duration::ZERO, "");
    let mut wrong = Vec::new();
    let count = cases.len();
    for Case { name, make, expected } in cases {
        let bundle = Copy::of_demo();
        make(&bundle);
        let started = Instant::now();
        let outcome = load(bundle.path());
        slowest = slowest.max((started.elapsed(), name));
        match outcome {
            Ok(_) => wrong.push(format!("{name}: is served")),
            Err(message) if !message.contains(expected) => wrong.push(format!("{name}: {message}")),
            // What was found is quoted in bounded length.
            Err(message) if message.len() > 1_000 => wrong.push(format!("{name}: {} bytes", message.len())),
            Err(_) => {}
        }
    }
    println!("{count} refused, the slowest in {:?} ({}); peak memory {} MB", slowest.0, slowest.1, peak_memory() >> 20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(peak_memory() < MOST_MEMORY, "{} MB", peak_memory() >> 20);
}

#[test]
fn the_demo_model_and_an_unchanged_copy_of_it_load() {
    load(&demo()).unwrap();
    load(Copy::of_demo().path()).unwrap();
}

#[test]
fn graphs_that_loop_grow_or_reach_out_are_refused() {
    refuse(graphs::graphs());
}

#[test]
fn tensors_that_are_not_what_they_say_are_refused() {
    refuse(tensors::tensors());
}

#[test]
fn files_that_are_no_graphs_or_hold_more_than_graphs_are_refused() {
    refuse(tensors::formats());
}

#[test]
fn manifests_beyond_all_reason_are_refused() {
    refuse(manifests::manifests());
}

#[test]
fn files_of_other_kinds_sizes_and_contents_are_refused() {
    refuse(files::files());
}
