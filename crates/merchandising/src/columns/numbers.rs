//! A column of numbers: numbers of products enter, sorted ones leave, so that the products of a range lie in one piece.

use std::ops::Range;

use slirec_core::product_set::ProductSet;

use slirec_core::arrangement::NO_GROUP;

/// The numbers of products.
#[derive(Debug)]
pub(crate) struct Numbers {
    /// Rising.
    values: Vec<f64>,
    /// Products in the order of their numbers.
    members: Vec<u32>,
    /// The number of each product, `[products]`; not a number where there is none.
    by_product: Vec<f64>,
}

impl Numbers {
    /// Of products and their finite numbers.
    pub(super) fn new(products: usize, numbers: impl Iterator<Item = (usize, f64)>) -> Self {
        let mut by_product = vec![f64::NAN; products];
        let mut sorted: Vec<(f64, u32)> = Vec::new();
        for (product, number) in numbers {
            if let (Some(place), Ok(product)) = (by_product.get_mut(product), u32::try_from(product)) {
                // Adding nothing turns a negative zero into zero.
                *place = number + 0.0;
                sorted.push((number + 0.0, product));
            }
        }
        sorted.sort_unstable_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
        let (values, members) = sorted.into_iter().unzip();
        Self { values, members, by_product }
    }

    /// Places of the numbers that are below a bound, or at it when `inclusive`: how many they are.
    pub(crate) fn below(&self, bound: f64, inclusive: bool) -> usize {
        self.values.partition_point(|value| if inclusive { *value <= bound } else { *value < bound })
    }

    /// How many products have a number.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Adds the products at some places of the order.
    pub(crate) fn add_to(&self, set: &mut ProductSet, places: Range<usize>) {
        let members = self.members.get(places).unwrap_or_default();
        members.iter().for_each(|product| set.insert(*product as usize));
    }

    /// The place of a product's number among all of them, as a range of equal ones.
    pub(crate) fn equal_to(&self, number: f64) -> Range<usize> {
        self.below(number, false)..self.below(number, true)
    }

    /// The number of a product.
    pub(crate) fn of_product(&self, product: usize) -> Option<f64> {
        self.by_product.get(product).copied().filter(|number| !number.is_nan())
    }

    /// For each product the place of the first number that is equal to its own.
    pub(super) fn groups(&self, products: usize) -> Vec<u32> {
        let group = |product| {
            let number = self.of_product(product)?;
            u32::try_from(self.below(number, false)).ok()
        };
        (0..products).map(|product| group(product).unwrap_or(NO_GROUP)).collect()
    }
}
