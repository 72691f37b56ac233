//! Drawing by weight: whole-number weights and a random generator enter, a position leaves.
//!
//! Weights are whole numbers so that a seed gives the same draws on every machine.

use rand::Rng;

/// Whole-number weight of 1.0: enough digits that rounding a weight does not show.
const ONE: f64 = 1e9;

/// A weight as a whole number; a positive weight never becomes 0.
pub(crate) fn whole(weight: f64) -> u64 {
    // At most 1e6 * 1e9, far below 2^64.
    if weight > 0.0 { ((weight * ONE).round() as u64).max(1) } else { 0 }
}

/// Weights of many positions, prepared for many draws.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Weighted {
    /// Running sums of the weights.
    ends: Vec<u64>,
}

impl Weighted {
    pub(crate) fn new(weights: impl IntoIterator<Item = u64>) -> Self {
        let mut sum = 0_u64;
        let ends = weights.into_iter().map(|weight| {
            sum = sum.saturating_add(weight);
            sum
        });
        Self { ends: ends.collect() }
    }

    /// A position, or none if all weights are 0.
    pub(crate) fn draw(&self, random: &mut impl Rng) -> Option<usize> {
        let total = self.ends.last().copied().filter(|total| *total > 0)?;
        let point = random.random_range(0..total);
        Some(self.ends.partition_point(|end| *end <= point))
    }
}

/// One of `candidates`, drawn by the weight beside it, or none if all weights are 0. For a few candidates, once.
pub(crate) fn draw_once<T>(random: &mut impl Rng, mut candidates: impl Iterator<Item = (T, u64)> + Clone) -> Option<T> {
    let total = candidates.clone().fold(0_u64, |sum, (_, weight)| sum.saturating_add(weight));
    if total == 0 {
        return None;
    }
    let mut left = random.random_range(0..total);
    candidates.find_map(|(candidate, weight)| {
        if left < weight {
            return Some(candidate);
        }
        left -= weight;
        None
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn positions_are_drawn_in_proportion_to_their_weights() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let weighted = Weighted::new([whole(1.0), 0, whole(3.0)]);
        let mut counts = [[0_u32; 3]; 2];
        for _ in 0..20_000 {
            counts[0][weighted.draw(&mut random).unwrap()] += 1;
            counts[1][draw_once(&mut random, [(0, 1), (1, 0), (2, 3)].into_iter()).unwrap()] += 1;
        }
        for [first, none, last] in counts {
            assert_eq!(none, 0);
            assert!((14_700..15_300).contains(&last), "{first} {last}");
        }
    }

    #[test]
    fn nothing_is_drawn_where_nothing_has_weight() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(Weighted::new([0, 0]).draw(&mut random), None);
        assert_eq!(Weighted::default().draw(&mut random), None);
        assert_eq!(draw_once(&mut random, [("a", 0)].into_iter()), None);
        assert_eq!((whole(0.0), whole(1e-12), whole(2.0)), (0, 1, 2_000_000_000));
    }
}
