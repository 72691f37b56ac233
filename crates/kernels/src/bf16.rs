//! Numbers of 16 bits, bfloat16: the upper half of a float of 32, rounded to the nearest, of which a processor with
//! AVX512-BF16 multiplies and adds twice as many at a time.
//!
//! Two of them stand in one lane of 32 bits, the even one in its lower half. A dot product adds the odd products and then
//! the even ones, each sum rounded to the nearest; numbers below the normal ones count as 0. The code in plain Rust does
//! the same, so that tests compare the bits.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512Bf16;
use portable::PortableBf16;

use crate::instruction_set::InstructionSet;
use crate::lanes::LANES;
use crate::simd::Simd;

/// Two numbers in the lane of each candidate, the even one in the lower half.
pub(crate) type PairLanes = [u32; LANES];

/// Instructions for numbers of 16 bits, beside the widest [`InstructionSet`] of the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bf16Set(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Portable(PortableBf16),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512Bf16),
}

impl Bf16Set {
    /// The instructions of this processor; none where floats of 32 bits are faster.
    pub fn detect() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if let Some(token) = Avx512Bf16::detect() {
            return Some(Self(Kind::Avx512(token)));
        }
        None
    }

    /// The same numbers in plain Rust, on every processor and slower than floats of 32 bits.
    pub fn emulated() -> Self {
        Self(Kind::Portable(PortableBf16))
    }

    /// A name for logs and reports.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "AVX512-BF16",
        }
    }

    /// Instructions for everything that stays in 32 bits.
    pub(crate) fn floats(self) -> InstructionSet {
        InstructionSet::detect()
    }

    pub(crate) fn kind(self) -> Kind {
        self.0
    }
}

/// The operations on pairs of an instruction set.
pub(crate) trait Pairs: Copy {
    /// The operations on floats.
    type Simd: Simd;
    /// 16 pairs.
    type Values: Copy;

    fn simd(self) -> Self::Simd;
    fn load_pairs(self, pairs: &PairLanes) -> Self::Values;
    fn store_pairs(self, pairs: Self::Values, target: &mut PairLanes);
    /// The same pair in all lanes.
    fn splat_pair(self, pair: u32) -> Self::Values;
    /// Rounds both to the nearest.
    fn pack(self, even: Floats<Self>, odd: Floats<Self>) -> Self::Values;
    /// `(sum + odd · odd) + even · even`
    fn dot(self, left: Self::Values, right: Self::Values, sum: Floats<Self>) -> Floats<Self>;
    /// The lower numbers of the pairs.
    fn evens(self, pairs: Self::Values) -> Floats<Self>;
    /// The upper numbers of the pairs.
    fn odds(self, pairs: Self::Values) -> Floats<Self>;
}

/// 16 floats of the set that goes with the pairs.
pub(crate) type Floats<P> = <<P as Pairs>::Simd as Simd>::Floats;

pub(crate) use portable::pair;

/// As [`crate::instruction_set::vectorised`], over generic pairs: a [`Bf16Set`] takes the place of `pairs`.
macro_rules! vectorised_pairs {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident($pairs:ident $(, $argument:ident: $type:ty)* $(,)?) $body:block)*) => {$(
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments, reason = "the instruction set comes on top")]
        $visibility fn $name(set: $crate::bf16::Bf16Set, $($argument: $type),*) {
            #[inline(always)]
            fn body<P: $crate::bf16::Pairs>($pairs: P, $($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
            fn avx512(token: $crate::bf16::Avx512Bf16, $($argument: $type),*) {
                body(token, $($argument),*);
            }

            match set.kind() {
                $crate::bf16::Kind::Portable(token) => body(token, $($argument),*),
                #[cfg(target_arch = "x86_64")]
                #[allow(unsafe_code, reason = "the processor has the instructions")]
                // SAFETY: the token exists only where the processor has these parts of AVX-512.
                $crate::bf16::Kind::Avx512(token) => unsafe { avx512(token, $($argument),*) },
            }
        }
    )*};
}
pub(crate) use vectorised_pairs;
