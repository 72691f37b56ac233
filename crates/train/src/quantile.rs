//! Quantiles: values and a share enter; the value below which that share lies leaves.

/// The value below which a share of the values lies, interpolated between its neighbours. The values are reordered; none
/// for no values.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let place = values.len().checked_sub(1)? as f64 * share.clamp(0.0, 1.0);
    // At least 0 and below the number of values.
    let (_, low, above) = values.select_nth_unstable_by(place.floor() as usize, f64::total_cmp);
    let low = *low;
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(low + (next - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_quantile_has_its_share_before_it(mut times in prop::collection::vec(0_u16..500, 1..60), share in 0.0..1.0) {
            times.sort_unstable();
            times.dedup();
            let mut floats: Vec<f64> = times.iter().rev().map(|time| f64::from(*time)).collect();
            let cut = quantile(&mut floats, share).unwrap();
            let place = (times.len() - 1) as f64 * share;
            prop_assert_eq!(times.iter().filter(|time| f64::from(**time) < cut).count(), place.ceil() as usize);
        }
    }
}
