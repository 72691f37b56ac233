//! How the products of an answer are arranged beside their scores: factors, products behind all others, products at
//! positions, caps, variety. A shop's rules make an [`Arrangement`], scoring follows it.

use std::ops::Range;
use std::sync::Arc;

use crate::product_set::ProductSet;

/// Group of products that belong to none.
pub const NO_GROUP: u32 = u32::MAX;

/// How products are arranged; the default leaves them in the order of their scores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arrangement {
    /// What scores are multiplied by before products are put in order; none for 1.
    pub factors: Option<Factors>,
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

/// What the score of each product of the catalogue is multiplied by.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    of_products: Arc<[f32]>,
    logarithms: Arc<[f32]>,
    greatest: f32,
}

impl Factors {
    /// Factors of the catalogue's products in its order; of further ones it is 1.
    pub fn new(of_products: Vec<f32>) -> Self {
        let greatest = of_products.iter().fold(1.0_f32, |greatest, factor| greatest.max(*factor));
        let logarithms = of_products.iter().map(|factor| factor.ln()).collect();
        Self { of_products: of_products.into(), logarithms, greatest }
    }

    /// The factor of a product.
    pub fn of(&self, product: usize) -> f32 {
        self.of_products.get(product).copied().unwrap_or(1.0)
    }

    /// The natural logarithm of a product's factor.
    pub fn logarithm_of(&self, product: usize) -> f32 {
        self.logarithms.get(product).copied().unwrap_or_default()
    }

    /// The natural logarithms of the factors of neighbouring products; none beyond the last one.
    pub fn logarithms_of(&self, products: Range<usize>) -> Option<&[f32]> {
        self.logarithms.get(products)
    }

    /// None is greater; at least 1.
    pub fn greatest(&self) -> f32 {
        self.greatest
    }
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
    /// The group of each product of the catalogue; those of [`NO_GROUP`] are not counted.
    pub groups: Arc<[u32]>,
    /// How many of one group at most.
    pub most: usize,
}

impl Arrangement {
    /// Whether products stand in another order than that of their scores, pins and variety aside.
    pub fn reorders(&self) -> bool {
        self.factors.is_some() || self.buried.is_some()
    }

    /// What the score of a product is multiplied by.
    pub fn factor(&self, product: usize) -> f32 {
        self.factors.as_ref().map_or(1.0, |factors| factors.of(product))
    }

    /// What decides a product's place: the greater, the further in front. Buried products have negative keys.
    pub fn key(&self, product: usize, score: f32) -> f32 {
        let key = score * self.factor(product);
        match self.is_buried(product) {
            // Scores are not negative: turned round in their bits they keep their order, below zero.
            true => -f32::from_bits(f32::MAX.to_bits().saturating_sub(key.max(0.0).to_bits())),
            false => key,
        }
    }

    /// Whether a product stands at a position.
    pub fn is_pinned(&self, product: usize) -> bool {
        self.pins.iter().any(|pin| pin.product == product)
    }

    /// Whether a product stands behind all others.
    pub fn is_buried(&self, product: usize) -> bool {
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
