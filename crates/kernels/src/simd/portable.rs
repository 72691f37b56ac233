//! The operations in plain Rust, lane by lane.

use super::{BytePairs, Simd};
use crate::lanes::{LANES, Lanes};

/// Fused where the target has the instruction; elsewhere it would be a slow call.
#[inline(always)]
pub(crate) fn multiply_add(left: f32, right: f32, sum: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        left.mul_add(right, sum)
    } else {
        left * right + sum
    }
}

/// Every processor has this set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Portable;

#[inline(always)]
fn each<T: Copy + Default, U>(values: [U; LANES], operation: impl Fn(U) -> T) -> [T; LANES] {
    let mut results = [T::default(); LANES];
    for (result, value) in results.iter_mut().zip(values) {
        *result = operation(value);
    }
    results
}

#[inline(always)]
fn both<T: Copy + Default, U: Copy, V: Copy>(
    left: [U; LANES],
    right: [V; LANES],
    operation: impl Fn(U, V) -> T,
) -> [T; LANES] {
    let mut results = [T::default(); LANES];
    for ((result, left), right) in results.iter_mut().zip(left).zip(right) {
        *result = operation(left, right);
    }
    results
}

impl Simd for Portable {
    const MANY_REGISTERS: bool = false;
    type Floats = Lanes;
    type Bits = [u32; LANES];

    #[inline(always)]
    fn load(self, values: &Lanes) -> Lanes {
        *values
    }

    #[inline(always)]
    fn store(self, values: Lanes, target: &mut Lanes) {
        *target = values;
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Lanes {
        [value; LANES]
    }

    #[inline(always)]
    fn add(self, left: Lanes, right: Lanes) -> Lanes {
        both(left, right, |left, right| left + right)
    }

    #[inline(always)]
    fn sub(self, left: Lanes, right: Lanes) -> Lanes {
        both(left, right, |left, right| left - right)
    }

    #[inline(always)]
    fn mul(self, left: Lanes, right: Lanes) -> Lanes {
        both(left, right, |left, right| left * right)
    }

    #[inline(always)]
    fn div(self, left: Lanes, right: Lanes) -> Lanes {
        both(left, right, |left, right| left / right)
    }

    #[inline(always)]
    fn mul_add(self, left: Lanes, right: Lanes, mut sum: Lanes) -> Lanes {
        for ((sum, left), right) in sum.iter_mut().zip(left).zip(right) {
            *sum = multiply_add(left, right, *sum);
        }
        sum
    }

    #[inline(always)]
    fn at_least(self, values: Lanes, limit: Lanes) -> Lanes {
        both(values, limit, |value, limit| if value < limit { limit } else { value })
    }

    #[inline(always)]
    fn at_most(self, values: Lanes, limit: Lanes) -> Lanes {
        both(values, limit, |value, limit| if value > limit { limit } else { value })
    }

    #[inline(always)]
    fn where_positive(self, test: Lanes, values: Lanes) -> Lanes {
        both(test, values, |test, value| if test > 0.0 { value } else { 0.0 })
    }

    #[inline(always)]
    fn total(self, values: Lanes) -> f32 {
        let eight: [f32; 8] = std::array::from_fn(|lane| values[lane] + values[lane + 8]);
        let four: [f32; 4] = std::array::from_fn(|lane| eight[lane] + eight[lane + 4]);
        (four[0] + four[2]) + (four[1] + four[3])
    }

    #[inline(always)]
    fn bits(self, values: Lanes) -> Self::Bits {
        each(values, f32::to_bits)
    }

    #[inline(always)]
    fn floats(self, bits: Self::Bits) -> Lanes {
        each(bits, f32::from_bits)
    }

    #[inline(always)]
    fn load_bits(self, values: &[u32; LANES]) -> Self::Bits {
        *values
    }

    #[inline(always)]
    fn splat_bits(self, value: u32) -> Self::Bits {
        [value; LANES]
    }

    #[inline(always)]
    fn add_bits(self, left: Self::Bits, right: Self::Bits) -> Self::Bits {
        both(left, right, u32::wrapping_add)
    }

    #[inline(always)]
    fn mul_bits(self, left: Self::Bits, right: Self::Bits) -> Self::Bits {
        both(left, right, u32::wrapping_mul)
    }

    #[inline(always)]
    fn xor(self, left: Self::Bits, right: Self::Bits) -> Self::Bits {
        both(left, right, |left, right| left ^ right)
    }

    #[inline(always)]
    fn and(self, left: Self::Bits, right: Self::Bits) -> Self::Bits {
        both(left, right, |left, right| left & right)
    }

    #[inline(always)]
    fn shift_left<const BITS: u32>(self, values: Self::Bits) -> Self::Bits {
        each(values, |value| value << BITS)
    }

    #[inline(always)]
    fn shift_right<const BITS: u32>(self, values: Self::Bits) -> Self::Bits {
        each(values, |value| value >> BITS)
    }

    #[inline(always)]
    fn add_pairs(self, values: &BytePairs, factors: Self::Bits, mut sums: Self::Bits) -> Self::Bits {
        for ((sum, pair), factors) in sums.iter_mut().zip(values.as_chunks::<2>().0).zip(factors) {
            let factors = factors.cast_signed();
            let [first, second] = pair.map(i32::from);
            // The lower half with its sign, then the upper one.
            let dot = first * (factors << 16 >> 16) + second * (factors >> 16);
            *sum = sum.wrapping_add_signed(dot);
        }
        sums
    }

    #[inline(always)]
    fn signed_floats(self, numbers: Self::Bits) -> Lanes {
        each(numbers, |number| number.cast_signed() as f32)
    }

    #[inline(always)]
    fn where_at_least(self, test: Self::Bits, limit: Self::Bits, values: Lanes) -> Lanes {
        let kept = both(test, limit, |test, limit| test >= limit);
        both(kept, values, |kept, value| if kept { value } else { 0.0 })
    }
}
