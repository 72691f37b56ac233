//! What one core of this machine does in a large matrix product, the better of the `gemm` crate and of our own product in
//! parts that stay in the caches: the yardstick of the kernels.

use std::time::{Duration, Instant};

use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::product::{Left, Right, Start, multiply};

const SIZE: usize = 768;

/// Of the `gemm` crate and of our own product, in 10^9 floating-point operations a second.
pub(crate) fn gigaflops() -> [f64; 2] {
    [of_gemm(), of_product()]
}

/// Panels of 80 columns of 256 rows, as a blocked product would take them.
fn of_product() -> f64 {
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

fn of_gemm() -> f64 {
    let (left, right) = (vec![0.5_f32; SIZE * SIZE], vec![0.25_f32; SIZE * SIZE]);
    let mut result = vec![0.0_f32; SIZE * SIZE];
    let (started, mut least) = (Instant::now(), Duration::MAX);
    while started.elapsed() < Duration::from_millis(500) {
        let one = Instant::now();
        let stride = isize::try_from(SIZE).expect("a small size");
        #[allow(unsafe_code, reason = "the crate takes pointers")]
        // SAFETY: all three matrices are SIZE x SIZE, column by column, and the result overlaps none of the others.
        unsafe {
            gemm::gemm(
                SIZE,
                SIZE,
                SIZE,
                result.as_mut_ptr(),
                stride,
                1,
                false,
                left.as_ptr(),
                stride,
                1,
                right.as_ptr(),
                stride,
                1,
                0.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
        least = least.min(one.elapsed());
    }
    2.0 * (SIZE * SIZE * SIZE) as f64 / least.as_secs_f64() / 1e9
}
