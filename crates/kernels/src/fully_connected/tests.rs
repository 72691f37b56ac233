//! The fused network against its formulas in f64; gradients against finite differences of those.

use super::*;
use crate::testing::{Random, dropout_factors, finite_differences, plain_layer, worst_difference};

struct Case {
    sizes: NetworkSizes,
    count: usize,
    dropout: [Dropout; 2],
    /// Rows, then parameters, so that one loop can move each.
    values: Vec<f64>,
    /// The loss is the sum of the logits times these.
    coefficients: Vec<f64>,
}

impl Case {
    fn new(sizes: NetworkSizes, count: usize, rates: [f64; 2]) -> Self {
        let mut random = Random::new(11);
        let mut values = random.values(count * sizes.inputs, 1.0);
        values.extend(random.values(sizes.parameters(), 0.8));
        let dropout = [Dropout::new(1, rates[0]), Dropout::new(2, rates[1])];
        Self { sizes, count, dropout, values, coefficients: random.values(count, 1.0) }
    }

    fn expected(&self, values: &[f64]) -> Vec<f64> {
        let (rows, mut rest) = values.split_at(self.count * self.sizes.inputs);
        let mut parts = self.sizes.lengths().into_iter().map(|length| {
            let (part, others) = rest.split_at(length);
            rest = others;
            part.to_vec()
        });
        let network: Network<Vec<f64>> = Network::from_parts(&mut parts);
        let rows: Vec<Vec<f64>> = rows.chunks(self.sizes.inputs).map(<[f64]>::to_vec).collect();
        let masks = |layer: usize| -> Vec<Vec<f64>> {
            let width = self.sizes.hidden[layer];
            (0..self.count).map(|row| dropout_factors(&self.dropout[layer], row, width)).collect()
        };
        let first = plain_layer(&rows, &network.first, &masks(0));
        let second = plain_layer(&first, &network.second, &masks(1));
        let logit = |row: &Vec<f64>| row.iter().zip(&network.output_weight).map(|(value, weight)| value * weight).sum();
        second.iter().map(logit).map(|logit: f64| logit + network.output_bias[0]).collect()
    }

    fn fused(&self, set: InstructionSet) -> (Vec<f32>, Vec<f32>) {
        let values: Vec<f32> = self.values.iter().map(|value| *value as f32).collect();
        let coefficients: Vec<f32> = self.coefficients.iter().map(|value| *value as f32).collect();
        let (rows, parameters) = values.split_at(self.count * self.sizes.inputs);
        let inputs = Inputs { rows, parameters, dropout: self.dropout };
        let mut network = FullyConnected::new(set, self.sizes);
        let mut logits = vec![f32::NAN; self.count];
        let mut gradients = vec![f32::NAN; values.len()];
        // Twice, because the buffers are used again.
        for _ in 0..2 {
            network.forward(&inputs, &mut logits);
            let (rows, parameters) = gradients.split_at_mut(rows.len());
            network.backward(&inputs, &coefficients, Gradients { rows, parameters });
        }
        (logits, gradients)
    }
}

fn check(case: &Case) {
    let expected = case.expected(&case.values);
    let differences = finite_differences(&case.values, |values| {
        case.expected(values).iter().zip(&case.coefficients).map(|(logit, coefficient)| logit * coefficient).sum()
    });
    for set in InstructionSet::available() {
        let (logits, gradients) = case.fused(set);
        let worst = worst_difference(&logits, &expected);
        assert!(worst < 1e-5, "{}: logits differ by {worst}", set.name());
        let worst = worst_difference(&gradients, &differences);
        let greatest = differences.iter().fold(0.0_f64, |greatest, value| greatest.max(value.abs()));
        assert!(worst < 1e-5 * greatest.max(1.0), "{}: gradients differ by {worst} of {greatest}", set.name());
    }
}

#[test]
fn a_few_rows_follow_the_formulas() {
    check(&Case::new(NetworkSizes { inputs: 3, hidden: [4, 2] }, 7, [0.0, 0.0]));
}

#[test]
fn dropped_values_take_no_part() {
    check(&Case::new(NetworkSizes { inputs: 5, hidden: [6, 7] }, 12, [0.4, 0.3]));
}

#[test]
fn more_rows_than_a_block_and_layers_wider_than_a_vector() {
    check(&Case::new(NetworkSizes { inputs: 2, hidden: [17, 18] }, 150, [0.1, 0.2]));
}

#[test]
fn neither_fused_instruction_sets_nor_the_number_of_threads_change_a_bit() {
    let case = Case::new(NetworkSizes { inputs: 121, hidden: [80, 40] }, 400, [0.3, 0.3]);
    let sets = InstructionSet::available().into_iter().filter(|set| set.name() != "portable");
    let mut results: Vec<_> = sets.map(|set| case.fused(set)).collect();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        results.push(pool.install(|| case.fused(InstructionSet::detect())));
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}
