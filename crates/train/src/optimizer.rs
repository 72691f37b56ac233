//! Adam: gradients by weight name enter, the weights move. The state is plain arrays, so that a run can be continued.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var};

use crate::hyperparameters::TrainingHyperparameters;

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

#[derive(Debug, Clone, Default)]
struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
}

/// Adam as TensorFlow computes it (Kingma and Ba 2015, with the bias correction in the step size).
#[derive(Debug, Clone, Default)]
pub struct Adam {
    steps: i32,
    moments: BTreeMap<String, Moments>,
}

impl Adam {
    /// Moves all weights by one step.
    ///
    /// # Errors
    /// When a gradient has another shape than its weight.
    pub fn step(
        &mut self,
        weights: &BTreeMap<String, Var>,
        gradients: &GradStore,
        settings: &TrainingHyperparameters,
    ) -> Result<()> {
        self.steps += 1;
        let mut updates = Vec::with_capacity(weights.len());
        for (name, weight) in weights {
            let Some(gradient) = gradients.get(weight.as_tensor()) else { continue };
            let mut gradient: Vec<f32> = gradient.flatten_all()?.to_vec1()?;
            let values: Vec<f32> = weight.flatten_all()?.to_vec1()?;
            add_penalties(name, &mut gradient, &values, settings);
            updates.push((name, weight, gradient, values));
        }
        let scale = clipping_scale(updates.iter().map(|(_, _, gradient, _)| gradient), settings.largest_gradient_norm);
        let correction = (1.0 - BETA_2.powi(self.steps)).sqrt() / (1.0 - BETA_1.powi(self.steps));
        let step_size = settings.learning_rate * correction;
        for (name, weight, gradient, mut values) in updates {
            let moments = self.moments.entry(name.clone()).or_default();
            moments.first.resize(values.len(), 0.0);
            moments.second.resize(values.len(), 0.0);
            let state = moments.first.iter_mut().zip(&mut moments.second);
            for ((value, gradient), (first, second)) in values.iter_mut().zip(&gradient).zip(state) {
                let gradient = gradient * scale;
                *first = BETA_1 as f32 * *first + (1.0 - BETA_1) as f32 * gradient;
                *second = BETA_2 as f32 * *second + (1.0 - BETA_2) as f32 * gradient * gradient;
                *value -= step_size as f32 * *first / (second.sqrt() + EPSILON as f32);
            }
            weight.set(&Tensor::from_vec(values, weight.shape(), &Device::Cpu)?)?;
        }
        Ok(())
    }
}

/// Gradients of `l1 · Σ|w| + l2 / 2 · Σw²`.
fn add_penalties(name: &str, gradient: &mut [f32], values: &[f32], settings: &TrainingHyperparameters) {
    let (l1, l2) = if name.starts_with("embedding.") {
        (settings.embedding_l1, settings.embedding_l2)
    } else {
        (settings.layer_l1, settings.layer_l2)
    };
    if l1 == 0.0 && l2 == 0.0 {
        return;
    }
    for (gradient, value) in gradient.iter_mut().zip(values) {
        let sign = if *value == 0.0 { 0.0 } else { value.signum() };
        *gradient += l1 as f32 * sign + l2 as f32 * value;
    }
}

/// Factor that brings the norm of all gradients together below the largest one allowed.
fn clipping_scale<'a>(gradients: impl Iterator<Item = &'a Vec<f32>>, largest: f64) -> f32 {
    if largest == 0.0 {
        return 1.0;
    }
    let squares: f64 = gradients.flatten().map(|value| f64::from(*value) * f64::from(*value)).sum();
    (largest / squares.sqrt().max(largest)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(adam: &mut Adam, settings: &TrainingHyperparameters, weight: &Var) -> f32 {
        // The gradient of 3 w is 3.
        let loss = (weight.as_tensor() * 3.0).unwrap().sum_all().unwrap();
        let weights = BTreeMap::from([("w".to_owned(), weight.clone())]);
        adam.step(&weights, &loss.backward().unwrap(), settings).unwrap();
        weight.to_vec1::<f32>().unwrap()[0]
    }

    fn weight() -> Var {
        Var::from_slice(&[1.0_f32], 1, &Device::Cpu).unwrap()
    }

    #[test]
    fn a_constant_gradient_moves_a_weight_by_the_learning_rate() {
        let settings = TrainingHyperparameters::default();
        let (mut adam, weight) = (Adam::default(), weight());
        for count in 1..=3 {
            let expected = 1.0 - 0.001 * count as f32;
            assert!((step(&mut adam, &settings, &weight) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn penalties_pull_weights_towards_zero() {
        let settings = TrainingHyperparameters { layer_l1: 0.5, layer_l2: 0.25, ..Default::default() };
        let mut gradient = vec![0.0; 3];
        add_penalties("w", &mut gradient, &[2.0, 0.0, -4.0], &settings);
        assert_eq!(gradient, [1.0, 0.0, -1.5]);
        let mut embedding = vec![0.0];
        add_penalties("embedding.item", &mut embedding, &[2.0], &settings);
        assert_eq!(embedding, [0.0]);
    }

    #[test]
    fn clipping_scales_only_what_is_too_long() {
        let gradients = [vec![3.0_f32], vec![4.0]];
        assert_eq!(clipping_scale(gradients.iter(), 2.5), 0.5);
        assert_eq!(clipping_scale(gradients.iter(), 10.0), 1.0);
        assert_eq!(clipping_scale(gradients.iter(), 0.0), 1.0);
    }
}
