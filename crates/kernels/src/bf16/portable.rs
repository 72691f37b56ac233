//! The operations on pairs in plain Rust, lane by lane.

use super::{PairLanes, Pairs};
use crate::lanes::{LANES, Lanes};
use crate::simd::portable::Portable;

/// Every processor has this set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PortableBf16;

/// 0 in the place of numbers below the normal ones.
#[inline(always)]
fn flushed(value: f32) -> f32 {
    if value.is_subnormal() { 0.0_f32.copysign(value) } else { value }
}

/// The 16 bits that are nearest to a float, ties to even; NaN stays NaN.
#[inline(always)]
fn rounded(value: f32) -> u32 {
    let bits = flushed(value).to_bits();
    if value.is_nan() {
        return (bits >> 16) | 0x40;
    }
    (bits + 0x7fff + ((bits >> 16) & 1)) >> 16
}

/// Both floats rounded, in one word.
#[inline(always)]
pub(crate) fn pair(even: f32, odd: f32) -> u32 {
    rounded(even) | (rounded(odd) << 16)
}

#[inline(always)]
fn even(pair: u32) -> f32 {
    f32::from_bits(pair << 16)
}

#[inline(always)]
fn odd(pair: u32) -> f32 {
    f32::from_bits(pair & 0xffff_0000)
}

impl Pairs for PortableBf16 {
    type Simd = Portable;
    type Values = PairLanes;

    #[inline(always)]
    fn simd(self) -> Portable {
        Portable
    }

    #[inline(always)]
    fn load_pairs(self, pairs: &PairLanes) -> PairLanes {
        *pairs
    }

    #[inline(always)]
    fn store_pairs(self, pairs: PairLanes, target: &mut PairLanes) {
        *target = pairs;
    }

    #[inline(always)]
    fn splat_pair(self, pair: u32) -> PairLanes {
        [pair; LANES]
    }

    #[inline(always)]
    fn pack(self, evens: Lanes, odds: Lanes) -> PairLanes {
        let mut pairs = [0; LANES];
        for ((result, even), odd) in pairs.iter_mut().zip(evens).zip(odds) {
            *result = pair(even, odd);
        }
        pairs
    }

    #[inline(always)]
    fn dot(self, left: PairLanes, right: PairLanes, mut sums: Lanes) -> Lanes {
        // A product of two such numbers fits a float: to fuse or not to fuse it with the sum is the same.
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            let first = flushed(flushed(*sum) + flushed(odd(left)) * flushed(odd(right)));
            *sum = flushed(first + flushed(even(left)) * flushed(even(right)));
        }
        sums
    }

    #[inline(always)]
    fn evens(self, pairs: PairLanes) -> Lanes {
        pairs.map(even)
    }

    #[inline(always)]
    fn odds(self, pairs: PairLanes) -> Lanes {
        pairs.map(odd)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bf16Set, vectorised_pairs};
    use super::*;
    use crate::simd::Simd;

    vectorised_pairs! {
        /// Packs two vectors, twice, adds the dot products to a third and unpacks the first pairs.
        fn operations(pairs, inputs: &[Lanes; 5], results: &mut [[u32; LANES]; 4]) {
            let simd = pairs.simd();
            let [a, b, c, d, sum] = [0, 1, 2, 3, 4].map(|number| simd.load(&inputs[number]));
            let (left, right) = (pairs.pack(a, b), pairs.pack(c, d));
            pairs.store_pairs(left, &mut results[0]);
            let floats = [pairs.dot(left, right, sum), pairs.evens(left), pairs.odds(left)];
            for number in 0..3 {
                let mut lanes = [0.0; LANES];
                simd.store(floats[number], &mut lanes);
                results[number + 1] = lanes.map(f32::to_bits);
            }
        }
    }

    fn results(set: Bf16Set, inputs: &[Lanes; 5]) -> [[u32; LANES]; 4] {
        let mut results = [[0; LANES]; 4];
        operations(set, inputs, &mut results);
        results
    }

    fn inputs(seed: u64, scale: f32) -> [Lanes; 5] {
        let mut state = seed;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            scale * ((state >> 33) as f32 / (1_u32 << 30) as f32 - 1.0)
        };
        std::array::from_fn(|_| std::array::from_fn(|_| random()))
    }

    #[test]
    fn floats_round_to_the_nearest_number_of_16_bits() {
        for (value, expected) in [
            (1.0, 1.0),
            (-2.5, -2.5),
            // Half way between two: to the even one.
            (1.0 + 1.0 / 256.0, 1.0),
            (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0),
            (1.0 + 1.1 / 256.0, 1.0 + 2.0 / 256.0),
            (1e-40, 0.0),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
        ] {
            let packed = pair(value, 0.5);
            assert_eq!((even(packed), odd(packed)), (expected, 0.5), "{value}");
        }
        assert!(even(pair(f32::NAN, 0.0)).is_nan());
        assert!(odd(pair(0.0, f32::from_bits(0x7f80_0001))).is_nan());
    }

    #[test]
    fn a_dot_product_adds_the_odd_products_first() {
        // 2^24 + 1 is no float: 1 is lost when it comes second.
        let big = 16_777_216.0;
        let vectors = [[1.0; LANES], [big; LANES], [1.0; LANES], [1.0; LANES], [-big; LANES]];
        let [_, dots, ..] = results(Bf16Set::emulated(), &vectors);
        assert_eq!(dots.map(f32::from_bits), [1.0; LANES]);
        let vectors = [[big; LANES], [1.0; LANES], [1.0; LANES], [1.0; LANES], [-big; LANES]];
        let [_, dots, ..] = results(Bf16Set::emulated(), &vectors);
        assert_eq!(dots.map(f32::from_bits), [1.0; LANES]);
        let vectors = [[-big; LANES], [1.0; LANES], [1.0; LANES], [1.0; LANES], [big; LANES]];
        let [_, dots, ..] = results(Bf16Set::emulated(), &vectors);
        assert_eq!(dots.map(f32::from_bits), [0.0; LANES]);
    }

    #[test]
    fn the_processors_instructions_have_the_bits_of_the_plain_code() {
        let Some(set) = Bf16Set::detect() else { return };
        for seed in 0..500 {
            for scale in [1.0, 1e-3, 300.0, 1e18] {
                let inputs = inputs(seed, scale);
                assert_eq!(results(set, &inputs), results(Bf16Set::emulated(), &inputs), "{seed}, {scale}");
            }
        }
        let special = [0.0, -0.0, 1e-40, -1e-40, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, 1.0];
        for (left, right) in special.iter().flat_map(|left| special.map(|right| (*left, right))) {
            let inputs = [[left; LANES], [right; LANES], [1.0; LANES], [0.5; LANES], [right; LANES]];
            let [expected, found] = [Bf16Set::emulated(), set].map(|set| results(set, &inputs));
            let same = |(found, expected): (&u32, &u32)| {
                let [found, expected] = [found, expected].map(|bits| f32::from_bits(*bits));
                found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan())
            };
            assert!(found.iter().flatten().zip(expected.iter().flatten()).all(same), "{left}, {right}");
        }
    }
}
