//! Mixing and score against finite differences of the forward pass itself, in f64: both networks are tested on their
//! own, here it is about what stands around them.

use super::*;
use crate::layers::{Network, parts};
use crate::testing::{Random, finite_differences, plain_layer, worst_difference};

const SIZES: Sizes = Sizes { target: 3, mixing: [4, 3], score: [5, 2] };
const HISTORIES: usize = 4;
const CANDIDATES: usize = 3;
const ROWS: usize = HISTORIES * CANDIDATES;

/// Logits of a network of f64 parameters without dropout.
fn logits(rows: &[Vec<f64>], parameters: &[f64], sizes: NetworkSizes) -> Vec<f64> {
    let mut rest = parameters;
    let mut parts = sizes.lengths().into_iter().map(|length| {
        let (part, others) = rest.split_at(length);
        rest = others;
        part.to_vec()
    });
    let network: Network<Vec<f64>> = Network::from_parts(&mut parts);
    let on = |width: usize| vec![vec![1.0; width]; rows.len()];
    let first = plain_layer(rows, &network.first, &on(sizes.hidden[0]));
    let second = plain_layer(&first, &network.second, &on(sizes.hidden[1]));
    let logit =
        |row: &Vec<f64>| -> f64 { row.iter().zip(&network.output_weight).map(|(value, weight)| value * weight).sum() };
    second.iter().map(|row| logit(row) + network.output_bias[0]).collect()
}

fn expected(values: &[f64], last_slots: &[f64]) -> Vec<f64> {
    let target = SIZES.target;
    let [mixing, score] = SIZES.networks();
    let (queries, rest) = values.split_at(ROWS * target);
    let (long_term, rest) = rest.split_at(HISTORIES * target);
    let (short_term, parameters) = rest.split_at(ROWS * target);
    let (of_mixing, of_score) = parameters.split_at(mixing.parameters());
    let row = |values: &'_ [f64], row: usize| values[row * target..][..target].to_vec();
    let rows: Vec<Vec<f64>> = (0..ROWS)
        .map(|index| {
            let history = index / CANDIDATES;
            let parts =
                [row(queries, index), row(long_term, history), row(short_term, index), vec![last_slots[history]]];
            parts.concat()
        })
        .collect();
    let shares = logits(&rows, of_mixing, mixing);
    let rows: Vec<Vec<f64>> = (0..ROWS)
        .map(|index| {
            let share = 1.0 / (1.0 + (-shares[index]).exp());
            let (long, short) = (row(long_term, index / CANDIDATES), row(short_term, index));
            let user = long.iter().zip(&short).map(|(long, short)| long * share + short * (1.0 - share));
            user.chain(row(queries, index)).collect()
        })
        .collect();
    logits(&rows, of_score, score)
}

#[test]
fn logits_and_gradients_follow_the_formulas() {
    let mut random = Random::new(31);
    let interests = (2 * ROWS + HISTORIES) * SIZES.target;
    let parameters: usize = SIZES.networks().iter().map(NetworkSizes::parameters).sum();
    let mut values = random.values(interests, 1.0);
    values.extend(random.values(parameters, 0.8));
    let last_slots = random.values(HISTORIES, 2.0);
    let coefficients = random.values(ROWS, 1.0);
    let floats = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
    let (all, last_slots_in, coefficients_in) = (floats(&values), floats(&last_slots), floats(&coefficients));
    let lengths = [ROWS * SIZES.target, HISTORIES * SIZES.target, ROWS * SIZES.target, parameters];
    let inputs: Vec<&[f32]> = parts(&all, lengths).collect();
    let inputs = Inputs {
        candidates: CANDIDATES,
        queries: inputs[0],
        long_term: inputs[1],
        short_term: inputs[2],
        last_slots: &last_slots_in,
        parameters: inputs[3],
        dropout: [[Dropout::off(); 2]; 2],
    };
    let mut scoring = Scoring::new(InstructionSet::detect(), SIZES);
    let mut result = vec![f32::NAN; ROWS];
    let mut gradients = vec![f32::NAN; all.len()];
    for _ in 0..2 {
        scoring.forward(&inputs, &mut result);
        let parts: [&mut [f32]; 4] = crate::lanes::split(&mut gradients, lengths).try_into().unwrap();
        let [queries, long_term, short_term, parameters] = parts;
        scoring.backward(&inputs, &coefficients_in, Gradients { queries, long_term, short_term, parameters });
    }
    let worst = worst_difference(&result, &expected(&values, &last_slots));
    assert!(worst < 1e-5, "logits differ by {worst}");
    let loss = |values: &[f64]| {
        expected(values, &last_slots).iter().zip(&coefficients).map(|(logit, coefficient)| logit * coefficient).sum()
    };
    let differences = finite_differences(&values, loss);
    let worst = worst_difference(&gradients, &differences);
    let greatest = differences.iter().fold(0.0_f64, |greatest, value| greatest.max(value.abs()));
    assert!(worst < 1e-5 * greatest.max(1.0), "gradients differ by {worst} of {greatest}");
}
