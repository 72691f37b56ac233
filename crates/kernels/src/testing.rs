//! What the tests of the kernels share: numbers that look random, and comparison.

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
