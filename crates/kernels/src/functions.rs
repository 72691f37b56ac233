//! Exponential functions of whole slices and softmax, as polynomials that vectorise: absolute errors of sigmoid and tanh stay
//! below 1.5e-7, relative ones of exp below 2e-7. NaN stays NaN.

use crate::instruction_set::vectorised;
use crate::lanes::{LANES, lanes, total};

/// exp(x), for x from -87.3 to 88; beyond them the value at the end of that range.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Comparisons instead of `max` and `min`, which would lose a NaN.
    let x = if x < -87.3 { -87.3 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    exp_within(x)
}

/// exp(x) = 2^n · exp(r) with |r| <= ln(2) / 2, for x within the range of [`exp`]; the polynomial is that of Cephes'
/// `expf` (Moshier 1989).
#[inline(always)]
#[allow(clippy::excessive_precision, reason = "the constants as published")]
fn exp_within(x: f32) -> f32 {
    // Adding 1.5 · 2^23 rounds to a whole number, which then stands in the lowest bits.
    const ROUNDER: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + ROUNDER;
    let whole = shifted - ROUNDER;
    // ln(2) in two parts: the first has few enough bits that whole · part is exact.
    let rest = (x - whole * 0.693_359_375) + whole * 2.121_944_4e-4;
    let mut sum = 1.987_569_15e-4_f32;
    for coefficient in
        [1.398_199_950_7e-3, 8.333_451_907_3e-3, 4.166_579_589_4e-2, 1.666_666_545_9e-1, 5.000_000_120_1e-1]
    {
        sum = sum * rest + coefficient;
    }
    let fraction = sum * (rest * rest) + rest + 1.0;
    // The exponent's bits of 2^whole; whole lies within -126 and 127.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    fraction * power
}

/// 1 / (1 + exp(-x)).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    let small = exp_of_negative(x.abs());
    let numerator = if x < 0.0 { small } else { 1.0 };
    numerator / (1.0 + small)
}

/// (1 - exp(-2|x|)) / (1 + exp(-2|x|)) with the sign of x.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let small = exp_of_negative(2.0 * x.abs());
    ((1.0 - small) / (1.0 + small)).copysign(x)
}

/// exp(-x) of an x that is not negative.
#[inline(always)]
fn exp_of_negative(x: f32) -> f32 {
    exp_within(if x > 87.3 { -87.3 } else { -x })
}

vectorised! {
    /// Replaces every value by its exponential.
    pub fn exp_all(values: &mut [f32]) {
        for value in values {
            *value = exp(*value);
        }
    }

    /// Replaces logits by exp(logit - m) / Σ exp(logit - m), m the greatest of them.
    pub fn softmax(values: &mut [f32]) {
        let greatest = values.iter().fold(f32::NEG_INFINITY, |greatest, value| if *value < greatest { greatest } else { *value });
        for value in values.iter_mut() {
            *value = exp(*value - greatest);
        }
        // Whole vectors first, so that the sum does not wait for one value after the other.
        let (whole, rest) = values.as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for chunk in whole {
            sums = lanes(|lane| sums[lane] + chunk[lane]);
        }
        let sum = total(&sums) + rest.iter().sum::<f32>();
        for value in values {
            *value /= sum;
        }
    }

    /// Replaces every value by its sigmoid.
    pub fn sigmoid_all(values: &mut [f32]) {
        for value in values {
            *value = sigmoid(*value);
        }
    }

    /// Replaces every value by its hyperbolic tangent.
    pub fn tanh_all(values: &mut [f32]) {
        for value in values {
            *value = tanh(*value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruction_set::InstructionSet;

    type Function = fn(InstructionSet, &mut [f32]);

    /// Every 1,000th float, both signs, plus what is special.
    fn inputs() -> Vec<f32> {
        let positive = (0..f32::INFINITY.to_bits()).step_by(1000).map(f32::from_bits);
        let both = positive.flat_map(|value| [value, -value]);
        both.chain([f32::INFINITY, f32::NEG_INFINITY, 87.3, -87.3, 88.0]).collect()
    }

    fn worst(function: Function, exact: fn(f64) -> f64, relative: bool, inputs: &[f32]) -> f64 {
        let mut values = inputs.to_vec();
        function(InstructionSet::detect(), &mut values);
        let errors = values.iter().zip(inputs).map(|(value, input)| {
            let exact = exact(f64::from(*input));
            (f64::from(*value) - exact).abs() / if relative { exact } else { 1.0 }
        });
        errors.fold(0.0, f64::max)
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
    fn all_instruction_sets_give_the_same_bits() {
        let inputs = inputs();
        for function in [exp_all as Function, sigmoid_all, tanh_all] {
            let results = InstructionSet::available().into_iter().map(|set| {
                let mut values = inputs.clone();
                function(set, &mut values);
                values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            });
            let results: Vec<_> = results.collect();
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
        }
    }
}
