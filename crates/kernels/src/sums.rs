//! Sums over blocks, always in the order of the blocks, so that they do not depend on the threads.

/// The sums of the blocks' values, place by place.
pub(crate) fn sum_blocks<'a, T: Copy + Into<f64> + 'a>(blocks: impl Iterator<Item = &'a [T]>) -> Vec<f64> {
    let mut sum = Vec::new();
    for block in blocks {
        sum.resize(block.len(), 0.0);
        sum.iter_mut().zip(block).for_each(|(sum, value)| *sum += (*value).into());
    }
    sum
}

/// Writes sums as floats, as many as the target takes.
pub(crate) fn write(sums: &[f64], target: &mut [f32]) {
    target.iter_mut().zip(sums).for_each(|(target, sum)| *target = *sum as f32);
}
