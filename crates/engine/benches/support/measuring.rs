//! Times of calls and the memory of this process: a call enters, its times leave.

use std::time::{Duration, Instant};

/// How long each cell is measured, at least.
const MEASURED_FOR: Duration = Duration::from_millis(400);
/// How many times, at least and at most.
const REPEATS: (usize, usize) = (5, 2_000);

/// Times of one cell, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
    /// Median of the part that scores and ranks the candidates.
    #[allow(dead_code, reason = "each benchmark uses some of it")]
    pub(crate) scoring: f64,
}

/// The call answers how long it scored.
pub(crate) fn measure(mut call: impl FnMut() -> Duration) -> Times {
    call();
    let (started, mut times, mut scoring) = (Instant::now(), Vec::new(), Vec::new());
    while times.len() < REPEATS.0 || (started.elapsed() < MEASURED_FOR && times.len() < REPEATS.1) {
        let one = Instant::now();
        let scored = call();
        times.push(one.elapsed().as_secs_f64() * 1e3);
        scoring.push(scored.as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    scoring.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    Times { median: times[middle], least: times[0], greatest: times[times.len() - 1], scoring: scoring[middle] }
}

/// Memory of this process, in MB; 0 where the system does not tell.
pub(crate) fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
