//! The fused pooling against its formula in f64, slot by slot; gradients against finite differences of that.

use super::*;
use crate::testing::{Random, finite_differences, worst_difference};

const TARGET: usize = 5;
const SLOTS: usize = 6;
const DISTINCT: usize = 7;
const PADDING: u32 = 3;

fn check(lengths: &[u32], padding: Option<u32>) {
    let mut random = Random::new(23);
    let mut values = random.values(DISTINCT * TARGET, 1.0);
    values.extend(random.values((TARGET + 1) * TARGET, 0.8));
    let positions = lengths.iter().sum::<u32>() as usize;
    let items: Vec<u32> = (0..positions).map(|_| ((random.next() + 1.0) / 2.0 * DISTINCT as f64) as u32).collect();
    let coefficients = random.values(lengths.len() * TARGET, 1.0);

    let expected = |values: &[f64]| -> Vec<f64> {
        let (vectors, parameters) = values.split_at(DISTINCT * TARGET);
        let (matrix, query) = parameters.split_at(TARGET * TARGET);
        let mut first = 0;
        let mut pooled = Vec::new();
        for length in lengths {
            let slots: Vec<&[f64]> = (0..SLOTS)
                .filter_map(|slot| if slot < *length as usize { Some(items[first + slot]) } else { padding })
                .map(|item| &vectors[item as usize * TARGET..][..TARGET])
                .collect();
            let logit = |vector: &[f64]| -> f64 {
                let column = |j| -> f64 { (0..TARGET).map(|i| vector[i] * matrix[i * TARGET + j]).sum() };
                (0..TARGET).map(|j| column(j) * query[j]).sum()
            };
            let powers: Vec<f64> = slots.iter().map(|vector| logit(vector).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let mean =
                |column| slots.iter().zip(&powers).map(|(vector, power)| vector[column] * power / sum).sum::<f64>();
            pooled.extend((0..TARGET).map(mean));
            first += *length as usize;
        }
        pooled
    };

    let floats = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
    let all = floats(&values);
    let (vectors, parameters) = all.split_at(DISTINCT * TARGET);
    let histories = Histories { slots: SLOTS, lengths };
    let inputs = Inputs { histories, target: TARGET, vectors, items: &items, padding, parameters };
    let mut long_term = LongTerm::new(InstructionSet::detect());
    let mut pooled = vec![f32::NAN; coefficients.len()];
    let mut gradients = vec![f32::NAN; all.len()];
    // Twice, because the buffers are used again.
    for _ in 0..2 {
        long_term.forward(&inputs, &mut pooled);
        let (vectors, parameters) = gradients.split_at_mut(vectors.len());
        long_term.backward(&inputs, &floats(&coefficients), Gradients { vectors, parameters });
    }
    let worst = worst_difference(&pooled, &expected(&values));
    assert!(worst < 1e-6, "results differ by {worst}");
    let loss = |values: &[f64]| {
        expected(values).iter().zip(&coefficients).map(|(value, coefficient)| value * coefficient).sum()
    };
    let worst = worst_difference(&gradients, &finite_differences(&values, loss));
    assert!(worst < 1e-5, "gradients differ by {worst}");
}

#[test]
fn full_histories_follow_the_formula() {
    check(&[SLOTS as u32; 3], Some(PADDING));
}

#[test]
fn every_empty_slot_counts_with_the_vector_of_the_padding() {
    check(&[1, 6, 3, 5, 2], Some(PADDING));
}

#[test]
fn without_padding_only_the_used_slots_count() {
    check(&[1, 6, 3, 5, 2], None);
}
