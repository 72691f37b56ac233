//! A case by the formulas of `docs/MODEL.md` in f64, with the states of the training's LSTM.

use slirec_kernels::histories::Histories;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::time_lstm::{Inputs, Sizes, TimeLstm};

use super::{Case, Data};

impl Data {
    /// Scores, attention, long-term shares and the scores' logits.
    pub(crate) fn plain(&self, case: &Case) -> [Vec<f64>; 4] {
        let (target, length) = (case.target(), case.length);
        let states = self.states(case);
        let states: Vec<Vec<f64>> = states.chunks(target).map(wide).collect();
        let row = |table: &[f32], width: usize, id: usize| wide(&table[id * width..][..width]);
        let embedded = |item: usize, feature: usize| {
            [row(&self.items, case.item, item), row(&self.features, case.feature, feature)].concat()
        };
        let mut terms: Vec<(Vec<f64>, f64)> = (self.history[0].iter().zip(&self.history[1]))
            .map(|(item, feature)| (embedded(*item as usize, *feature as usize), 1.0))
            .collect();
        if let Some(slots) = case.padded_slots.filter(|slots| *slots > length) {
            terms.push((embedded(0, 0), (slots - length) as f64));
        }
        let query = wide(&self.long_term_query);
        let logits: Vec<f64> =
            terms.iter().map(|(vector, _)| dot(&times(vector, &self.long_term_matrix), &query)).collect();
        let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> =
            terms.iter().zip(&logits).map(|((_, count), logit)| count * (logit - greatest).exp()).collect();
        let total: f64 = powers.iter().sum();
        let long_term: Vec<f64> = (0..target)
            .map(|column| terms.iter().zip(&powers).map(|((vector, _), power)| vector[column] * power / total).sum())
            .collect();
        let mixing_history = add(&times(&long_term, &self.mixing_share), &wide(&self.gate_time_share), 0.75);
        let mut transition = vec![0.0; case.transition];
        for (item, weight) in self.history[0].iter().rev().zip(self.positions.iter().rev()) {
            transition = add(&transition, &row(&self.from, case.transition, *item as usize), f64::from(*weight));
        }
        transition.push(1.0);

        let mut results = [const { Vec::new() }; 4];
        for candidate in 0..case.candidates {
            let column = |number: usize| {
                let width = self.columns[number].len() / case.candidates;
                row(&self.columns[number], width, candidate)
            };
            let query = column(0);
            let logits: Vec<f64> = (states.iter())
                .map(|state| {
                    let key = times(state, &self.attention_matrix);
                    let scaled: Vec<f64> = key.iter().zip(&query).map(|(key, query)| key * query).collect();
                    let start = add(&column(1), &times(&key, &self.attention_share), 1.0);
                    self.logit(0, &scaled, &start)
                })
                .collect();
            let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = logits.iter().map(|logit| (logit - greatest).exp()).sum();
            let weights: Vec<f64> = logits.iter().map(|logit| (logit - greatest).exp() / total).collect();
            let attended: Vec<f64> = (0..target)
                .map(|column| states.iter().zip(&weights).map(|(state, weight)| state[column] * weight).sum())
                .collect();
            let share = sigmoid(self.logit(1, &attended, &add(&column(2), &mixing_history, 1.0)));
            let user: Vec<f64> =
                long_term.iter().zip(&attended).map(|(long, short)| short + share * (long - short)).collect();
            let logit = self.logit(2, &user, &column(3)) + dot(&column(4), &transition);
            results[0].push(sigmoid(logit));
            results[1].extend(weights);
            results[2].push(share);
            results[3].push(logit);
        }
        results
    }

    fn logit(&self, number: usize, inputs: &[f64], start: &[f64]) -> f64 {
        let network = self.network(number);
        let relu = |values: Vec<f64>| values.into_iter().map(|value| value.max(0.0)).collect::<Vec<_>>();
        let first = relu(add(start, &times(inputs, network.first), 1.0));
        let second = relu(add(&wide(network.second_bias), &times(&first, network.second), 1.0));
        dot(&second, &wide(network.output)) + f64::from(network.output_bias)
    }

    fn states(&self, case: &Case) -> Vec<f32> {
        let set = InstructionSet::detect();
        let mut lstm = TimeLstm::new(set, Sizes { input: case.item, hidden: case.target() });
        let mut states = vec![0.0; case.length * case.target()];
        let lengths = [u32::try_from(case.length).unwrap()];
        let inputs = Inputs {
            histories: Histories { slots: case.length, lengths: &lengths },
            embeddings: &self.items,
            items: &self.history[0],
            time_to_now: &self.times[0],
            time_from_first: &self.times[1],
            parameters: &self.lstm,
        };
        lstm.forward(&inputs, &mut states);
        states
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn add(left: &[f64], right: &[f64], factor: f64) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left + factor * right).collect()
}

fn times(values: &[f64], matrix: &[f32]) -> Vec<f64> {
    let width = matrix.len() / values.len();
    let column = |column: usize| {
        values.iter().enumerate().map(|(row, value)| value * f64::from(matrix[row * width + column])).sum()
    };
    (0..width).map(column).collect()
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}
