//! The fused LSTM against its formulas in f64; gradients against finite differences of those.

use super::weights::{Parameters, Time};
use super::*;
use crate::testing::{Random, finite_differences, worst_difference};

struct Case {
    sizes: Sizes,
    lengths: Vec<u32>,
    slots: usize,
    items: Vec<u32>,
    times: [Vec<f32>; 2],
    /// Embeddings, then parameters, so that one loop can move each.
    values: Vec<f64>,
    distinct: usize,
    /// The loss is the sum of the states times these.
    coefficients: Vec<f64>,
}

impl Case {
    fn new(sizes: Sizes, slots: usize, lengths: &[u32], distinct: usize) -> Self {
        let mut random = Random::new(5);
        let positions = lengths.iter().sum::<u32>() as usize;
        let mut values = random.values(distinct * sizes.input, 1.0);
        values.extend(random.values(sizes.lengths().iter().sum(), 0.6));
        let items = (0..positions).map(|_| ((random.next() + 1.0) / 2.0 * distinct as f64) as u32).collect();
        let mut times = || random.values(positions, 2.0).into_iter().map(|time| time as f32).collect();
        let times = [times(), times()];
        let coefficients = random.values(positions * sizes.hidden, 1.0);
        Self { sizes, lengths: lengths.to_vec(), slots, items, times, values, distinct, coefficients }
    }

    /// The states by the formulas.
    fn expected(&self, values: &[f64]) -> Vec<f64> {
        let Sizes { input, hidden } = self.sizes;
        let (embeddings, mut rest) = values.split_at(self.distinct * input);
        let parts = self.sizes.lengths().into_iter().map(|length| {
            let (part, others) = rest.split_at(length);
            rest = others;
            part
        });
        let Parameters { times: [first, second], kernel, bias } = Parameters::from_parts(parts);
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let product = |row: &[f64], matrix: &[f64], columns: usize, column: usize| -> f64 {
            row.iter().enumerate().map(|(k, value)| value * matrix[k * columns + column]).sum()
        };
        let mut states = Vec::new();
        let mut position = 0;
        for length in &self.lengths {
            let (mut cell, mut state) = (vec![0.0; hidden], vec![0.0; hidden]);
            for _ in 0..*length {
                let x = &embeddings[self.items[position] as usize * input..][..input];
                let whole = [x, &state].concat();
                let times = self.times.each_ref().map(|times| f64::from(times[position]));
                let n = |time: f64, of: &Time<&[f64]>| -> Vec<f64> {
                    of.input_weight
                        .iter()
                        .zip(of.input_bias)
                        .map(|(weight, bias)| (time * weight + bias).tanh())
                        .collect()
                };
                let (n1, n2) = (n(times[0], &first), n(times[1], &second));
                let mut next = (Vec::new(), Vec::new());
                for h in 0..hidden {
                    let gate =
                        |part: usize| product(&whole, kernel, 4 * hidden, part * hidden + h) + bias[part * hidden + h];
                    let time_gate = |n: &[f64], of: &Time<&[f64]>| {
                        sigmoid(
                            product(x, of.kernel_input, hidden, h) + product(n, of.kernel_time, hidden, h) + of.bias[h],
                        )
                    };
                    let output = gate(3)
                        + product(&n1, first.output_kernel, hidden, h)
                        + product(&n2, second.output_kernel, hidden, h);
                    let c = sigmoid(gate(2) + 1.0) * time_gate(&n2, &second) * cell[h]
                        + sigmoid(gate(0)) * time_gate(&n1, &first) * gate(1).tanh();
                    next.0.push(c);
                    next.1.push(sigmoid(output) * c.tanh());
                }
                (cell, state) = next;
                states.extend(&state);
                position += 1;
            }
        }
        states
    }

    fn inputs<'a>(&'a self, values: &'a [f32]) -> Inputs<'a> {
        let (embeddings, parameters) = values.split_at(self.distinct * self.sizes.input);
        Inputs {
            histories: Histories { slots: self.slots, lengths: &self.lengths },
            embeddings,
            items: &self.items,
            time_to_now: &self.times[0],
            time_from_first: &self.times[1],
            parameters,
        }
    }

