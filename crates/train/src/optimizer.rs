//! Adam: gradients by weight name enter, the weights move.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::hyperparameters::TrainingHyperparameters;
use crate::model::Gradients;
use crate::weights::{Array, Weights, WeightsError};

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
    /// Moves all weights that have a gradient by one step at this learning rate.
    ///
    /// # Errors
    /// When there is no weight for a gradient, or one of another size.
    pub fn step(
        &mut self,
        weights: &mut Weights,
        mut gradients: Gradients,
        settings: &TrainingHyperparameters,
        learning_rate: f64,
    ) -> Result<(), WeightsError> {
        for (name, gradient) in &mut gradients {
            let array = weights.required(name)?;
            if gradient.len() != array.values.len() {
                let (found, expected) = (format!("a gradient of {} values", gradient.len()), array.shape.clone());
                return Err(WeightsError::Shape { name: name.clone(), found, expected });
            }
            if let Some(penalties) = penalties(name, settings) {
                penalise(gradient, &array.values, penalties);
            }
        }
        self.steps = self.steps.saturating_add(1);
        let scale = clipping_scale(gradients.values(), settings.largest_gradient_norm);
        let correction = (1.0 - BETA_2.powi(self.steps)).sqrt() / (1.0 - BETA_1.powi(self.steps));
        let step = (learning_rate * correction) as f32;
        for (name, gradient) in gradients {
            let Some(Array { values, .. }) = weights.get_mut(&name) else { continue };
            let decay = if decays(&name) { (learning_rate * settings.weight_decay) as f32 } else { 0.0 };
            let factors = Factors { gradient: scale, step, kept: 1.0 - decay };
            let moments = self.moments.entry(name).or_default();
            moments.first.resize(values.len(), 0.0);
            moments.second.resize(values.len(), 0.0);
            factors.update(values, &gradient, moments);
        }
        Ok(())
    }

    /// Steps so far.
    pub fn steps(&self) -> i32 {
        self.steps
    }

    /// First and second moments of every weight, by its name.
    pub fn moments(&self) -> impl Iterator<Item = (&str, [&[f32]; 2])> {
        self.moments.iter().map(|(name, moments)| (name.as_str(), [moments.first.as_slice(), &moments.second]))
    }

    /// The moments for a checkpoint.
    pub fn state(&self) -> Vec<(String, [Cow<'_, [f32]>; 2])> {
        self.moments().map(|(name, moments)| (name.to_owned(), moments.map(Cow::Borrowed))).collect()
    }

    /// The state of an earlier optimiser, so that a run goes on as if it had never stopped.
    pub fn restored(steps: i32, moments: impl Iterator<Item = (String, [Vec<f32>; 2])>) -> Self {
        let moments = moments.map(|(name, [first, second])| (name, Moments { first, second }));
        Self { steps, moments: moments.collect() }
    }
}

#[derive(Clone, Copy)]
struct Factors {
    /// Of the gradient, to clip it.
    gradient: f32,
    /// The learning rate with the bias correction.
    step: f32,
    /// What weight decay leaves of a weight.
    kept: f32,
}

/// Values that are worth a thread's while.
const VALUES_AT_ONCE: usize = 1 << 14;

impl Factors {
    /// One weight's step.
    fn update(self, values: &mut [f32], gradient: &[f32], moments: &mut Moments) {
        let Moments { first, second } = moments;
        // Most weights are small: waking a thread would take longer than the work.
        if values.len() <= VALUES_AT_ONCE {
            return self.apply(values, gradient, first, second);
        }
        values
            .par_chunks_mut(VALUES_AT_ONCE)
            .zip(gradient.par_chunks(VALUES_AT_ONCE))
            .zip(first.par_chunks_mut(VALUES_AT_ONCE).zip(second.par_chunks_mut(VALUES_AT_ONCE)))
            .for_each(|((values, gradient), (first, second))| self.apply(values, gradient, first, second));
    }

    fn apply(self, values: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        for ((value, gradient), (first, second)) in values.iter_mut().zip(gradient).zip(first.iter_mut().zip(second)) {
            let gradient = gradient * self.gradient;
            *first = BETA_1 as f32 * *first + (1.0 - BETA_1) as f32 * gradient;
            *second = BETA_2 as f32 * *second + (1.0 - BETA_2) as f32 * gradient * gradient;
            *value = self.kept * *value - self.step * *first / (second.sqrt() + EPSILON as f32);
        }
    }
}

