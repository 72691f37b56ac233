//! The last hidden layer of a network and its output, row by row: from the layer's products to logits and back. Rows
//! are padded.

use crate::dropout::{Dropout, RowDropout};
use crate::instruction_set::vectorised;
use crate::lanes::{Buffer, Lanes, padded, vectors, vectors_mut};
use crate::normalisation::{Normalisation, NormalisationGradient};
use crate::simd::{Simd, Vector};

/// The second layer's normalisation, ReLU and dropout with the output's weight, `[padded K]`.
pub(crate) struct Output<'a> {
    pub(crate) normalisation: &'a Normalisation,
    pub(crate) weight: &'a [f32],
    pub(crate) dropout: Dropout,
}

impl Output<'_> {
    /// Values before the ReLU.
    #[inline(always)]
    fn values<S: Simd>(&self, simd: S, vector: usize, product: Vector<S>) -> Vector<S> {
        let [scale, shift] = [&self.normalisation.scale, &self.normalisation.shift]
            .map(|values| Vector::load(simd, &vectors(values)[vector]));
        scale.mul_add(product, shift)
    }

    /// The normalisation's gradient, from the sums that [`output_sums`] takes as if the output's weight were 1.
    pub(crate) fn normalisation_gradient(
        &self,
        plain: &[f64],
        centred: &[f64],
        weight: &[f32],
    ) -> NormalisationGradient {
        let weighted = |sums: &[f64]| -> Vec<f64> {
            sums.iter().zip(weight).map(|(sum, weight)| sum * f64::from(*weight)).collect()
        };
        self.normalisation.backward(&weighted(plain), &weighted(centred))
    }

    /// The gradient of values before the ReLU, as if the output's weight were 1.
    #[inline(always)]
    fn gradient<S: Simd>(values: Vector<S>, factors: Vector<S>, logit_gradient: f32) -> Vector<S> {
        (factors * Vector::splat(values.simd(), logit_gradient)).where_positive(values)
    }
}

/// Where the gradient of the second layer's products comes from.
pub(crate) struct SecondGradient<'a> {
    pub(crate) output: &'a Output<'a>,
    pub(crate) gradient: &'a NormalisationGradient,
    /// How many empty slots the row behind the used ones stands for.
    pub(crate) empty: f32,
}

impl SecondGradient<'_> {
    /// The part that is linear in the products.
    #[inline(always)]
    fn linear<S: Simd>(&self, simd: S, vector: usize, product: Vector<S>) -> Vector<S> {
        let [offset, slope] =
            [&self.gradient.offset, &self.gradient.slope].map(|values| Vector::load(simd, &vectors(values)[vector]));
        -slope.mul_add(product, offset)
    }
}

/// Numbers the vectors of a row and loads their factors, two at a time.
macro_rules! for_vectors {
    ($simd:ident, $row:expr, $count:expr, |$vector:ident, $factors:ident| $body:block) => {{
        let (row, count): (RowDropout, usize) = ($row, $count);
        for pair in 0..count.div_ceil(2) {
            for ($vector, $factors) in (2 * pair..count).zip(row.factors($simd, pair)) $body
        }
    }};
}

vectorised! {
    /// Logits from the second layer's products, without the output's bias.
    pub(crate) fn logits(simd, products: &[f32], output: &Output<'_>, first_row: u64, logits: &mut [f32]) {
        let weights = vectors(output.weight);
        let rows = products.chunks_exact(output.weight.len()).zip(first_row..);
        for ((products, row), logit) in rows.zip(logits) {
            let products = vectors(products);
            let mut sum = Vector::zero(simd);
            for_vectors!(simd, output.dropout.row(row), products.len(), |vector, factors| {
                let values = output.values(simd, vector, Vector::load(simd, &products[vector]));
                sum = (values.at_least(0.0) * factors).mul_add(Vector::load(simd, &weights[vector]), sum);
            });
            *logit = sum.total();
        }
    }

    /// Adds to the sums over rows, with the gradient u of the values before the ReLU as if the output's weight were 1:
    /// of u, of u · (h - mean), and of u times the value, which is the weight's own gradient.
    pub(crate) fn output_sums(
        simd,
        products: &[f32],
        logit_gradients: &[f32],
        output: &Output<'_>,
        first_row: u64,
        sums: &mut [Buffer; 3],
    ) {
        let [plain, centred, of_weight] = sums.each_mut().map(|sums| vectors_mut(sums));
        let mean = vectors(&output.normalisation.centre);
        let rows = products.chunks_exact(output.weight.len()).zip(first_row..);
        for ((products, row), gradient) in rows.zip(logit_gradients) {
            let products = vectors(products);
            for_vectors!(simd, output.dropout.row(row), products.len(), |vector, factors| {
                let product = Vector::load(simd, &products[vector]);
                let values = output.values(simd, vector, product);
                let gradient = Output::gradient(values, factors, *gradient);
                let centre = product - Vector::load(simd, &mean[vector]);
                add_to(simd, &mut plain[vector], gradient);
                add_to(simd, &mut centred[vector], gradient * centre);
                add_to(simd, &mut of_weight[vector], gradient * values);
            });
        }
    }

    /// The gradient of the second layer's products: of the used positions' rows and of the one behind them, times the
    /// empty slots that it stands for.
    pub(crate) fn second_gradient(
        simd,
        products: &[f32],
        logit_gradients: &[f32],
        from: &SecondGradient<'_>,
        first_row: u64,
        gradients: &mut [f32],
    ) {
        let width = from.output.weight.len();
        let [weights, scale] = [from.output.weight, &from.output.normalisation.scale].map(vectors);
        let mut rows = products.chunks_exact(width).zip(gradients.chunks_exact_mut(width));
        // The logits come first: otherwise the row behind them would be lost.
        for ((gradient, row), (products, target)) in logit_gradients.iter().zip(first_row..).zip(rows.by_ref()) {
            let (products, target) = (vectors(products), vectors_mut(target));
            for_vectors!(simd, from.output.dropout.row(row), products.len(), |vector, factors| {
                let product = Vector::load(simd, &products[vector]);
                let gradient = Output::gradient(from.output.values(simd, vector, product), factors, *gradient);
                let factor = Vector::load(simd, &weights[vector]) * Vector::load(simd, &scale[vector]);
                factor.mul_add(gradient, from.linear(simd, vector, product)).store(&mut target[vector]);
            });
        }
        let empty = Vector::splat(simd, from.empty);
        for (products, target) in rows {
            for (vector, (product, target)) in vectors(products).iter().zip(vectors_mut(target)).enumerate() {
                (empty * from.linear(simd, vector, Vector::load(simd, product))).store(target);
            }
        }
    }
}

#[inline(always)]
fn add_to<S: Simd>(simd: S, target: &mut Lanes, values: Vector<S>) {
    (Vector::load(simd, target) + values).store(target);
}

/// Writes the gradient of the second layer's weight `[J, K]` from sums that stand transposed, `[K, padded J]`.
pub(crate) fn write_second_weight(sums: &[f64], layers: [usize; 2], gradient: &mut [f32]) {
    let width = padded(layers[0]);
    for (row, gradient) in gradient.chunks_exact_mut(layers[1]).enumerate() {
        for (column, target) in gradient.iter_mut().enumerate() {
            *target = sums[column * width + row] as f32;
        }
    }
}
