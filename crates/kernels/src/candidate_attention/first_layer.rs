//! The first layer of the attention's network by the moments of its inputs: they enter with the layer's parameters; the
//! normalisation, the weights that it is folded into, and their gradients leave.
//!
//! With the layer's weight Ω `[3 D, J]` in h = x · Ω, mean and variance of h are `mean(x) · Ω` and
//! `diag(Ωᵀ · Cov(x) · Ω)`. The same goes for the gradient: with dy behind the normalisation, s = gamma / deviation and N
//! rows, `dh = s ⊙ (dy - dbeta / N - ĥ ⊙ dgamma / N)`. The first term needs the rows; the others are linear in x, so that
//! their shares of the gradients of Ω, a and q follow from the moments.

use super::features::{FeatureSums, GroupFeatures, KEY, PRODUCT, QUERY, multiply_wide};
use crate::instruction_set::{InstructionSet, vectorised};
use crate::lanes::{Buffer, padded, vectors, vectors_mut};
use crate::layers::Layer;
use crate::normalisation::{Normalisation, NormalisationGradient};
use crate::simd::Vector;

/// The first layer of a batch: its normalisation and its weights with the normalisation folded in.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstLayer {
    target: usize,
    /// Padded width J.
    width: usize,
    pub(super) normalisation: Normalisation,
    /// Ω `[3 D, padded J]`
    weight: Vec<f64>,
    /// mean(x) `[3 D]`
    mean: Vec<f64>,
    /// Cov(x) · Ω `[3 D, padded J]`
    projected: Vec<f64>,
    /// Ω with the columns scaled, a part each, `[D, padded J]`: Wp, Wa + Wd, Wq - Wd.
    pub(super) folded: [Buffer; 3],
    /// Their transposes, `[J, padded D]`.
    pub(super) transposed: [Buffer; 3],
}

impl FirstLayer {
    /// From the sums over all `rows` rows.
    pub(super) fn new(set: InstructionSet, sums: &FeatureSums, rows: f64, layer: &Layer<&[f32]>) -> Self {
        let (target, columns) = (sums.target, layer.bias.len());
        let (width, features) = (padded(columns), 3 * target);
        let mut weight = vec![0.0; features * width];
        for row in 0..target {
            for column in 0..columns {
                let of = |part: usize| f64::from(layer.weight[(part * target + row) * columns + column]);
                let [key, query, difference, product] = std::array::from_fn(of);
                weight[(PRODUCT * target + row) * width + column] = product;
                weight[(KEY * target + row) * width + column] = key + difference;
                weight[(QUERY * target + row) * width + column] = query - difference;
            }
        }
        let (mean, covariance) = sums.moments(rows);
        let mut projected = vec![0.0; features * width];
        multiply_wide(set, &covariance, features, &weight, width, &mut projected);
        let (mut hidden_mean, mut variance) = (vec![0.0; columns], vec![0.0; columns]);
        for row in 0..features {
            for column in 0..columns {
                let value = weight[row * width + column];
                hidden_mean[column] += mean[row] * value;
                variance[column] += value * projected[row * width + column];
            }
        }
        variance.iter_mut().for_each(|variance| *variance = variance.max(0.0));
        let normalisation = Normalisation::new(rows, hidden_mean, variance, layer.gamma, layer.beta);
        let folded = std::array::from_fn(|part| {
            let mut folded = Buffer::zeros(target * width);
            let weight = &weight[part * target * width..][..target * width];
            for (index, (folded, value)) in folded.iter_mut().zip(weight).enumerate() {
                *folded = (*value * f64::from(normalisation.scale[index % width])) as f32;
            }
            folded
        });
        let transposed = [0, 1, 2].map(|part: usize| Buffer::padded_transpose(&folded[part], (target, columns), width));
        Self { target, width, normalisation, weight, mean, projected, folded, transposed }
    }

    /// From `Σ x · dyᵀ` `[3 D, padded J]` and `Σ dy` `[J]`: the normalisation's gradient, Σ x · dhᵀ, and the linear part
    /// of dx.
    pub(super) fn backward(&self, set: InstructionSet, products: &[f64], sums: &[f64]) -> FirstLayerGradient {
        let (width, features, columns) = (self.width, 3 * self.target, sums.len());
        let normalisation = &self.normalisation;
        let mut centred: Vec<f64> = normalisation.mean.iter().zip(sums).map(|(mean, sum)| -mean * sum).collect();
        for row in 0..features {
            for (column, centred) in centred.iter_mut().enumerate() {
                *centred += self.weight[row * width + column] * products[row * width + column];
            }
        }
        let gradient = normalisation.backward(sums, &centred);
        let mut weight = vec![0.0; features * width];
        for row in 0..features {
            for column in 0..columns {
                let at = row * width + column;
                let slope = gradient.gamma[column] / normalisation.deviation[column];
                let linear = self.mean[row] * sums[column] + self.projected[at] * slope;
                weight[at] = f64::from(normalisation.scale[column]) * (products[at] - linear);
            }
        }
        let linear = self.linear(set, &gradient);
        FirstLayerGradient { normalisation: gradient, weight, linear }
    }

