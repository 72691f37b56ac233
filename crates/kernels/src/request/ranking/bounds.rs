//! About what the logit of every candidate is: a history and candidates in 8 bits enter; for each block, approximate logits
//! and how far off they may be leave.
//!
//! Rows are s · Z by [`RoundedCandidates`]; a query p becomes t · P, P being whole numbers of 16 bits. Sums of their products
//! are exact in 32 bits, the same for every instruction set. By the inequality of Cauchy and Schwarz,
//!
//! ```text
//! |p · x - s · t · Σ Z P| <= |p| · |x - s Z| + |p - t P| · |s Z|
//! ```
//!
//! where the lengths that belong to candidates are the greatest of each block. What rounding to floats adds on either road
//! is within a margin on top.

use super::rounded::{LARGEST, Lengths, RoundedCandidates, greatest, upwards};
use super::{RankingHistory, RankingNetwork};
use crate::instruction_set::{InstructionSet, vectorised};
use crate::lanes::{LANES, Lanes, vectors};
use crate::request::{BLOCK, VECTORS};
use crate::simd::{BytePairs, Vector};

/// Two numbers of every candidate of a block.
type PairRow = [BytePairs; VECTORS];

/// Scores whose logits lie further apart than this, and than what rounding may do to them, differ in their bits.
const TOLD_APART: f32 = 1e-5;
/// Logits so far below the normaliser may have scores that have become equal.
const LOWEST: f32 = -80.0;

/// A query in 16 bits.
#[derive(Debug)]
pub struct RoundedQuery {
    /// Two numbers in each lane, the first in the lower half.
    factors: Vec<u32>,
    scale: f32,
    /// Of the query as it was.
    length: f32,
    /// Length of what rounding took from it.
    error: f32,
    margin: f32,
    /// What logits are multiplied with.
    pub temperature: f32,
    /// From this logit on, before the temperature, scores may be 1 and the same.
    pub ceiling: f32,
    /// Below this logit, before the temperature, scores may be the same.
    pub floor: f32,
}

/// What is known of a block's logits, before the temperature.
#[derive(Debug, Clone, Copy)]
pub struct Approximate {
    /// The greatest.
    pub greatest: f32,
    /// How far off each of them is, at most; infinite where that is not known, or a logit is no number.
    pub error: f32,
}

impl RoundedCandidates {
    /// A query `[columns]` in 16 bits; `margin` is what is added to all errors.
    fn query(&self, query: &[f32], margin: f32) -> RoundedQuery {
        assert_eq!(query.len(), self.units.len(), "length of the query");
        let measured: Vec<f64> = query.iter().zip(&self.units).map(|(value, unit)| f64::from(*value) * unit).collect();
        let most = greatest(&measured);
        // So that no sum leaves 32 bits.
        let limit = (f64::from(i32::MAX) / (LARGEST * measured.len() as f64)).floor().min(f64::from(i16::MAX));
        let scale = (most / limit) as f32;
        let (mut length, mut error) = (0.0, 0.0);
        let mut rounded = |value: f64| {
            let whole = if scale > 0.0 { (value / f64::from(scale)).round().clamp(-limit, limit) } else { 0.0 };
            length += value * value;
            error += (value - whole * f64::from(scale)).powi(2);
            (whole as i16).cast_unsigned()
        };
        let pair = |pair: &[f64; 2]| u32::from(rounded(pair[0])) | u32::from(rounded(pair[1])) << 16;
        let factors = measured.as_chunks::<2>().0.iter().map(pair).collect();
        // Of the biases, as they are added.
        let margin = margin + self.largest_bias * 4.0 * f32::EPSILON;
        let (length, error) = (upwards(length.sqrt()), upwards(error.sqrt()));
        let (ceiling, floor) = (f32::INFINITY, f32::NEG_INFINITY);
        RoundedQuery { factors, scale, length, error, margin, temperature: 1.0, ceiling, floor }
    }

