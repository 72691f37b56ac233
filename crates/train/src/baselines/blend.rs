//! Blends: two baselines enter, one leaves. Scores are brought to one scale for each history: logarithms with mean 0 and
//! deviation 1.

use std::sync::Arc;

use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::Baseline;

/// Weights of the second part that are tried; the first one's is 1.
pub(super) const WEIGHTS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// A baseline in a blend.
#[derive(Clone)]
pub(super) struct Ingredient {
    pub(super) name: String,
    pub(super) baseline: Arc<dyn Baseline>,
    /// What scores are multiplied by before the logarithm.
    pub(super) scale: f64,
}

impl Ingredient {
    /// Scores on the common scale.
    pub(super) fn score(&self, group: &EvaluationGroup, out: &mut [f64]) {
        self.baseline.score_all(group, out);
        standardise(out, self.scale);
    }
}

fn standardise(scores: &mut [f64], scale: f64) {
    for score in scores.iter_mut() {
        *score = (score.max(0.0) * scale).ln_1p();
    }
    // The default item is no candidate.
    let Some((_, items)) = scores.split_first_mut() else { return };
    let count = items.len().max(1) as f64;
    let mean = items.iter().sum::<f64>() / count;
    let deviation = (items.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count).sqrt() + 1e-9;
    items.iter_mut().for_each(|score| *score = (*score - mean) / deviation);
}

/// The first part and `weight` times the second one.
pub(super) struct Blend {
    pub(super) parts: [Ingredient; 2],
    pub(super) weight: f64,
}

impl Baseline for Blend {
    fn score_all(&self, group: &EvaluationGroup, out: &mut [f64]) {
        let [first, second] = &self.parts;
        first.score(group, out);
        let mut of_second = vec![0.0; out.len()];
        second.score(group, &mut of_second);
        for (out, value) in out.iter_mut().zip(of_second) {
            *out += self.weight * value;
        }
    }
}
