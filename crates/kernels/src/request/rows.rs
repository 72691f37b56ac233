//! Element by element work on the rows of a block.

use super::{Row, VECTORS};
use crate::functions::{exp, sigmoid};
use crate::instruction_set::vectorised;
use crate::simd::Vector;

vectorised! {
    /// a ⊙ q: the rows, each by its factor.
    pub(super) fn scale(simd, rows: &[Row], factors: &[f32], results: &mut [Row]) {
        for ((row, factor), result) in rows.iter().zip(factors).zip(results) {
            let factor = Vector::splat(simd, *factor);
            for vector in 0..VECTORS {
                (Vector::load(simd, &row[vector]) * factor).store(&mut result[vector]);
            }
        }
    }

    /// Softmax over the rows, for every candidate.
    pub(super) fn softmax(simd, rows: &mut [Row]) {
        for vector in 0..VECTORS {
            let mut greatest = Vector::splat(simd, f32::NEG_INFINITY);
            for row in rows.iter() {
                greatest = Vector::new(simd, simd.at_least(Vector::load(simd, &row[vector]).values(), greatest.values()));
            }
            let mut sum = Vector::zero(simd);
            for row in rows.iter_mut() {
                let power = exp(Vector::load(simd, &row[vector]) - greatest);
                sum += power;
                power.store(&mut row[vector]);
            }
            for row in rows.iter_mut() {
                (Vector::load(simd, &row[vector]) / sum).store(&mut row[vector]);
            }
        }
    }

    /// Sigmoid of a row after a bias was added.
    pub(super) fn shares(simd, row: &mut Row, bias: f32) {
        for lanes in row {
            sigmoid(Vector::load(simd, lanes) + Vector::splat(simd, bias)).store(lanes);
        }
    }

    /// short + share · (long - short)
    pub(super) fn mix(simd, rows: &mut [Row], long_term: &[f32], shares: &Row) {
        for (row, long_term) in rows.iter_mut().zip(long_term) {
            let long_term = Vector::splat(simd, *long_term);
            for vector in 0..VECTORS {
                let short_term = Vector::load(simd, &row[vector]);
                let share = Vector::load(simd, &shares[vector]);
                share.mul_add(long_term - short_term, short_term).store(&mut row[vector]);
            }
        }
    }

    /// Adds the products of rows with factors to a row.
    pub(super) fn add_products(simd, rows: &[Row], factors: &[f32], sums: &mut Row) {
        for (row, factor) in rows.iter().zip(factors) {
            let factor = Vector::splat(simd, *factor);
            for vector in 0..VECTORS {
                let sum = Vector::load(simd, &sums[vector]);
                factor.mul_add(Vector::load(simd, &row[vector]), sum).store(&mut sums[vector]);
            }
        }
    }
}
