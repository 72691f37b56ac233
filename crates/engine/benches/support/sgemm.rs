//! What one core of this machine does in a matrix product of parts that stay in the caches: the yardstick of the kernels.

use std::time::{Duration, Instant};

use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::product::{Left, Right, Start, multiply};

/// 10^9 floating-point operations a second. Panels of 80 columns of 256 rows, as a blocked product would take them.
pub(crate) fn gigaflops() -> f64 {
    const ROWS: usize = 240;
    const INNER: usize = 256;
    const COLUMNS: usize = 80;
    let (left, right) = (vec![0.5_f32; ROWS * INNER], vec![0.25_f32; INNER * COLUMNS]);
    let mut result = vec![0.0_f32; ROWS * COLUMNS];
    let (started, mut least) = (Instant::now(), Duration::MAX);
    let set = InstructionSet::detect();
    while started.elapsed() < Duration::from_millis(500) {
        let one = Instant::now();
        for _ in 0..10 {
            let (left, right) = (Left::new(&left, ROWS, INNER), Right::new(&right, COLUMNS));
            multiply(set, left, right, Start::Zero, std::hint::black_box(&mut result), COLUMNS);
        }
        least = least.min(one.elapsed());
    }
    20.0 * (ROWS * INNER * COLUMNS) as f64 / least.as_secs_f64() / 1e9
}
