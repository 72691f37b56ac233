//! The one matrix product under everything else: two small matrices enter, their product is written or added.
//!
//! `result[i, j] = start[i, j] + Σ_k left[i, k] · right[k, j]`, for sizes whose operands lie in the nearest caches.
//! Every element of the result is one chain of fused multiply-adds over k in order, whatever the instruction set, so
//! AVX-512 and AVX2 give the same bits. (Portable code fuses only where the target always can, as on AArch64.)

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::instruction_set::{InstructionSet, Kind};

/// The left matrix: element (i, k) stands at `i * row_stride + k * column_stride`, so that a transpose costs nothing.
#[derive(Debug, Clone, Copy)]
pub struct Left<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Left<'a> {
    /// A matrix `[rows, columns]` that stands row by row.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns)
    }

    /// A matrix `[rows, columns]` whose rows are `stride` apart.
    pub fn strided(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self { values, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// The transpose of this matrix.
    pub fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// The right matrix: `columns` of rows that are `stride` apart.
#[derive(Debug, Clone, Copy)]
pub struct Right<'a> {
    values: &'a [f32],
    columns: usize,
    stride: usize,
}

impl<'a> Right<'a> {
    /// Rows of `columns` values, one behind the other.
    pub fn new(values: &'a [f32], columns: usize) -> Self {
        Self::strided(values, columns, columns)
    }

    /// Rows of `columns` values, `stride` apart.
    pub fn strided(values: &'a [f32], columns: usize, stride: usize) -> Self {
        Self { values, columns, stride }
    }
}

/// What the sums begin with.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// Nothing: the product replaces the result.
    Zero,
    /// The same row in every row of the result, as a bias.
    Row(&'a [f32]),
    /// What the result holds: the product is added.
    Result,
}

/// Writes `start + left · right` into `result`, whose rows are `stride` apart.
///
/// # Panics
/// When a slice is too short for its matrix.
pub fn multiply(
    set: InstructionSet,
    left: Left<'_>,
    right: Right<'_>,
    start: Start<'_>,
    result: &mut [f32],
    stride: usize,
) {
    let (rows, inner, columns) = (left.rows, left.columns, right.columns);
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(stride >= columns && result.len() >= (rows - 1) * stride + columns, "the result has too few values");
    if inner > 0 {
        let last = (rows - 1) * left.row_stride + (inner - 1) * left.column_stride;
        assert!(left.values.len() > last, "the left matrix has too few values");
        assert!(right.values.len() >= (inner - 1) * right.stride + columns, "the right matrix has too few values");
    }
    if let Start::Row(row) = start {
        assert!(row.len() >= columns, "the first row has too few values");
    }
    let task = Task { rows, inner, columns, left, right, start, stride };
    match set.kind() {
        Kind::Portable(_) => portable::multiply(&task, result),
        // There is nothing that the compiler would not make of the plain code for NEON.
        #[cfg(target_arch = "aarch64")]
        Kind::Neon(_) => portable::multiply(&task, result),
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code, reason = "the processor has the instructions and the slices the values")]
        // SAFETY: the kind exists only where the processor has AVX2 and FMA; the assertions above bound every access.
        Kind::Avx2(_) => unsafe { avx2::multiply(&task, result) },
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code, reason = "the processor has the instructions and the slices the values")]
        // SAFETY: the kind exists only where the processor has AVX-512; the assertions above bound every access.
        Kind::Avx512(_) => unsafe { avx512::multiply(&task, result) },
    }
}

/// A product whose slices are known to be long enough.
struct Task<'a> {
    rows: usize,
    inner: usize,
    columns: usize,
    left: Left<'a>,
    right: Right<'a>,
    start: Start<'a>,
    stride: usize,
}

/// The next part of `left` things when at most `most` are taken at once, so that all parts are about equal.
#[cfg(target_arch = "x86_64")]
fn even_part(left: usize, most: usize) -> usize {
    left.div_ceil(left.div_ceil(most))
}
