//! A column of texts or of lists of texts: texts of products enter; each text has a code in the order of the texts, and
//! the products of a range of codes lie in one piece.

use std::ops::Range;

use slirec_core::arrangement::NO_GROUP;
use slirec_core::product_set::ProductSet;

/// The texts of products.
#[derive(Debug)]
pub(crate) struct Texts {
    /// Each text once, in order; a text's place is its code.
    values: Vec<Box<str>>,
    /// Where the products of each code begin, and the end of the last, `[values + 1]`.
    starts: Vec<u32>,
    /// Products in the order of the codes.
    members: Vec<u32>,
    /// Where the codes of each product begin, and the end of the last, `[products + 1]`.
    codes_of: Vec<u32>,
    /// Codes in the order of the products.
    codes: Vec<u32>,
}

impl Texts {
    /// Of products and their texts, the products in rising order. A product's text that stands twice counts once.
    pub(super) fn new(products: usize, texts: impl Iterator<Item = (usize, String)>) -> Self {
        let mut sorted: Vec<(Box<str>, u32)> =
            texts.filter_map(|(product, text)| Some((text.into(), u32::try_from(product).ok()?))).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let (mut values, mut starts): (Vec<Box<str>>, Vec<u32>) = (Vec::new(), Vec::new());
        let mut members = Vec::with_capacity(sorted.len());
        let mut by_product = Vec::with_capacity(sorted.len());
        for (text, product) in sorted {
            if values.last() != Some(&text) {
                values.push(text);
                starts.push(count(members.len()));
            }
            by_product.push((product, count(values.len() - 1)));
            members.push(product);
        }
        starts.push(count(members.len()));
        by_product.sort_unstable();
        let mut codes_of = vec![0; products + 1];
        for (product, _) in &by_product {
            if let Some(next) = codes_of.get_mut(*product as usize + 1) {
                *next += 1;
            }
        }
        let mut total = 0;
        for start in &mut codes_of {
            total += *start;
            *start = total;
        }
        let codes = by_product.into_iter().map(|(_, code)| code).collect();
        Self { values, starts, members, codes_of, codes }
    }

    /// The code of a text.
    pub(crate) fn code(&self, text: &str) -> Option<u32> {
        self.values.binary_search_by(|value| (**value).cmp(text)).ok().map(count)
    }

    /// Number of codes whose text is before another one, or the same when `inclusive`.
    pub(crate) fn before(&self, text: &str, inclusive: bool) -> u32 {
        count(self.values.partition_point(|value| if inclusive { **value <= *text } else { **value < *text }))
    }

    /// Number of codes.
    pub(crate) fn codes(&self) -> u32 {
        count(self.values.len())
    }

    /// Codes of the texts that begin so.
    pub(crate) fn beginning_with(&self, prefix: &str) -> Range<u32> {
        let first = self.values.partition_point(|value| **value < *prefix);
        let rest = self.values.get(first..).unwrap_or_default();
        count(first)..count(first + rest.partition_point(|value| value.starts_with(prefix)))
    }

    /// Codes of the texts that pass, which takes time in proportion to all texts.
    pub(crate) fn passing(&self, passes: impl Fn(&str) -> bool) -> Vec<Range<u32>> {
        let codes = (0..).zip(&self.values).filter(|(_, value)| passes(value)).map(|(code, _)| code);
        ranges(codes)
    }

    /// Adds the products of some codes.
    pub(crate) fn add_to(&self, set: &mut ProductSet, codes: &Range<u32>) {
        let place = |code: u32| self.starts.get(code as usize).map_or(0, |start| *start as usize);
        let members = self.members.get(place(codes.start)..place(codes.end)).unwrap_or_default();
        members.iter().for_each(|product| set.insert(*product as usize));
    }

    /// Codes of a product, rising.
    pub(crate) fn of_product(&self, product: usize) -> &[u32] {
        let place = |index: usize| self.codes_of.get(index).map_or(0, |start| *start as usize);
        self.codes.get(place(product)..place(product + 1)).unwrap_or_default()
    }

    /// The first code of each product.
    pub(super) fn first_codes(&self, products: usize) -> Vec<u32> {
        (0..products).map(|product| self.of_product(product).first().copied().unwrap_or(NO_GROUP)).collect()
    }
}

/// Rising codes as ranges.
pub(crate) fn ranges(codes: impl Iterator<Item = u32>) -> Vec<Range<u32>> {
    let mut ranges: Vec<Range<u32>> = Vec::new();
    for code in codes {
        match ranges.last_mut() {
            Some(last) if last.end == code => last.end += 1,
            _ => ranges.push(code..code + 1),
        }
    }
    ranges
}

/// A catalogue holds two million products of bounded texts: their number fits.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