    /// States and gradients of the kernel.
    fn fused(&self, set: InstructionSet) -> (Vec<f32>, Vec<f32>) {
        let values: Vec<f32> = self.values.iter().map(|value| *value as f32).collect();
        let inputs = self.inputs(&values);
        let coefficients: Vec<f32> = self.coefficients.iter().map(|value| *value as f32).collect();
        let mut lstm = TimeLstm::new(set, self.sizes);
        let mut states = vec![f32::NAN; coefficients.len()];
        let mut gradients = vec![f32::NAN; values.len()];
        // Twice, because the buffers are used again.
        for _ in 0..2 {
            lstm.forward(&inputs, &mut states);
            let (embeddings, parameters) = gradients.split_at_mut(inputs.embeddings.len());
            lstm.backward(&inputs, &states, &coefficients, Gradients { embeddings, parameters });
        }
        (states, gradients)
    }
}

fn check(case: &Case) {
    let expected = case.expected(&case.values);
    let loss = |values: &[f64]| -> f64 {
        case.expected(values).iter().zip(&case.coefficients).map(|(state, coefficient)| state * coefficient).sum()
    };
    let differences = finite_differences(&case.values, loss);
    for set in InstructionSet::available() {
        let (states, gradients) = case.fused(set);
        let worst = worst_difference(&states, &expected);
        assert!(worst < 1e-6, "{}: states differ by {worst}", set.name());
        let worst = worst_difference(&gradients, &differences);
        assert!(worst < 1e-5, "{}: gradients differ by {worst}", set.name());
    }
}

#[test]
fn one_history_follows_the_formulas() {
    check(&Case::new(Sizes { input: 3, hidden: 2 }, 5, &[5], 4));
}

#[test]
fn histories_of_all_lengths_and_an_item_that_comes_again_and_again() {
    check(&Case::new(Sizes { input: 2, hidden: 3 }, 6, &[1, 6, 3, 6, 2, 5], 2));
}

#[test]
fn more_histories_than_a_block_more_steps_than_a_sum_and_states_wider_than_a_vector() {
    let lengths: Vec<u32> = (0..18).map(|history| 1 + history * 7 % 11).collect();
    check(&Case::new(Sizes { input: 1, hidden: 17 }, 11, &lengths, 3));
}

#[test]
fn more_items_than_a_thread_takes_at_once_some_of_which_do_not_occur() {
    let lengths = [9; 20];
    let case = Case::new(Sizes { input: 3, hidden: 4 }, 9, &lengths, 150);
    let (states, _) = case.fused(InstructionSet::detect());
    assert!(worst_difference(&states, &case.expected(&case.values)) < 1e-6);
    let (_, gradients) = case.fused(InstructionSet::detect());
    let absent = (0..150).find(|item| !case.items.contains(item)).unwrap() as usize;
    assert_eq!(gradients[absent * 3..absent * 3 + 3], [0.0; 3]);
}

#[test]
fn neither_fused_instruction_sets_nor_the_number_of_threads_change_a_bit() {
    let lengths: Vec<u32> = (0..70).map(|history| 1 + history * 7 % 50).collect();
    let case = Case::new(Sizes { input: 32, hidden: 40 }, 50, &lengths, 100);
    let sets = InstructionSet::available().into_iter().filter(|set| set.name() != "portable");
    let mut results: Vec<_> = sets.map(|set| case.fused(set)).collect();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        results.push(pool.install(|| case.fused(InstructionSet::detect())));
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_an_earlier_batch_left_behind_does_not_matter() {
    let sizes = Sizes { input: 3, hidden: 5 };
    let mut lstm = TimeLstm::new(InstructionSet::detect(), sizes);
    for case in [Case::new(sizes, 9, &[9; 30], 12), Case::new(sizes, 4, &[2, 4, 1], 5)] {
        let values: Vec<f32> = case.values.iter().map(|value| *value as f32).collect();
        let inputs = case.inputs(&values);
        let mut states = vec![0.0; case.coefficients.len()];
        lstm.forward(&inputs, &mut states);
        let mut gradients = [inputs.embeddings, inputs.parameters].map(|values| vec![0.0; values.len()]);
        let [embeddings, parameters] = &mut gradients;
        let coefficients: Vec<f32> = case.coefficients.iter().map(|value| *value as f32).collect();
        lstm.backward(&inputs, &states, &coefficients, Gradients { embeddings, parameters });
        assert!((states, gradients.concat()) == case.fused(InstructionSet::detect()));
    }
}
