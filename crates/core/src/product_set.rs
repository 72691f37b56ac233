//! A set of products of one catalogue: indices enter, one bit for each product is kept, members leave in rising order.

use std::iter;
use std::ops::Range;

/// Products in a word.
const WORD: usize = 64;

/// Which products of a catalogue belong to something; sets are combined with others of the same catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductSet {
    /// Bits behind the last product are 0.
    words: Vec<u64>,
    products: usize,
}

impl ProductSet {
    /// None of so many products.
    pub fn none(products: usize) -> Self {
        Self { words: vec![0; products.div_ceil(WORD)], products }
    }

    /// All of so many products.
    pub fn all(products: usize) -> Self {
        let mut all = Self { words: vec![u64::MAX; products.div_ceil(WORD)], products };
        all.clear_rest();
        all
    }

    /// The given ones of so many products; others are passed over.
    pub fn of(products: usize, members: impl IntoIterator<Item = usize>) -> Self {
        let mut set = Self::none(products);
        members.into_iter().for_each(|member| set.insert(member));
        set
    }

    /// Number of products of the catalogue.
    pub fn products(&self) -> usize {
        self.products
    }

    /// Adds a product; one that the catalogue does not have is passed over.
    #[inline]
    pub fn insert(&mut self, product: usize) {
        if product < self.products
            && let Some(word) = self.words.get_mut(product / WORD)
        {
            *word |= 1 << (product % WORD);
        }
    }

    /// Takes a product out.
    pub fn remove(&mut self, product: usize) {
        if let Some(word) = self.words.get_mut(product / WORD) {
            *word &= !(1 << (product % WORD));
        }
    }

    /// Whether a product belongs to the set.
    #[inline]
    pub fn contains(&self, product: usize) -> bool {
        self.words.get(product / WORD).is_some_and(|word| word >> (product % WORD) & 1 == 1)
    }

    /// Whether no product of a range belongs to the set.
    pub fn has_none_of(&self, range: &Range<usize>) -> bool {
        let (first, end) = (range.start.next_multiple_of(WORD).min(range.end), range.end / WORD * WORD);
        let inside = self.words.get(first / WORD..(end / WORD).max(first / WORD)).unwrap_or_default();
        inside.iter().all(|word| *word == 0)
            && (range.start..first).chain(end.max(first)..range.end).all(|product| !self.contains(product))
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// True without a member.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Keeps what the other has too.
    pub fn intersect(&mut self, other: &Self) {
        self.combine(other, |mine, theirs| mine & theirs);
    }

    /// Adds what the other has.
    pub fn unite(&mut self, other: &Self) {
        self.combine(other, |mine, theirs| mine | theirs);
        self.clear_rest();
    }

    /// Takes out what the other has.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, |mine, theirs| mine & !theirs);
    }

    /// Keeps exactly what was no member.
    pub fn invert(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        self.clear_rest();
    }

    /// The members in rising order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(place, word)| {
            let mut rest = *word;
            iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(place * WORD + bit)
            })
        })
    }

    /// Words that the other lacks count as empty.
    fn combine(&mut self, other: &Self, operation: impl Fn(u64, u64) -> u64) {
        let theirs = other.words.iter().copied().chain(iter::repeat(0));
        self.words.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = operation(*mine, theirs));
    }

    fn clear_rest(&mut self) {
        let used = self.products % WORD;
        if used > 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << used) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_of_bits_are_as_sets(
            products in 1_usize..200,
            left in prop::collection::btree_set(0_usize..200, 0..60),
            right in prop::collection::btree_set(0_usize..200, 0..60),
        ) {
            let within = |set: BTreeSet<usize>| set.into_iter().filter(|member| *member < products).collect();
            let (left, right): (BTreeSet<usize>, BTreeSet<usize>) = (within(left), within(right));
            let set = |members: &BTreeSet<usize>| ProductSet::of(products, members.iter().copied());
            let combined = |operation: fn(&mut ProductSet, &ProductSet)| {
                let mut combined = set(&left);
                operation(&mut combined, &set(&right));
                combined
            };
            prop_assert_eq!(combined(ProductSet::intersect), set(&(&left & &right)));
            prop_assert_eq!(combined(ProductSet::unite), set(&(&left | &right)));
            prop_assert_eq!(combined(ProductSet::subtract), set(&(&left - &right)));
            prop_assert_eq!(set(&left).iter().collect::<Vec<_>>(), left.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!((set(&left).len(), set(&left).is_empty()), (left.len(), left.is_empty()));
            let mut rest = set(&left);
            rest.invert();
            prop_assert!((0..products + 70).all(|product| rest.contains(product) == (product < products && !left.contains(&product))));
            let mut all = ProductSet::all(products);
            prop_assert_eq!(all.len(), products);
            left.iter().for_each(|member| all.remove(*member));
            prop_assert_eq!(all, rest);
            for range in [0..0, 0..products, 3..70, 64..128, 65..66, 60..140] {
                let found = set(&left).has_none_of(&range);
                prop_assert_eq!(found, range.clone().all(|product| !left.contains(&product)), "{:?}", range);
            }
        }
    }
}
