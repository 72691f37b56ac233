//! One row times a matrix, and work on rows whose width is a multiple of the lanes. Every sum is one chain of multiply-adds
//! in the order of the inputs, whatever the tile: the bits do not depend on the instruction set.

use crate::functions::{exp, sigmoid, tanh};
use crate::instruction_set::{InstructionSet, vectorised};
use crate::lanes::{Buffer, LANES, Lanes, vectors, vectors_mut};
use crate::simd::{Simd, Vector};

/// A copy that begins with a cache line.
pub(super) fn aligned(values: &[f32]) -> Buffer {
    let mut buffer = Buffer::zeros(values.len());
    buffer.copy_from_slice(values);
    buffer
}

/// A fully connected layer for one row.
#[derive(Debug)]
pub(super) struct RowLayer {
    weight: Buffer,
    bias: Buffer,
}

impl RowLayer {
    /// From a weight `[inputs, outputs]`, both multiples of the lanes.
    pub(super) fn new(weight: &[f32], bias: &[f32]) -> Self {
        Self { weight: aligned(weight), bias: aligned(bias) }
    }

    /// Replaces `result` by `inputs · weight + bias`.
    pub(super) fn apply(&self, set: InstructionSet, inputs: &[f32], result: &mut [f32]) {
        result.copy_from_slice(&self.bias);
        self.add(set, inputs, result);
    }

    /// Adds `inputs · weight` to a result.
    pub(super) fn add(&self, set: InstructionSet, inputs: &[f32], result: &mut [f32]) {
        add_product(set, inputs, &self.weight, result);
    }
}

/// Adds the product of a row with the columns of `COUNT` vectors from `first` on.
#[inline(always)]
fn add_tile<S: Simd, const COUNT: usize>(simd: S, row: &[f32], weight: &[Lanes], first: usize, result: &mut [Lanes]) {
    let stride = result.len();
    let mut sums = [Vector::zero(simd); COUNT];
    for vector in 0..COUNT {
        sums[vector] = Vector::load(simd, &result[first + vector]);
    }
    for (value, weight) in row.iter().zip(weight.chunks_exact(stride)) {
        let value = Vector::splat(simd, *value);
        let weight = &weight[first..first + COUNT];
        for vector in 0..COUNT {
            sums[vector] = value.mul_add(Vector::load(simd, &weight[vector]), sums[vector]);
        }
    }
    for vector in 0..COUNT {
        sums[vector].store(&mut result[first + vector]);
    }
}

/// Adds `row · weight`, in tiles as wide as the registers allow.
#[inline(always)]
fn add_row_product<S: Simd>(simd: S, row: &[f32], weight: &[Lanes], result: &mut [Lanes]) {
    let mut first = 0;
    while first < result.len() {
        first += match result.len() - first {
            8.. if S::MANY_REGISTERS => {
                add_tile::<S, 8>(simd, row, weight, first, result);
                8
            }
            4.. => {
                add_tile::<S, 4>(simd, row, weight, first, result);
                4
            }
            2.. => {
                add_tile::<S, 2>(simd, row, weight, first, result);
                2
            }
            _ => {
                add_tile::<S, 1>(simd, row, weight, first, result);
                1
            }
        };
    }
}

vectorised! {
    /// Adds `row · weight` to a result, for a weight with a row for each value.
    pub(super) fn add_product(simd, row: &[f32], weight: &[f32], result: &mut [f32]) {
        add_row_product(simd, row, vectors(weight), vectors_mut(result));
    }

    /// Adds one row to another.
    pub(super) fn add(simd, row: &[f32], sum: &mut [f32]) {
        for (lanes, sum) in vectors(row).iter().zip(vectors_mut(sum)) {
            (Vector::load(simd, sum) + Vector::load(simd, lanes)).store(sum);
        }
    }

    /// Products of all rows with one direction.
    pub(super) fn dots(simd, rows: &[f32], direction: &[f32], results: &mut [f32]) {
        for (row, result) in rows.chunks_exact(direction.len()).zip(results) {
            let mut sum = Vector::zero(simd);
            for (row, direction) in vectors(row).iter().zip(vectors(direction)) {
                sum = Vector::load(simd, row).mul_add(Vector::load(simd, direction), sum);
            }
            *result = sum.total();
        }
    }

    /// Through all positions of a history: `gates` `[L, 4 D]` are without the states' part and are spoiled, `state` `[D]`
    /// becomes the last one.
    pub(super) fn last_state(
        simd,
        gates: &mut [f32],
        recurrent: &[f32],
        cell: &mut [f32],
        state: &mut [f32],
    ) {
        let width = state.len() / LANES;
        cell.fill(0.0);
        for (position, gates) in gates.chunks_exact_mut(4 * state.len()).enumerate() {
            let gates = vectors_mut(gates);
            if position > 0 {
                add_row_product(simd, state, vectors(recurrent), gates);
            }
            let (cells, states) = (vectors_mut(cell), vectors_mut(state));
            for place in 0..width {
                let input = sigmoid(Vector::load(simd, &gates[place]));
                let forget = sigmoid(Vector::load(simd, &gates[width + place]));
                let output = sigmoid(Vector::load(simd, &gates[2 * width + place]));
                let candidate = tanh(Vector::load(simd, &gates[3 * width + place]));
                let kept = forget * Vector::load(simd, &cells[place]);
                let cell = input.mul_add(candidate, kept);
                cell.store(&mut cells[place]);
                (output * tanh(cell)).store(&mut states[place]);
            }
        }
    }

    /// Adds `short + gate · (long - short)` to a query.
    pub(super) fn add_mixed(simd, short: &[f32], long: &[f32], gate: &[f32], query: &mut [f32]) {
        let inputs = vectors(short).iter().zip(vectors(long)).zip(vectors(gate));
        for (((short, long), gate), query) in inputs.zip(vectors_mut(query)) {
            let (short, long) = (Vector::load(simd, short), Vector::load(simd, long));
            let mixed = Vector::load(simd, gate).mul_add(long - short, short);
            (Vector::load(simd, query) + mixed).store(query);
        }
    }

    /// The logarithm of the sum of all exponentials, of whole vectors.
    pub(super) fn log_sum_exp(simd, logits: &[f32], result: &mut f32) {
        let mut greatest = Vector::splat(simd, f32::MIN);
        for lanes in vectors(logits) {
            greatest = Vector::new(simd, simd.at_least(Vector::load(simd, lanes).values(), greatest.values()));
        }
        let mut lanes = [0.0; LANES];
        greatest.store(&mut lanes);
        let most = lanes.iter().fold(f32::MIN, |most, value| if *value > most || value.is_nan() { *value } else { most });
        let subtracted = Vector::splat(simd, most);
        let mut sum = Vector::zero(simd);
        for lanes in vectors(logits) {
            sum += exp(Vector::load(simd, lanes) - subtracted);
        }
        *result = most + sum.total().ln();
    }
}
