//! Element by element work on the rows of one step.

use super::{CANDIDATE, FORGET, GATES, INPUT, OUTPUT, TIME_1, TIME_2};
use crate::functions::{sigmoid, tanh};
use crate::instruction_set::vectorised;
use crate::lanes::{LANES, vectors, vectors_mut};
use crate::simd::{Simd, Vector};

/// 1 - x²
#[inline(always)]
fn tanh_slope<S: Simd>(x: Vector<S>) -> Vector<S> {
    let one = Vector::splat(x.simd(), 1.0);
    one - x * x
}

/// x · (1 - x)
#[inline(always)]
fn sigmoid_slope<S: Simd>(x: Vector<S>) -> Vector<S> {
    x - x * x
}

vectorised! {
    /// n = tanh(time · w + b), rows `[rows, padded H]`.
    pub(super) fn time_rows(simd, times: &[f32], weight: &[f32], bias: &[f32], rows: &mut [f32]) {
        for (row, time) in rows.chunks_exact_mut(weight.len()).zip(times) {
            let time = Vector::splat(simd, *time);
            for ((target, weight), bias) in vectors_mut(row).iter_mut().zip(vectors(weight)).zip(vectors(bias)) {
                tanh(time.mul_add(Vector::load(simd, weight), Vector::load(simd, bias))).store(target);
            }
        }
    }

    /// Takes gradients of n back through the tanh and adds to those of w and b.
    pub(super) fn time_gradients(
        simd,
        times: &[f32],
        rows: &[f32],
        gradients: &[f32],
        weight: &mut [f32],
        bias: &mut [f32],
    ) {
        let width = weight.len();
        for (vector, (weight, bias)) in vectors_mut(weight).iter_mut().zip(vectors_mut(bias)).enumerate() {
            let mut of_weight = Vector::load(simd, weight);
            let mut of_bias = Vector::load(simd, bias);
            let rows = rows.chunks_exact(width).zip(gradients.chunks_exact(width)).zip(times);
            for ((row, gradients), time) in rows {
                let slope = tanh_slope(Vector::load(simd, &vectors(row)[vector]));
                let gradient = slope * Vector::load(simd, &vectors(gradients)[vector]);
                of_weight = gradient.mul_add(Vector::splat(simd, *time), of_weight);
                of_bias += gradient;
            }
            of_weight.store(weight);
            of_bias.store(bias);
        }
    }

    /// The cell's work on the gates' sums: gates behind their functions, c and m. The last cells are empty at the first
    /// step.
    pub(super) fn cell(simd, gates: &mut [f32], last_cells: &[f32], cells: &mut [f32], states: &mut [f32], width: usize) {
        let count = width / LANES;
        let rows = gates.chunks_exact_mut(GATES * width).enumerate();
        for (row, gates) in rows {
            let gates = vectors_mut(gates);
            let cells = vectors_mut(&mut cells[row * width..][..width]);
            let states = vectors_mut(&mut states[row * width..][..width]);
            for vector in 0..count {
                let [input, candidate, forget, output, time_1, time_2] =
                    [INPUT, CANDIDATE, FORGET, OUTPUT, TIME_1, TIME_2].map(|gate| gate * count + vector);
                let i = sigmoid(Vector::load(simd, &gates[input]));
                let j = tanh(Vector::load(simd, &gates[candidate]));
                let f = sigmoid(Vector::load(simd, &gates[forget]) + Vector::splat(simd, 1.0));
                let o = sigmoid(Vector::load(simd, &gates[output]));
                let g1 = sigmoid(Vector::load(simd, &gates[time_1]));
                let g2 = sigmoid(Vector::load(simd, &gates[time_2]));
                let mut c = i * g1 * j;
                if let Some(last) = vectors(last_cells).get(row * count + vector) {
                    c = (f * g2).mul_add(Vector::load(simd, last), c);
                }
                c.store(&mut cells[vector]);
                (o * tanh(c)).store(&mut states[vector]);
                i.store(&mut gates[input]);
                j.store(&mut gates[candidate]);
                f.store(&mut gates[forget]);
                o.store(&mut gates[output]);
                g1.store(&mut gates[time_1]);
                g2.store(&mut gates[time_2]);
            }
        }
    }

    /// Back through [`cell`]: gates become the gradients of their sums; `cell_gradients` enters as that of c through the
    /// next step and leaves as that of the last c.
    pub(super) fn cell_back(
        simd,
        gates: &mut [f32],
        last_cells: &[f32],
        cells: &[f32],
        state_gradients: &[f32],
        cell_gradients: &mut [f32],
        width: usize,
    ) {
        let count = width / LANES;
        for (row, gates) in gates.chunks_exact_mut(GATES * width).enumerate() {
            let gates = vectors_mut(gates);
            for vector in 0..count {
                let [input, candidate, forget, output, time_1, time_2] =
                    [INPUT, CANDIDATE, FORGET, OUTPUT, TIME_1, TIME_2].map(|gate| gate * count + vector);
                let at = row * count + vector;
                let i = Vector::load(simd, &gates[input]);
                let j = Vector::load(simd, &gates[candidate]);
                let f = Vector::load(simd, &gates[forget]);
                let o = Vector::load(simd, &gates[output]);
                let g1 = Vector::load(simd, &gates[time_1]);
                let g2 = Vector::load(simd, &gates[time_2]);
                let c = tanh(Vector::load(simd, &vectors(cells)[at]));
                let last = match vectors(last_cells).get(at) {
                    Some(last) => Vector::load(simd, last),
                    None => Vector::zero(simd),
                };
                let of_state = Vector::load(simd, &vectors(state_gradients)[at]);
                let cell_gradient = &mut vectors_mut(cell_gradients)[at];
                let of_cell = (of_state * o).mul_add(tanh_slope(c), Vector::load(simd, cell_gradient));
                (of_cell * f * g2).store(cell_gradient);
                (of_cell * g1 * j * sigmoid_slope(i)).store(&mut gates[input]);
                (of_cell * i * g1 * tanh_slope(j)).store(&mut gates[candidate]);
                (of_cell * g2 * last * sigmoid_slope(f)).store(&mut gates[forget]);
                (of_state * c * sigmoid_slope(o)).store(&mut gates[output]);
                (of_cell * i * j * sigmoid_slope(g1)).store(&mut gates[time_1]);
                (of_cell * f * last * sigmoid_slope(g2)).store(&mut gates[time_2]);
            }
        }
    }

    /// Adds a row to another.
    pub(super) fn add_row(simd, row: &[f32], sum: &mut [f32]) {
        for (sum, row) in vectors_mut(sum).iter_mut().zip(vectors(row)) {
            (Vector::load(simd, sum) + Vector::load(simd, row)).store(sum);
        }
    }
}
