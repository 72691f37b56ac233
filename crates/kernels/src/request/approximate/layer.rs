//! A fully connected layer over pairs: pairs of inputs of every candidate of a block enter, pairs of hidden values, sums or
//! logits leave.
//!
//! Tiles are those of [`super::super::layer`]: the sums of 8 outputs of up to 48 candidates stay in registers, each one
//! chain of dot products in the order of the inputs, whatever candidates stand beside.

use super::PairRow;
use crate::bf16::{Pairs, pair, vectorised_pairs};
use crate::lanes::Buffer;
use crate::request::layer::{GROUP, Layer, groups};
use crate::request::{Row, VECTORS};
use crate::simd::{Simd, Vector};

/// The weight of a layer in pairs of inputs, `[groups, pairs, 8]`.
#[derive(Debug, Default)]
pub(super) struct Weight {
    pub(super) values: Buffer<u32>,
}

impl Weight {
    pub(super) fn of(layer: &Layer) -> Self {
        let mut weight = Self::default();
        weight.set(layer);
        weight
    }

    /// Replaces the weight, in the same memory if it is large enough.
    pub(super) fn set(&mut self, layer: &Layer) {
        pack(layer, |_| 1.0, self.values.resize(packed_length(layer)));
    }
}

/// Pairs that a layer's weight takes.
pub(super) fn packed_length(layer: &Layer) -> usize {
    layer.weight.len() / layer.inputs * layer.inputs.div_ceil(2)
}

/// Replaces `packed` by the weight, each input's times its factor.
pub(super) fn pack(layer: &Layer, factor: impl Fn(usize) -> f32, packed: &mut [u32]) {
    let pairs = layer.inputs.div_ceil(2);
    let of_groups = groups(&layer.weight).chunks_exact(layer.inputs);
    for (inputs, packed) in of_groups.zip(packed.chunks_exact_mut(pairs * GROUP)) {
        for (number, (inputs, packed)) in inputs.chunks(2).zip(packed.chunks_exact_mut(GROUP)).enumerate() {
            let even = factor(2 * number);
            let odd = inputs.get(1).map(|weights| (weights, factor(2 * number + 1)));
            for (output, packed) in packed.iter_mut().enumerate() {
                *packed = pair(inputs[0][output] * even, odd.map_or(0.0, |(weights, factor)| weights[output] * factor));
            }
        }
    }
}

/// What a layer's sums are made of besides its weight.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// For every candidate alike, `[padded outputs]`.
    pub(super) bias: &'a [f32],
    /// For each candidate, pairs of outputs, `[padded outputs / 2]` rows, or none.
    pub(super) start: &'a [PairRow],
    /// Pairs of inputs, as many rows as the weight has pairs.
    pub(super) inputs: &'a [PairRow],
}

type Tile<P, const COUNT: usize> = [[Vector<<P as Pairs>::Simd>; COUNT]; GROUP];

/// Sums of a group of outputs for `COUNT` vectors of candidates.
#[inline(always)]
fn tile<P: Pairs, const COUNT: usize>(
    pairs: P,
    weight: &[[u32; GROUP]],
    bias: &[f32; GROUP],
    start: &[PairRow],
    inputs: &[PairRow],
) -> Tile<P, COUNT> {
    let simd = pairs.simd();
    let mut sums = [[Vector::zero(simd); COUNT]; GROUP];
    for output in 0..GROUP {
        sums[output] = [Vector::splat(simd, bias[output]); COUNT];
    }
    for (number, start) in start.iter().enumerate() {
        for vector in 0..COUNT {
            let start = pairs.load_pairs(&start[vector]);
            sums[2 * number][vector] += Vector::new(simd, pairs.evens(start));
            sums[2 * number + 1][vector] += Vector::new(simd, pairs.odds(start));
        }
    }
    for (weight, inputs) in weight.iter().zip(inputs) {
        let mut values = [pairs.splat_pair(0); COUNT];
        for vector in 0..COUNT {
            values[vector] = pairs.load_pairs(&inputs[vector]);
        }
        for output in 0..GROUP {
            let factors = pairs.splat_pair(weight[output]);
            for vector in 0..COUNT {
                let sum = pairs.dot(values[vector], factors, sums[output][vector].values());
                sums[output][vector] = Vector::new(simd, sum);
            }
        }
    }
    sums
}

#[inline(always)]
fn pair_groups(values: &[u32]) -> &[[u32; GROUP]] {
    values.as_chunks().0
}

