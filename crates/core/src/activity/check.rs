//! What counts of a bundle may say: ids, numbers and their relations are checked before anything is made of them.

use std::collections::{HashMap, HashSet};

use super::{Activity, FORMAT, MOST_TOGETHER, ProductActivity, Repeats};
use crate::event::Event;
use crate::text::shortened;

/// One past the latest time, as for interactions.
const LATEST: f64 = 1e11;
/// No more is counted: whole numbers up to here are exact.
const MOST: f64 = 9_007_199_254_740_992.0;

impl Activity {
    /// Refuses counts that cannot be right.
    ///
    /// # Errors
    /// The first value that is wrong, what was found and what was expected.
    pub(super) fn check(&self, items: usize) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("format is `{}`: expected `{FORMAT}`", shortened(&self.format)));
        }
        check_number("end", self.end, LATEST)?;
        check_number("basket_gap", self.basket_gap, LATEST)?;
        if self.baskets_of == Event::Cart {
            return Err("baskets_of is `cart`: expected `purchase` or `view`".to_owned());
        }
        if self.products.len() > items {
            return Err(format!("has {} products: expected at most the vocabulary's {items}", self.products.len()));
        }
        let mut before = 0;
        for product in &self.products {
            if product.id <= before || product.id as usize > items {
                return Err(format!("a product has id {}: expected rising ids from 1 to {items}", product.id));
            }
            before = product.id;
        }
        let baskets: HashMap<u32, u32> = self.products.iter().map(|product| (product.id, product.baskets)).collect();
        self.products.iter().try_for_each(|product| {
            let checked = check_together(product, self.baskets, &baskets).and_then(|()| check_counts(product));
            checked.map_err(|problem| format!("product {}: {problem}", product.id))
        })
    }
}

fn check_together(product: &ProductActivity, all: u64, baskets: &HashMap<u32, u32>) -> Result<(), String> {
    if u64::from(product.baskets) > all {
        return Err(format!("stands in {} baskets of {all}", product.baskets));
    }
    if product.together.len() > MOST_TOGETHER {
        return Err(format!("stands together with {}: expected at most {MOST_TOGETHER}", product.together.len()));
    }
    let mut known = HashSet::new();
    for (other, support) in &product.together {
        if *other == product.id || !known.insert(*other) {
            return Err(format!("stands together with {other}: expected others, each once"));
        }
        let most = baskets.get(other).map_or(0, |of_other| product.baskets.min(*of_other));
        if *support == 0 || *support > most {
            return Err(format!("stands together with {other} in {support} baskets: expected 1 to {most}"));
        }
    }
    Ok(())
}

fn check_counts(product: &ProductActivity) -> Result<(), String> {
    product.demand.iter().try_for_each(|demand| check_number("demand", *demand, MOST))?;
    let Some(Repeats { buyers, repeaters, interval }) = product.again else { return Ok(()) };
    if buyers == 0 || repeaters > buyers {
        return Err(format!("{repeaters} of {buyers} buyers bought again: expected buyers, and no more than those"));
    }
    match interval {
        Some(interval) if repeaters > 0 => check_number("interval", interval, LATEST),
        None if repeaters == 0 => Ok(()),
        _ => Err(format!("interval is {interval:?} with {repeaters} repeaters: expected one where there are any")),
    }
}

/// A number from 0 to less than `end`. JSON has neither infinities nor what is no number.
fn check_number(name: &str, number: f64, end: f64) -> Result<(), String> {
    if (0.0..end).contains(&number) { Ok(()) } else { Err(format!("{name} is {number}: expected 0 to {end}")) }
}
