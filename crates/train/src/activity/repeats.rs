//! What is bought again: a user's baskets enter one by one; for each product its buyers, those who bought it again, and the
//! median time between leave.

use std::collections::HashMap;

use slirec_core::activity::again::median;
use slirec_core::activity::{ProductActivity, Repeats};
use slirec_core::vocabulary::DEFAULT_ID;

/// Purchases of all users.
#[derive(Debug, Default)]
pub(super) struct Purchases {
    /// Of the user so far: time of the last basket with an item, and whether there was one before.
    user: HashMap<u32, (f64, bool)>,
    /// Buyers and repeaters by item.
    buyers: HashMap<u32, (u32, u32)>,
    /// Item and seconds since it was bought before.
    gaps: Vec<(u32, f64)>,
}

impl Purchases {
    /// Adds a basket of the user, later than those before.
    pub(super) fn add(&mut self, basket: &[(f64, u32)]) {
        let Some((time, _)) = basket.first() else { return };
        let mut items: Vec<u32> = basket.iter().map(|(_, item)| *item).filter(|item| *item != DEFAULT_ID).collect();
        items.sort_unstable();
        items.dedup();
        for item in items {
            match self.user.get_mut(&item) {
                None => drop(self.user.insert(item, (*time, false))),
                Some((last, again)) => {
                    self.gaps.push((item, time - *last));
                    (*last, *again) = (*time, true);
                }
            }
        }
    }

    /// What follows is another user's.
    pub(super) fn end_user(&mut self) {
        for (item, (_, again)) in self.user.drain() {
            let (buyers, repeaters) = self.buyers.entry(item).or_default();
            *buyers += 1;
            *repeaters += u32::from(again);
        }
    }

    /// Fills in how each product is bought again; products stand at the places of their ids.
    pub(super) fn count(mut self, products: &mut [ProductActivity]) {
        self.gaps.sort_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
        let mut intervals: HashMap<u32, f64> = HashMap::new();
        for gaps in self.gaps.chunk_by(|left, right| left.0 == right.0) {
            let middle = median(gaps.iter().map(|(_, gap)| *gap).collect());
            intervals.extend(gaps.first().zip(middle).map(|((item, _), gap)| (*item, gap.round())));
        }
        for product in products {
            product.again = self.buyers.get(&product.id).map(|(buyers, repeaters)| Repeats {
                buyers: *buyers,
                repeaters: *repeaters,
                interval: intervals.get(&product.id).copied(),
            });
        }
    }
}
