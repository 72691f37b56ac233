//! What candidates in 8 bits say about the logits, against the formula in f64: no logit lies further off than is said, for
//! every instruction set of this processor, whose bits are the same.
#![cfg(test)]

use std::convert::Infallible;

use proptest::prelude::*;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::ranking::{GAPS, Layout};
use slirec_kernels::request::BLOCK;
use slirec_kernels::request::ranking::{
    Approximate, RankingHistory, RankingInputs, RankingNetwork, RankingWeights, RoundedCandidates, Sample, Scratch,
};

/// Numbers between -1 and 1 that look random.
fn numbers(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    }
}

/// A network of three items whose queries are as large as asked for.
fn network(set: InstructionSet, width: usize, scale: f32, temperature: f32) -> RankingNetwork {
    let mut random = numbers(5);
    let mut values = |count: usize, scale: f32| (0..count).map(|_| scale * random()).collect::<Vec<f32>>();
    let layout = Layout::new(width, 4);
    let weights = RankingWeights {
        items: values(3 * width, scale),
        from: values(3 * width, scale),
        to: values(3 * width, 1.0),
        bias: values(3, 1.0),
        temperature,
        sample: Sample {
            items: vec![1, 2],
            rows: values(4 * width, 0.1),
            bias: vec![0.0; 2],
            correction: vec![0.0; 2],
        },
        ..RankingWeights::of_layers(&layout, &values(layout.len(), 0.5))
    };
    RankingNetwork::new(set, weights)
}

fn history(network: &RankingNetwork) -> RankingHistory {
    let mut history = RankingHistory::default();
    let inputs = RankingInputs { items: &[2, 1], features: &[], gaps: &[0, (GAPS - 1) as u8], age: 3, user: &[] };
    network.encode(&inputs, &mut Scratch::default(), &mut history).unwrap();
    history
}

/// What rows are made of.
#[derive(Debug, Clone, Copy)]
struct Rows {
    width: usize,
    count: usize,
    seed: u32,
    /// By how much one column is larger than the others, and every ninth row than the rest.
    heavy: [f32; 2],
}

impl Rows {
    fn of(self) -> Vec<(Vec<f32>, f32)> {
        let mut random = numbers(self.seed);
        let row = |candidate: usize| {
            let mut row: Vec<f32> = (0..2 * self.width).map(|_| random()).collect();
            row[self.seed as usize % (2 * self.width)] *= self.heavy[0];
            if candidate % 9 == 4 {
                row.iter_mut().for_each(|value| *value *= self.heavy[1]);
            }
            if candidate % 13 == 5 {
                row.fill(0.0);
            }
            (row, 5.0 * random())
        };
        (0..self.count).map(row).collect()
    }
}

fn rounded(width: usize, rows: &[(Vec<f32>, f32)]) -> RoundedCandidates {
    let row_of = |candidate: usize, row: &mut [f32]| {
        row.copy_from_slice(&rows[candidate].0);
        Ok::<f32, Infallible>(rows[candidate].1)
    };
    let Ok(candidates) = RoundedCandidates::new(2 * width, rows.len(), row_of);
    candidates
}

/// Every block's logits with what is said about them.
fn approximate(network: &RankingNetwork, candidates: &RoundedCandidates) -> Vec<([f32; BLOCK], Approximate)> {
    let query = network.rounded_query(&history(network), candidates).unwrap();
    let block = |number| {
        let mut logits = [f32::NAN; BLOCK];
        let said = network.approximate(candidates, &query, number, &mut logits);
        (logits, said)
    };
    (0..candidates.len().div_ceil(BLOCK)).map(block).collect()
}

proptest! {
    #[test]
    fn no_logit_lies_further_off_than_is_said_and_all_sets_have_the_same_bits(
        width in prop::sample::select(vec![16_usize, 64, 256]),
        count in 1_usize..150,
        seed in 0_u32..1_000,
        heavy in prop::sample::select(vec![[1.0_f32, 1.0], [1e4, 1.0], [0.0, 1e-3], [1.0, 1e3], [1e-20, 1e-20], [1e30, 1.0], [1.0, 1e-38]]),
        scale in prop::sample::select(vec![0.3_f32, 20.0]),
    ) {
        let rows = Rows { width, count, seed, heavy }.of();
        let candidates = rounded(width, &rows);
        let mut of_sets = Vec::new();
        for set in InstructionSet::available() {
            let network = network(set, width, scale, 0.5);
            // The query of the portable set differs in its last bits.
            let exact = history(&network);
            let blocks = approximate(&network, &candidates);
            for (place, (row, bias)) in rows.iter().enumerate() {
                let products = row.iter().zip(exact.query()).map(|(value, query)| f64::from(*value) * f64::from(*query));
                let logit = products.sum::<f64>() + f64::from(*bias);
                let (logits, said) = &blocks[place / BLOCK];
                let found = logits[place % BLOCK];
                let is_within = said.error.is_infinite() || (f64::from(found) - logit).abs() <= f64::from(said.error);
                prop_assert!(is_within, "{found}, {logit}, {said:?}");
                prop_assert!(found.is_nan() || found <= said.greatest);
            }
            let (last, said) = blocks.last().unwrap();
            prop_assert!(last[(count - 1) % BLOCK + 1..].iter().all(|value| *value == f32::MIN));
            prop_assert!(last.contains(&said.greatest));
            if set.name() != "portable" {
                of_sets.push(blocks.into_iter().map(|(logits, _)| logits.map(f32::to_bits)).collect::<Vec<_>>());
            }
        }
        prop_assert!(of_sets.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

#[test]
fn errors_are_small_where_rows_are_alike() {
    let rows = Rows { width: 64, count: 480, seed: 3, heavy: [50.0, 1.0] }.of();
    let network = network(InstructionSet::detect(), 64, 0.3, 0.5);
    let blocks = approximate(&network, &rounded(64, &rows));
    let logits: Vec<f32> = blocks.iter().flat_map(|(logits, _)| logits).copied().collect();
    let mean = logits.iter().sum::<f32>() / logits.len() as f32;
    let deviation = (logits.iter().map(|logit| (logit - mean).powi(2)).sum::<f32>() / logits.len() as f32).sqrt();
    for (_, said) in &blocks {
        assert!(said.error > 0.0 && said.error < 0.1 * deviation, "{said:?}, deviation {deviation}");
    }
}

#[test]
fn what_does_not_rise_with_the_logits_or_is_not_finite_gives_no_query() {
    let set = InstructionSet::detect();
    let mut rows = Rows { width: 16, count: 60, seed: 1, heavy: [1.0; 2] }.of();
    let candidates = rounded(16, &rows);
    let query_of = |temperature: f32, candidates: &RoundedCandidates| {
        let network = network(set, 16, 0.3, temperature);
        network.rounded_query(&history(&network), candidates).is_some()
    };
    assert!(query_of(0.5, &candidates) && candidates.is_finite());
    assert!(!query_of(-0.5, &candidates) && !query_of(0.0, &candidates) && !query_of(f32::NAN, &candidates));
    rows[59].0[31] = f32::INFINITY;
    let candidates = rounded(16, &rows);
    assert!(!query_of(0.5, &candidates) && !candidates.is_finite());
}
