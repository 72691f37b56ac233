//! Element by element work on the rows of one history and candidate, between the products.

use crate::instruction_set::vectorised;
use crate::lanes::{vectors, vectors_mut};
use crate::simd::Vector;

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
                (Vector::load(simd, of_key) + product).store(of_key);
                sum = product.mul_add(Vector::load(simd, weight), sum);
            }
            *gradient = sum.total();
        }
    }
}

/// Adds a row to every row of `width` values.
pub(super) fn add_row(row: &[f32], width: usize, rows: &mut [f32]) {
    for values in rows.chunks_exact_mut(width) {
        values.iter_mut().zip(row).for_each(|(value, row)| *value += row);
    }
}
