//! The start of a weight: its specification and a seed enter, random values leave.

use rand::Rng;

use crate::random::{self, Purpose};
use crate::weights::{Specification, Start};

/// Deviation of the transitions' factors at the start: products of two of them must be worth learning from.
const FACTOR_DEVIATION: f64 = 0.1;

/// The values of a weight before the first step; `position` tells weights of one seed apart.
pub(super) fn values(specification: &Specification, deviation: f64, seed: u64, position: u32) -> Vec<f32> {
    let count = specification.shape.iter().product();
    let mut random = random::generator(seed, Purpose::Weight(position));
    match specification.start {
        Start::Constant(value) => vec![value; count],
        Start::Factors => {
            // The default item leads nowhere: its row stays 0, as no row of the training data moves it.
            let width = specification.shape.last().copied().unwrap_or(1);
            let mut values = vec![0.0; count];
            for value in values.iter_mut().skip(width) {
                *value = (truncated_normal(&mut random) * FACTOR_DEVIATION) as f32;
            }
            values
        }
        Start::Normal => (0..count).map(|_| (truncated_normal(&mut random) * deviation) as f32).collect(),
        Start::Glorot => {
            // TensorFlow takes the one dimension of a vector for both its inputs and its outputs.
            let inputs = specification.shape.first().copied().unwrap_or(1);
            let outputs = specification.shape.last().copied().unwrap_or(1);
            let limit = (6.0 / (inputs + outputs) as f64).sqrt();
            (0..count).map(|_| ((random.random::<f64>() * 2.0 - 1.0) * limit) as f32).collect()
        }
    }
}

/// A standard normal number within ±2 (Box and Muller; others are drawn again, as TensorFlow does).
fn truncated_normal(random: &mut impl Rng) -> f64 {
    loop {
        let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
        let value = radius * (std::f64::consts::TAU * random.random::<f64>()).cos();
        if value.abs() <= 2.0 {
            return value;
        }
    }
}
