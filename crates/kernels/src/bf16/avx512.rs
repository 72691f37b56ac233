//! The operations on pairs with AVX512-BF16: 16 pairs are one register.
#![allow(unsafe_code, reason = "intrinsics; a token proves that the processor has them")]

use std::arch::x86_64::*;
use std::mem::transmute;

use super::{PairLanes, Pairs};
use crate::simd::avx512::Avx512;

/// Proof that the processor has AVX-512 with its instructions for numbers of 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx512Bf16(Avx512);

impl Avx512Bf16 {
    pub(crate) fn detect() -> Option<Self> {
        Avx512::detect().filter(|_| is_x86_feature_detected!("avx512bf16")).map(Self)
    }
}

/// Places of 32 numbers of 16 bits that bring the lower 16 and the upper 16 of them together in pairs.
const INTERLEAVED: [u16; 32] = {
    let mut places = [0; 32];
    let mut lane = 0;
    while lane < 16 {
        places[2 * lane as usize] = lane;
        places[2 * lane as usize + 1] = lane + 16;
        lane += 1;
    }
    places
};

macro_rules! operations {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty = $value:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: $type),*) -> $result {
            // SAFETY: `self` exists only where the processor has the instructions; addresses come from references to
            // as many values as a register has lanes; what is transmuted has 512 bits of any value.
            unsafe { $value }
        }
    )*};
}

impl Pairs for Avx512Bf16 {
    type Simd = Avx512;
    type Values = __m512i;

    #[inline(always)]
    fn simd(self) -> Avx512 {
        self.0
    }

    operations! {
        load_pairs(pairs: &PairLanes) -> __m512i = _mm512_loadu_si512(pairs.as_ptr().cast());
        store_pairs(pairs: __m512i, target: &mut PairLanes) -> () =
            _mm512_storeu_si512(target.as_mut_ptr().cast(), pairs);
        splat_pair(pair: u32) -> __m512i = _mm512_set1_epi32(pair.cast_signed());
        pack(even: __m512, odd: __m512) -> __m512i = {
            let halves = transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(odd, even));
            _mm512_permutexvar_epi16(_mm512_loadu_si512(INTERLEAVED.as_ptr().cast()), halves)
        };
        dot(left: __m512i, right: __m512i, sum: __m512) -> __m512 =
            _mm512_dpbf16_ps(sum, transmute::<__m512i, __m512bh>(left), transmute::<__m512i, __m512bh>(right));
        evens(pairs: __m512i) -> __m512 = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs));
        odds(pairs: __m512i) -> __m512 =
            _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(0xffff_0000_u32.cast_signed())));
    }
}
