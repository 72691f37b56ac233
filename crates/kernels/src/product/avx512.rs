//! The product with AVX-512: up to 5 vectors of 16 columns by as many rows as 32 registers hold.
#![allow(unsafe_code, reason = "loads and stores by pointer; `multiply` has checked every bound")]

use std::arch::x86_64::*;

use super::{Start, Task, even_part};

const LANES: usize = 16;

/// # Safety
/// The processor must have AVX-512, the slices of `task` and `result` all values that its sizes ask for.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn multiply(task: &Task<'_>, result: &mut [f32]) {
    let mut column = 0;
    while column < task.columns {
        let vectors_left = (task.columns - column).div_ceil(LANES);
        let vectors = even_part(vectors_left, 5);
        let width = (vectors * LANES).min(task.columns - column);
        // SAFETY: the caller's promise; the panel ends with the last column.
        unsafe {
            match vectors {
                1 => panel::<1>(task, column, width, result),
                2 => panel::<2>(task, column, width, result),
                3 => panel::<3>(task, column, width, result),
                4 => panel::<4>(task, column, width, result),
                _ => panel::<5>(task, column, width, result),
            }
        }
        column += width;
    }
}

/// All rows of `VECTORS` vectors of columns.
///
/// # Safety
/// As [`multiply`]; `column + width` must not pass the columns, `width` must need all the vectors.
#[target_feature(enable = "avx512f")]
unsafe fn panel<const VECTORS: usize>(task: &Task<'_>, column: usize, width: usize, result: &mut [f32]) {
    // Accumulators, one row of the right matrix and one broadcast value share 32 registers.
    let most_rows = match VECTORS {
        5 => 5,
        4 => 6,
        _ => 8,
    };
    let last = u16::MAX >> (VECTORS * LANES - width);
    let mut row = 0;
    while row < task.rows {
        let rows = even_part(task.rows - row, most_rows);
        // SAFETY: the caller's promise; the rows end with the last one.
        unsafe {
            match rows {
                1 => tile::<1, VECTORS>(task, row, column, last, result),
                2 => tile::<2, VECTORS>(task, row, column, last, result),
                3 => tile::<3, VECTORS>(task, row, column, last, result),
                4 => tile::<4, VECTORS>(task, row, column, last, result),
                5 => tile::<5, VECTORS>(task, row, column, last, result),
                6 => tile::<6, VECTORS>(task, row, column, last, result),
                7 => tile::<7, VECTORS>(task, row, column, last, result),
                _ => tile::<8, VECTORS>(task, row, column, last, result),
            }
        }
        row += rows;
    }
}

/// `ROWS` rows by `VECTORS` vectors, all sums in registers; `last` masks the columns of the last vector.
///
/// # Safety
/// As [`panel`]; `row + ROWS` must not pass the rows.
#[target_feature(enable = "avx512f")]
unsafe fn tile<const ROWS: usize, const VECTORS: usize>(
    task: &Task<'_>,
    row: usize,
    column: usize,
    last: __mmask16,
    result: &mut [f32],
) {
    let mask = |vector: usize| if vector + 1 == VECTORS { last } else { __mmask16::MAX };
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
    // SAFETY: every address lies in its slice, by the caller's promise; masked lanes are neither read nor written.
    unsafe {
        let target = result.as_mut_ptr().add(row * task.stride + column);
        for (offset, sums) in sums.iter_mut().enumerate() {
            let start = match task.start {
                Start::Zero => break,
                Start::Row(start) => start.as_ptr().add(column),
                Start::Result => target.add(offset * task.stride).cast_const(),
            };
            for (vector, sum) in sums.iter_mut().enumerate() {
                *sum = _mm512_maskz_loadu_ps(mask(vector), start.add(vector * LANES));
            }
        }
        // Without an inner dimension these two may pass the end of their slices; such a pointer is never read.
        let mut left = task.left.values.as_ptr().wrapping_add(row * task.left.row_stride);
        let mut right = task.right.values.as_ptr().wrapping_add(column);
        for _ in 0..task.inner {
            let mut values = [_mm512_setzero_ps(); VECTORS];
            for (vector, value) in values.iter_mut().enumerate() {
                *value = _mm512_maskz_loadu_ps(mask(vector), right.add(vector * LANES));
            }
            for (offset, sums) in sums.iter_mut().enumerate() {
                let factor = _mm512_set1_ps(*left.add(offset * task.left.row_stride));
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = _mm512_fmadd_ps(factor, value, *sum);
                }
            }
            left = left.wrapping_add(task.left.column_stride);
            right = right.wrapping_add(task.right.stride);
        }
        for (offset, sums) in sums.iter().enumerate() {
            for (vector, sum) in sums.iter().enumerate() {
                _mm512_mask_storeu_ps(target.add(offset * task.stride + vector * LANES), mask(vector), *sum);
            }
        }
    }
}
