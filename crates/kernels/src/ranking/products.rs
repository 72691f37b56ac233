//! Products of matrices beyond the caches, by blocks that fit them.

use crate::instruction_set::InstructionSet;
use crate::product::{Left, Right, Start, multiply};

/// Columns of a panel: as many as the tiles of the product have at most, so that a panel is read from one end to the other.
const PANEL: usize = 16;
/// Rows that are summed at once in a product with a transpose.
const ROWS_AT_ONCE: usize = 64;

/// A right matrix `[inner, columns]`, cut into panels of [`PANEL`] columns that stand one behind the other.
#[derive(Debug, Default)]
pub(super) struct Packed {
    values: Vec<f32>,
    inner: usize,
}

impl Packed {
    /// Replaces the matrix by one of so many columns, a multiple of [`PANEL`].
    pub(super) fn fill(&mut self, matrix: &[f32], columns: usize) -> &Self {
        self.inner = matrix.len() / columns;
        self.values.resize(matrix.len(), 0.0);
        pack(matrix, columns, &mut self.values);
        self
    }

    /// Replaces the matrix by the transpose of one of so many columns; their number of rows is a multiple of [`PANEL`].
    pub(super) fn fill_transposed(&mut self, matrix: &[f32], columns: usize) -> &Self {
        self.inner = columns;
        self.values.resize(matrix.len(), 0.0);
        pack_transposed(matrix, columns, &mut self.values);
        self
    }

    /// Writes `start + left · this` into `result`, whose rows are `stride` apart.
    pub(super) fn multiply(
        &self,
        set: InstructionSet,
        left: Left<'_>,
        start: Start<'_>,
        result: &mut [f32],
        stride: usize,
    ) {
        multiply_panels(set, left, &self.values, self.inner, start, result, stride);
    }
}

/// Cuts a matrix of so many columns into panels.
pub(super) fn pack(matrix: &[f32], columns: usize, panels: &mut [f32]) {
    let inner = matrix.len() / columns;
    for (row, values) in matrix.chunks_exact(columns).enumerate() {
        for (panel, values) in values.as_chunks::<PANEL>().0.iter().enumerate() {
            panels[(panel * inner + row) * PANEL..][..PANEL].copy_from_slice(values);
        }
    }
}

/// Cuts the transpose of a matrix of so many columns into panels.
pub(super) fn pack_transposed(matrix: &[f32], columns: usize, panels: &mut [f32]) {
    for (row, values) in matrix.chunks_exact(columns).enumerate() {
        let panel = &mut panels[row / PANEL * PANEL * columns..];
        for (column, value) in values.iter().enumerate() {
            panel[column * PANEL + row % PANEL] = *value;
        }
    }
}

/// Writes `start + left · panels` into `result`, whose rows are `stride` apart.
pub(super) fn multiply_panels(
    set: InstructionSet,
    left: Left<'_>,
    panels: &[f32],
    inner: usize,
    start: Start<'_>,
    result: &mut [f32],
    stride: usize,
) {
    for (panel, values) in panels.chunks_exact(inner * PANEL).enumerate() {
        let start = match start {
            Start::Row(row) => Start::Row(&row[panel * PANEL..]),
            other => other,
        };
        multiply(set, left, Right::new(values, PANEL), start, &mut result[panel * PANEL..], stride);
    }
}

/// `result [columns of left, columns] += leftᵀ · right`, both of so many rows.
pub(super) fn add_transposed(
    set: InstructionSet,
    left: &[f32],
    inner: usize,
    right: &[f32],
    columns: usize,
    packed: &mut Packed,
    result: &mut [f32],
) {
    for (left, right) in left.chunks(ROWS_AT_ONCE * inner).zip(right.chunks(ROWS_AT_ONCE * columns)) {
        let left = Left::new(left, left.len() / inner, inner).transposed();
        packed.fill(right, columns).multiply(set, left, Start::Result, result, columns);
    }
}

/// Adds every row to one.
pub(super) fn add_rows(rows: &[f32], sum: &mut [f32]) {
    for row in rows.chunks_exact(sum.len()) {
        add(row, sum);
    }
}

pub(super) fn add(values: &[f32], sum: &mut [f32]) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

pub(super) fn add_scaled(factor: f32, values: &[f32], sum: &mut [f32]) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
}

pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    // Eight sums side by side, so that an addition need not wait for the one before.
    let mut sums = [0.0; 8];
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    for (left, right) in left.iter().zip(right) {
        sums.iter_mut().zip(left.iter().zip(right)).for_each(|(sum, (left, right))| *sum += left * right);
    }
    sums.iter().sum::<f32>() + left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum::<f32>()
}
