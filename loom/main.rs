//! Every order of what threads do where they share something by hand, tried by loom on the product's own modules: no input
//! enters; a line for each model with the orders that were tried leaves, or the first order that breaks what must hold.
//!
//! Threads are few and so are their steps: what holds for each pair of steps in every order holds for more of them.

// The modules are compiled as they are; what only others use of them is not used here.
#![allow(dead_code)]

#[path = "../src/server/activity.rs"]
mod activity;
#[path = "../crates/engine/src/blocks.rs"]
mod blocks;
#[path = "../src/memory/budget.rs"]
mod budget;
mod models;
#[path = "../crates/engine/src/overload.rs"]
mod overload;
#[path = "../crates/engine/src/queue.rs"]
mod queue;

/// What the modules take from `crate::sync`, of loom instead of the standard library.
mod sync {
    pub(crate) use std::sync::PoisonError;

    pub(crate) use loom::sync::{Arc, Mutex, MutexGuard, atomic};
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// See [`check`].
const PREEMPTIONS: usize = 3;

fn main() {
    check("blocks of a pass: each is done once, and one worker learns that all are", models::blocks);
    check("the queue: every request leaves once, the last ones too", models::queue_with_workers);
    check("the queue: no request is kept when the last worker ends", models::queue_whose_worker_ends);
    check("the queue: what clients left is taken out once", models::queue_whose_clients_leave);
    check("the memory budget is never exceeded, and all is given back", models::budget);
    check("a connection is idle when its request is over, however its parts end", models::activity);
}

fn check(what: &str, model: fn()) {
    let (began, orders) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&orders);
    // Forced changes of the thread, beside those where one waits: without a bound the queue's orders do not end in an hour,
    // and nearly all known faults of this kind need two.
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!("{what}: {} orders in {:.1} s", orders.load(Ordering::Relaxed), began.elapsed().as_secs_f64());
}
