//! Allocations of a request in the steady state, counted by a global allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use slirec_core::bundle::Bundle;
use slirec_engine::{Engine, EngineOptions, Kernels};

static COUNT: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[allow(unsafe_code, reason = "an allocator is unsafe by nature")]
// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Prints how many allocations and bytes a request takes, stock and fused.
pub(crate) fn report(bundle: impl Fn() -> Bundle) {
    const REQUESTS: usize = 100;
    for kernels in [Kernels::OnnxRuntime, Kernels::Fused] {
        let options = EngineOptions { kernels, ..EngineOptions::default() };
        let engine = Engine::from_bundle(bundle(), &options).expect("an engine");
        let mut requests = vec![super::request(&engine, 10, 0); REQUESTS + 1];
        let mut answers = Vec::with_capacity(REQUESTS + 1);
        answers.extend(requests.pop().map(|request| engine.recommend(request)));
        let before = [&COUNT, &BYTES].map(|counter| counter.load(Ordering::Relaxed));
        answers.extend(requests.into_iter().map(|request| engine.recommend(request)));
        let after = [&COUNT, &BYTES].map(|counter| counter.load(Ordering::Relaxed));
        println!(
            "{}: {} allocations and {} bytes a request of 10 views",
            kernels.name(),
            (after[0] - before[0]) / REQUESTS,
            (after[1] - before[1]) / REQUESTS
        );
    }
}
