//! The operations with AVX2 and FMA: 16 lanes are two registers.
#![allow(unsafe_code, reason = "intrinsics; a token proves that the processor has them")]

use std::arch::x86_64::*;

use super::{BytePairs, Simd};
use crate::lanes::{LANES, Lanes};

/// Proof that the processor has AVX2 and FMA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

type Floats = [__m256; 2];
type Bits = [__m256i; 2];

macro_rules! operations {
    ($($name:ident$(<const $bits:ident: u32>)?($($argument:ident: $type:ty),*) -> $result:ty = $value:expr;)*) => {$(
        #[inline(always)]
        fn $name$(<const $bits: u32>)?(self, $($argument: $type),*) -> $result {
            // SAFETY: `self` exists only where the processor has the instructions; addresses come from references to
            // as many values as two registers have lanes.
            unsafe { $value }
        }
    )*};
}

/// The sum of eight lanes, by halves.
///
/// # Safety
/// The processor must have AVX2.
#[inline(always)]
pub(super) unsafe fn total_of_eight(eight: __m256) -> f32 {
    // SAFETY: the caller's promise.
    unsafe {
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }
}

impl Simd for Avx2 {
    const MANY_REGISTERS: bool = false;
    type Floats = Floats;
    type Bits = Bits;

    operations! {
        load(values: &Lanes) -> Floats =
            [_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(LANES / 2))];
        store(values: Floats, target: &mut Lanes) -> () = {
            _mm256_storeu_ps(target.as_mut_ptr(), values[0]);
            _mm256_storeu_ps(target.as_mut_ptr().add(LANES / 2), values[1]);
        };
        splat(value: f32) -> Floats = [_mm256_set1_ps(value); 2];
        add(left: Floats, right: Floats) -> Floats =
            [_mm256_add_ps(left[0], right[0]), _mm256_add_ps(left[1], right[1])];
        sub(left: Floats, right: Floats) -> Floats =
            [_mm256_sub_ps(left[0], right[0]), _mm256_sub_ps(left[1], right[1])];
        mul(left: Floats, right: Floats) -> Floats =
            [_mm256_mul_ps(left[0], right[0]), _mm256_mul_ps(left[1], right[1])];
        div(left: Floats, right: Floats) -> Floats =
            [_mm256_div_ps(left[0], right[0]), _mm256_div_ps(left[1], right[1])];
        mul_add(left: Floats, right: Floats, sum: Floats) -> Floats =
            [_mm256_fmadd_ps(left[0], right[0], sum[0]), _mm256_fmadd_ps(left[1], right[1], sum[1])];
        // The second operand is the result where either is NaN.
        at_least(values: Floats, limit: Floats) -> Floats =
            [_mm256_max_ps(limit[0], values[0]), _mm256_max_ps(limit[1], values[1])];
        at_most(values: Floats, limit: Floats) -> Floats =
            [_mm256_min_ps(limit[0], values[0]), _mm256_min_ps(limit[1], values[1])];
        where_positive(test: Floats, values: Floats) -> Floats = {
            let zero = _mm256_setzero_ps();
            [
                _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(test[0], zero), values[0]),
                _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(test[1], zero), values[1]),
            ]
        };
        total(values: Floats) -> f32 = total_of_eight(_mm256_add_ps(values[0], values[1]));

        bits(values: Floats) -> Bits = [_mm256_castps_si256(values[0]), _mm256_castps_si256(values[1])];
        floats(bits: Bits) -> Floats = [_mm256_castsi256_ps(bits[0]), _mm256_castsi256_ps(bits[1])];
        load_bits(values: &[u32; LANES]) -> Bits =
            [_mm256_loadu_si256(values.as_ptr().cast()), _mm256_loadu_si256(values.as_ptr().add(LANES / 2).cast())];
        splat_bits(value: u32) -> Bits = [_mm256_set1_epi32(value.cast_signed()); 2];
        add_bits(left: Bits, right: Bits) -> Bits =
            [_mm256_add_epi32(left[0], right[0]), _mm256_add_epi32(left[1], right[1])];
        mul_bits(left: Bits, right: Bits) -> Bits =
            [_mm256_mullo_epi32(left[0], right[0]), _mm256_mullo_epi32(left[1], right[1])];
        xor(left: Bits, right: Bits) -> Bits =
            [_mm256_xor_si256(left[0], right[0]), _mm256_xor_si256(left[1], right[1])];
        and(left: Bits, right: Bits) -> Bits =
            [_mm256_and_si256(left[0], right[0]), _mm256_and_si256(left[1], right[1])];
        shift_left<const BITS: u32>(values: Bits) -> Bits = {
            let count = _mm_cvtsi32_si128(BITS.cast_signed());
            [_mm256_sll_epi32(values[0], count), _mm256_sll_epi32(values[1], count)]
        };
        shift_right<const BITS: u32>(values: Bits) -> Bits = {
            let count = _mm_cvtsi32_si128(BITS.cast_signed());
            [_mm256_srl_epi32(values[0], count), _mm256_srl_epi32(values[1], count)]
        };
        add_pairs(values: &BytePairs, factors: Bits, sums: Bits) -> Bits = {
            let wide = [
                _mm256_cvtepi8_epi16(_mm_loadu_si128(values.as_ptr().cast())),
                _mm256_cvtepi8_epi16(_mm_loadu_si128(values.as_ptr().add(LANES).cast())),
            ];
            [
                _mm256_add_epi32(sums[0], _mm256_madd_epi16(wide[0], factors[0])),
                _mm256_add_epi32(sums[1], _mm256_madd_epi16(wide[1], factors[1])),
            ]
        };
        signed_floats(numbers: Bits) -> Floats = [_mm256_cvtepi32_ps(numbers[0]), _mm256_cvtepi32_ps(numbers[1])];
        where_at_least(test: Bits, limit: Bits, values: Floats) -> Floats = {
            let below = [_mm256_cmpgt_epi32(limit[0], test[0]), _mm256_cmpgt_epi32(limit[1], test[1])];
            [
                _mm256_andnot_ps(_mm256_castsi256_ps(below[0]), values[0]),
                _mm256_andnot_ps(_mm256_castsi256_ps(below[1]), values[1]),
            ]
        };
    }
}
