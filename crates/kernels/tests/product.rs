//! The product kernel against a chain of fused multiply-adds, for any size, stride and instruction set.
#![cfg(test)]

use proptest::collection::vec;
use proptest::prelude::*;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::product::{Left, Right, Start, multiply};

#[derive(Debug, Clone)]
struct Case {
    rows: usize,
    inner: usize,
    columns: usize,
    transposed: bool,
    /// Values between two rows of the right matrix, and of the result.
    gaps: [usize; 2],
    start: usize,
    values: Vec<f32>,
}

fn cases() -> impl Strategy<Value = Case> {
    let sizes = (0..20_usize, 0..90_usize, 0..170_usize);
    (sizes, any::<bool>(), [0..3_usize, 0..3_usize], 0..3_usize, vec(-2.0_f32..2.0, 997)).prop_map(
        |((rows, inner, columns), transposed, gaps, start, values)| Case {
            rows,
            inner,
            columns,
            transposed,
            gaps,
            start,
            values,
        },
    )
}

/// Values that do not repeat with the rows of any matrix.
fn filled(case: &Case, count: usize, offset: usize) -> Vec<f32> {
    case.values.iter().copied().cycle().skip(offset).take(count).collect()
}

/// The result with a set, and what a loop gives that fuses every step.
fn both(set: InstructionSet, case: &Case) -> (Vec<f32>, Vec<f32>) {
    let Case { rows, inner, columns, transposed, gaps: [right_gap, result_gap], .. } = *case;
    let (right_stride, stride) = (columns + right_gap, columns + result_gap);
    let left = filled(case, rows * inner, 0);
    let right = filled(case, inner * right_stride, 5);
    let row = filled(case, columns, 7);
    let before = filled(case, rows * stride, 11);
    let start = [Start::Zero, Start::Row(&row), Start::Result][case.start];
    let view = if transposed { Left::new(&left, inner, rows).transposed() } else { Left::new(&left, rows, inner) };
    let mut result = before.clone();
    multiply(set, view, Right::strided(&right, columns, right_stride), start, &mut result, stride);

    let mut expected = before;
    for i in 0..rows {
        for j in 0..columns {
            let first = match start {
                Start::Zero => 0.0,
                Start::Row(row) => row[j],
                Start::Result => expected[i * stride + j],
            };
            expected[i * stride + j] = (0..inner).fold(first, |sum, k| {
                let factor = if transposed { left[k * rows + i] } else { left[i * inner + k] };
                factor.mul_add(right[k * right_stride + j], sum)
            });
        }
    }
    (result, expected)
}

proptest! {
    #[test]
    fn every_instruction_set_gives_the_product_and_leaves_the_gaps_alone(case in cases()) {
        for set in InstructionSet::available() {
            let (result, expected) = both(set, &case);
            for (value, expected) in result.iter().zip(&expected) {
                prop_assert!((value - expected).abs() <= 1e-4, "{}: {value} instead of {expected}", set.name());
            }
        }
    }

    #[test]
    fn sets_with_fused_instructions_give_the_chain_bit_for_bit(case in cases()) {
        let fused = InstructionSet::available().into_iter().filter(|set| set.name() != "portable");
        for set in fused {
            let (result, expected) = both(set, &case);
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&result), bits(&expected), "{}", set.name());
        }
    }
}

#[test]
#[should_panic(expected = "the right matrix has too few values")]
fn a_matrix_that_is_too_short_is_refused() {
    let mut result = [0.0; 4];
    multiply(
        InstructionSet::detect(),
        Left::new(&[1.0; 6], 2, 3),
        Right::new(&[1.0; 5], 2),
        Start::Zero,
        &mut result,
        2,
    );
}
