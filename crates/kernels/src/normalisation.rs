//! Batch normalisation: moments of a layer's columns enter, factors for the forward and the backward pass leave.
//!
//! `y = gamma · (h - mean) / deviation + beta`, deviation = sqrt(variance + 1e-4), over all rows of a batch.

use crate::instruction_set::{InstructionSet, vectorised};
use crate::lanes::{padded, vectors, vectors_mut};
use crate::simd::Vector;
use crate::sums::write;

/// Added to a variance before the square root.
pub const EPSILON: f64 = 1e-4;

/// Mean and summed squared deviation of every column, so far; sums that are kept as such would lose their digits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moments {
    weight: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    pub(crate) fn new(width: usize) -> Self {
        Self { weight: 0.0, mean: vec![0.0; width], squares: vec![0.0; width] }
    }

    /// Of padded rows.
    pub(crate) fn of_rows(set: InstructionSet, rows: &[f32], width: usize) -> Self {
        let mut moments = Self::new(width);
        moments.add(set, rows, 1.0);
        moments
    }

    /// Adds padded rows; the last one counts `last_weight` times.
    pub(crate) fn add(&mut self, set: InstructionSet, rows: &[f32], last_weight: f32) {
        let width = self.mean.len();
        let weight = (rows.len() / width - 1) as f64 + f64::from(last_weight);
        let (mut mean, mut squares) = (vec![0.0; width], vec![0.0; width]);
        moments(set, rows, last_weight, &mut mean, &mut squares);
        self.merge(weight, &mean, &squares);
    }

    /// Moments of two parts become those of the whole (Chan, Golub, LeVeque 1979).
    pub(crate) fn merge<T: Copy + Into<f64>>(&mut self, weight: f64, mean: &[T], squares: &[T]) {
        let whole = self.weight + weight;
        if whole == 0.0 {
            return;
        }
        let columns = self.mean.iter_mut().zip(&mut self.squares).zip(mean.iter().zip(squares));
        for ((own_mean, own_squares), (mean, squares)) in columns {
            let difference = (*mean).into() - *own_mean;
            *own_mean += difference * weight / whole;
            *own_squares += (*squares).into() + difference * difference * self.weight * weight / whole;
        }
        self.weight = whole;
    }

    /// The moments of blocks, put together in their order.
    pub(crate) fn of_blocks<'a>(width: usize, blocks: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut whole = Self::new(width);
        for block in blocks {
            whole.merge(block.weight, &block.mean, &block.squares);
        }
        whole
    }
}

vectorised! {
    /// Mean and summed squared deviation of the columns of padded rows, the last of which counts `last_weight` times.
    fn moments(simd, rows: &[f32], last_weight: f32, mean: &mut [f32], squares: &mut [f32]) {
        let width = mean.len();
        let (others, last) = rows.split_at(rows.len() - width);
        let last_weight = Vector::splat(simd, last_weight);
        let weight = Vector::splat(simd, (others.len() / width) as f32) + last_weight;
        let columns = vectors_mut(mean).iter_mut().zip(vectors_mut(squares)).enumerate();
        for (vector, (mean, squares)) in columns {
            let last = Vector::load(simd, &vectors(last)[vector]);
            let mut sum = last_weight * last;
            for row in others.chunks_exact(width) {
                sum += Vector::load(simd, &vectors(row)[vector]);
            }
            let centre = sum / weight;
            let difference = last - centre;
            let mut sum = last_weight * difference * difference;
            for row in others.chunks_exact(width) {
                let difference = Vector::load(simd, &vectors(row)[vector]) - centre;
                sum = difference.mul_add(difference, sum);
            }
            centre.store(mean);
            sum.store(squares);
        }
    }
}

/// Batch statistics of a layer's values before their normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Mean of every column.
    pub mean: Vec<f32>,
    /// Variance of every column.
    pub variance: Vec<f32>,
}

/// The normalisation of a layer's products, without the bias: it would cancel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Normalisation {
    /// Rows that were counted.
    pub(crate) weight: f64,
    pub(crate) mean: Vec<f64>,
    pub(crate) variance: Vec<f64>,
    pub(crate) deviation: Vec<f64>,
    /// The mean, padded.
    pub(crate) centre: Vec<f32>,
    /// `y = scale · h + shift`; padded columns have both 0.
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
}

