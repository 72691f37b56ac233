//! The rate of the fused parts beside that of large matrix products on this machine.

use std::time::Instant;

use rayon::prelude::*;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::product::{Left, Right, Start, multiply};

/// Compares the fused parts' useful arithmetic with large products.
pub(crate) fn report(fused_milliseconds: f64) {
    // 100,000 rows of the attention and 20,000 of the LSTM: each product forward comes with two backward. What an item
    // adds to the LSTM's gates is computed once for each distinct item and left out here.
    let attention = 100_000.0 * (40.0 * 80.0 + 80.0 * 40.0) * 2.0 * 3.0;
    let lstm = 20_000.0 * (40.0 * 160.0 + 4.0 * 40.0 * 40.0) * 2.0 * 3.0;
    let useful = (attention + lstm) / 1e9 / (fused_milliseconds / 1e3);
    println!(
        "\nfused parts: {:.2} useful GFLOP in {fused_milliseconds:.1} ms = {useful:.0} GFLOP/s",
        (attention + lstm) / 1e9
    );
    let peak = peak_rate();
    println!("large products on all cores: {peak:.0} GFLOP/s; share: {:.0} %", 100.0 * useful / peak);
}

const SIZE: usize = 960;

fn best_of(mut product: impl FnMut()) -> f64 {
    let times = (0..15).map(|_| {
        let started = Instant::now();
        product();
        started.elapsed().as_secs_f64()
    });
    2.0 * (SIZE * SIZE * SIZE) as f64 / times.fold(f64::INFINITY, f64::min) / 1e9
}

/// A square product in blocks that fit the caches, rows shared between the threads.
fn peak_rate() -> f64 {
    const ROWS: usize = 60;
    const INNER: usize = 96;
    const COLUMNS: usize = 80;
    let set = InstructionSet::detect();
    let left: Vec<f32> = (0..SIZE * SIZE).map(|index| (index % 13) as f32).collect();
    // Columns in blocks that stand one behind the other, as a large product would pack them.
    let right = left.clone();
    let mut result = vec![0.0; SIZE * SIZE];
    best_of(|| {
        result.par_chunks_mut(ROWS * SIZE).zip(left.par_chunks(ROWS * SIZE)).for_each(|(result, left)| {
            for inner in (0..SIZE).step_by(INNER) {
                for column in (0..SIZE).step_by(COLUMNS) {
                    let block = &right[(column / COLUMNS * SIZE + inner) * COLUMNS..][..INNER * COLUMNS];
                    let start = if inner == 0 { Start::Zero } else { Start::Result };
                    let left = Left::strided(&left[inner..], ROWS, INNER, SIZE);
                    multiply(set, left, Right::new(block, COLUMNS), start, &mut result[column..], SIZE);
                }
            }
        });
    })
}
