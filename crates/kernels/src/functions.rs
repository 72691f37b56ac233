//! Exponential functions of whole slices and softmax, as polynomials that vectorise: absolute errors of sigmoid and tanh stay
//! below 1.5e-7, relative ones of exp below 2e-7. NaN stays NaN.

use crate::instruction_set::{InstructionSet, vectorised};
use crate::lanes::LANES;
use crate::simd::{Simd, Vector};

/// exp(x), for x from -87.3 to 88; beyond them the value at the end of that range.
#[inline(always)]
pub(crate) fn exp<S: Simd>(x: Vector<S>) -> Vector<S> {
    exp_within(x.at_least(-87.3).at_most(88.0))
}

/// exp(x) = 2^n · exp(r) with |r| <= ln(2) / 2, for x within the range of [`exp`]; the polynomial is that of Cephes'
/// `expf` (Moshier 1989).
#[inline(always)]
#[allow(clippy::excessive_precision, reason = "the constants as published")]
fn exp_within<S: Simd>(x: Vector<S>) -> Vector<S> {
    let simd = x.simd();
    // Adding 1.5 · 2^23 rounds to a whole number, which then stands in the lowest bits.
    let rounder = Vector::splat(simd, 12_582_912.0);
    let shifted = x.mul_add(Vector::splat(simd, std::f32::consts::LOG2_E), rounder);
    let whole = shifted - rounder;
    // ln(2) in two parts: the first has few enough bits that whole · part is exact.
    let rest = whole.mul_add(Vector::splat(simd, -0.693_359_375), x);
    let rest = whole.mul_add(Vector::splat(simd, 2.121_944_4e-4), rest);
    let mut sum = Vector::splat(simd, 1.987_569_15e-4);
    for coefficient in
        [1.398_199_950_7e-3, 8.333_451_907_3e-3, 4.166_579_589_4e-2, 1.666_666_545_9e-1, 5.000_000_120_1e-1]
    {
        sum = sum.mul_add(rest, Vector::splat(simd, coefficient));
    }
    let fraction = sum.mul_add(rest * rest, rest + Vector::splat(simd, 1.0));
    // The exponent's bits of 2^whole; whole lies within -126 and 127.
    let exponent = simd.add_bits(simd.shift_left::<23>(shifted.bits()), simd.splat_bits(0x3f80_0000));
    fraction * Vector::new(simd, simd.floats(exponent))
}

/// The sign bit of every lane.
#[inline(always)]
fn sign<S: Simd>(x: Vector<S>) -> S::Bits {
    x.simd().and(x.bits(), x.simd().splat_bits(1 << 31))
}

/// 1 / (1 + exp(-x)), as exp(min(x, 0)) / (1 + exp(-|x|)) so that nothing overflows.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(x: Vector<S>) -> Vector<S> {
    let simd = x.simd();
    let one = Vector::splat(simd, 1.0);
    let small = exp_of_negative(x);
    (one + (small - one).where_positive(-x)) / (one + small)
}

/// (1 - exp(-2|x|)) / (1 + exp(-2|x|)) with the sign of x.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(x: Vector<S>) -> Vector<S> {
    let simd = x.simd();
    let one = Vector::splat(simd, 1.0);
    let small = exp_of_negative(x + x);
    let magnitude = (one - small) / (one + small);
    Vector::new(simd, simd.floats(simd.xor(magnitude.bits(), sign(x))))
}

/// exp(-|x|).
#[inline(always)]
fn exp_of_negative<S: Simd>(x: Vector<S>) -> Vector<S> {
    let simd = x.simd();
    let negative = simd.xor(x.bits(), simd.xor(sign(x), simd.splat_bits(1 << 31)));
    exp_within(Vector::new(simd, simd.floats(negative)).at_least(-87.3))
}

/// Replaces every value by its function, the last ones through a vector of their own.
macro_rules! replace_all {
    ($simd:ident, $values:ident, $function:ident) => {{
        let (whole, rest) = $values.as_chunks_mut::<LANES>();
        for lanes in whole {
            $function(Vector::load($simd, lanes)).store(lanes);
        }
        let mut lanes = [0.0; LANES];
        lanes[..rest.len()].copy_from_slice(rest);
        $function(Vector::load($simd, &lanes)).store(&mut lanes);
        rest.copy_from_slice(&lanes[..rest.len()]);
    }};
}

