//! How a request wants its products arranged beside their scores: factors, products behind all others, products at
//! positions, caps, variety. Scores enter, the keys by which products are put in order leave.

use std::sync::Arc;

use slirec_core::product_set::ProductSet;

/// Products that variety chooses from: the best ones. Behind them products stand in their order.
pub(crate) const POOL: usize = 400;

/// How products are arranged; the default leaves them in the order of their scores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arrangement {
    /// What the score of each product of the catalogue is multiplied by before products are put in order; none for 1.
    pub factors: Option<Arc<[f32]>>,
    /// Products that stand behind all others.
    pub buried: Option<Arc<ProductSet>>,
    /// Products that stand at positions whatever their scores, in the order of the positions, each once.
    pub pins: Vec<Pin>,
    /// Most products of groups, counted from the best product on, whatever the offset. Products at positions are not
    /// counted.
    pub caps: Vec<Cap>,
    /// From 0, by score alone, to 1: how much a product counts less for being like those before it.
    pub diversity: f32,
}

/// A product at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// Index of the product in the catalogue.
    pub product: usize,
    /// Its position in the whole answer, from 1; behind the last product when there are fewer.
    pub position: usize,
}

/// A cap on the products of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Cap {
    /// The group of each product of the catalogue; those of `u32::MAX` are not counted.
    pub groups: Arc<[u32]>,
    /// How many of one group at most.
    pub most: usize,
}

/// A product in the order of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranked {
    pub(crate) product: usize,
    pub(crate) score: f32,
    /// What decides the order, falling.
    pub(crate) key: f32,
}

/// The keys of candidates, by their rows.
#[derive(Debug)]
pub(crate) struct Order {
    arrangement: Arrangement,
    /// The product of each row.
    candidates: Arc<[usize]>,
}

impl Order {
    /// Of an arrangement that puts products into another order than that of their scores; none of others.
    pub(crate) fn new(arrangement: &Arrangement, candidates: &Arc<[usize]>) -> Option<Self> {
        let order = || Self { arrangement: arrangement.clone(), candidates: Arc::clone(candidates) };
        arrangement.reorders().then(order)
    }

    /// What decides the place of a candidate with this score.
    pub(crate) fn key(&self, row: usize, score: f32) -> f32 {
        self.candidates.get(row).map_or(score, |product| self.arrangement.key(*product, score))
    }
}

impl Arrangement {
    /// Whether products stand in another order than that of their scores, pins and variety aside.
    pub(crate) fn reorders(&self) -> bool {
        self.factors.is_some() || self.buried.is_some()
    }

    /// What decides a product's place: the greater, the further in front. Buried products have negative keys.
    pub(crate) fn key(&self, product: usize, score: f32) -> f32 {
        let factor = self.factors.as_ref().and_then(|factors| factors.get(product)).copied().unwrap_or(1.0);
        let key = score * factor;
        match self.is_buried(product) {
            // Scores are not negative: turned round in their bits they keep their order, below zero.
            true => -f32::from_bits(f32::MAX.to_bits().saturating_sub(key.max(0.0).to_bits())),
            false => key,
        }
    }

    /// How many candidates must be known for the first products of an answer.
    pub(crate) fn reach(&self, answered: usize) -> usize {
        let reach = answered.saturating_add(self.pins.len());
        if self.diversity > 0.0 { reach.max(POOL) } else { reach }
    }

    pub(crate) fn is_pinned(&self, product: usize) -> bool {
        self.pins.iter().any(|pin| pin.product == product)
    }

    pub(crate) fn is_buried(&self, product: usize) -> bool {
        self.buried.as_ref().is_some_and(|buried| buried.contains(product))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_buried_products_keep_their_order_below_all_others() {
        let arrangement = Arrangement { buried: Some(Arc::new(ProductSet::of(2, [1]))), ..Arrangement::default() };
        let scores = [0.0, f32::MIN_POSITIVE / 4.0, 1e-30, 0.5, 0.500_000_06, 1.0, 1e6, f32::MAX];
        let keys: Vec<f32> = scores.iter().map(|score| arrangement.key(1, *score)).collect();
        assert!(keys.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_lt()), "{keys:?}");
        assert!(keys.iter().all(|key| key.is_finite() && key.total_cmp(&0.0).is_lt()), "{keys:?}");
        assert_eq!(arrangement.key(0, 0.5), 0.5);
    }
}
