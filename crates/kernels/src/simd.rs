//! Vectors of 16 floats that every instruction set has, in one, two, four or sixteen registers: element by element work is
//! written once and compiled for each set.
//!
//! The values of a set's token exist only where the processor has its instructions, and every operation needs one: so
//! the operations are safe. They round like those of the product kernel: fused where the target can.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use crate::lanes::{LANES, Lanes};

/// Two signed numbers in each lane.
pub(crate) type BytePairs = [i8; 2 * LANES];

/// The operations of an instruction set, named for what they do to each lane.
pub(crate) trait Simd: Copy {
    /// Whether 24 vectors of floats and what they are multiplied with fit the registers.
    const MANY_REGISTERS: bool;
    /// 16 floats.
    type Floats: Copy;
    /// 16 unsigned integers.
    type Bits: Copy;

    fn load(self, values: &Lanes) -> Self::Floats;
    fn store(self, values: Self::Floats, target: &mut Lanes);
    fn splat(self, value: f32) -> Self::Floats;
    fn add(self, left: Self::Floats, right: Self::Floats) -> Self::Floats;
    fn sub(self, left: Self::Floats, right: Self::Floats) -> Self::Floats;
    fn mul(self, left: Self::Floats, right: Self::Floats) -> Self::Floats;
    fn div(self, left: Self::Floats, right: Self::Floats) -> Self::Floats;
    /// `left · right + sum`
    fn mul_add(self, left: Self::Floats, right: Self::Floats, sum: Self::Floats) -> Self::Floats;
    /// The value, but at least `limit`; NaN stays.
    fn at_least(self, values: Self::Floats, limit: Self::Floats) -> Self::Floats;
    /// The value, but at most `limit`; NaN stays.
    fn at_most(self, values: Self::Floats, limit: Self::Floats) -> Self::Floats;
    /// The value where `test` is above 0, elsewhere 0.
    fn where_positive(self, test: Self::Floats, values: Self::Floats) -> Self::Floats;
    /// The sum of all lanes, by halves.
    fn total(self, values: Self::Floats) -> f32;

    fn bits(self, values: Self::Floats) -> Self::Bits;
    fn floats(self, bits: Self::Bits) -> Self::Floats;
    fn load_bits(self, values: &[u32; LANES]) -> Self::Bits;
    fn splat_bits(self, value: u32) -> Self::Bits;
    fn add_bits(self, left: Self::Bits, right: Self::Bits) -> Self::Bits;
    fn mul_bits(self, left: Self::Bits, right: Self::Bits) -> Self::Bits;
    fn xor(self, left: Self::Bits, right: Self::Bits) -> Self::Bits;
    fn and(self, left: Self::Bits, right: Self::Bits) -> Self::Bits;
    fn shift_left<const BITS: u32>(self, values: Self::Bits) -> Self::Bits;
    fn shift_right<const BITS: u32>(self, values: Self::Bits) -> Self::Bits;
    /// `sums + first · first + second · second`, in signed numbers of 32 bits: of pairs of values, and of pairs of factors of
    /// 16 bits whose first one stands in the lower half of a lane.
    fn add_pairs(self, values: &BytePairs, factors: Self::Bits, sums: Self::Bits) -> Self::Bits;
    /// Signed numbers, rounded to the nearest float.
    fn signed_floats(self, numbers: Self::Bits) -> Self::Floats;
    /// The value where `test` is at least `limit`, both below 2^31, elsewhere 0.
    fn where_at_least(self, test: Self::Bits, limit: Self::Bits, values: Self::Floats) -> Self::Floats;
}

/// 16 floats with the operators of floats.
#[derive(Clone, Copy)]
pub(crate) struct Vector<S: Simd> {
    simd: S,
    values: S::Floats,
}

impl<S: Simd> Vector<S> {
    #[inline(always)]
    pub(crate) fn new(simd: S, values: S::Floats) -> Self {
        Self { simd, values }
    }

    #[inline(always)]
    pub(crate) fn load(simd: S, values: &Lanes) -> Self {
        Self::new(simd, simd.load(values))
    }

    /// The same value in all lanes.
    #[inline(always)]
    pub(crate) fn splat(simd: S, value: f32) -> Self {
        Self::new(simd, simd.splat(value))
    }

    #[inline(always)]
    pub(crate) fn zero(simd: S) -> Self {
        Self::splat(simd, 0.0)
    }

    #[inline(always)]
    pub(crate) fn store(self, target: &mut Lanes) {
        self.simd.store(self.values, target);
    }

    /// `self · factor + sum`
    #[inline(always)]
    pub(crate) fn mul_add(self, factor: Self, sum: Self) -> Self {
        Self::new(self.simd, self.simd.mul_add(self.values, factor.values, sum.values))
    }

    #[inline(always)]
    pub(crate) fn at_least(self, limit: f32) -> Self {
        Self::new(self.simd, self.simd.at_least(self.values, self.simd.splat(limit)))
    }

    #[inline(always)]
    pub(crate) fn at_most(self, limit: f32) -> Self {
        Self::new(self.simd, self.simd.at_most(self.values, self.simd.splat(limit)))
    }

    /// These values where `test` is above 0, elsewhere 0.
    #[inline(always)]
    pub(crate) fn where_positive(self, test: Self) -> Self {
        Self::new(self.simd, self.simd.where_positive(test.values, self.values))
    }

    /// The sum of all lanes, by halves: the same order for every instruction set.
    #[inline(always)]
    pub(crate) fn total(self) -> f32 {
        self.simd.total(self.values)
    }

    #[inline(always)]
    pub(crate) fn bits(self) -> S::Bits {
        self.simd.bits(self.values)
    }

    #[inline(always)]
    pub(crate) fn simd(self) -> S {
        self.simd
    }

    #[inline(always)]
    pub(crate) fn values(self) -> S::Floats {
        self.values
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident),*) => {$(
        impl<S: Simd> $trait for Vector<S> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self::new(self.simd, self.simd.$method(self.values, other.values))
            }
        }
    )*};
}
operators!(Add add, Sub sub, Mul mul, Div div);

impl<S: Simd> AddAssign for Vector<S> {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<S: Simd> Neg for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::zero(self.simd) - self
    }
}
