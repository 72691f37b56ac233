//! A request's network against the plain formulas in f64, for sizes of all kinds and every instruction set of this processor.

#![cfg(test)]

use proptest::prelude::*;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::request::candidates::Candidates;
use slirec_kernels::request::history::{PreparedHistory, Scratch, UnknownId};
use slirec_kernels::request::scores::{self, Scoring};

#[path = "support/network.rs"]
mod network;

use network::{Case, Data, case, ordinary};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scores_shares_and_attention_follow_the_formulas_for_every_size_and_instruction_set(case in case()) {
        let data = Data::new(&case);
        let expected = data.plain(&case);
        // Weights of 4 make logits of thousands, whose own rounding then decides between two attentions.
        let tolerance = if case.scale > 1.0 { f64::INFINITY } else { 1e-5 };
        for set in InstructionSet::available() {
            for (values, expected) in data.run(set, &case).iter().zip(&expected) {
                prop_assert_eq!(values.len(), expected.len());
                for (value, expected) in values.iter().zip(expected) {
                    prop_assert!(value.is_finite() && (0.0..=1.0).contains(value), "{}", value);
                    let difference = (f64::from(*value) - expected).abs();
                    prop_assert!(difference <= tolerance, "{}: {value}, expected {expected}", set.name());
                }
            }
        }
    }
}

#[test]
fn a_spoiled_candidate_spoils_no_other_and_never_looks_sound() {
    let case = ordinary();
    let sound = Data::new(&case).run(InstructionSet::detect(), &case);
    for value in [f32::NAN, f32::INFINITY] {
        let mut data = Data::new(&case);
        // The query of candidate 7.
        data.columns[0][7 * case.target()] = value;
        for set in InstructionSet::available() {
            let spoiled = data.run(set, &case);
            assert!(spoiled[0][7].is_nan(), "{}: {}", set.name(), spoiled[0][7]);
            let others = (0..case.candidates).filter(|candidate| *candidate != 7);
            assert!(others.into_iter().all(|other| (spoiled[0][other] - sound[0][other]).abs() < 1e-6));
        }
    }
}

#[test]
fn an_id_beyond_its_table_is_told() {
    let case = ordinary();
    let mut data = Data::new(&case);
    data.history[1][2] = 99;
    let network = data.history_network(InstructionSet::detect(), &case);
    let mut encoded = PreparedHistory::default();
    let result = network.encode(&data.inputs(), &mut Scratch::default(), &mut encoded);
    assert_eq!(result, Err(UnknownId(99)));
}

#[test]
fn memory_that_held_a_longer_history_gives_the_same_scores() {
    let long = Case { length: 11, ..ordinary() };
    let short = Case { length: 2, ..ordinary() };
    let (of_long, of_short) = (Data::new(&long), Data::new(&short));
    let set = InstructionSet::detect();
    let network = of_short.history_network(set, &short);
    let scoring = Scoring::new(set, short.target(), [&of_short.network(0), &of_short.network(1), &of_short.network(2)]);
    let mut candidates = Candidates::zeros(scoring.candidate_sizes(3), short.candidates);
    candidates.set(0, of_short.columns.each_ref().map(Vec::as_slice));
    let (mut scratch, mut encoded) = (Scratch::default(), PreparedHistory::default());
    let mut of_block = scores::Scratch::default();
    let mut all = vec![0.0; short.candidates];
    network.encode(&of_long.inputs(), &mut scratch, &mut encoded).unwrap();
    scoring.scores(&encoded, &candidates, 0..short.candidates, &mut of_block, &mut all);
    network.encode(&of_short.inputs(), &mut scratch, &mut encoded).unwrap();
    scoring.scores(&encoded, &candidates, 0..short.candidates, &mut of_block, &mut all);
    assert_eq!(all, of_short.run(set, &short)[0]);
}
