//! Dropout without stored masks: a seed, a row and a column decide whether a hidden value is dropped, so that the
//! backward pass asks again and no order of work matters.

use crate::instruction_set::vectorised;
use crate::lanes::{LANES, vectors_mut};
use crate::simd::{Simd, Vector};

/// Inverted dropout of a layer: a share of the values becomes 0, the others are multiplied by 1 / (1 - share).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    seed: u64,
    /// Of 65,536 possible numbers, so many drop a value.
    dropped: u32,
    factor: f32,
}

impl Dropout {
    /// Drops a share of `rate`, from 0 up to below 1.
    pub fn new(seed: u64, rate: f64) -> Self {
        let dropped = (rate * 65_536.0) as u32;
        let factor = if dropped == 0 { 1.0 } else { (1.0 / (1.0 - rate)) as f32 };
        Self { seed, dropped, factor }
    }

    /// Drops nothing.
    pub fn off() -> Self {
        Self::new(0, 0.0)
    }

    /// What the values that stay are multiplied by.
    pub(crate) fn factor(&self) -> f32 {
        self.factor
    }

    /// The dropout of a row, whatever its block.
    #[inline(always)]
    pub(crate) fn row(&self, row: u64) -> RowDropout {
        RowDropout { dropout: *self, key: mix(self.seed ^ mix(row)) }
    }
}

/// Dropout of a row: every 32-bit hash of its 64-bit key and a counter decides two values, with 16 bits each.
#[derive(Clone, Copy)]
pub(crate) struct RowDropout {
    dropout: Dropout,
    key: u64,
}

impl RowDropout {
    /// The factors of the row's vectors `2 * pair` and `2 * pair + 1`: 0 or [`Dropout::factor`].
    #[inline(always)]
    pub(crate) fn factors<S: Simd>(&self, simd: S, pair: usize) -> [Vector<S>; 2] {
        let factor = Vector::splat(simd, self.dropout.factor);
        if self.dropout.dropped == 0 {
            return [factor; 2];
        }
        let first = (self.key as u32).wrapping_add(((pair * LANES) as u32).wrapping_mul(STEP));
        let counters = simd.add_bits(simd.load_bits(&STEPS), simd.splat_bits(first));
        let bits = hash(simd, counters, simd.splat_bits((self.key >> 32) as u32));
        let limit = simd.splat_bits(self.dropout.dropped);
        [simd.and(bits, simd.splat_bits(0xffff)), simd.shift_right::<16>(bits)]
            .map(|number| Vector::new(simd, simd.where_at_least(number, limit, factor.values())))
    }
}

/// The golden ratio's fraction as 32 bits, which spreads counters.
const STEP: u32 = 0x9e37_79b9;

/// Its first multiples.
const STEPS: [u32; LANES] = {
    let mut steps = [0; LANES];
    let mut lane = 1;
    while lane < LANES {
        steps[lane] = (lane as u32).wrapping_mul(STEP);
        lane += 1;
    }
    steps
};

vectorised! {
    /// ReLU, then dropout, of padded rows; row i of them is row `first_row + i` of the layer. NaN stays NaN.
    pub(crate) fn activate(simd, values: &mut [f32], width: usize, dropout: &Dropout, first_row: u64) {
        for (row, values) in (first_row..).zip(values.chunks_exact_mut(width)) {
            let row = dropout.row(row);
            for (pair, lanes) in vectors_mut(values).chunks_mut(2).enumerate() {
                for (lanes, factor) in lanes.iter_mut().zip(row.factors(simd, pair)) {
                    (Vector::load(simd, lanes).at_least(0.0) * factor).store(lanes);
                }
            }
        }
    }
}

/// SplitMix64's step and finaliser (Steele, Lea, Flood 2014): neighbouring counters give independent bits.
fn mix(counter: u64) -> u64 {
    let mut bits = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// `lowbias32` (Wellons 2018), with a second key in its middle; 32-bit multiplications exist in every vector set.
#[inline(always)]
fn hash<S: Simd>(simd: S, bits: S::Bits, key: S::Bits) -> S::Bits {
    let bits = simd.mul_bits(simd.xor(bits, simd.shift_right::<16>(bits)), simd.splat_bits(0x7feb_352d));
    let bits = simd.xor(bits, key);
    let bits = simd.mul_bits(simd.xor(bits, simd.shift_right::<15>(bits)), simd.splat_bits(0x846c_a68b));
    simd.xor(bits, simd.shift_right::<16>(bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruction_set::InstructionSet;

    const WIDTH: usize = 80;

    fn activated(set: InstructionSet, dropout: &Dropout, first_row: u64, rows: usize) -> Vec<f32> {
        let mut values = vec![1.0; rows * WIDTH];
        activate(set, &mut values, WIDTH, dropout, first_row);
        values
    }

    #[test]
    fn a_share_is_dropped_in_every_row_and_column_and_the_mean_stays() {
        let values = activated(InstructionSet::detect(), &Dropout::new(7, 0.3), 0, 5000);
        let dropped = |values: &mut dyn Iterator<Item = &f32>| values.filter(|value| **value == 0.0).count() as f64;
        assert!((dropped(&mut values.iter()) / 400_000.0 - 0.3).abs() < 0.003);
        for column in 0..WIDTH {
            let share = dropped(&mut values.iter().skip(column).step_by(WIDTH)) / 5000.0;
            assert!((share - 0.3).abs() < 0.035, "column {column}: {share}");
        }
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / 400_000.0;
        assert!((mean - 1.0).abs() < 0.005, "{mean}");
    }

    #[test]
    fn neighbours_are_dropped_independently() {
        let values = activated(InstructionSet::detect(), &Dropout::new(3, 0.5), 0, 4000);
        for distance in [1, 16, WIDTH] {
            let pairs = values.iter().zip(&values[distance..]);
            let both = pairs.filter(|(left, right)| **left == 0.0 && **right == 0.0).count() as f64;
            let share = both / (values.len() - distance) as f64;
            assert!((share - 0.25).abs() < 0.005, "distance {distance}: {share}");
        }
    }

    #[test]
    fn the_row_and_the_seed_decide_whatever_the_block_and_the_instruction_set() {
        let whole = activated(InstructionSet::detect(), &Dropout::new(1, 0.3), 10, 20);
        for set in InstructionSet::available() {
            assert_eq!(activated(set, &Dropout::new(1, 0.3), 15, 3), whole[5 * WIDTH..8 * WIDTH]);
        }
        assert_ne!(activated(InstructionSet::detect(), &Dropout::new(2, 0.3), 10, 20), whole);
    }

    #[test]
    fn without_dropout_only_the_relu_is_left_and_nan_stays_nan() {
        let mut values = [[-1.0, 2.0, f32::NAN, 0.0]; 4].concat();
        activate(InstructionSet::detect(), &mut values, LANES, &Dropout::off(), 0);
        assert_eq!((values[0], values[1], values[3]), (0.0, 2.0, 0.0));
        assert!(values[2].is_nan());
    }
}
