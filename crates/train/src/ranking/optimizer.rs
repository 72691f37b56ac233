//! Adam with decoupled weight decay (Loshchilov and Hutter 2019) over plain slices, with an average of the weights.
//! Gradients of the rows that a step touched enter, the rows move; other rows stay as they are.

use std::borrow::Cow;

use rayon::prelude::*;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Values that are worth a thread's while.
const VALUES_AT_ONCE: usize = 1 << 13;

/// What a step is told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Step {
    pub(super) learning_rate: f32,
    pub(super) weight_decay: f32,
    /// Number of the step, from 1.
    pub(super) number: i32,
    /// Factor of all gradients, to clip them.
    pub(super) scale: f32,
    /// What the average keeps.
    pub(super) average: f32,
}

/// Moments and average of a slice of weights.
#[derive(Debug, Clone)]
pub(super) struct State {
    first: Vec<f32>,
    second: Vec<f32>,
    /// The average of the weights over the steps; none where there is none.
    pub(super) average: Option<Vec<f32>>,
    /// For tables whose rows move by themselves: the step up to which a row's average was brought.
    pub(super) averaged: Vec<i32>,
}

impl State {
    pub(super) fn new(weights: &[f32], average: bool) -> Self {
        let zeros = || vec![0.0; weights.len()];
        Self { first: zeros(), second: zeros(), average: average.then(|| weights.to_vec()), averaged: Vec::new() }
    }

    /// The state of an earlier optimiser, so that a run goes on as if it had never stopped.
    pub(super) fn restore(&mut self, first: &[f32], second: &[f32], average: Option<&[f32]>, averaged: Option<&[f32]>) {
        self.first.copy_from_slice(first);
        self.second.copy_from_slice(second);
        if let (Some(kept), Some(average)) = (&mut self.average, average) {
            kept.copy_from_slice(average);
        }
        self.averaged = averaged.unwrap_or_default().iter().map(|step| *step as i32).collect();
    }

    /// First and second moments.
    pub(super) fn moments(&self) -> [Cow<'_, [f32]>; 2] {
        [&self.first, &self.second].map(|moments| Cow::Borrowed(moments.as_slice()))
    }

    /// Moves all weights.
    pub(super) fn step(&mut self, weights: &mut [f32], gradients: &[f32], step: &Step) {
        let factors = Factors::new(step);
        let parts = weights
            .par_chunks_mut(VALUES_AT_ONCE)
            .zip(gradients.par_chunks(VALUES_AT_ONCE))
            .zip(self.first.par_chunks_mut(VALUES_AT_ONCE).zip(self.second.par_chunks_mut(VALUES_AT_ONCE)));
        match &mut self.average {
            None => parts.for_each(|((weights, gradients), (first, second))| {
                factors.apply(weights, gradients, first, second);
            }),
            Some(average) => parts.zip(average.par_chunks_mut(VALUES_AT_ONCE)).for_each(
                |(((weights, gradients), (first, second)), average)| {
                    factors.apply(weights, gradients, first, second);
                    average.iter_mut().zip(weights).for_each(|(average, weight)| {
                        *average += (1.0 - step.average) * (*weight - *average);
                    });
                },
            ),
        }
    }

    /// Moves some rows of a table; `gradients` has theirs, in their order.
    pub(super) fn step_rows(&mut self, weights: &mut [f32], rows: &[u32], gradients: &[f32], step: &Step) {
        let factors = Factors::new(step);
        let width = gradients.len() / rows.len().max(1);
        self.averaged.resize(weights.len() / width.max(1), 0);
        for (row, gradients) in rows.iter().zip(gradients.chunks_exact(width.max(1))) {
            let range = *row as usize * width..(*row as usize + 1) * width;
            let (Some(weights), Some(first), Some(second)) =
                (weights.get_mut(range.clone()), self.first.get_mut(range.clone()), self.second.get_mut(range.clone()))
            else {
                continue;
            };
            let before = self.averaged.get_mut(*row as usize);
            if let (Some(average), Some(before)) = (self.average.as_mut().and_then(|all| all.get_mut(range)), before) {
                // As if the row had been averaged in every step in which it stayed.
                catch_up(average, weights, step.average, step.number - 1 - *before);
                factors.apply(weights, gradients, first, second);
                catch_up(average, weights, step.average, 1);
                *before = step.number;
            } else {
                factors.apply(weights, gradients, first, second);
            }
        }
    }

    /// The average of a table whose rows move by themselves, as of a step.
    pub(super) fn averaged(&self, weights: &[f32], step: &Step) -> Option<Vec<f32>> {
        let mut average = self.average.clone()?;
        let width = weights.len() / self.averaged.len().max(1);
        if !self.averaged.is_empty() {
            let rows = average.chunks_exact_mut(width).zip(weights.chunks_exact(width)).zip(&self.averaged);
            rows.for_each(|((average, weights), before)| {
                catch_up(average, weights, step.average, step.number - before)
            });
        }
        Some(average)
    }
}

fn catch_up(average: &mut [f32], weights: &[f32], keep: f32, steps: i32) {
    let share = 1.0 - keep.powi(steps.max(0));
    average.iter_mut().zip(weights).for_each(|(average, weight)| *average += share * (*weight - *average));
}

#[derive(Debug, Clone, Copy)]
struct Factors {
    scale: f32,
    step: f32,
    /// 1 / sqrt(1 - BETA_2^n)
    second: f32,
    kept: f32,
}

impl Factors {
    fn new(step: &Step) -> Self {
        Self {
            scale: step.scale,
            step: step.learning_rate / (1.0 - BETA_1.powi(step.number)),
            second: 1.0 / (1.0 - BETA_2.powi(step.number)).sqrt(),
            kept: 1.0 - step.learning_rate * step.weight_decay,
        }
    }

    fn apply(self, weights: &mut [f32], gradients: &[f32], first: &mut [f32], second: &mut [f32]) {
        let moments = first.iter_mut().zip(second);
        for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradients).zip(moments) {
            let gradient = gradient * self.scale;
            *first += (1.0 - BETA_1) * (gradient - *first);
            *second += (1.0 - BETA_2) * (gradient * gradient - *second);
            *weight = self.kept * *weight - self.step * *first / (second.sqrt() * self.second + EPSILON);
        }
    }
}
