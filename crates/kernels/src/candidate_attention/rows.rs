//! Element by element work on the rows of one history and candidate, between the products.

use crate::dropout::{Dropout, RowDropout};
use crate::instruction_set::vectorised;
use crate::lanes::{Buffer, Lanes, vectors, vectors_mut};
use crate::normalisation::{Normalisation, NormalisationGradient};
use crate::simd::{Simd, Vector};

/// The second layer's normalisation, ReLU and dropout with the output's weight, `[padded K]`.
pub(super) struct Output<'a> {
    pub(super) normalisation: &'a Normalisation,
    pub(super) weight: &'a [f32],
    pub(super) dropout: Dropout,
}

impl Output<'_> {
    /// Values before the ReLU.
    #[inline(always)]
    fn values<S: Simd>(&self, simd: S, vector: usize, product: Vector<S>) -> Vector<S> {
        let [scale, shift] = [&self.normalisation.scale, &self.normalisation.shift]
            .map(|values| Vector::load(simd, &vectors(values)[vector]));
        scale.mul_add(product, shift)
    }

    /// The gradient of values before the ReLU, as if the output's weight were 1.
    #[inline(always)]
    fn gradient<S: Simd>(values: Vector<S>, factors: Vector<S>, logit_gradient: f32) -> Vector<S> {
        (factors * Vector::splat(values.simd(), logit_gradient)).where_positive(values)
    }
}

/// Where the gradient of the second layer's products comes from.
pub(super) struct SecondGradient<'a> {
    pub(super) output: &'a Output<'a>,
    pub(super) gradient: &'a NormalisationGradient,
    /// How many empty slots the row behind the used ones stands for.
    pub(super) empty: f32,
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
    /// diag(query) · product_weight + key_weight, rows `[D, padded J]`.
    pub(super) fn weight_of_candidate(
        simd,
        query: &[f32],
        product_weight: &[f32],
        key_weight: &[f32],
        weight: &mut [f32],
    ) {
        let width = weight.len() / query.len();
        let rows = product_weight.chunks_exact(width).zip(key_weight.chunks_exact(width));
        for ((query, weight), (product, key)) in query.iter().zip(weight.chunks_exact_mut(width)).zip(rows) {
            let query = Vector::splat(simd, *query);
            for ((weight, product), key) in vectors_mut(weight).iter_mut().zip(vectors(product)).zip(vectors(key)) {
                query.mul_add(Vector::load(simd, product), Vector::load(simd, key)).store(weight);
            }
        }
    }

    /// The same, transposed, rows `[J, padded D]`; the query is padded too.
    pub(super) fn transposed_weight(
        simd,
        query: &[f32],
        product_weight: &[f32],
        key_weight: &[f32],
        weight: &mut [f32],
    ) {
        let width = query.len();
        let rows = product_weight.chunks_exact(width).zip(key_weight.chunks_exact(width));
        for (weight, (product, key)) in weight.chunks_exact_mut(width).zip(rows) {
            let columns = vectors(query).iter().zip(vectors(product)).zip(vectors(key));
            for (weight, ((query, product), key)) in vectors_mut(weight).iter_mut().zip(columns) {
                let [query, product, key]: [Vector<S>; 3] = [query, product, key].map(|lanes| Vector::load(simd, lanes));
                query.mul_add(product, key).store(weight);
            }
        }
    }

    /// Logits from the second layer's products, without the output's bias, which the softmax does not see.
    pub(super) fn logits(simd, products: &[f32], output: &Output<'_>, first_row: u64, logits: &mut [f32]) {
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
    pub(super) fn output_sums(
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
    pub(super) fn second_gradient(
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

    /// Takes the first layer's gradients back through dropout and ReLU, whose results `values` tell what they let
    /// through, and sums them over the rows.
    pub(super) fn keep_active(simd, values: &[f32], factor: f32, gradients: &mut [f32], sums: &mut [f32]) {
        let width = sums.len();
        let factor = Vector::splat(simd, factor);
        for (vector, sums) in vectors_mut(sums).iter_mut().enumerate() {
            let mut sum = Vector::zero(simd);
            for (values, gradients) in values.chunks_exact(width).zip(gradients.chunks_exact_mut(width)) {
                let gradient = &mut vectors_mut(gradients)[vector];
                let value = Vector::load(simd, &vectors(values)[vector]);
                let kept = (factor * Vector::load(simd, gradient)).where_positive(value);
                kept.store(gradient);
                sum += kept;
            }
            sum.store(sums);
        }
    }

    /// From aᵀ · dy, rows `[D, padded J]`: adds to `Σ x · dyᵀ` for the parts a ⊙ q and a of x, and replaces the part
    /// of the query's gradient that comes from a ⊙ q.
    pub(super) fn add_products(
        simd,
        query: &[f32],
        products: &[f32],
        product_weight: &[f32],
        features: (&mut [f32], &mut [f32]),
        query_gradient: &mut [f32],
    ) {
        let width = products.len() / query.len();
        let rows = products.chunks_exact(width).zip(product_weight.chunks_exact(width));
        let features = features.0.chunks_exact_mut(width).zip(features.1.chunks_exact_mut(width));
        let queries = query.iter().zip(query_gradient);
        for (((products, weights), (of_product, of_key)), (query, gradient)) in rows.zip(features).zip(queries) {
            let query = Vector::splat(simd, *query);
            let mut sum = Vector::zero(simd);
            let features = vectors_mut(of_product).iter_mut().zip(vectors_mut(of_key));
            for ((product, weight), (of_product, of_key)) in vectors(products).iter().zip(vectors(weights)).zip(features)
            {
                let product = Vector::load(simd, product);
                query.mul_add(product, Vector::load(simd, of_product)).store(of_product);
                add_to(simd, of_key, product);
                sum = product.mul_add(Vector::load(simd, weight), sum);
            }
            *gradient = sum.total();
        }
    }
}

#[inline(always)]
fn add_to<S: Simd>(simd: S, target: &mut Lanes, values: Vector<S>) {
    (Vector::load(simd, target) + values).store(target);
}

/// Adds a row to every row of `width` values.
pub(super) fn add_row(row: &[f32], width: usize, rows: &mut [f32]) {
    for values in rows.chunks_exact_mut(width) {
        values.iter_mut().zip(row).for_each(|(value, row)| *value += row);
    }
}
