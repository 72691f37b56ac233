//! Adam: gradients by weight name enter, the weights move. The state is plain arrays, so that a run can be continued.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, Error, InplaceOp1, Layout, Result, Storage, Tensor, Var};
use rayon::prelude::*;

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
    /// Moves all weights by one step at this learning rate.
    ///
    /// # Errors
    /// When a gradient has another shape than its weight.
    pub fn step(
        &mut self,
        weights: &BTreeMap<String, Var>,
        gradients: &GradStore,
        settings: &TrainingHyperparameters,
        learning_rate: f64,
    ) -> Result<()> {
        self.steps = self.steps.saturating_add(1);
        let mut updates = Vec::with_capacity(weights.len());
        for (name, weight) in weights {
            let Some(gradient) = gradients.get(weight.as_tensor()) else { continue };
            if gradient.shape() != weight.shape() {
                let (found, expected) = (gradient.shape(), weight.shape());
                return Err(Error::msg(format!("the gradient of {name} has shape {found:?}: expected {expected:?}")));
            }
            let gradient = gradient.contiguous()?;
            let gradient = match penalties(name, settings) {
                Some(penalties) => penalised(&gradient, weight, penalties)?,
                None => gradient,
            };
            updates.push((name, weight, gradient));
        }
        let scale = clipping_scale(updates.iter().map(|(_, _, gradient)| gradient), settings.largest_gradient_norm)?;
        let correction = (1.0 - BETA_2.powi(self.steps)).sqrt() / (1.0 - BETA_1.powi(self.steps));
        let step = (learning_rate * correction) as f32;
        for (name, weight, gradient) in updates {
            let decay = if decays(name) { (learning_rate * settings.weight_decay) as f32 } else { 0.0 };
            let factors = Factors { gradient: scale, step, kept: 1.0 - decay };
            let moments = self.moments.entry(name.clone()).or_default();
            moments.first.resize(weight.elem_count(), 0.0);
            moments.second.resize(weight.elem_count(), 0.0);
            weight.inplace_op1(&Update { gradient: &gradient, moments: RefCell::new(moments), factors })?;
        }
        Ok(())
    }
}

impl Adam {
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

/// One weight's step, in its own memory.
struct Update<'a> {
    gradient: &'a Tensor,
    moments: RefCell<&'a mut Moments>,
    factors: Factors,
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

impl InplaceOp1 for Update<'_> {
    fn name(&self) -> &'static str {
        "Adam"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let CpuStorage::F32(values) = storage else { return Err(Error::msg("a weight is not of 32-bit floats")) };
        let range = layout.contiguous_offsets().ok_or_else(|| Error::msg("a weight is not contiguous"))?;
        let values = values.get_mut(range.0..range.1).unwrap_or_default();
        let mut moments = self.moments.borrow_mut();
        let Moments { first, second } = &mut **moments;
        let factors = self.factors;
        with_values(self.gradient, |gradient| {
            // Most weights are small: waking a thread would take longer than the work.
            if values.len() <= VALUES_AT_ONCE {
                return factors.apply(values, gradient, first, second);
            }
            values
                .par_chunks_mut(VALUES_AT_ONCE)
                .zip(gradient.par_chunks(VALUES_AT_ONCE))
                .zip(first.par_chunks_mut(VALUES_AT_ONCE).zip(second.par_chunks_mut(VALUES_AT_ONCE)))
                .for_each(|((values, gradient), (first, second))| factors.apply(values, gradient, first, second));
        })
    }
}

impl Factors {
    fn apply(self, values: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        for ((value, gradient), (first, second)) in values.iter_mut().zip(gradient).zip(first.iter_mut().zip(second)) {
            let gradient = gradient * self.gradient;
            *first = BETA_1 as f32 * *first + (1.0 - BETA_1) as f32 * gradient;
            *second = BETA_2 as f32 * *second + (1.0 - BETA_2) as f32 * gradient * gradient;
            *value = self.kept * *value - self.step * *first / (second.sqrt() + EPSILON as f32);
        }
    }
}

/// Calls `read` with the values of a contiguous tensor, without a copy.
fn with_values<T>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        return Err(Error::msg("a gradient is not in the processor's memory"));
    };
    let range = layout.contiguous_offsets().ok_or_else(|| Error::msg("a gradient is not contiguous"))?;
    Ok(read(storage.as_slice::<f32>()?.get(range.0..range.1).unwrap_or_default()))
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

/// What the penalties add to the loss: `l1 · Σ|w| + l2 / 2 · Σw²` over all weights.
///
/// # Errors
/// When a weight cannot be read.
pub fn penalty(weights: &BTreeMap<String, Var>, settings: &TrainingHyperparameters) -> Result<f32> {
    let mut sum = 0.0;
    for (name, weight) in weights {
        let Some((l1, l2)) = penalties(name, settings) else { continue };
        sum += with_values(weight.as_tensor(), |values| {
            let of = |value: &f32| l1 * f64::from(value.abs()) + l2 / 2.0 * f64::from(value * value);
            values.iter().map(of).sum::<f64>()
        })?;
    }
    Ok(sum as f32)
}

/// The gradient with that of `l1 · Σ|w| + l2 / 2 · Σw²`.
fn penalised(gradient: &Tensor, weight: &Var, (l1, l2): (f64, f64)) -> Result<Tensor> {
    let weight = weight.as_detached_tensor();
    (gradient + (weight.sign()? * l1)?)? + (weight * l2)?
}

/// Factor that brings the norm of all gradients together below the largest one allowed.
fn clipping_scale<'a>(gradients: impl Iterator<Item = &'a Tensor>, largest: f64) -> Result<f32> {
    if largest == 0.0 {
        return Ok(1.0);
    }
    let mut squares = 0.0;
    for gradient in gradients {
        squares += with_values(gradient, |values| {
            values.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>()
        })?;
    }
    Ok((largest / squares.sqrt().max(largest)) as f32)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn step(adam: &mut Adam, settings: &TrainingHyperparameters, weight: &Var) -> f32 {
        // The gradient of 3 w is 3.
        let loss = (weight.as_tensor() * 3.0).unwrap().sum_all().unwrap();
        let weights = BTreeMap::from([("w".to_owned(), weight.clone())]);
        adam.step(&weights, &loss.backward().unwrap(), settings, settings.learning_rate).unwrap();
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
        let weight = Var::from_slice(&[2.0_f32, 0.0, -4.0], 3, &Device::Cpu).unwrap();
        let gradient = weight.zeros_like().unwrap();
        let gradient = penalised(&gradient, &weight, penalties("w", &settings).unwrap()).unwrap();
        assert_eq!(gradient.to_vec1::<f32>().unwrap(), [1.0, 0.0, -1.5]);
        assert_eq!(penalties("embedding.item", &settings), None);
    }

    #[test]
    fn clipping_scales_only_what_is_too_long() {
        let gradients = [3.0_f32, 4.0].map(|value| Tensor::from_slice(&[value], 1, &Device::Cpu).unwrap());
        let scale = |largest| clipping_scale(gradients.iter(), largest).unwrap();
        assert_eq!((scale(2.5), scale(10.0), scale(0.0)), (0.5, 1.0, 1.0));
    }
}
