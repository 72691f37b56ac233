//! The fused attention against formulas written out in f64, row by row, padding included; gradients against finite
//! differences of those.

use super::*;
use crate::testing::{Random, dropout_factors, finite_differences, plain_layer, worst_difference};

/// One case's numbers in f64: states, queries and parameters in one vector, so that one loop can move each.
struct Case {
    sizes: Sizes,
    lengths: Vec<u32>,
    slots: usize,
    candidates: usize,
    dropout: [Dropout; 2],
    values: Vec<f64>,
    /// The loss is the sum of the results times these.
    coefficients: Vec<f64>,
}

impl Case {
    fn new(sizes: Sizes, slots: usize, lengths: &[u32], candidates: usize, rates: [f64; 2]) -> Self {
        let mut random = Random::new(17);
        let positions: u32 = lengths.iter().sum();
        let inputs = positions as usize * sizes.hidden + lengths.len() * candidates * sizes.target;
        let mut values = random.values(inputs, 1.0);
        for length in sizes.lengths() {
            values.extend(random.values(length, 0.7));
        }
        Self {
            sizes,
            lengths: lengths.to_vec(),
            slots,
            candidates,
            dropout: [Dropout::new(3, rates[0]), Dropout::new(5, rates[1])],
            coefficients: random.values(lengths.len() * candidates * sizes.hidden, 1.0),
            values,
        }
    }

    /// Where queries and parameters begin.
    fn parts(&self) -> [usize; 2] {
        let positions: u32 = self.lengths.iter().sum();
        let queries = positions as usize * self.sizes.hidden;
        [queries, queries + self.lengths.len() * self.candidates * self.sizes.target]
    }

    /// The results by the plain formulas.
    fn expected(&self, values: &[f64]) -> Vec<f64> {
        let Sizes { hidden, target, layers } = self.sizes;
        let [queries, parameters] = self.parts();
        let mut rest = &values[parameters..];
        let mut parts = self.sizes.lengths().map(|length| {
            let (part, others) = rest.split_at(length);
            rest = others;
            part.to_vec()
        });
        let matrix = parts.next().unwrap();
        let network: Network<Vec<f64>> = Network::from_parts(&mut parts);
        let groups = self.lengths.len();
        let (mut inputs, mut masks) = (Vec::new(), [Vec::new(), Vec::new()]);
        let mut position = 0;
        for group in 0..groups {
            let length = self.lengths[group] as usize;
            for candidate in 0..self.candidates {
                let pair = group * self.candidates + candidate;
                let query = &values[queries + pair * target..][..target];
                for slot in 0..self.slots {
                    let state = &values[(position + slot.min(length - 1)) * hidden..][..hidden];
                    let key: Vec<f64> = (0..target)
                        .map(|column| (0..hidden).map(|row| state[row] * matrix[row * target + column]).sum())
                        .map(|value: f64| if slot < length { value } else { 0.0 })
                        .collect();
                    let all = [
                        key.clone(),
                        query.to_vec(),
                        key.iter().zip(query).map(|(key, query)| key - query).collect(),
                        key.iter().zip(query).map(|(key, query)| key * query).collect(),
                    ];
                    inputs.push(all.concat());
                    let row = pair * (self.slots + 1) + if slot < length { slot } else { self.slots };
                    masks[0].push(dropout_factors(&self.dropout[0], row, layers[0]));
                    masks[1].push(dropout_factors(&self.dropout[1], row, layers[1]));
                }
            }
            position += length;
        }
        let first = plain_layer(&inputs, &network.first, &masks[0]);
        let second = plain_layer(&first, &network.second, &masks[1]);
        let mut results = Vec::new();
        let mut position = 0;
        for group in 0..groups {
            let length = self.lengths[group] as usize;
            for candidate in 0..self.candidates {
                let rows = &second[(group * self.candidates + candidate) * self.slots..][..length];
                let powers: Vec<f64> = rows
                    .iter()
                    .map(|row| {
                        row.iter().zip(&network.output_weight).map(|(value, weight)| value * weight).sum::<f64>()
                    })
                    .map(|logit| (logit + network.output_bias[0]).exp())
                    .collect();
                let sum: f64 = powers.iter().sum();
                results.extend((0..hidden).map(|column| {
                    let states = (0..length).map(|slot| values[(position + slot) * hidden + column]);
                    states.zip(&powers).map(|(state, power)| state * power / sum).sum::<f64>()
                }));
            }
            position += length;
        }
        results
    }

    fn loss(&self, values: &[f64]) -> f64 {
        self.expected(values).iter().zip(&self.coefficients).map(|(value, coefficient)| value * coefficient).sum()
    }

    fn inputs<'a>(&'a self, values: &'a [f32]) -> Inputs<'a> {
        let [queries, parameters] = self.parts();
        Inputs {
            histories: Histories { slots: self.slots, lengths: &self.lengths },
            candidates: self.candidates,
            states: &values[..queries],
            queries: &values[queries..parameters],
            parameters: &values[parameters..],
            dropout: self.dropout,
        }
    }

