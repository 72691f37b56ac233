//! Which vector instructions a kernel may use: the processor is asked once, a value that stands for its answer leaves.
//!
//! Every kernel takes an [`InstructionSet`], so that tests can run all that the processor has and compare them bit by
//! bit. Element by element code is written once for the vectors of `crate::simd` and compiled for every set.

#[cfg(target_arch = "x86_64")]
use crate::simd::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use crate::simd::avx512::Avx512;
#[cfg(target_arch = "aarch64")]
use crate::simd::neon::Neon;
use crate::simd::portable::Portable;

/// A set of vector instructions that this processor has; there is no way to name one that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionSet(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Portable(Portable),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl InstructionSet {
    /// The widest set of this processor.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(token) = Avx512::detect() {
            return Self(Kind::Avx512(token));
        } else if let Some(token) = Avx2::detect() {
            return Self(Kind::Avx2(token));
        }
        #[cfg(target_arch = "aarch64")]
        if let Some(token) = Neon::detect() {
            return Self(Kind::Neon(token));
        }
        Self(Kind::Portable(Portable))
    }

    /// All sets of this processor, the portable one first.
    pub fn available() -> Vec<Self> {
        let sets = [
            Some(Kind::Portable(Portable)),
            #[cfg(target_arch = "aarch64")]
            Neon::detect().map(Kind::Neon),
            #[cfg(target_arch = "x86_64")]
            Avx2::detect().map(Kind::Avx2),
            #[cfg(target_arch = "x86_64")]
            Avx512::detect().map(Kind::Avx512),
        ];
        sets.into_iter().flatten().map(Self).collect()
    }

    /// A name for logs and reports.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable(_) => "portable",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(_) => "NEON",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "AVX-512",
        }
    }

    pub(crate) fn kind(self) -> Kind {
        self.0
    }
}

/// Defines functions over a generic `simd` and dispatches to them: the instruction set takes the place of `simd`.
///
/// The body is inlined into a function with the set's instructions enabled. Closures would not be: bodies use loops.
macro_rules! vectorised {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident($simd:ident $(, $argument:ident: $type:ty)* $(,)?) $body:block)*) => {$(
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments, reason = "the instruction set comes on top")]
        $visibility fn $name(set: $crate::instruction_set::InstructionSet, $($argument: $type),*) {
            #[inline(always)]
            fn body<S: $crate::simd::Simd>($simd: S, $($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2(token: $crate::simd::avx2::Avx2, $($argument: $type),*) {
                body(token, $($argument),*);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512(token: $crate::simd::avx512::Avx512, $($argument: $type),*) {
                body(token, $($argument),*);
            }

            match set.kind() {
                $crate::instruction_set::Kind::Portable(token) => body(token, $($argument),*),
                // The architecture has the instructions everywhere.
                #[cfg(target_arch = "aarch64")]
                $crate::instruction_set::Kind::Neon(token) => body(token, $($argument),*),
                #[cfg(target_arch = "x86_64")]
                #[allow(unsafe_code, reason = "the processor has the instructions")]
                // SAFETY: the token exists only where the processor has AVX2 and FMA.
                $crate::instruction_set::Kind::Avx2(token) => unsafe { avx2(token, $($argument),*) },
                #[cfg(target_arch = "x86_64")]
                #[allow(unsafe_code, reason = "the processor has the instructions")]
                // SAFETY: the token exists only where the processor has these parts of AVX-512.
                $crate::instruction_set::Kind::Avx512(token) => unsafe { avx512(token, $($argument),*) },
            }
        }
    )*};
}
pub(crate) use vectorised;