    /// M = Ω · diag(slope) · Ωᵀ and v = Ω · offset: dx = s ⊙ dy · Ωᵀ - (M · x + v).
    fn linear(&self, set: InstructionSet, gradient: &NormalisationGradient) -> LinearGradient {
        let (target, width, features) = (self.target, self.width, 3 * self.target);
        let padded_features = padded(features);
        let mut scaled = self.weight.clone();
        let mut transposed = vec![0.0; width * padded_features];
        let mut constant = vec![0.0; features];
        for row in 0..features {
            for column in 0..width {
                let value = self.weight[row * width + column];
                scaled[row * width + column] *= f64::from(gradient.slope[column]);
                transposed[column * padded_features + row] = value;
                constant[row] += value * f64::from(gradient.offset[column]);
            }
        }
        let mut whole = vec![0.0; features * padded_features];
        multiply_wide(set, &scaled, width, &transposed, padded_features, &mut whole);
        let part = |left: usize, right: usize| {
            let mut part = Buffer::zeros(target * padded(target));
            for (row, part) in part.chunks_exact_mut(padded(target)).enumerate() {
                let from = (left * target + row) * padded_features + right * target;
                part.iter_mut().zip(&whole[from..from + target]).for_each(|(part, value)| *part = *value as f32);
            }
            part
        };
        let vector =
            |part: usize| constant[part * target..(part + 1) * target].iter().map(|value| *value as f32).collect();
        LinearGradient {
            matrices: std::array::from_fn(|left| std::array::from_fn(|right| part(left, right))),
            vectors: std::array::from_fn(vector),
        }
    }
}

/// What the first layer's backward pass gives once all rows are known.
#[derive(Debug)]
pub(super) struct FirstLayerGradient {
    pub(super) normalisation: NormalisationGradient,
    /// Gradient of Ω `[3 D, padded J]`.
    pub(super) weight: Vec<f64>,
    pub(super) linear: LinearGradient,
}

impl FirstLayerGradient {
    /// The gradient of the layer's weight `[4 D, J]`.
    pub(super) fn write_weight(&self, target: usize, columns: usize, gradient: &mut [f32]) {
        let width = padded(columns);
        for row in 0..target {
            for column in 0..columns {
                let of = |part: usize| self.weight[(part * target + row) * width + column];
                let [product, key, query] = [of(PRODUCT), of(KEY), of(QUERY)];
                for (part, value) in [key, query, key - query, product].into_iter().enumerate() {
                    gradient[(part * target + row) * columns + column] = value as f32;
                }
            }
        }
    }
}

/// The part of dx that is linear in x: -(M · x + v), by parts of x.
#[derive(Debug)]
pub(super) struct LinearGradient {
    /// `[D, padded D]`
    matrices: [[Buffer; 3]; 3],
    /// `[D]`
    vectors: [Vec<f32>; 3],
}

/// A matrix `[D, padded D]` and a vector `[padded D]` that give one side's gradient of a history: matrix · own + vector.
#[derive(Debug)]
pub(super) struct Correction {
    pub(super) matrix: Buffer,
    pub(super) vector: Buffer,
}

impl Correction {
    pub(super) fn new(target: usize) -> Self {
        Self { matrix: Buffer::zeros(target * padded(target)), vector: Buffer::zeros(padded(target)) }
    }
}

impl LinearGradient {
    /// Summed over the candidates: what is added to the gradient of a key.
    ///
    /// `Σ_c q ⊙ M_pp (a ⊙ q) = (M_pp ⊙ Σ_c q qᵀ) a`, and alike for the other parts.
    pub(super) fn of_keys(&self, set: InstructionSet, group: &GroupFeatures<'_>, correction: &mut Correction) {
        let other = Other { gram: group.query_gram, sum: group.query_sum, count: group.candidates };
        self.of_side(set, KEY, QUERY, &other, correction);
    }

    /// Summed over the positions, empty ones included: what is added to the gradient of a candidate.
    pub(super) fn of_queries(&self, set: InstructionSet, group: &GroupFeatures<'_>, correction: &mut Correction) {
        let other = Other { gram: group.key_gram, sum: group.key_sum, count: group.slots };
        self.of_side(set, QUERY, KEY, &other, correction);
    }

    fn of_side(&self, set: InstructionSet, own: usize, other: usize, sums: &Other<'_>, correction: &mut Correction) {
        let matrices = [
            &self.matrices[PRODUCT][PRODUCT],
            &self.matrices[PRODUCT][own],
            &self.matrices[own][PRODUCT],
            &self.matrices[own][own],
            &self.matrices[PRODUCT][other],
            &self.matrices[own][other],
        ];
        correct(set, &matrices, [&self.vectors[PRODUCT], &self.vectors[own]], sums, correction);
    }
}

/// Sums over the other side of the pairs: candidates for keys, positions for candidates.
struct Other<'a> {
    gram: &'a [f32],
    sum: &'a [f32],
    count: f32,
}

vectorised! {
    fn correct(simd, matrices: &[&Buffer; 6], constants: [&[f32]; 2], other: &Other<'_>, correction: &mut Correction) {
        let width = other.sum.len();
        for (row, target) in correction.matrix.chunks_exact_mut(width).enumerate() {
            let own_sum = other.sum[row];
            let [both, with_own, own_with, own, with_other, own_other] =
                matrices.map(|matrix| &matrix[row * width..(row + 1) * width]);
            let gram = &other.gram[row * width..(row + 1) * width];
            let own_sums = Vector::splat(simd, own_sum);
            let count = Vector::splat(simd, other.count);
            let mut products = Vector::zero(simd);
            for (vector, target) in vectors_mut(target).iter_mut().enumerate() {
                let load = |row: &[f32]| Vector::load(simd, &vectors(row)[vector]);
                let (gram, sum) = (load(gram), load(other.sum));
                let linear = own_sums * load(with_own) + load(own_with) * sum + count * load(own);
                (-(load(both) * gram + linear)).store(target);
                products += load(with_other) * gram + load(own_other) * sum;
            }
            let constant = own_sum * constants[0][row] + other.count * constants[1][row];
            correction.vector[row] = -(products.total() + constant);
        }
    }
}
