//! What stands in the same baskets: baskets enter one by one; for each product the others that are most often beside it
//! leave.

use std::cmp::Reverse;

use slirec_core::activity::{LEAST_SUPPORT, MOST_TOGETHER, ProductActivity};
use slirec_core::vocabulary::DEFAULT_ID;

/// Products of the largest basket that counts; a larger one is no shopper's.
const LARGEST: usize = 100;

/// Baskets, each with its products once.
#[derive(Debug, Default)]
pub(super) struct Baskets {
    items: Vec<u32>,
    /// Where each basket ends.
    ends: Vec<usize>,
}

impl Baskets {
    /// Adds a basket, unless it holds nothing that training has seen or too much.
    pub(super) fn add(&mut self, items: impl Iterator<Item = u32>) {
        let mut basket: Vec<u32> = items.filter(|item| *item != DEFAULT_ID).collect();
        basket.sort_unstable();
        basket.dedup();
        if (1..=LARGEST).contains(&basket.len()) {
            self.items.extend(basket);
            self.ends.push(self.items.len());
        }
    }

    /// Number of baskets.
    pub(super) fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    fn basket(&self, number: usize) -> &[u32] {
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.ends.get(number).and_then(|end| self.items.get(start..*end)).unwrap_or_default()
    }

    /// Fills in the baskets of each product and what stands in them; products stand at the places of their ids.
    pub(super) fn count(&self, products: &mut [ProductActivity]) {
        let mut of_items: Vec<Vec<u32>> = vec![Vec::new(); products.len()];
        for (number, _) in (0_u32..).zip(&self.ends) {
            for item in self.basket(number as usize) {
                if let Some(baskets) = of_items.get_mut(*item as usize) {
                    baskets.push(number);
                }
            }
        }
        let mut support = vec![0_u32; products.len()];
        let mut touched: Vec<u32> = Vec::new();
        for (product, baskets) in products.iter_mut().zip(&of_items) {
            for other in baskets.iter().flat_map(|number| self.basket(*number as usize)) {
                if let Some(count) = support.get_mut(*other as usize).filter(|_| *other != product.id) {
                    if *count == 0 {
                        touched.push(*other);
                    }
                    *count += 1;
                }
            }
            let found =
                touched.drain(..).filter_map(|other| Some((other, std::mem::take(support.get_mut(other as usize)?))));
            let mut found: Vec<(u32, u32)> = found.filter(|(_, support)| *support >= LEAST_SUPPORT).collect();
            found.sort_by_key(|(other, support)| (Reverse(*support), *other));
            found.truncate(MOST_TOGETHER);
            product.together = found;
            product.baskets = u32::try_from(baskets.len()).unwrap_or(u32::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basket_of_more_products_than_a_shopper_buys_is_left_out() {
        let mut baskets = Baskets::default();
        for last in [3, 3, 100, 101] {
            baskets.add((1..=last).chain([1, DEFAULT_ID]));
        }
        baskets.add([DEFAULT_ID].into_iter());
        assert_eq!(baskets.len(), 3);
        let mut products: Vec<ProductActivity> =
            (0..102).map(|id| ProductActivity { id, ..Default::default() }).collect();
        baskets.count(&mut products);
        assert_eq!([1, 100, 101].map(|id| products[id].baskets), [3, 1, 0]);
        assert_eq!(products[1].together, [(2, 3), (3, 3)]);
    }
}
