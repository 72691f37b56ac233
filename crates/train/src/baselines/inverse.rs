//! The inverse of a symmetric positive definite matrix, in place: blocks of rows are eliminated one after the other
//! (Gauss and Jordan), each by one product of matrices a block of rows, on all threads. The result does not depend on
//! their number.
//!
//! Only blocks on the diagonal and above it are computed. On the way, a block below it is the transpose of the one above,
//! and its negative where the rows of one of both are eliminated and those of the other are not.

use std::ops::Range;

use rayon::prelude::*;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::product::{Left, Right, Start, multiply};

/// Rows of a block.
const BLOCK: usize = 128;

/// Replaces the matrix `[size, size]` by its inverse.
pub(super) fn invert(matrix: &mut [f32], size: usize) {
    let set = InstructionSet::detect();
    for (number, start) in (0..size).step_by(BLOCK).enumerate() {
        let pivot = start..(start + BLOCK).min(size);
        let rows = whole_rows(matrix, size, &pivot);
        let panels = pivot_panels(set, &rows, size, start);
        matrix.par_chunks_mut(BLOCK * size).enumerate().for_each(|(other, of_other)| {
            if other == number {
                panels.iter().enumerate().skip(number).for_each(|(panel, values)| {
                    copy(values, of_other, size, panel * BLOCK);
                });
            } else {
                let factors = factors(of_other, &rows, size, other * BLOCK, &pivot);
                eliminate(set, of_other, &factors, (size, pivot.len()), panels.iter().enumerate().skip(other));
            }
        });
    }
    mirror(matrix, size);
}

/// The rows of the pivot: what stands before the diagonal belongs to rows that are eliminated.
fn whole_rows(matrix: &[f32], size: usize, pivot: &Range<usize>) -> Vec<f32> {
    let mut rows = matrix.get(pivot.start * size..pivot.end * size).unwrap_or_default().to_vec();
    for (number, row) in rows.chunks_mut(size).enumerate() {
        let above = matrix.iter().skip(pivot.start + number).step_by(size);
        row.iter_mut().zip(above).take(pivot.start).for_each(|(value, above)| *value = -above);
    }
    rows
}

/// The rows of the pivot times the inverse of its own block, whose place takes that inverse, in blocks of columns.
fn pivot_panels(set: InstructionSet, rows: &[f32], size: usize, start: usize) -> Vec<Vec<f32>> {
    let height = rows.len() / size.max(1);
    let own: Vec<f64> = (rows.chunks(size))
        .flat_map(|row| row.get(start..start + height).unwrap_or_default())
        .map(|value| f64::from(*value))
        .collect();
    // The inverse of a block is rounded once, to the matrix's own precision.
    let inverse: Vec<f32> = invert_small(own, height).into_iter().map(|value| value as f32).collect();
    (0..size)
        .step_by(BLOCK)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|column| {
            if column == start {
                return inverse.clone();
            }
            let width = BLOCK.min(size - column);
            let mut panel = vec![0.0; height * width];
            let right = Right::strided(rows.get(column..).unwrap_or_default(), width, size);
            multiply(set, Left::new(&inverse, height, height), right, Start::Zero, &mut panel, width);
            panel
        })
        .collect()
}

/// What the pivot's rows are multiplied with before they are added to other rows, which begin with row `first`: the
/// negative of the pivot's columns there, whose place becomes 0.
fn factors(rows: &mut [f32], of_pivot: &[f32], size: usize, first: usize, pivot: &Range<usize>) -> Vec<f32> {
    let mut factors = Vec::with_capacity(rows.len() / size.max(1) * pivot.len());
    for (number, row) in rows.chunks_mut(size).enumerate() {
        if first < pivot.start {
            let values = row.get_mut(pivot.clone()).unwrap_or_default();
            factors.extend(values.iter_mut().map(|value| -std::mem::take(value)));
        } else {
            factors.extend(of_pivot.iter().skip(first + number).step_by(size).map(|value| -value));
        }
    }
    factors
}

/// Takes the pivot's columns out of other rows, in some panels.
fn eliminate<'a>(
    set: InstructionSet,
    rows: &mut [f32],
    factors: &[f32],
    (size, inner): (usize, usize),
    panels: impl Iterator<Item = (usize, &'a Vec<f32>)>,
) {
    for (number, panel) in panels {
        let column = number * BLOCK;
        let left = Left::new(factors, rows.len() / size.max(1), inner);
        let result = rows.get_mut(column..).unwrap_or_default();
        multiply(set, left, Right::new(panel, BLOCK.min(size - column)), Start::Result, result, size);
    }
}

/// Writes a block of columns into rows of `size` values.
fn copy(panel: &[f32], rows: &mut [f32], size: usize, column: usize) {
    let width = BLOCK.min(size - column);
    for (row, values) in rows.chunks_mut(size).zip(panel.chunks(width)) {
        if let Some(place) = row.get_mut(column..column + width) {
            place.copy_from_slice(values);
        }
    }
}

/// What stands below the blocks of the diagonal becomes what stands above them.
fn mirror(matrix: &mut [f32], size: usize) {
    for start in (BLOCK..size).step_by(BLOCK) {
        let (above, below) = matrix.split_at_mut(start * size);
        below.par_chunks_mut(size).take(BLOCK).enumerate().for_each(|(number, row)| {
            let column = above.iter().skip(start + number).step_by(size);
            row.iter_mut().zip(column).for_each(|(value, above)| *value = *above);
        });
    }
}

/// Gauss and Jordan, row by row.
fn invert_small(mut matrix: Vec<f64>, size: usize) -> Vec<f64> {
    for pivot in 0..size {
        let Some(row) = matrix.get_mut(pivot * size..(pivot + 1) * size) else { break };
        let own = row.get_mut(pivot).map_or(1.0, |value| std::mem::replace(value, 1.0));
        row.iter_mut().for_each(|value| *value /= own);
        let row = row.to_vec();
        for (_, other) in matrix.chunks_mut(size).enumerate().filter(|(number, _)| *number != pivot) {
            let factor = other.get_mut(pivot).map_or(0.0, std::mem::take);
            for (value, of_pivot) in other.iter_mut().zip(&row) {
                *value -= factor * of_pivot;
            }
        }
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::mix;

    #[test]
    fn a_matrix_times_its_inverse_is_the_identity() {
        for size in [1, 5, BLOCK, 2 * BLOCK + 37] {
            let factor: Vec<f32> =
                (0..size * size).map(|index| (mix(index as u64) % 2_000) as f32 / 1e3 - 1.0).collect();
            let element = |row: usize, column: usize| {
                let sum: f32 = (0..size).map(|k| factor[row * size + k] * factor[column * size + k]).sum();
                sum / size as f32 + if row == column { 0.5 } else { 0.0 }
            };
            let matrix: Vec<f32> = (0..size * size).map(|index| element(index / size, index % size)).collect();
            let mut inverse = matrix.clone();
            invert(&mut inverse, size);
            for (row, column) in [(0, 0), (size - 1, 0), (0, size - 1), (size / 2, size / 2), (size - 1, size - 1)] {
                let sum: f32 = (0..size).map(|k| matrix[row * size + k] * inverse[k * size + column]).sum();
                let expected = if row == column { 1.0 } else { 0.0 };
                assert!((sum - expected).abs() < 1e-3, "{size}: ({row}, {column}) is {sum}");
            }
        }
    }
}