vectorised! {
    /// Replaces every value by its exponential.
    pub fn exp_all(simd, values: &mut [f32]) {
        replace_all!(simd, values, exp);
    }

    /// Replaces every value by its sigmoid.
    pub fn sigmoid_all(simd, values: &mut [f32]) {
        replace_all!(simd, values, sigmoid);
    }

    /// Replaces every value by its hyperbolic tangent.
    pub fn tanh_all(simd, values: &mut [f32]) {
        replace_all!(simd, values, tanh);
    }
}

/// Replaces logits by exp(logit - m) / Σ exp(logit - m), m the greatest of them.
pub fn softmax(set: InstructionSet, logits: &mut [f32]) {
    let greatest = logits.iter().fold(f32::NEG_INFINITY, |greatest, logit| greatest.max(*logit));
    logits.iter_mut().for_each(|logit| *logit -= greatest);
    exp_all(set, logits);
    let sum: f32 = logits.iter().sum();
    logits.iter_mut().for_each(|power| *power /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    type Function = fn(InstructionSet, &mut [f32]);

    /// Every 1,000th float, both signs, plus what is special.
    fn inputs() -> Vec<f32> {
        let positive = (0..f32::INFINITY.to_bits()).step_by(1000).map(f32::from_bits);
        let both = positive.flat_map(|value| [value, -value]);
        both.chain([f32::INFINITY, f32::NEG_INFINITY, 87.3, -87.3, 88.0]).collect()
    }

    fn worst(function: Function, exact: fn(f64) -> f64, relative: bool, inputs: &[f32]) -> f64 {
        let of_set = |set: InstructionSet| {
            let mut values = inputs.to_vec();
            function(set, &mut values);
            let errors = values.iter().zip(inputs).map(|(value, input)| {
                let exact = exact(f64::from(*input));
                (f64::from(*value) - exact).abs() / if relative { exact } else { 1.0 }
            });
            errors.max_by(f64::total_cmp).unwrap()
        };
        InstructionSet::available().into_iter().map(of_set).fold(0.0, f64::max)
    }

    #[test]
    fn exp_has_a_relative_error_below_2e_7_in_its_range() {
        let inputs: Vec<f32> = inputs().into_iter().filter(|input| (-87.3..=88.0).contains(input)).collect();
        let error = worst(exp_all, f64::exp, true, &inputs);
        assert!(error < 2e-7, "{error}");
    }

    #[test]
    fn sigmoid_and_tanh_have_absolute_errors_below_1_5e_7_everywhere() {
        let error = worst(sigmoid_all, |x| 1.0 / (1.0 + (-x).exp()), false, &inputs());
        assert!(error < 1.5e-7, "{error}");
        let error = worst(tanh_all, f64::tanh, false, &inputs());
        assert!(error < 1.5e-7, "{error}");
    }

    #[test]
    fn the_ends_of_the_range_are_kept_and_nan_stays_nan() {
        for set in InstructionSet::available() {
            let mut values = [f32::NEG_INFINITY, f32::INFINITY, 0.0, f32::NAN];
            exp_all(set, &mut values);
            assert!(values[0] < 2e-38 && values[1] > 1e38 && values[2] == 1.0 && values[3].is_nan(), "{values:?}");
            let mut values = [f32::NAN; 2];
            sigmoid_all(set, &mut values[..1]);
            tanh_all(set, &mut values[1..]);
            assert!(values.iter().all(|value| value.is_nan()));
        }
    }

    #[test]
    fn sets_with_fused_instructions_give_the_same_bits() {
        let inputs = inputs();
        for function in [exp_all as Function, sigmoid_all, tanh_all] {
            let fused = InstructionSet::available().into_iter().filter(|set| set.name() != "portable");
            let results = fused.map(|set| {
                let mut values = inputs.clone();
                function(set, &mut values);
                values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            });
            let results: Vec<_> = results.collect();
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
        }
    }
}