/// Calls `$body` with the sums of each group of a layer.
macro_rules! for_each_group {
    ($pairs:ident, $weight:ident, $terms:ident, $group:ident, $sums:ident => $body:block) => {
        let weights = pair_groups($weight).chunks_exact($terms.inputs.len());
        for ($group, (weight, bias)) in weights.zip(groups($terms.bias)).enumerate() {
            let start = $terms.start.get($group * GROUP / 2..).unwrap_or_default();
            let start = &start[..start.len().min(GROUP / 2)];
            let $sums: Tile<P, COUNT> = tile($pairs, weight, bias, start, $terms.inputs);
            $body
        }
    };
}

#[inline(always)]
fn hidden<P: Pairs, const COUNT: usize>(pairs: P, weight: &[u32], terms: Terms<'_>, targets: &mut [PairRow]) {
    for_each_group!(pairs, weight, terms, group, sums => {
        for number in 0..GROUP / 2 {
            for vector in 0..COUNT {
                let even = sums[2 * number][vector].at_least(0.0);
                let odd = sums[2 * number + 1][vector].at_least(0.0);
                let hidden = pairs.pack(even.values(), odd.values());
                pairs.store_pairs(hidden, &mut targets[group * GROUP / 2 + number][vector]);
            }
        }
    });
}

#[inline(always)]
fn logits<P: Pairs, const COUNT: usize>(pairs: P, weight: &[u32], terms: Terms<'_>, output: &[f32], results: &mut Row) {
    let mut logits = [Vector::zero(pairs.simd()); COUNT];
    let outputs = groups(output);
    for_each_group!(pairs, weight, terms, group, sums => {
        for row in 0..GROUP {
            let output = Vector::splat(pairs.simd(), outputs[group][row]);
            for vector in 0..COUNT {
                logits[vector] = sums[row][vector].at_least(0.0).mul_add(output, logits[vector]);
            }
        }
    });
    for vector in 0..COUNT {
        logits[vector].store(&mut results[vector]);
    }
}

#[inline(always)]
fn floats<P: Pairs, const COUNT: usize>(pairs: P, weight: &[u32], terms: Terms<'_>, targets: &mut [Row]) {
    for_each_group!(pairs, weight, terms, group, sums => {
        for row in 0..GROUP {
            for vector in 0..COUNT {
                sums[row][vector].store(&mut targets[group * GROUP + row][vector]);
            }
        }
    });
}

/// Calls a function for as many vectors as hold candidates.
macro_rules! with_vectors {
    ($pairs:ident, $vectors:ident, $function:ident($($argument:expr),*)) => {
        match $vectors {
            1 => $function::<P, 1>($pairs, $($argument),*),
            2 => $function::<P, 2>($pairs, $($argument),*),
            _ => $function::<P, VECTORS>($pairs, $($argument),*),
        }
    };
}

vectorised_pairs! {
    /// Replaces `targets`, `[padded outputs / 2]` rows, by pairs of the layer's hidden values.
    pub(super) fn hidden_pairs(pairs, weight: &[u32], terms: Terms<'_>, vectors: usize, targets: &mut [PairRow]) {
        with_vectors!(pairs, vectors, hidden(weight, terms, targets));
    }

    /// Replaces `targets`, `[padded outputs]` rows, by the layer's sums.
    pub(super) fn sums(pairs, weight: &[u32], terms: Terms<'_>, vectors: usize, targets: &mut [Row]) {
        with_vectors!(pairs, vectors, floats(weight, terms, targets));
    }

    /// Replaces `target` by the products of the layer's hidden values with an output's weight.
    pub(super) fn output_logits(
        pairs,
        weight: &[u32],
        terms: Terms<'_>,
        output: &[f32],
        vectors: usize,
        target: &mut Row,
    ) {
        with_vectors!(pairs, vectors, logits(weight, terms, output, target));
    }

    /// Replaces `targets` by pairs of the rows; behind an odd last one stands 0.
    pub(super) fn pack_rows(pairs, rows: &[Row], targets: &mut [PairRow]) {
        let simd = pairs.simd();
        for (rows, target) in rows.chunks(2).zip(targets) {
            for vector in 0..VECTORS {
                let odd = match rows.get(1) {
                    Some(row) => simd.load(&row[vector]),
                    None => simd.splat(0.0),
                };
                pairs.store_pairs(pairs.pack(simd.load(&rows[0][vector]), odd), &mut target[vector]);
            }
        }
    }

    /// Adds the products of pairs of rows with pairs of factors to a row.
    pub(super) fn add_products(pairs, rows: &[PairRow], factors: &[u32], sums: &mut Row) {
        let simd = pairs.simd();
        for (row, factors) in rows.iter().zip(factors) {
            let factors = pairs.splat_pair(*factors);
            for vector in 0..VECTORS {
                let sum = pairs.dot(pairs.load_pairs(&row[vector]), factors, simd.load(&sums[vector]));
                simd.store(sum, &mut sums[vector]);
            }
        }
    }
}
