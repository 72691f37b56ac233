//! Negatives of evaluation rows: how often each item occurs and a seed enter; items that are not the positive leave.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Split;

/// Draws items by popularity: as if from the rows of the interactions file.
#[derive(Debug)]
pub(crate) struct NegativeSampler {
    /// Rows of each item and all items before it.
    cumulative: Vec<u64>,
    random: ChaCha8Rng,
}

impl NegativeSampler {
    /// Every split has its own numbers.
    pub(crate) fn new(item_rows: &[u64], seed: u64, split: Split) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(split.stream());
        let running = item_rows.iter().scan(0, |sum, rows| {
            *sum += rows;
            Some(*sum)
        });
        Self { cumulative: running.collect(), random }
    }

    /// `count` distinct items that are not the positive; fewer only if there are no more.
    ///
    /// Rows of items that are out are passed over, not drawn again: a row is drawn once however rare what remains is.
    pub(crate) fn draw(&mut self, positive: u32, count: usize) -> Vec<u32> {
        let mut out = vec![positive];
        let mut drawn: Vec<u32> = Vec::with_capacity(count);
        while drawn.len() < count {
            let taken: u64 = out.iter().map(|item| self.rows(*item).1).sum();
            let left = self.cumulative.last().copied().unwrap_or_default().saturating_sub(taken);
            if left == 0 {
                break;
            }
            let mut row = self.random.random_range(0..left);
            for item in &out {
                let (start, rows) = self.rows(*item);
                row += if row >= start { rows } else { 0 };
            }
            // As many items as 32-bit ids.
            let item = self.cumulative.partition_point(|sum| *sum <= row) as u32;
            drawn.push(item);
            out.insert(out.partition_point(|other| *other < item), item);
        }
        drawn
    }

    /// First row and number of rows of an item.
    fn rows(&self, item: u32) -> (u64, u64) {
        let index = item as usize;
        let start = index.checked_sub(1).and_then(|before| self.cumulative.get(before)).copied().unwrap_or_default();
        (start, self.cumulative.get(index).copied().unwrap_or(start) - start)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn negatives_follow_popularity() {
        let mut sampler = NegativeSampler::new(&[10, 60, 5, 30], 7, Split::Test);
        let mut first = [0_u32; 4];
        for _ in 0..9_000 {
            first[sampler.draw(2, 1)[0] as usize] += 1;
        }
        // 10, 60 and 30 of 100 rows; the deviation of a count is below 50.
        for (count, expected) in first.into_iter().zip([900_u32, 5_400, 0, 2_700]) {
            assert!(count.abs_diff(expected) < 250, "{first:?}");
        }
        assert_eq!(first[2], 0);
    }

    #[test]
    fn what_is_rare_is_found_without_endless_tries() {
        let mut sampler = NegativeSampler::new(&[1, 1 << 60, 1], 7, Split::Valid);
        let mut drawn = sampler.draw(1, 2);
        drawn.sort_unstable();
        assert_eq!(drawn, [0, 2]);
    }

    proptest! {
        #[test]
        fn negatives_are_distinct_items_that_are_not_the_positive(
            rows in prop::collection::vec(1_u64..1_000, 1..20),
            positive in 0_usize..20,
            count in 1_usize..12,
        ) {
            let positive = positive % rows.len();
            let mut drawn = NegativeSampler::new(&rows, 1, Split::Test).draw(positive as u32, count);
            prop_assert_eq!(drawn.len(), count.min(rows.len() - 1));
            prop_assert!(drawn.iter().all(|item| (*item as usize) < rows.len() && *item as usize != positive));
            drawn.sort_unstable();
            drawn.dedup();
            prop_assert_eq!(drawn.len(), count.min(rows.len() - 1));
        }
    }
}
