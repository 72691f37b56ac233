//! An average of a network's weights over its last steps (Polyak and Juditsky 1992): each step's weights enter, weights
//! leave that rank better than any single step's, because the noise of the steps has gone out of them.

use crate::weights::{Array, Weights};

/// An exponential moving average.
#[derive(Debug, Clone, PartialEq)]
pub struct Average {
    decay: f64,
    steps: usize,
    weights: Weights,
}

impl Average {
    /// An average that begins with these weights. `decay` is what each step keeps of it, below 1.
    pub fn new(decay: f64, weights: Weights) -> Self {
        Self { decay, steps: 0, weights }
    }

    /// The average of an earlier run that goes on.
    pub fn restored(decay: f64, steps: usize, weights: Weights) -> Self {
        Self { decay, steps, weights }
    }

    /// Takes in the weights after a step. The first steps count more: the start is nothing to remember.
    pub fn add(&mut self, weights: &Weights) {
        self.steps += 1;
        let steps = self.steps as f64;
        let kept = self.decay.min(steps / (steps + 9.0)) as f32;
        for (name, array) in weights.iter() {
            let average =
                self.weights.entry(name, || Array { shape: array.shape.clone(), values: array.values.clone() });
            for (average, value) in average.values.iter_mut().zip(&array.values) {
                *average = kept * *average + (1.0 - kept) * value;
            }
        }
    }

    /// The average.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(value: f32) -> Weights {
        let mut weights = Weights::default();
        weights.insert("w", Array { shape: vec![1], values: vec![value] });
        weights
    }

    fn value(average: &Average) -> f32 {
        average.weights().get("w").unwrap().values[0]
    }

    #[test]
    fn the_start_is_forgotten_and_noise_is_smoothed() {
        let mut average = Average::new(0.99, weights(100.0));
        for step in 0..1000 {
            average.add(&weights(if step % 2 == 0 { 1.5 } else { 0.5 }));
        }
        assert!((value(&average) - 1.0).abs() < 0.02, "{}", value(&average));
    }

    #[test]
    fn an_average_goes_on_as_if_it_had_never_stopped() {
        let mut whole = Average::new(0.9, weights(0.0));
        (0..20_u8).for_each(|step| whole.add(&weights(f32::from(step))));
        let mut first = Average::new(0.9, weights(0.0));
        (0..7_u8).for_each(|step| first.add(&weights(f32::from(step))));
        let mut rest = Average::restored(0.9, 7, first.weights().clone());
        (7..20_u8).for_each(|step| rest.add(&weights(f32::from(step))));
        assert_eq!(rest, whole);
    }
}
