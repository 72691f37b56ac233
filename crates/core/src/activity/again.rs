//! Buy again: a shopper's purchases of a product and what all shoppers do with it enter; how often it is bought, whether it
//! is due and what it is worth to show it leave.
//!
//! With n purchases, the first at f and the last at l, and the product's median interval I between purchases:
//!
//! - interval J = (l - f + I) / n: the mean of the shopper's own intervals and one of the product's, which stands for all
//!   that is known of a shopper who bought it once;
//! - repeat share R = (repeaters + n) / (buyers + n + 1): who bought it again, the shopper's own purchases added;
//! - worth W = n R 2^(-(now - l) / 180 days): the more often, the likelier again, the more recent;
//! - due when now - l >= J / 10: what was bought just now stands behind the rest.
//!
//! The repeat share and the typical interval per product, mixed with the shopper's own, are those of Bhagat et al., Buy It
//! Again: Modeling Repeat Purchase Recommendations, KDD 2018; the fall with time and the tenth were chosen by what
//! they find in the last two baskets of grocery households (docs/RESULTS.md), where a later moment of being due finds fewer
//! of the next basket's products.

use super::{Activity, Repeats};
use crate::timestamp::DAY;

/// Seconds after which a purchase counts half.
const HALF_LIFE: f64 = 180.0 * DAY;
/// Share of the interval after which a product is due.
const DUE: f64 = 0.1;
/// Seconds between two purchases of a product of which nothing is known.
const USUAL: f64 = 30.0 * DAY;

/// A shopper's purchases of one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bought {
    /// How many, at least one.
    pub count: u32,
    /// Unix seconds of the first one.
    pub first: f64,
    /// Unix seconds of the last one.
    pub last: f64,
}

/// When a product is bought again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// Seconds from one purchase to the next.
    pub interval: f64,
    /// Whether enough of it has passed.
    pub is_due: bool,
    /// The greater, the further in front, among those that are due and among the others.
    pub worth: f64,
}

impl Bought {
    /// One purchase.
    pub fn once(time: f64) -> Self {
        Self { count: 1, first: time, last: time }
    }

    /// Adds a purchase, whatever the order; what lies no further than `gap` seconds from the first or the last one belongs to
    /// that.
    pub fn add(&mut self, time: f64, gap: f64) {
        let is_near = |known: f64| gap > 0.0 && (time - known).abs() <= gap;
        self.count = self.count.saturating_add(u32::from(!is_near(self.first) && !is_near(self.last)));
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }

    /// When it is bought again, by what all shoppers do; `usual` is the interval where they do not say.
    pub fn due(&self, now: f64, repeats: Option<&Repeats>, usual: f64) -> Due {
        let count = f64::from(self.count.max(1));
        let interval = repeats.and_then(|repeats| repeats.interval).unwrap_or(usual);
        let interval = (self.last - self.first + interval) / count;
        let (buyers, repeaters) = repeats.map_or((0, 0), |repeats| (repeats.buyers, repeats.repeaters));
        let share = (f64::from(repeaters) + count) / (f64::from(buyers) + count + 1.0);
        let passed = (now - self.last).max(0.0);
        let worth = count * share * (-passed / HALF_LIFE).exp2();
        Due { interval, is_due: passed >= DUE * interval && passed > 0.0, worth }
    }
}

impl Activity {
    /// Seconds between two purchases of a product, the median over the products that are bought again.
    pub fn usual_interval(&self) -> f64 {
        let intervals = self.products.iter().filter_map(|product| product.again?.interval);
        median(intervals.collect()).unwrap_or(USUAL)
    }
}

/// As [`Activity::usual_interval`], where nothing was counted.
pub fn usual_interval(activity: Option<&Activity>) -> f64 {
    activity.map_or(USUAL, Activity::usual_interval)
}

/// The middle one of some numbers, the lower one of two.
pub fn median(mut numbers: Vec<f64>) -> Option<f64> {
    let middle = numbers.len().checked_sub(1)? / 2;
    Some(*numbers.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPEATS: Repeats = Repeats { buyers: 3, repeaters: 1, interval: Some(8.0 * DAY) };

    fn bought(days: &[f64]) -> Bought {
        let mut bought = Bought::once(days[0] * DAY);
        days[1..].iter().for_each(|day| bought.add(day * DAY, 0.0));
        bought
    }

    #[test]
    fn the_interval_is_the_mean_of_the_shopper_s_own_and_one_of_all() {
        let interval = |days: &[f64]| bought(days).due(100.0 * DAY, Some(&REPEATS), DAY).interval / DAY;
        assert_eq!([interval(&[0.0]), interval(&[0.0, 4.0]), interval(&[4.0, 0.0, 10.0])], [8.0, 6.0, 6.0]);
        assert_eq!(bought(&[0.0]).due(0.0, None, DAY).interval, DAY);
    }

    #[test]
    fn a_product_is_due_a_tenth_of_its_interval_after_the_last_purchase() {
        let is_due = |now: f64| bought(&[0.0]).due(now * DAY, Some(&REPEATS), DAY).is_due;
        assert_eq!([is_due(-1.0), is_due(0.0), is_due(0.79), is_due(0.81)], [false, false, false, true]);
        let at_once = Repeats { interval: Some(0.0), ..REPEATS };
        assert!(!bought(&[0.0]).due(0.0, Some(&at_once), DAY).is_due);
    }

    #[test]
    fn purchases_that_are_more_or_later_are_worth_more() {
        let worth = |days: &[f64]| bought(days).due(200.0 * DAY, Some(&REPEATS), DAY).worth;
        assert!(worth(&[0.0, 9.0]) > worth(&[9.0]) && worth(&[9.0]) > worth(&[0.0]));
        assert_eq!(bought(&[200.0]).due(200.0 * DAY, Some(&REPEATS), DAY).worth, 0.4);
        assert_eq!(bought(&[20.0]).due(200.0 * DAY, Some(&REPEATS), DAY).worth, 0.2);
    }

    #[test]
    fn the_middle_of_the_numbers_counts() {
        assert_eq!([median(vec![]), median(vec![3.0, 1.0]), median(vec![3.0, 1.0, 2.0])], [None, Some(1.0), Some(2.0)]);
    }
}
