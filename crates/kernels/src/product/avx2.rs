//! The product with AVX2 and FMA: up to 2 vectors of 8 columns by as many rows as 16 registers hold.
#![allow(unsafe_code, reason = "loads and stores by pointer; `multiply` has checked every bound")]

use std::arch::x86_64::*;

use super::{Start, Task, even_part};

const LANES: usize = 8;

/// # Safety
/// The processor must have AVX2 and FMA, the slices of `task` and `result` all values that its sizes ask for.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn multiply(task: &Task<'_>, result: &mut [f32]) {
    let mut column = 0;
    while column < task.columns {
        let vectors = even_part((task.columns - column).div_ceil(LANES), 2);
        let width = (vectors * LANES).min(task.columns - column);
        // SAFETY: the caller's promise; the panel ends with the last column.
        unsafe {
            match vectors {
                1 => panel::<1>(task, column, width, result),
                _ => panel::<2>(task, column, width, result),
            }
        }
        column += width;
    }
}

/// All rows of `VECTORS` vectors of columns.
///
/// # Safety
/// As [`multiply`]; `column + width` must not pass the columns, `width` must need all the vectors.
#[target_feature(enable = "avx2,fma")]
unsafe fn panel<const VECTORS: usize>(task: &Task<'_>, column: usize, width: usize, result: &mut [f32]) {
    // Accumulators, one row of the right matrix and one broadcast value share 16 registers.
    let most_rows = if VECTORS == 2 { 6 } else { 8 };
    let last_lanes = width - (VECTORS - 1) * LANES;
    let lanes: [i32; LANES] = std::array::from_fn(|lane| if lane < last_lanes { -1 } else { 0 });
    // SAFETY: the array has as many values as the vector lanes.
    let last = unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) };
    let mut row = 0;
    while row < task.rows {
        let rows = even_part(task.rows - row, most_rows);
        // SAFETY: the caller's promise; the rows end with the last one, and no lane is masked where all are there.
        unsafe {
            match (rows, last_lanes == LANES) {
                // Nearly all tiles of large products: processors of AMD write masked vectors an order of magnitude slower.
                (6, true) => tile::<6, VECTORS, false>(task, row, column, last, result),
                (1, true) => tile::<1, VECTORS, false>(task, row, column, last, result),
                (1, _) => tile::<1, VECTORS, true>(task, row, column, last, result),
                (2, true) => tile::<2, VECTORS, false>(task, row, column, last, result),
                (2, _) => tile::<2, VECTORS, true>(task, row, column, last, result),
                (3, true) => tile::<3, VECTORS, false>(task, row, column, last, result),
                (3, _) => tile::<3, VECTORS, true>(task, row, column, last, result),
                (4, true) => tile::<4, VECTORS, false>(task, row, column, last, result),
                (4, _) => tile::<4, VECTORS, true>(task, row, column, last, result),
                (5, true) => tile::<5, VECTORS, false>(task, row, column, last, result),
                (5, _) => tile::<5, VECTORS, true>(task, row, column, last, result),
                (6, _) => tile::<6, VECTORS, true>(task, row, column, last, result),
                (7, _) => tile::<7, VECTORS, true>(task, row, column, last, result),
                _ => tile::<8, VECTORS, true>(task, row, column, last, result),
            }
        }
        row += rows;
    }
}

/// `ROWS` rows by `VECTORS` vectors, all sums in registers; where it is `MASKED`, `last` masks the columns of the last
/// vector.
///
/// # Safety
/// As [`panel`]; `row + ROWS` must not pass the rows, and without a mask all columns must be there.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const ROWS: usize, const VECTORS: usize, const MASKED: bool>(
    task: &Task<'_>,
    row: usize,
    column: usize,
    last: __m256i,
    result: &mut [f32],
) {
    let mut sums = [[_mm256_setzero_ps(); VECTORS]; ROWS];
    // SAFETY: every address lies in its slice, by the caller's promise; masked lanes are neither read nor written.
    unsafe {
        let target = result.as_mut_ptr().add(row * task.stride + column);
        for (offset, sums) in sums.iter_mut().enumerate() {
            let start = match task.start {
                Start::Zero => break,
                Start::Row(start) => start.as_ptr().add(column),
                Start::Result => target.add(offset * task.stride).cast_const(),
            };
            *sums = load::<VECTORS, MASKED>(start, last);
        }
        // Without an inner dimension these two may pass the end of their slices; such a pointer is never read.
        let mut left = task.left.values.as_ptr().wrapping_add(row * task.left.row_stride);
        let mut right = task.right.values.as_ptr().wrapping_add(column);
        for _ in 0..task.inner {
            let values: [__m256; VECTORS] = load::<VECTORS, MASKED>(right, last);
            for (offset, sums) in sums.iter_mut().enumerate() {
                let factor = _mm256_broadcast_ss(&*left.add(offset * task.left.row_stride));
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = _mm256_fmadd_ps(factor, value, *sum);
                }
            }
            left = left.wrapping_add(task.left.column_stride);
            right = right.wrapping_add(task.right.stride);
        }
        for (offset, sums) in sums.iter().enumerate() {
            for (vector, sum) in sums.iter().enumerate() {
                let target = target.add(offset * task.stride + vector * LANES);
                if MASKED && vector + 1 == VECTORS {
                    _mm256_maskstore_ps(target, last, *sum);
                } else {
                    _mm256_storeu_ps(target, *sum);
                }
            }
        }
    }
}

/// Vectors of a row; where it is `MASKED`, the last one only where `last` says so.
///
/// # Safety
/// The processor must have AVX2; the row must have all values up to the last lane that is read.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn load<const VECTORS: usize, const MASKED: bool>(row: *const f32, last: __m256i) -> [__m256; VECTORS] {
    let mut values = [_mm256_setzero_ps(); VECTORS];
    for (vector, value) in values.iter_mut().enumerate() {
        // SAFETY: the caller's promise; masked lanes are not read.
        *value = unsafe {
            let address = row.add(vector * LANES);
            if MASKED && vector + 1 == VECTORS { _mm256_maskload_ps(address, last) } else { _mm256_loadu_ps(address) }
        };
    }
    values
}
