//! The first layer's inputs x = [a ⊙ q, a, q] of all rows at once: their moments, without forming a row.
//!
//! Sums over all positions l and candidates c of a history separate, for example
//! `Σ (a_l ⊙ q_c)(a_l ⊙ q_c)ᵀ = (Σ_l a_l a_lᵀ) ⊙ (Σ_c q_c q_cᵀ)`, and empty slots (a = 0) add to those of q alone.

use crate::instruction_set::{InstructionSet, vectorised};
use crate::lanes::{LANES, padded, vectors};

/// The parts of x, in the order of the rows of Ω.
pub(super) const PRODUCT: usize = 0;
pub(super) const KEY: usize = 1;
pub(super) const QUERY: usize = 2;

/// Sums of x and of x · xᵀ over rows.
#[derive(Debug, Clone)]
pub(super) struct FeatureSums {
    pub(super) target: usize,
    /// Of each part, `[D]`.
    sums: [Vec<f64>; 3],
    /// Of each pair of parts, `[D, padded D]`; the other three are transposes.
    products: [Vec<f64>; 6],
}

/// The pairs of parts whose products are summed.
const PAIRS: [(usize, usize); 6] =
    [(PRODUCT, PRODUCT), (PRODUCT, KEY), (PRODUCT, QUERY), (KEY, KEY), (KEY, QUERY), (QUERY, QUERY)];

/// What the sums need to know of a history; square matrices `[D, padded D]`, vectors `[padded D]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupFeatures<'a> {
    /// Σ a · aᵀ
    pub(super) key_gram: &'a [f32],
    /// Σ q · qᵀ
    pub(super) query_gram: &'a [f32],
    /// Σ a
    pub(super) key_sum: &'a [f32],
    /// Σ q
    pub(super) query_sum: &'a [f32],
    /// Number of candidates.
    pub(super) candidates: f32,
    /// Number of slots, empty ones included.
    pub(super) slots: f32,
}

impl FeatureSums {
    pub(super) fn new(target: usize) -> Self {
        let matrix = vec![0.0; target * padded(target)];
        Self {
            target,
            sums: std::array::from_fn(|_| vec![0.0; target]),
            products: std::array::from_fn(|_| matrix.clone()),
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.sums.iter_mut().chain(&mut self.products).for_each(|sums| sums.fill(0.0));
    }

    /// Adds all rows of a history.
    pub(super) fn add(&mut self, set: InstructionSet, group: &GroupFeatures<'_>) {
        let [product_sum, key_sum, query_sum] = &mut self.sums;
        for index in 0..self.target {
            let (key, query) = (f64::from(group.key_sum[index]), f64::from(group.query_sum[index]));
            product_sum[index] += key * query;
            key_sum[index] += key * f64::from(group.candidates);
            query_sum[index] += query * f64::from(group.slots);
        }
        add_products(set, &mut self.products, group);
    }

    /// The sums of blocks, put together in their order.
    pub(super) fn of_blocks<'a>(target: usize, blocks: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut whole = Self::new(target);
        for block in blocks {
            let parts = whole.sums.iter_mut().chain(&mut whole.products);
            for (whole, block) in parts.zip(block.sums.iter().chain(&block.products)) {
                whole.iter_mut().zip(block).for_each(|(whole, block)| *whole += block);
            }
        }
        whole
    }

    /// Mean `[3 D]` and covariance `[3 D, 3 D]` over `rows` rows.
    pub(super) fn moments(&self, rows: f64) -> (Vec<f64>, Vec<f64>) {
        let (target, width) = (self.target, padded(self.target));
        let features = 3 * target;
        let mean: Vec<f64> = self.sums.concat().iter().map(|sum| sum / rows).collect();
        let mut covariance = vec![0.0; features * features];
        for ((left, right), products) in PAIRS.into_iter().zip(&self.products) {
            for row in 0..target {
                for column in 0..target {
                    let [i, j] = [left * target + row, right * target + column];
                    let value = products[row * width + column] / rows - mean[i] * mean[j];
                    covariance[i * features + j] = value;
                    covariance[j * features + i] = value;
                }
            }
        }
        (mean, covariance)
    }
}

vectorised! {
    fn add_products(_simd, products: &mut [Vec<f64>; 6], group: &GroupFeatures<'_>) {
        let width = group.key_sum.len();
        let rows = group.key_gram.chunks_exact(width).zip(group.query_gram.chunks_exact(width));
        for (row, (keys, queries)) in rows.enumerate() {
            let [key, query] = [group.key_sum[row], group.query_sum[row]].map(f64::from);
            let [candidates, slots] = [group.candidates, group.slots].map(f64::from);
            let [product_product, product_key, product_query, key_key, key_query, query_query] = &mut *products;
            for vector in 0..width / LANES {
                let [keys, queries, query_sum] = [keys, queries, group.query_sum].map(|row| wide(row, vector));
                let start = row * width + vector * LANES;
                add(&mut product_product[start..], |lane| keys[lane] * queries[lane]);
                add(&mut product_key[start..], |lane| keys[lane] * query);
                add(&mut product_query[start..], |lane| key * queries[lane]);
                add(&mut key_key[start..], |lane| candidates * keys[lane]);
                add(&mut key_query[start..], |lane| key * query_sum[lane]);
                add(&mut query_query[start..], |lane| slots * queries[lane]);
            }
        }
    }

    /// `result = left · right`, `[rows, inner]` by `[inner, width]`, where width is a multiple of [`LANES`].
    pub(super) fn multiply_wide(_simd, left: &[f64], inner: usize, right: &[f64], width: usize, result: &mut [f64]) {
        for (left, result) in left.chunks_exact(inner).zip(result.chunks_exact_mut(width)) {
            for start in (0..width).step_by(LANES) {
                let mut sums = [0.0; LANES];
                for (factor, right) in left.iter().zip(right.chunks_exact(width)) {
                    for (sum, value) in sums.iter_mut().zip(&right[start..start + LANES]) {
                        *sum += factor * value;
                    }
                }
                result[start..start + LANES].copy_from_slice(&sums);
            }
        }
    }
}

/// A vector of a row as f64.
#[inline(always)]
fn wide(row: &[f32], vector: usize) -> [f64; LANES] {
    let mut wide = [0.0; LANES];
    for (wide, value) in wide.iter_mut().zip(&vectors(row)[vector]) {
        *wide = f64::from(*value);
    }
    wide
}

/// Adds to the first vector of values.
#[inline(always)]
fn add(values: &mut [f64], value: impl Fn(usize) -> f64) {
    if let Some(values) = values.first_chunk_mut::<LANES>() {
        for (lane, target) in values.iter_mut().enumerate() {
            *target += value(lane);
        }
    }
}
