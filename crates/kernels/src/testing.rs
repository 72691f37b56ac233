//! What the tests of the kernels share: numbers that look random, plain formulas in f64, and comparison.

use crate::dropout::Dropout;
use crate::layers::Layer;
use crate::simd::portable::Portable;

/// A small generator (Numerical Recipes' LCG), so that cases are the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Between -1 and 1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }

    /// Numbers between -scale and scale that a float holds exactly.
    pub(crate) fn values(&mut self, count: usize, scale: f64) -> Vec<f64> {
        (0..count).map(|_| f64::from((self.next() * scale) as f32)).collect()
    }
}

/// The greatest difference between two lists of the same length.
pub(crate) fn worst_difference(values: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(values.len(), expected.len());
    let differences = values.iter().zip(expected).map(|(value, expected)| (f64::from(*value) - expected).abs());
    // NaN is the greatest of all.
    differences.max_by(f64::total_cmp).unwrap_or_default()
}

/// The slope of a function in the direction of each of its values.
pub(crate) fn finite_differences(values: &[f64], function: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let mut moved = values.to_vec();
    let mut slope = |index: usize| {
        moved[index] = values[index] + STEP;
        let after = function(&moved);
        moved[index] = values[index] - STEP;
        let before = function(&moved);
        moved[index] = values[index];
        (after - before) / (2.0 * STEP)
    };
    (0..values.len()).map(&mut slope).collect()
}

/// The dropout's factors of a row.
pub(crate) fn dropout_factors(dropout: &Dropout, row: usize, width: usize) -> Vec<f64> {
    let row = dropout.row(row as u64);
    let all = (0..width.div_ceil(32)).flat_map(|pair| row.factors(Portable, pair)).flat_map(|factors| factors.values());
    all.take(width).map(f64::from).collect()
}

/// A hidden layer with batch statistics.
pub(crate) fn plain_layer(rows: &[Vec<f64>], layer: &Layer<Vec<f64>>, masks: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let width = layer.bias.len();
    let products: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            let column =
                |column| row.iter().enumerate().map(|(k, value)| value * layer.weight[k * width + column]).sum::<f64>();
            (0..width).map(|index| column(index) + layer.bias[index]).collect()
        })
        .collect();
    let count = rows.len() as f64;
    let mut results = vec![vec![0.0; width]; rows.len()];
    for column in 0..width {
        let mean = products.iter().map(|row| row[column]).sum::<f64>() / count;
        let variance = products.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / count;
        for ((result, row), mask) in results.iter_mut().zip(&products).zip(masks) {
            let normalised = (row[column] - mean) / (variance + 1e-4).sqrt();
            result[column] = (normalised * layer.gamma[column] + layer.beta[column]).max(0.0) * mask[column];
        }
    }
    results
}