    /// Results and gradients of the kernel, the latter in the order of the values.
    fn fused(&self, set: InstructionSet) -> (Vec<f32>, Vec<f32>) {
        let values: Vec<f32> = self.values.iter().map(|value| *value as f32).collect();
        let [queries, parameters] = self.parts();
        let inputs = self.inputs(&values);
        let mut attention = CandidateAttention::new(set, self.sizes);
        let mut pooled = vec![0.0; self.coefficients.len()];
        let mut gradients = vec![f32::NAN; values.len()];
        let (of_states, others) = gradients.split_at_mut(queries);
        let (of_queries, of_parameters) = others.split_at_mut(parameters - queries);
        let mut gradients_into = Gradients { states: of_states, queries: of_queries, parameters: of_parameters };
        let coefficients: Vec<f32> = self.coefficients.iter().map(|value| *value as f32).collect();
        // Twice, because the buffers are used again.
        for _ in 0..2 {
            attention.forward(&inputs, &mut pooled);
            let Gradients { states, queries, parameters } = &mut gradients_into;
            attention.backward(&inputs, &coefficients, Gradients { states, queries, parameters });
        }
        (pooled, gradients)
    }
}

fn check(case: &Case) {
    let expected = case.expected(&case.values);
    let differences = finite_differences(&case.values, |values| case.loss(values));
    for set in InstructionSet::available() {
        let (pooled, gradients) = case.fused(set);
        let worst = worst_difference(&pooled, &expected);
        assert!(worst < 1e-5, "{}: results differ by {worst}", set.name());
        let worst = worst_difference(&gradients, &differences);
        let greatest = differences.iter().fold(0.0_f64, |greatest, value| greatest.max(value.abs()));
        assert!(worst < 2e-5 * greatest.max(1.0), "{}: gradients differ by {worst} of {greatest}", set.name());
    }
}

const SMALL: Sizes = Sizes { hidden: 3, target: 4, layers: [5, 3] };

#[test]
fn one_full_history_without_dropout_follows_the_formulas() {
    check(&Case::new(SMALL, 6, &[6], 2, [0.0, 0.0]));
}

#[test]
fn short_histories_count_their_empty_slots_in_the_statistics() {
    check(&Case::new(SMALL, 6, &[1, 6, 3], 3, [0.0, 0.0]));
}

#[test]
fn one_dropout_mask_serves_all_empty_slots() {
    check(&Case::new(SMALL, 5, &[2, 5, 1], 2, [0.3, 0.4]));
}

#[test]
fn more_histories_than_a_block_and_layers_wider_than_a_vector() {
    check(&Case::new(
        Sizes { hidden: 5, target: 3, layers: [18, 17] },
        3,
        &[1, 2, 3, 3, 2, 1, 1, 3, 2, 3],
        2,
        [0.2, 0.1],
    ));
}

#[test]
fn sets_with_fused_instructions_give_the_same_bits() {
    let sizes = Sizes { hidden: 40, target: 40, layers: [80, 40] };
    let case = Case::new(sizes, 20, &[20, 7, 20, 1, 12, 20, 20, 20, 20, 3], 5, [0.3, 0.3]);
    let sets = InstructionSet::available().into_iter().filter(|set| set.name() != "portable");
    let results: Vec<_> = sets.map(|set| case.fused(set)).collect();
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let sizes = Sizes { hidden: 8, target: 8, layers: [16, 8] };
    let case = Case::new(sizes, 9, &[9, 4, 1, 9, 9, 9, 2, 9, 5, 9, 9, 9, 9, 9, 9, 3, 9, 9], 3, [0.3, 0.3]);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.fused(InstructionSet::detect()))
    };
    assert!(with(1) == with(3));
}

#[test]
fn what_an_earlier_batch_left_behind_does_not_matter() {
    let sizes = Sizes { hidden: 5, target: 3, layers: [18, 7] };
    let earlier = Case::new(sizes, 7, &[7; 20], 4, [0.3, 0.2]);
    let case = Case::new(sizes, 4, &[2, 4, 1, 3], 2, [0.3, 0.2]);
    let [earlier_values, values] =
        [&earlier, &case].map(|case| case.values.iter().map(|value| *value as f32).collect::<Vec<_>>());
    let mut attention = CandidateAttention::new(InstructionSet::detect(), sizes);
    for (case, values) in [(&earlier, &earlier_values), (&case, &values)] {
        let inputs = case.inputs(values);
        let mut pooled = vec![0.0; case.coefficients.len()];
        attention.forward(&inputs, &mut pooled);
        let mut gradients = [inputs.states, inputs.queries, inputs.parameters].map(|values| vec![0.0; values.len()]);
        let [states, queries, parameters] = &mut gradients;
        let coefficients: Vec<f32> = case.coefficients.iter().map(|value| *value as f32).collect();
        attention.backward(&inputs, &coefficients, Gradients { states, queries, parameters });
        assert!((pooled, gradients.concat()) == case.fused(InstructionSet::detect()));
    }
}
