//! Approximate logits against the plain formulas in f64, for networks of all sizes, in plain code and by the processor's own
//! instructions.

#![cfg(test)]

use proptest::prelude::*;
use slirec_kernels::bf16::Bf16Set;

#[path = "support/network.rs"]
mod network;

use network::{Data, case, ordinary};

/// How far a logit may be from the exact one, for weights up to 0.3 and layers up to 20; measured: 0.001. A number of 16 bits has 8
/// binary digits, and a logit goes through six roundings of layers.
const BOUND: f64 = 0.004;

fn sets() -> impl Iterator<Item = Bf16Set> {
    std::iter::once(Bf16Set::emulated()).chain(Bf16Set::detect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn logits_are_near_the_exact_ones_and_in_their_order_where_those_are_apart(case in case()) {
        let data = Data::new(&case);
        let [_, _, _, expected] = data.plain(&case);
        // Weights of 4 make logits of thousands, whose own rounding then decides between two attentions.
        let bound = if case.scale > 1.0 { f64::INFINITY } else { BOUND };
        for set in sets() {
            let logits: Vec<f64> = data.approximate(set, &case).into_iter().map(f64::from).collect();
            // The output's bias moves all logits alike, and stays out.
            let bias = 0.25;
            for (logit, expected) in logits.iter().zip(&expected) {
                prop_assert!(logit.is_finite());
                let difference = (logit + bias - expected).abs();
                prop_assert!(difference <= bound, "{}: {logit}, expected {}", set.name(), expected - bias);
            }
            let pairs = (0..logits.len()).flat_map(|better| (0..logits.len()).map(move |worse| (better, worse)));
            for (better, worse) in pairs.filter(|(better, worse)| expected[*better] - expected[*worse] > 2.0 * bound) {
                prop_assert!(logits[better] > logits[worse], "{}: {better} and {worse}", set.name());
            }
        }
    }
}

#[test]
fn candidates_that_score_well_apart_stand_in_their_order() {
    let case = ordinary();
    let data = Data::new(&case);
    let [_, _, _, exact] = data.plain(&case);
    let apart = |left: &usize, right: &usize| exact[*left] - exact[*right] > 2.0 * BOUND;
    let pairs: Vec<(usize, usize)> = (0..case.candidates)
        .flat_map(|left| (0..case.candidates).map(move |right| (left, right)))
        .filter(|(left, right)| apart(left, right))
        .collect();
    assert!(pairs.len() > case.candidates, "the case tells nothing: {} pairs", pairs.len());
    for set in sets() {
        let logits = data.approximate(set, &case);
        assert!(pairs.iter().all(|(better, worse)| logits[*better] > logits[*worse]), "{}", set.name());
    }
}

#[test]
fn a_spoiled_candidate_spoils_no_other_and_never_looks_sound() {
    let case = ordinary();
    for set in sets() {
        let sound = Data::new(&case).approximate(set, &case);
        for value in [f32::NAN, f32::INFINITY] {
            let mut data = Data::new(&case);
            // The query of candidate 7.
            data.columns[0][7 * case.target()] = value;
            let spoiled = data.approximate(set, &case);
            assert!(!spoiled[7].is_finite(), "{}: {}", set.name(), spoiled[7]);
            let others = (0..case.candidates).filter(|candidate| *candidate != 7);
            assert!(others.into_iter().all(|other| spoiled[other].to_bits() == sound[other].to_bits()));
        }
    }
}

#[test]
fn plain_code_and_the_processors_instructions_agree() {
    let Some(set) = Bf16Set::detect() else { return };
    let case = ordinary();
    let data = Data::new(&case);
    let [plain, fast] = [Bf16Set::emulated(), set].map(|set| data.approximate(set, &case));
    assert!(plain.iter().zip(&fast).all(|(plain, fast)| (plain - fast).abs() < 5e-3));
}
