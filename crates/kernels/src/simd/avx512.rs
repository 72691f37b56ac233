//! The operations with AVX-512: 16 lanes are one register.
#![allow(unsafe_code, reason = "intrinsics; a token proves that the processor has them")]

use std::arch::x86_64::*;

use super::{BytePairs, Simd};
use crate::lanes::{LANES, Lanes};

/// Proof that the processor has AVX-512 F, BW, DQ and VL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        has.then_some(Self(()))
    }
}

macro_rules! operations {
    ($($name:ident$(<const $bits:ident: u32>)?($($argument:ident: $type:ty),*) -> $result:ty = $value:expr;)*) => {$(
        #[inline(always)]
        fn $name$(<const $bits: u32>)?(self, $($argument: $type),*) -> $result {
            // SAFETY: `self` exists only where the processor has the instructions; addresses come from references to
            // as many values as a register has lanes.
            unsafe { $value }
        }
    )*};
}

impl Simd for Avx512 {
    const MANY_REGISTERS: bool = true;
    type Floats = __m512;
    type Bits = __m512i;

    operations! {
        load(values: &Lanes) -> __m512 = _mm512_loadu_ps(values.as_ptr());
        store(values: __m512, target: &mut Lanes) -> () = _mm512_storeu_ps(target.as_mut_ptr(), values);
        splat(value: f32) -> __m512 = _mm512_set1_ps(value);
        add(left: __m512, right: __m512) -> __m512 = _mm512_add_ps(left, right);
        sub(left: __m512, right: __m512) -> __m512 = _mm512_sub_ps(left, right);
        mul(left: __m512, right: __m512) -> __m512 = _mm512_mul_ps(left, right);
        div(left: __m512, right: __m512) -> __m512 = _mm512_div_ps(left, right);
        mul_add(left: __m512, right: __m512, sum: __m512) -> __m512 = _mm512_fmadd_ps(left, right, sum);
        // The second operand is the result where either is NaN.
        at_least(values: __m512, limit: __m512) -> __m512 = _mm512_max_ps(limit, values);
        at_most(values: __m512, limit: __m512) -> __m512 = _mm512_min_ps(limit, values);
        where_positive(test: __m512, values: __m512) -> __m512 =
            _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(test, _mm512_setzero_ps()), values);
        total(values: __m512) -> f32 = {
            let eight = _mm256_add_ps(_mm512_castps512_ps256(values), _mm512_extractf32x8_ps::<1>(values));
            super::avx2::total_of_eight(eight)
        };

        bits(values: __m512) -> __m512i = _mm512_castps_si512(values);
        floats(bits: __m512i) -> __m512 = _mm512_castsi512_ps(bits);
        load_bits(values: &[u32; LANES]) -> __m512i = _mm512_loadu_si512(values.as_ptr().cast());
        splat_bits(value: u32) -> __m512i = _mm512_set1_epi32(value.cast_signed());
        add_bits(left: __m512i, right: __m512i) -> __m512i = _mm512_add_epi32(left, right);
        mul_bits(left: __m512i, right: __m512i) -> __m512i = _mm512_mullo_epi32(left, right);
        xor(left: __m512i, right: __m512i) -> __m512i = _mm512_xor_si512(left, right);
        and(left: __m512i, right: __m512i) -> __m512i = _mm512_and_si512(left, right);
        shift_left<const BITS: u32>(values: __m512i) -> __m512i = _mm512_slli_epi32::<BITS>(values);
        shift_right<const BITS: u32>(values: __m512i) -> __m512i = _mm512_srli_epi32::<BITS>(values);
        add_pairs(values: &BytePairs, factors: __m512i, sums: __m512i) -> __m512i = {
            let wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256(values.as_ptr().cast()));
            _mm512_add_epi32(sums, _mm512_madd_epi16(wide, factors))
        };
        signed_floats(numbers: __m512i) -> __m512 = _mm512_cvtepi32_ps(numbers);
        where_at_least(test: __m512i, limit: __m512i, values: __m512) -> __m512 =
            _mm512_maskz_mov_ps(_mm512_cmpge_epi32_mask(test, limit), values);
    }
}
