//! Hidden layers row by row: what stands between a layer's product and its values, there and back. Rows are padded.

use crate::instruction_set::vectorised;
use crate::lanes::{vectors, vectors_mut};
use crate::normalisation::{Normalisation, NormalisationGradient};
use crate::simd::Vector;

vectorised! {
    /// Replaces `values` by the normalised products.
    pub(crate) fn normalise(simd, products: &[f32], normalisation: &Normalisation, values: &mut [f32]) {
        let width = normalisation.scale.len();
        for (products, values) in products.chunks_exact(width).zip(values.chunks_exact_mut(width)) {
            let factors = vectors(&normalisation.scale).iter().zip(vectors(&normalisation.shift));
            for ((product, value), (scale, shift)) in vectors(products).iter().zip(vectors_mut(values)).zip(factors) {
                let scale = Vector::load(simd, scale);
                scale.mul_add(Vector::load(simd, product), Vector::load(simd, shift)).store(value);
            }
        }
    }

    /// Takes the first layer's gradients back through dropout and ReLU, whose results `values` tell what they let
    /// through, and sums them over the rows.
    pub(crate) fn keep_active(simd, values: &[f32], factor: f32, gradients: &mut [f32], sums: &mut [f32]) {
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

    /// The sums over rows of dy · (h - mean).
    pub(crate) fn centred_sums(
        simd,
        products: &[f32],
        gradients: &[f32],
        normalisation: &Normalisation,
        sums: &mut [f32],
    ) {
        let width = sums.len();
        for (vector, sums) in vectors_mut(sums).iter_mut().enumerate() {
            let mean = Vector::load(simd, &vectors(&normalisation.centre)[vector]);
            let mut sum = Vector::zero(simd);
            for (products, gradients) in products.chunks_exact(width).zip(gradients.chunks_exact(width)) {
                let gradient = Vector::load(simd, &vectors(gradients)[vector]);
                sum = gradient.mul_add(Vector::load(simd, &vectors(products)[vector]) - mean, sum);
            }
            sum.store(sums);
        }
    }

    /// Takes gradients back through the normalisation: dh = scale · dy - offset - slope · h.
    pub(crate) fn product_gradient(
        simd,
        products: &[f32],
        normalisation: &Normalisation,
        gradient: &NormalisationGradient,
        gradients: &mut [f32],
    ) {
        let width = normalisation.scale.len();
        for (products, gradients) in products.chunks_exact(width).zip(gradients.chunks_exact_mut(width)) {
            for (vector, (product, target)) in vectors(products).iter().zip(vectors_mut(gradients)).enumerate() {
                let scale = Vector::load(simd, &vectors(&normalisation.scale)[vector]);
                let offset = Vector::load(simd, &vectors(&gradient.offset)[vector]);
                let slope = Vector::load(simd, &vectors(&gradient.slope)[vector]);
                let linear = slope.mul_add(Vector::load(simd, product), offset);
                (scale * Vector::load(simd, target) - linear).store(target);
            }
        }
    }
}
