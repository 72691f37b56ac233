//! Which vector instructions a kernel may use: the processor is asked once, a value that stands for its answer leaves.
//!
//! Every kernel takes an [`InstructionSet`], so that tests can run all that the processor has and compare them bit by
//! bit. Element by element code is written once, in plain Rust, and compiled for every set by [`vectorised`].

/// A set of vector instructions that this processor has; there is no way to name one that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionSet(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl InstructionSet {
    /// The widest set of this processor.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if has_avx512() {
            return Self(Kind::Avx512);
        } else if has_avx2() {
            return Self(Kind::Avx2);
        }
        Self(Kind::Portable)
    }

    /// All sets of this processor, the portable one first.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "only one processor family has more than one")]
        let mut sets = vec![Self(Kind::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(has_avx2().then_some(Self(Kind::Avx2)));
            sets.extend(has_avx512().then_some(Self(Kind::Avx512)));
        }
        sets
    }

    /// A name for logs and reports.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "AVX-512",
        }
    }

    pub(crate) fn kind(self) -> Kind {
        self.0
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}

/// Defines functions whose plain loops are compiled for every instruction set; the set becomes the first argument.
///
/// The bodies hold no fused multiply-adds and fix the order of every sum, so all sets give the same bits.
macro_rules! vectorised {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block)*) => {$(
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments, reason = "the instruction set comes on top")]
        $visibility fn $name(set: $crate::instruction_set::InstructionSet, $($argument: $type),*) {
            #[inline(always)]
            fn portable($($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) {
                portable($($argument),*);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512($($argument: $type),*) {
                portable($($argument),*);
            }

            match set.kind() {
                $crate::instruction_set::Kind::Portable => portable($($argument),*),
                #[cfg(target_arch = "x86_64")]
                #[allow(unsafe_code, reason = "the processor has the instructions")]
                // SAFETY: a value of this kind exists only where the processor has AVX2 and FMA.
                $crate::instruction_set::Kind::Avx2 => unsafe { avx2($($argument),*) },
                #[cfg(target_arch = "x86_64")]
                #[allow(unsafe_code, reason = "the processor has the instructions")]
                // SAFETY: a value of this kind exists only where the processor has these parts of AVX-512.
                $crate::instruction_set::Kind::Avx512 => unsafe { avx512($($argument),*) },
            }
        }
    )*};
}
pub(crate) use vectorised;
