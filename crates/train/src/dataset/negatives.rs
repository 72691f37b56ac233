//! Negatives of evaluation rows: how often each item occurs and a seed enter; items that are not the positive leave.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Split;

/// Draws items by popularity: as if from the rows of the interactions file.
#[derive(Debug)]
pub(crate) struct NegativeSampler {
    popularity: Arc<Popularity>,
    random: ChaCha8Rng,
    /// The items that are out, in order; kept for its memory.
    out: Vec<Out>,
}

/// How many rows items have.
#[derive(Debug)]
struct Popularity {
    /// Rows of each item and all items before it.
    cumulative: Vec<u64>,
    /// The item that the first row of each stretch of `1 << shift` rows is of, and the number of items behind them: there are about
    /// as many stretches as items, so that a search sees few items.
    guide: Vec<u32>,
    shift: u32,
}

impl Popularity {
    fn new(item_rows: &[u64]) -> Self {
        let running = item_rows.iter().scan(0, |sum, rows| {
            *sum += rows;
            Some(*sum)
        });
        let cumulative: Vec<u64> = running.collect();
        let (total, items) = (cumulative.last().copied().unwrap_or_default(), cumulative.len());
        let shift = total.checked_div(items as u64).unwrap_or_default().checked_ilog2().unwrap_or_default();
        let mut item = 0;
        let first_of = |stretch: u64| {
            item += cumulative.iter().skip(item).take_while(|sum| **sum <= stretch << shift).count();
            // As many items as 32-bit ids.
            item as u32
        };
        let mut guide: Vec<u32> = (0..=total >> shift).map(first_of).collect();
        guide.push(items as u32);
        Self { cumulative, guide, shift }
    }

    /// The item that a row is of.
    fn item_of(&self, row: u64) -> u32 {
        let stretch = usize::try_from(row >> self.shift).unwrap_or(usize::MAX);
        let Some([from, last]) = self.guide.get(stretch..).and_then(<[u32]>::first_chunk) else {
            return self.cumulative.len() as u32;
        };
        let items = self.cumulative.get(*from as usize..*last as usize).unwrap_or_default();
        *from + items.partition_point(|sum| *sum <= row) as u32
    }

    /// First row and number of rows of an item.
    fn rows(&self, item: u32) -> (u64, u64) {
        let index = item as usize;
        let start = index.checked_sub(1).and_then(|before| self.cumulative.get(before)).copied().unwrap_or_default();
        (start, self.cumulative.get(index).copied().unwrap_or(start) - start)
    }
}

/// An item that is not drawn any more, with its rows.
#[derive(Debug, Clone, Copy)]
struct Out {
    item: u32,
    start: u64,
    rows: u64,
}

impl NegativeSampler {
    /// Every split has its own numbers.
    pub(crate) fn new(item_rows: &[u64], seed: u64, split: Split) -> Self {
        Self::of(Arc::new(Popularity::new(item_rows)), seed, split)
    }

    /// A sampler of the same items for another split.
    pub(crate) fn for_split(&self, seed: u64, split: Split) -> Self {
        Self::of(Arc::clone(&self.popularity), seed, split)
    }

    fn of(popularity: Arc<Popularity>, seed: u64, split: Split) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(split.stream());
        Self { popularity, random, out: Vec::new() }
    }

    /// `count` distinct items that are not the positive; fewer only if there are no more.
    ///
    /// Rows of items that are out are passed over, not drawn again: a row is drawn once however rare what remains is.
    pub(crate) fn draw(&mut self, positive: u32, count: usize) -> Vec<u32> {
        let mut drawn: Vec<u32> = Vec::with_capacity(count);
        let mut left = self.popularity.cumulative.last().copied().unwrap_or_default();
        self.out.clear();
        left -= self.take_out(positive);
        while drawn.len() < count && left > 0 {
            let mut row = self.random.random_range(0..left);
            for Out { start, rows, .. } in &self.out {
                row += if row >= *start { *rows } else { 0 };
            }
            let item = self.popularity.item_of(row);
            drawn.push(item);
            left -= self.take_out(item);
        }
        drawn
    }

    /// Takes an item out; its number of rows.
    fn take_out(&mut self, item: u32) -> u64 {
        let (start, rows) = self.popularity.rows(item);
        let place = self.out.partition_point(|other| other.item < item);
        self.out.insert(place, Out { item, start, rows });
        rows
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

    proptest! {
        #[test]
        fn every_row_is_of_the_item_that_a_search_finds(rows in prop::collection::vec(0_u64..40, 1..60)) {
            let popularity = Popularity::new(&rows);
            for row in 0..rows.iter().sum() {
                let expected = popularity.cumulative.partition_point(|sum| *sum <= row);
                prop_assert_eq!(popularity.item_of(row) as usize, expected);
            }
        }
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
