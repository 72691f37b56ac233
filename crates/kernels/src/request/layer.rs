//! A fully connected layer over the candidates of a block: a column of inputs for every candidate enters, hidden values or
//! logits leave.
//!
//! Sums of a tile stay in registers: 8 outputs of 48 candidates with 32 registers of 16 lanes, 4 outputs of 16
//! candidates with 16 registers of 8. Each sum is one chain of multiply-adds in the order of the inputs, whatever the
//! tile, so that a score does not depend on the candidates beside it.

use super::{Row, VECTORS};
use crate::instruction_set::vectorised;
use crate::lanes::Buffer;
use crate::simd::{Simd, Vector};

/// Outputs whose weights stand together.
pub(super) const GROUP: usize = 8;
/// One weight, bias or sum for each of them.
type Group = [f32; GROUP];

/// The weight of a layer, `[groups, inputs, 8]`; outputs that fill the last group up have weights of 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(super) weight: Buffer,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl Layer {
    /// From a weight `[inputs, outputs]`.
    pub(super) fn new(weight: &[f32], outputs: usize) -> Self {
        let mut layer = Self::default();
        layer.set(weight, outputs);
        layer
    }

    /// Replaces the weight, in the same memory if it is large enough.
    pub(super) fn set(&mut self, weight: &[f32], outputs: usize) {
        let inputs = weight.len() / outputs;
        (self.inputs, self.outputs) = (inputs, outputs);
        let packed = self.weight.resize(padded(outputs) * inputs);
        for (group, packed) in packed.chunks_exact_mut(inputs * GROUP).enumerate() {
            for (input, packed) in packed.chunks_exact_mut(GROUP).enumerate() {
                let row = &weight[input * outputs..][..outputs];
                let row = &row[group * GROUP..outputs.min((group + 1) * GROUP)];
                packed[..row.len()].copy_from_slice(row);
                packed[row.len()..].fill(0.0);
            }
        }
    }
}

impl Layer {
    /// The weight as it was given, `[inputs, outputs]`.
    pub(super) fn weight(&self) -> Vec<f32> {
        let groups = groups(&self.weight);
        let row = |input: usize| groups.iter().skip(input).step_by(self.inputs).flatten().take(self.outputs);
        (0..self.inputs).flat_map(row).copied().collect()
    }
}

/// Outputs with those that fill the last group up.
pub(super) fn padded(outputs: usize) -> usize {
    outputs.next_multiple_of(GROUP)
}

/// A row with zeros up to whole groups.
pub(super) fn padded_row(values: &[f32]) -> Buffer {
    let mut row = Buffer::zeros(padded(values.len()));
    row[..values.len()].copy_from_slice(values);
    row
}

#[inline(always)]
pub(super) fn groups(values: &[f32]) -> &[Group] {
    values.as_chunks().0
}

/// Sums of `ROWS` outputs from `OFFSET` on, for `COUNT` vectors of candidates from `FIRST` on.
#[inline(always)]
fn tile<S: Simd, const ROWS: usize, const FIRST: usize, const COUNT: usize>(
    simd: S,
    offset: usize,
    weight: &[Group],
    bias: &Group,
    start: &[Row],
    inputs: &[Row],
) -> [[Vector<S>; COUNT]; ROWS] {
    let mut sums = [[Vector::zero(simd); COUNT]; ROWS];
    for row in 0..ROWS {
        let bias = Vector::splat(simd, bias[offset + row]);
        for vector in 0..COUNT {
            sums[row][vector] = match start.get(offset + row) {
                Some(start) => Vector::load(simd, &start[FIRST + vector]) + bias,
                None => bias,
            };
        }
    }
    for (weight, inputs) in weight.iter().zip(inputs) {
        let mut values = [Vector::zero(simd); COUNT];
        for vector in 0..COUNT {
            values[vector] = Vector::load(simd, &inputs[FIRST + vector]);
        }
        for row in 0..ROWS {
            let factor = Vector::splat(simd, weight[offset + row]);
            for vector in 0..COUNT {
                sums[row][vector] = factor.mul_add(values[vector], sums[row][vector]);
            }
        }
    }
    sums
}

/// What happens to the sums of a layer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Activation {
    None,
    Relu,
}

