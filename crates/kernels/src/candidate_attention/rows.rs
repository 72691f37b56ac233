//! Element by element work on the rows of one history and candidate, between the products.

use crate::dropout::Dropout;
use crate::instruction_set::vectorised;
use crate::lanes::{Buffer, LANES, Lanes, lanes, total, vectors, vectors_mut};
use crate::normalisation::{Normalisation, NormalisationGradient};

/// The second layer's normalisation, ReLU and dropout with the output's weight, `[padded K]`.
pub(super) struct Output<'a> {
    pub(super) normalisation: &'a Normalisation,
    pub(super) weight: &'a [f32],
    pub(super) dropout: Dropout,
}

impl Output<'_> {
    /// Calls `apply` with every vector's number in its row, its values before ReLU and dropout, and the dropout's
    /// factors.
    #[inline(always)]
    fn row(&self, row: u64, products: &[Lanes], mut apply: impl FnMut(usize, &Lanes, &Lanes)) {
        let (scale, shift) = (vectors(&self.normalisation.scale), vectors(&self.normalisation.shift));
        self.dropout.row(row, products.len(), |vector, factors| {
            let (product, scale, shift) = (&products[vector], &scale[vector], &shift[vector]);
            apply(vector, &lanes(|lane| scale[lane] * product[lane] + shift[lane]), factors);
        });
    }
}

/// Where the gradient of the second layer's products comes from.
pub(super) struct SecondGradient<'a> {
    pub(super) output: &'a Output<'a>,
    pub(super) gradient: &'a NormalisationGradient,
    /// How many empty slots the row behind the used ones stands for.
    pub(super) empty: f32,
}

