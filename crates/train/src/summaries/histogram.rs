//! Histograms as TensorBoard draws them: values enter, buckets of exponentially growing width leave
//! (TensorFlow, `core/lib/histogram/histogram.cc`).

use super::messages::Histogram;

/// Smallest limit; the widths grow from here by a tenth each.
const SMALLEST: f64 = 1e-12;
const GROWTH: f64 = 1.1;
/// Limits on each side of 0, up to about 1e20.
const LIMITS: i32 = 774;

/// The finite values in buckets; empty buckets at both ends and in rows are left out.
pub(super) fn of(values: &[f32]) -> Histogram {
    let finite = || values.iter().map(|value| f64::from(*value)).filter(|value| value.is_finite());
    let mut sorted: Vec<f64> = finite().collect();
    sorted.sort_by(f64::total_cmp);
    let mut histogram = Histogram {
        min: sorted.first().copied().unwrap_or_default(),
        max: sorted.last().copied().unwrap_or_default(),
        num: sorted.len() as f64,
        sum: sorted.iter().sum(),
        sum_squares: sorted.iter().map(|value| value * value).sum(),
        bucket_limit: Vec::new(),
        bucket: Vec::new(),
    };
    let mut rest = sorted.as_slice();
    let mut empty_before = None;
    for limit in limits() {
        if rest.is_empty() {
            break;
        }
        let (inside, above) = rest.split_at(rest.partition_point(|value| *value <= limit));
        rest = above;
        if inside.is_empty() {
            empty_before = Some(limit);
            continue;
        }
        // The empty bucket before tells where this one begins.
        if let Some(empty) = empty_before.take() {
            histogram.bucket_limit.push(empty);
            histogram.bucket.push(0.0);
        }
        histogram.bucket_limit.push(limit);
        histogram.bucket.push(inside.len() as f64);
    }
    if histogram.bucket.is_empty() {
        // TensorBoard wants one bucket even of nothing.
        (histogram.bucket_limit, histogram.bucket) = (vec![f64::MAX], vec![0.0]);
    }
    histogram
}

/// Rising: the negative limits, 0, the positive ones, and everything beyond.
fn limits() -> impl Iterator<Item = f64> {
    let limit = |power: i32| SMALLEST * GROWTH.powi(power);
    let negative = (0..LIMITS).rev().map(move |power| -limit(power));
    negative.chain([0.0]).chain((0..LIMITS).map(limit)).chain([f64::MAX])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_fall_into_buckets_around_them() {
        let histogram = of(&[-1.0, 0.0, 0.5, 0.5, f32::NAN]);
        assert_eq!((histogram.min, histogram.max, histogram.num, histogram.sum), (-1.0, 0.5, 4.0, 0.0));
        assert_eq!(histogram.sum_squares, 1.5);
        assert_eq!(histogram.bucket.iter().copied().filter(|count| *count > 0.0).collect::<Vec<_>>(), [1.0, 1.0, 2.0]);
    }

    #[test]
    fn nothing_gives_one_empty_bucket() {
        assert_eq!(of(&[]).bucket, [0.0]);
        assert_eq!(of(&[f32::INFINITY]).num, 0.0);
    }

    proptest! {
        #[test]
        fn every_finite_value_is_counted_once_under_rising_limits(values in prop::collection::vec(any::<f32>(), 0..200)) {
            let histogram = of(&values);
            let finite = values.iter().filter(|value| value.is_finite()).count() as f64;
            prop_assert_eq!(histogram.bucket.iter().sum::<f64>(), finite);
            prop_assert!(histogram.bucket_limit.is_sorted());
            prop_assert_eq!(histogram.bucket.len(), histogram.bucket_limit.len());
        }
    }
}
