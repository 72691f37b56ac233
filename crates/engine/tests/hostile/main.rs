//! Bundles that were made to do harm: each is refused with its reason, quickly and in little memory, by the way that the
//! service loads bundles.

#![cfg(test)]

mod cases;
mod files;
mod graphs;
mod manifests;
mod tensors;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions};

use cases::{Case, Copy, demo};

/// What the service reads at most by default.
const MAX_BYTES: u64 = 256 << 20;
/// Most memory that a refusal may take.
const MOST_MEMORY: u64 = 500 << 20;

/// Memory is that of the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn load(directory: &Path) -> Result<Engine, String> {
    let bundle = Bundle::read_within(directory, MAX_BYTES).map_err(|error| error.to_string())?;
    Engine::from_bundle(bundle, &EngineOptions::default()).map_err(|error| error.to_string())
}

/// Memory of this process in bytes: `VmRSS` now, `VmHWM` at most since it was last forgotten.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Forgets the most memory that this process ever held.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn refuse(cases: Vec<Case>) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut slowest, mut largest) = ((Duration::ZERO, ""), (0, ""));
    let mut wrong = Vec::new();
    let count = cases.len();
    for Case { name, make, expected } in cases {
        let bundle = Copy::of_demo();
        make(&bundle);
        forget_peak();
        let (before, started) = (memory("VmRSS"), Instant::now());
        let outcome = load(bundle.path());
        largest = largest.max((memory("VmHWM").saturating_sub(before), name));
        slowest = slowest.max((started.elapsed(), name));
        match outcome {
            Ok(_) => wrong.push(format!("{name}: is served")),
            Err(message) if !message.contains(expected) => wrong.push(format!("{name}: {message}")),
            // What was found is quoted in bounded length.
            Err(message) if message.len() > 1_000 => wrong.push(format!("{name}: {} bytes", message.len())),
            Err(_) => {}
        }
    }
    let megabytes = largest.0 >> 20;
    println!(
        "{count} refused, the slowest in {:?} ({}), most memory {megabytes} MB ({})",
        slowest.0, slowest.1, largest.1
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(largest.0 < MOST_MEMORY, "{megabytes} MB: {}", largest.1);
}

#[test]
fn the_demo_model_and_an_unchanged_copy_of_it_load() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
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
