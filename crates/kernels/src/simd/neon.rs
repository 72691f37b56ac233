//! The operations with NEON: 16 lanes are four registers.
#![allow(unsafe_code, reason = "intrinsics; the architecture has them")]

use std::arch::aarch64::*;

use super::{BytePairs, Simd};
use crate::lanes::{LANES, Lanes};

/// Every processor of this architecture has NEON, with fused multiply-adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Neon(());

impl Neon {
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

type Floats = [float32x4_t; 4];
type Bits = [uint32x4_t; 4];

/// An expression for each of the four registers.
macro_rules! each {
    ($register:ident => $value:expr) => {
        [
            {
                const $register: usize = 0;
                $value
            },
            {
                const $register: usize = 1;
                $value
            },
            {
                const $register: usize = 2;
                $value
            },
            {
                const $register: usize = 3;
                $value
            },
        ]
    };
}

macro_rules! operations {
    ($($name:ident$(<const $bits:ident: u32>)?($($argument:ident: $type:ty),*) -> $result:ty = $value:expr;)*) => {$(
        #[inline(always)]
        fn $name$(<const $bits: u32>)?(self, $($argument: $type),*) -> $result {
            // SAFETY: `self` exists only where the processor has the instructions; addresses come from references to
            // as many values as four registers have lanes.
            unsafe { $value }
        }
    )*};
}

impl Simd for Neon {
    const MANY_REGISTERS: bool = false;
    type Floats = Floats;
    type Bits = Bits;

    operations! {
        load(values: &Lanes) -> Floats = each!(R => vld1q_f32(values.as_ptr().add(4 * R)));
        store(values: Floats, target: &mut Lanes) -> () = {
            each!(R => vst1q_f32(target.as_mut_ptr().add(4 * R), values[R]));
        };
        splat(value: f32) -> Floats = [vdupq_n_f32(value); 4];
        add(left: Floats, right: Floats) -> Floats = each!(R => vaddq_f32(left[R], right[R]));
        sub(left: Floats, right: Floats) -> Floats = each!(R => vsubq_f32(left[R], right[R]));
        mul(left: Floats, right: Floats) -> Floats = each!(R => vmulq_f32(left[R], right[R]));
        div(left: Floats, right: Floats) -> Floats = each!(R => vdivq_f32(left[R], right[R]));
        mul_add(left: Floats, right: Floats, sum: Floats) -> Floats = each!(R => vfmaq_f32(sum[R], left[R], right[R]));
        // A comparison with NaN is false; equal zeros keep the sign of the value, as everywhere.
        at_least(values: Floats, limit: Floats) -> Floats =
            each!(R => vbslq_f32(vcltq_f32(values[R], limit[R]), limit[R], values[R]));
        at_most(values: Floats, limit: Floats) -> Floats =
            each!(R => vbslq_f32(vcgtq_f32(values[R], limit[R]), limit[R], values[R]));
        where_positive(test: Floats, values: Floats) -> Floats =
            each!(R => vbslq_f32(vcgtzq_f32(test[R]), values[R], vdupq_n_f32(0.0)));
        total(values: Floats) -> f32 = {
            let four = vaddq_f32(vaddq_f32(values[0], values[2]), vaddq_f32(values[1], values[3]));
            let two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
            vget_lane_f32::<0>(two) + vget_lane_f32::<1>(two)
        };

        bits(values: Floats) -> Bits = each!(R => vreinterpretq_u32_f32(values[R]));
        floats(bits: Bits) -> Floats = each!(R => vreinterpretq_f32_u32(bits[R]));
        load_bits(values: &[u32; LANES]) -> Bits = each!(R => vld1q_u32(values.as_ptr().add(4 * R)));
        splat_bits(value: u32) -> Bits = [vdupq_n_u32(value); 4];
        add_bits(left: Bits, right: Bits) -> Bits = each!(R => vaddq_u32(left[R], right[R]));
        mul_bits(left: Bits, right: Bits) -> Bits = each!(R => vmulq_u32(left[R], right[R]));
        xor(left: Bits, right: Bits) -> Bits = each!(R => veorq_u32(left[R], right[R]));
        and(left: Bits, right: Bits) -> Bits = each!(R => vandq_u32(left[R], right[R]));
        shift_left<const BITS: u32>(values: Bits) -> Bits =
            each!(R => vshlq_u32(values[R], vdupq_n_s32(BITS.cast_signed())));
        // A shift to the left by a negative number goes to the right.
        shift_right<const BITS: u32>(values: Bits) -> Bits =
            each!(R => vshlq_u32(values[R], vdupq_n_s32(-BITS.cast_signed())));
        add_pairs(values: &BytePairs, factors: Bits, sums: Bits) -> Bits = each!(R => {
            let wide = vmovl_s8(vld1_s8(values.as_ptr().add(8 * R)));
            let factors = vreinterpretq_s16_u32(factors[R]);
            let (low, high) = (vmull_s16(vget_low_s16(wide), vget_low_s16(factors)), vmull_high_s16(wide, factors));
            vaddq_u32(sums[R], vreinterpretq_u32_s32(vpaddq_s32(low, high)))
        });
        signed_floats(numbers: Bits) -> Floats = each!(R => vcvtq_f32_s32(vreinterpretq_s32_u32(numbers[R])));
        where_at_least(test: Bits, limit: Bits, values: Floats) -> Floats =
            each!(R => vbslq_f32(vcgeq_u32(test[R], limit[R]), values[R], vdupq_n_f32(0.0)));
    }
}