impl Normalisation {
    pub(crate) fn new(weight: f64, mean: Vec<f64>, variance: Vec<f64>, gamma: &[f32], beta: &[f32]) -> Self {
        let width = padded(gamma.len());
        let deviation: Vec<f64> = variance.iter().map(|variance| (variance + EPSILON).sqrt()).collect();
        let [mut centre, mut scale, mut shift] = [0, 1, 2].map(|_| vec![0.0; width]);
        for (column, (gamma, beta)) in gamma.iter().zip(beta).enumerate() {
            centre[column] = mean[column] as f32;
            let factor = f64::from(*gamma) / deviation[column];
            scale[column] = factor as f32;
            shift[column] = (f64::from(*beta) - mean[column] * factor) as f32;
        }
        Self { weight, mean, variance, deviation, centre, scale, shift }
    }

    /// Of the rows whose moments these are.
    pub(crate) fn of(moments: Moments, gamma: &[f32], beta: &[f32]) -> Self {
        let Moments { weight, mut mean, squares } = moments;
        let variance = squares[..gamma.len()].iter().map(|squares| squares / weight).collect();
        mean.truncate(gamma.len());
        Self::new(weight, mean, variance, gamma, beta)
    }

    /// The statistics of the values with their bias.
    pub(crate) fn statistics(&self, bias: &[f32]) -> Statistics {
        Statistics {
            mean: self.mean.iter().zip(bias).map(|(mean, bias)| (mean + f64::from(*bias)) as f32).collect(),
            variance: self.variance.iter().map(|variance| *variance as f32).collect(),
        }
    }

    /// What the gradient `dh = scale · dy - offset - slope · h` needs, from the sums over all rows of dy and of
    /// dy · (h - mean): the gradients of beta and gamma, then offset and slope (padded).
    pub(crate) fn backward(&self, sums: &[f64], products: &[f64]) -> NormalisationGradient {
        let width = self.scale.len();
        let mut gradient = NormalisationGradient {
            beta: sums.to_vec(),
            gamma: products.iter().zip(&self.deviation).map(|(product, deviation)| product / deviation).collect(),
            offset: vec![0.0; width],
            slope: vec![0.0; width],
        };
        for column in 0..sums.len() {
            let scale = f64::from(self.scale[column]) / self.weight;
            let slope = scale * gradient.gamma[column] / self.deviation[column];
            gradient.slope[column] = slope as f32;
            gradient.offset[column] = (scale * gradient.beta[column] - self.mean[column] * slope) as f32;
        }
        gradient
    }
}

/// Gradients of a normalisation and the factors of its input's gradient.
#[derive(Debug, Clone, Default)]
pub(crate) struct NormalisationGradient {
    pub(crate) beta: Vec<f64>,
    pub(crate) gamma: Vec<f64>,
    pub(crate) offset: Vec<f32>,
    pub(crate) slope: Vec<f32>,
}

impl NormalisationGradient {
    pub(crate) fn write(&self, gamma: &mut [f32], beta: &mut [f32]) {
        write(&self.gamma, gamma);
        write(&self.beta, beta);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::LANES;

    #[test]
    fn moments_of_parts_are_those_of_the_whole_even_far_from_zero() {
        let value = |row: usize, column: usize| 1000.0 + ((row * 7 + column * 3) % 11) as f32;
        let rows: Vec<f32> = (0..30 * LANES).map(|index| value(index / LANES, index % LANES)).collect();
        for set in InstructionSet::available() {
            let blocks = [(&rows[..10 * LANES], 1.0), (&rows[10 * LANES..29 * LANES], 1.0), (&rows[29 * LANES..], 4.0)];
            let blocks = blocks.map(|(rows, last_weight)| {
                let mut moments = Moments::new(LANES);
                moments.add(set, rows, last_weight);
                moments
            });
            let normalisation = Normalisation::of(Moments::of_blocks(LANES, &blocks), &[1.0; LANES], &[0.0; LANES]);
            for column in 0..LANES {
                // The last row counts four times.
                let all: Vec<f64> = (0..30).chain([29, 29, 29]).map(|row| f64::from(value(row, column))).collect();
                let mean = all.iter().sum::<f64>() / 33.0;
                let variance = all.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 33.0;
                assert!((normalisation.mean[column] - mean).abs() < 1e-4);
                assert!((normalisation.variance[column] - variance).abs() < 1e-4 * variance);
            }
        }
    }
}
