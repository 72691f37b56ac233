//! Variety: products by falling key and how alike they are enter, products in an order of maximal marginal relevance leave:
//! each next one is the best once being like one of those before it counts against it.

use crate::order::Ranked;

/// How alike products are, from 0 to 1.
#[derive(Debug, Default)]
pub(crate) struct Similarity {
    /// A vector of length 1 for each product, all of one width; empty where there are none.
    vectors: Vec<f32>,
    width: usize,
    /// The category of each product, as a number.
    categories: Vec<usize>,
}

impl Similarity {
    /// Of products whose rows have `width` values (none: only categories count) and of their categories.
    pub(crate) fn new(mut vectors: Vec<f32>, width: usize, categories: Vec<usize>) -> Self {
        if width > 0 {
            for row in vectors.chunks_exact_mut(width) {
                let length = dot(row, row).sqrt();
                row.iter_mut().for_each(|value| *value = if length > 0.0 { *value / length } else { 0.0 });
            }
        }
        Self { vectors, width, categories }
    }

    /// The mean of the vectors' cosine, at least 0, and of whether the categories are the same; without vectors the latter.
    fn of(&self, left: usize, right: usize) -> f32 {
        let same = self.categories.get(left) == self.categories.get(right);
        let same = f32::from(u8::from(same));
        let row = |product: usize| self.vectors.get(product * self.width..(product + 1) * self.width);
        match (row(left), row(right)) {
            (Some(left), Some(right)) if self.width > 0 => 0.5 * (dot(left, right).clamp(0.0, 1.0) + same),
            _ => same,
        }
    }
}

/// The products in their new order, chosen one by one as they are asked for.
#[derive(Debug)]
pub(crate) struct Diversified {
    pool: Vec<Ranked>,
    diversity: f32,
    similarity: Similarity,
    /// What was not chosen yet.
    rest: Vec<Waiting>,
}

/// A product that waits to be chosen.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Its place in the pool.
    place: usize,
    /// Its key as a share of the first one's.
    relevance: f32,
    /// The greatest similarity to a product that was chosen.
    alike: f32,
}

impl Diversified {
    /// Of products by falling key.
    pub(crate) fn new(pool: Vec<Ranked>, diversity: f32, similarity: Similarity) -> Self {
        let greatest = pool.first().map_or(1.0, |first| first.key).max(f32::MIN_POSITIVE);
        let waiting =
            |(place, ranked): (usize, &Ranked)| Waiting { place, relevance: ranked.key / greatest, alike: 0.0 };
        let rest = pool.iter().enumerate().map(waiting).collect();
        Self { pool, diversity, similarity, rest }
    }
}

impl Iterator for Diversified {
    type Item = Ranked;

    fn next(&mut self) -> Option<Ranked> {
        let worth = |one: &Waiting| (1.0 - self.diversity) * one.relevance - self.diversity * one.alike;
        // Of equal ones the one that was further in front goes first.
        let better = |left: &(usize, Waiting), right: &(usize, Waiting)| {
            worth(&left.1).total_cmp(&worth(&right.1)).then(right.1.place.cmp(&left.1.place))
        };
        let (index, Waiting { place: chosen, .. }) = self.rest.iter().copied().enumerate().max_by(better)?;
        self.rest.swap_remove(index);
        for one in &mut self.rest {
            one.alike = one.alike.max(self.similarity.of(chosen, one.place));
        }
        self.pool.get(chosen).copied()
    }
}

/// The product of two vectors of one width, in sums that run side by side.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    const SUMS: usize = 8;
    let (left, right) = (left.chunks(SUMS), right.chunks(SUMS));
    let sums = left.zip(right).fold([0.0; SUMS], |mut sums, (left, right)| {
        for (sum, (left, right)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum += left * right;
        }
        sums
    });
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(diversity: f32, categories: &[usize]) -> Vec<usize> {
        let pool = (0..categories.len()).map(|product| {
            let key = 1.0 - 0.1 * product as f32;
            Ranked { product, score: key, key }
        });
        let similarity = Similarity::new(Vec::new(), 0, categories.to_vec());
        Diversified::new(pool.collect(), diversity, similarity).map(|ranked| ranked.product).collect()
    }

    #[test]
    fn without_variety_the_order_stays_and_with_it_categories_take_turns() {
        assert_eq!(order(0.0, &[1, 1, 1, 2, 3]), [0, 1, 2, 3, 4]);
        assert_eq!(order(1.0, &[1, 1, 1, 2, 3])[..3], [0, 3, 4]);
        assert_eq!(order(0.5, &[1, 1, 2]), [0, 2, 1]);
    }

    #[test]
    fn vectors_that_point_the_same_way_are_alike_whatever_their_length() {
        let similarity = Similarity::new(vec![1.0, 0.0, 5.0, 0.0, 0.0, 2.0, -1.0, 0.0], 2, vec![0, 1, 1, 2]);
        assert_eq!(
            [similarity.of(0, 1), similarity.of(0, 2), similarity.of(1, 2), similarity.of(0, 3)],
            [0.5, 0.0, 0.5, 0.0]
        );
    }
}
