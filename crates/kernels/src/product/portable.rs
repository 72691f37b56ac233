//! The product in plain Rust: tiles of 4 rows and 8 columns that the compiler vectorises for its target.

use super::{Start, Task};
use crate::simd::portable::multiply_add;

const ROWS: usize = 4;
const COLUMNS: usize = 8;

pub(super) fn multiply(task: &Task<'_>, result: &mut [f32]) {
    for row in (0..task.rows).step_by(ROWS) {
        for column in (0..task.columns).step_by(COLUMNS) {
            let (height, width) = (ROWS.min(task.rows - row), COLUMNS.min(task.columns - column));
            if (height, width) == (ROWS, COLUMNS) {
                tile(task, (row, ROWS), (column, COLUMNS), result);
            } else {
                tile(task, (row, height), (column, width), result);
            }
        }
    }
}

/// A tile of the result; with constant sizes the inner loops are unrolled.
#[inline(always)]
fn tile(task: &Task<'_>, (row, height): (usize, usize), (column, width): (usize, usize), result: &mut [f32]) {
    let mut sums = [[0.0_f32; COLUMNS]; ROWS];
    for (offset, sums) in sums.iter_mut().take(height).enumerate() {
        let start = match task.start {
            Start::Zero => continue,
            Start::Row(start) => &start[column..column + width],
            Start::Result => &result[(row + offset) * task.stride + column..][..width],
        };
        sums[..width].copy_from_slice(start);
    }
    let left = &task.left;
    for inner in 0..task.inner {
        let right = &task.right.values[inner * task.right.stride + column..][..width];
        for (offset, sums) in sums.iter_mut().take(height).enumerate() {
            let factor = left.values[(row + offset) * left.row_stride + inner * left.column_stride];
            for (sum, value) in sums.iter_mut().zip(right) {
                *sum = multiply_add(factor, *value, *sum);
            }
        }
    }
    for (offset, sums) in sums.iter().take(height).enumerate() {
        result[(row + offset) * task.stride + column..][..width].copy_from_slice(&sums[..width]);
    }
}