/// All groups of a layer, for some of the vectors.
#[inline(always)]
fn results<S: Simd, const ROWS: usize, const FIRST: usize, const COUNT: usize>(
    simd: S,
    layer: &Layer,
    terms: Terms<'_>,
    activation: Activation,
    results: &mut [Row],
) {
    let weights = groups(&layer.weight).chunks_exact(layer.inputs);
    let targets = results.chunks_exact_mut(GROUP);
    for (group, ((weight, bias), targets)) in weights.zip(groups(terms.bias)).zip(targets).enumerate() {
        let start = terms.start.get(group * GROUP..).unwrap_or_default();
        for offset in (0..GROUP).step_by(ROWS) {
            let sums = tile::<S, ROWS, FIRST, COUNT>(simd, offset, weight, bias, start, terms.inputs);
            for row in 0..ROWS {
                for vector in 0..COUNT {
                    let sum = sums[row][vector];
                    let result = if activation == Activation::Relu { sum.at_least(0.0) } else { sum };
                    result.store(&mut targets[offset + row][FIRST + vector]);
                }
            }
        }
    }
}

/// `Σ max(sum, 0) · output` over the outputs of a layer, for some of the vectors.
#[inline(always)]
fn logits<S: Simd, const ROWS: usize, const FIRST: usize, const COUNT: usize>(
    simd: S,
    layer: &Layer,
    terms: Terms<'_>,
    output: &[f32],
    results: &mut Row,
) {
    let mut logits = [Vector::zero(simd); COUNT];
    let weights = groups(&layer.weight).chunks_exact(layer.inputs);
    for ((weight, bias), output) in weights.zip(groups(terms.bias)).zip(groups(output)) {
        for offset in (0..GROUP).step_by(ROWS) {
            let sums = tile::<S, ROWS, FIRST, COUNT>(simd, offset, weight, bias, &[], terms.inputs);
            for row in 0..ROWS {
                let output = Vector::splat(simd, output[offset + row]);
                for vector in 0..COUNT {
                    logits[vector] = sums[row][vector].at_least(0.0).mul_add(output, logits[vector]);
                }
            }
        }
    }
    for vector in 0..COUNT {
        logits[vector].store(&mut results[FIRST + vector]);
    }
}

/// What a layer's sums are made of besides its weight.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// For every candidate alike, `[padded outputs]`.
    pub(super) bias: &'a [f32],
    /// For each candidate, `[outputs]` rows, or none.
    pub(super) start: &'a [Row],
    /// `[inputs]` rows.
    pub(super) inputs: &'a [Row],
}

/// Calls a function with the tile of the instruction set, for as many vectors as hold candidates.
macro_rules! with_tiles {
    ($simd:ident, $vectors:ident, $function:ident($($argument:expr),*)) => {
        match ($vectors, S::MANY_REGISTERS) {
            (1, true) => $function::<S, GROUP, 0, 1>($simd, $($argument),*),
            (2, true) => $function::<S, GROUP, 0, 2>($simd, $($argument),*),
            (_, true) => $function::<S, GROUP, 0, VECTORS>($simd, $($argument),*),
            (_, false) => {
                $function::<S, 4, 0, 1>($simd, $($argument),*);
                if $vectors > 1 {
                    $function::<S, 4, 1, 1>($simd, $($argument),*);
                }
                if $vectors > 2 {
                    $function::<S, 4, 2, 1>($simd, $($argument),*);
                }
            }
        }
    };
}

vectorised! {
    /// Replaces `targets`, `[padded outputs]` rows, by the layer's hidden values.
    pub(super) fn hidden_values(simd, layer: &Layer, terms: Terms<'_>, vectors: usize, targets: &mut [Row]) {
        with_tiles!(simd, vectors, results(layer, terms, Activation::Relu, targets));
    }

    /// Replaces `targets`, `[padded outputs]` rows, by the layer's sums.
    pub(super) fn sums(simd, layer: &Layer, terms: Terms<'_>, vectors: usize, targets: &mut [Row]) {
        with_tiles!(simd, vectors, results(layer, terms, Activation::None, targets));
    }

    /// Replaces `target` by the products of the layer's hidden values with an output's weight.
    pub(super) fn output_logits(
        simd,
        layer: &Layer,
        terms: Terms<'_>,
        output: &[f32],
        vectors: usize,
        target: &mut Row,
    ) {
        with_tiles!(simd, vectors, logits(layer, terms, output, target));
    }
}