/// Weight decay leaves biases and normalisations alone: they do not make a model more complicated.
fn decays(name: &str) -> bool {
    !["bias", "bias_1", "bias_2", "gamma", "beta"].iter().any(|part| name.ends_with(part))
}

/// Factors of a weight's penalties, L1 and L2; none when both are 0.
fn penalties(name: &str, settings: &TrainingHyperparameters) -> Option<(f64, f64)> {
    let (l1, l2) = if name.starts_with("embedding.") {
        (settings.embedding_l1, settings.embedding_l2)
    } else {
        (settings.layer_l1, settings.layer_l2)
    };
    (l1 != 0.0 || l2 != 0.0).then_some((l1, l2))
}

/// What the penalties add to the loss: `l1 · Σ|w| + l2 / 2 · Σw²` over these weights.
pub fn penalty<'a>(weights: impl Iterator<Item = (&'a str, &'a Array)>, settings: &TrainingHyperparameters) -> f32 {
    let mut sum = 0.0;
    for (name, array) in weights {
        let Some((l1, l2)) = penalties(name, settings) else { continue };
        let of = |value: &f32| l1 * f64::from(value.abs()) + l2 / 2.0 * f64::from(value * value);
        sum += array.values.iter().map(of).sum::<f64>();
    }
    sum as f32
}

/// Adds the gradient of `l1 · Σ|w| + l2 / 2 · Σw²`.
fn penalise(gradient: &mut [f32], weight: &[f32], (l1, l2): (f64, f64)) {
    for (gradient, weight) in gradient.iter_mut().zip(weight) {
        let sign = if *weight == 0.0 { 0.0 } else { weight.signum() };
        *gradient += sign * l1 as f32 + weight * l2 as f32;
    }
}

/// Factor that brings the norm of all gradients together below the largest one allowed.
fn clipping_scale<'a>(gradients: impl Iterator<Item = &'a Vec<f32>>, largest: f64) -> f32 {
    if largest == 0.0 {
        return 1.0;
    }
    let squares: f64 =
        gradients.map(|gradient| gradient.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>()).sum();
    (largest / squares.sqrt().max(largest)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_gradient_moves_a_weight_by_the_learning_rate() {
        let settings = TrainingHyperparameters::default();
        let (mut adam, mut weights) = (Adam::default(), Weights::default());
        weights.insert("w", Array { shape: vec![1], values: vec![1.0] });
        for count in 1..=3 {
            let gradients = Gradients::from([("w".to_owned(), vec![3.0])]);
            adam.step(&mut weights, gradients, &settings, settings.learning_rate).unwrap();
            let expected = 1.0 - 0.001 * count as f32;
            assert!((weights.get("w").unwrap().values[0] - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_gradient_that_fits_no_weight_is_refused_and_moves_nothing() {
        let settings = TrainingHyperparameters::default();
        let (mut adam, mut weights) = (Adam::default(), Weights::default());
        weights.insert("w", Array { shape: vec![1], values: vec![1.0] });
        for (name, gradient) in [("w", vec![1.0, 2.0]), ("x", vec![1.0])] {
            let gradients = Gradients::from([(name.to_owned(), gradient)]);
            let error = adam.step(&mut weights, gradients, &settings, 0.1).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
        assert_eq!((weights.get("w").unwrap().values[0], adam.steps()), (1.0, 0));
    }

    #[test]
    fn penalties_pull_weights_towards_zero() {
        let settings = TrainingHyperparameters { layer_l1: 0.5, layer_l2: 0.25, ..Default::default() };
        let mut gradient = [0.0; 3];
        penalise(&mut gradient, &[2.0, 0.0, -4.0], penalties("w", &settings).unwrap());
        assert_eq!(gradient, [1.0, 0.0, -1.5]);
        assert_eq!(penalties("embedding.item", &settings), None);
    }

    #[test]
    fn clipping_scales_only_what_is_too_long() {
        let gradients = [vec![3.0], vec![4.0]];
        let scale = |largest| clipping_scale(gradients.iter(), largest);
        assert_eq!((scale(2.5), scale(10.0), scale(0.0)), (0.5, 1.0, 1.0));
    }
}