    fn approximate(
        &self,
        set: InstructionSet,
        query: &RoundedQuery,
        number: usize,
        logits: &mut [f32; BLOCK],
    ) -> Approximate {
        let size = self.units.len() * BLOCK;
        let values = self.values[number * size..][..size].as_chunks().0.as_chunks().0;
        let of_block = number * BLOCK..(number + 1) * BLOCK;
        let (scales, bias) = (vectors(&self.scales[of_block.clone()]), vectors(&self.bias[of_block]));
        let logits: &mut [Lanes] = logits.as_chunks_mut().0;
        let mut greatest = f32::MIN;
        approximate(set, values, &query.factors, scales, bias, query.scale, logits, &mut greatest);
        let Lengths { error, rounded } = self.lengths[number];
        // Each sum is a chain of as many roundings as there are columns, of either road.
        let of_floats = self.units.len() as f32 * f32::EPSILON * query.length * (rounded + error);
        let error = query.length * error + query.error * rounded + of_floats + query.margin;
        Approximate { greatest, error: if error.is_finite() { error } else { f32::INFINITY } }
    }
}

impl RankingNetwork {
    /// Replaces `logits` by about what a query gives for the candidates of a block, before the temperature and without what
    /// some items get on top; places behind the last candidate get the lowest number.
    ///
    /// # Panics
    /// When there is no such block.
    pub fn approximate(
        &self,
        candidates: &RoundedCandidates,
        query: &RoundedQuery,
        number: usize,
        logits: &mut [f32; BLOCK],
    ) -> Approximate {
        candidates.approximate(self.set, query, number, logits)
    }

    /// What a history's shortlist is chosen with; none where scores do not rise with the logits or a value is not finite.
    pub fn rounded_query(&self, history: &RankingHistory, candidates: &RoundedCandidates) -> Option<RoundedQuery> {
        let (temperature, normaliser) = (self.weights.temperature, history.normaliser);
        if temperature <= 0.0 || !candidates.finite {
            return None;
        }
        let margin = TOLD_APART + 4.0 * f32::EPSILON * (normaliser.abs() - LOWEST);
        let mut query = candidates.query(&history.query, margin / temperature);
        query.temperature = temperature;
        (query.ceiling, query.floor) = (normaliser / temperature, (normaliser + LOWEST) / temperature);
        let RoundedQuery { scale, length, error, margin, ceiling, floor, .. } = query;
        [scale, length, error, margin, ceiling, floor].iter().all(|value| value.is_finite()).then_some(query)
    }
}

vectorised! {
    /// Replaces `logits` by s · t · Σ Z P + bias, and `greatest` by the greatest of them.
    fn approximate(
        simd,
        values: &[PairRow],
        factors: &[u32],
        scales: &[Lanes],
        bias: &[Lanes],
        scale: f32,
        logits: &mut [Lanes],
        greatest: &mut f32,
    ) {
        let mut sums = [simd.splat_bits(0); VECTORS];
        for (row, factors) in values.iter().zip(factors) {
            let factors = simd.splat_bits(*factors);
            for vector in 0..VECTORS {
                sums[vector] = simd.add_pairs(&row[vector], factors, sums[vector]);
            }
        }
        let scale = Vector::splat(simd, scale);
        let mut most = Vector::splat(simd, f32::MIN);
        for vector in 0..VECTORS {
            let sum = Vector::new(simd, simd.signed_floats(sums[vector]));
            let logit = sum * (scale * Vector::load(simd, &scales[vector])) + Vector::load(simd, &bias[vector]);
            most = Vector::new(simd, simd.at_least(logit.values(), most.values()));
            logit.store(&mut logits[vector]);
        }
        let mut lanes = [f32::MIN; LANES];
        most.store(&mut lanes);
        *greatest = lanes.iter().fold(f32::MIN, |most, value| most.max(*value));
    }
}