vectorised! {
    /// diag(query) · product_weight + key_weight, rows `[D, padded J]`.
    pub(super) fn weight_of_candidate(query: &[f32], product_weight: &[f32], key_weight: &[f32], weight: &mut [f32]) {
        let width = weight.len() / query.len();
        let rows = product_weight.chunks_exact(width).zip(key_weight.chunks_exact(width));
        for ((query, weight), (product, key)) in query.iter().zip(weight.chunks_exact_mut(width)).zip(rows) {
            for ((weight, product), key) in vectors_mut(weight).iter_mut().zip(vectors(product)).zip(vectors(key)) {
                *weight = lanes(|lane| query * product[lane] + key[lane]);
            }
        }
    }

    /// The same, transposed, rows `[J, padded D]`; the query is padded too.
    pub(super) fn transposed_weight(query: &[f32], product_weight: &[f32], key_weight: &[f32], weight: &mut [f32]) {
        let width = query.len();
        let rows = product_weight.chunks_exact(width).zip(key_weight.chunks_exact(width));
        for (weight, (product, key)) in weight.chunks_exact_mut(width).zip(rows) {
            let columns = vectors(query).iter().zip(vectors(product)).zip(vectors(key));
            for (weight, ((query, product), key)) in vectors_mut(weight).iter_mut().zip(columns) {
                *weight = lanes(|lane| query[lane] * product[lane] + key[lane]);
            }
        }
    }

    /// Logits from the second layer's products, without the output's bias, which the softmax does not see.
    pub(super) fn logits(products: &[f32], output: &Output<'_>, first_row: u64, logits: &mut [f32]) {
        let weights = vectors(output.weight);
        let rows = products.chunks_exact(output.weight.len()).zip(first_row..);
        for ((products, row), logit) in rows.zip(logits) {
            let mut sums = [0.0; LANES];
            output.row(row, vectors(products), |vector, values, factors| {
                let weight = &weights[vector];
                for lane in 0..LANES {
                    let active = if values[lane] < 0.0 { 0.0 } else { values[lane] };
                    sums[lane] += factors[lane] * active * weight[lane];
                }
            });
            *logit = total(&sums);
        }
    }

    /// Adds to the sums over rows, with the gradient u of the values behind ReLU and dropout as if the output's weight
    /// were 1: of u, of u · (h - mean), and of u times the value before the ReLU, which is the weight's own gradient.
    pub(super) fn output_sums(
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
            output.row(row, products, |vector, values, factors| {
                let (mean, product) = (&mean[vector], &products[vector]);
                let (plain, centred) = (&mut plain[vector], &mut centred[vector]);
                let of_weight = &mut of_weight[vector];
                for lane in 0..LANES {
                    let gradient = if values[lane] > 0.0 { factors[lane] * gradient } else { 0.0 };
                    plain[lane] += gradient;
                    centred[lane] += gradient * (product[lane] - mean[lane]);
                    of_weight[lane] += gradient * values[lane];
                }
            });
        }
    }

    /// The gradient of the second layer's products: of the used positions' rows and of the one behind them, times the
    /// empty slots that it stands for.
    pub(super) fn second_gradient(
        products: &[f32],
        logit_gradients: &[f32],
        from: &SecondGradient<'_>,
        first_row: u64,
        gradients: &mut [f32],
    ) {
        let width = from.output.weight.len();
        let [weights, scale] = [from.output.weight, &from.output.normalisation.scale].map(vectors);
        let [offset, slope] = [&from.gradient.offset, &from.gradient.slope].map(|values| vectors(values));
        let linear = |vector: usize, product: &Lanes| {
            let (offset, slope) = (&offset[vector], &slope[vector]);
            lanes(|lane| -(offset[lane] + slope[lane] * product[lane]))
        };
        let mut rows = products.chunks_exact(width).zip(gradients.chunks_exact_mut(width));
        for ((gradient, row), (products, target)) in logit_gradients.iter().zip(first_row..).zip(rows.by_ref()) {
            let (products, target) = (vectors(products), vectors_mut(target));
            from.output.row(row, products, |vector, values, factors| {
                let linear = linear(vector, &products[vector]);
                let (weight, scale) = (&weights[vector], &scale[vector]);
                for lane in 0..LANES {
                    let gradient = if values[lane] > 0.0 { factors[lane] * gradient } else { 0.0 };
                    target[vector][lane] = scale[lane] * weight[lane] * gradient + linear[lane];
                }
            });
        }
        for (products, target) in rows {
            for (vector, (product, target)) in vectors(products).iter().zip(vectors_mut(target)).enumerate() {
                let linear = linear(vector, product);
                *target = lanes(|lane| from.empty * linear[lane]);
            }
        }
    }

    /// Takes the first layer's gradients back through dropout and ReLU, whose results `values` tell what they let
    /// through, and sums them over the rows.
    pub(super) fn keep_active(values: &[f32], factor: f32, gradients: &mut [f32], sums: &mut [f32]) {
        let width = sums.len();
        let sums = vectors_mut(sums);
        sums.fill([0.0; LANES]);
        for (values, gradients) in values.chunks_exact(width).zip(gradients.chunks_exact_mut(width)) {
            let columns = vectors(values).iter().zip(vectors_mut(gradients)).zip(sums.iter_mut());
            for ((value, gradient), sum) in columns {
                *gradient = lanes(|lane| if value[lane] > 0.0 { factor * gradient[lane] } else { 0.0 });
                *sum = lanes(|lane| sum[lane] + gradient[lane]);
            }
        }
    }

    /// From aᵀ · dy, rows `[D, padded J]`: adds to `Σ x · dyᵀ` for the parts a ⊙ q and a of x, and replaces the part
    /// of the query's gradient that comes from a ⊙ q.
    pub(super) fn add_products(
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
            let mut sums = [0.0; LANES];
            let features = vectors_mut(of_product).iter_mut().zip(vectors_mut(of_key));
            for ((product, weight), (of_product, of_key)) in vectors(products).iter().zip(vectors(weights)).zip(features) {
                *of_product = lanes(|lane| of_product[lane] + query * product[lane]);
                *of_key = lanes(|lane| of_key[lane] + product[lane]);
                sums = lanes(|lane| sums[lane] + weight[lane] * product[lane]);
            }
            *gradient = total(&sums);
        }
    }

    /// Adds a row to every row, which may be narrower.
    pub(super) fn add_row(row: &[f32], width: usize, rows: &mut [f32]) {
        for values in rows.chunks_exact_mut(width) {
            for (value, row) in values.iter_mut().zip(row) {
                *value += row;
            }
        }
    }
}
