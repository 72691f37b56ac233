//! Groups for a catalogue without rules: products and their categories enter, groups within and across
//! categories and follow-ups leave, dealt out by the seed.

use std::collections::HashMap;

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use slirec_core::catalog::Catalog;

use super::{Item, Link, Members};
use crate::rules::{Probability, Weight};

/// Items in a group within a category, as far as the category has them.
const SIZES: std::ops::RangeInclusive<usize> = 4..=9;

/// One group across categories for this many within them.
const WITHIN_PER_ACROSS: usize = 3;

/// Of this many neighbours in a group, one is followed by the next.
const NEIGHBOURS_PER_LINK: u32 = 2;

/// Probabilities of follow-ups.
const PROBABILITIES: [f64; 4] = [0.3, 0.4, 0.5, 0.6];

/// Every item in a group of its category, and some in groups across categories. Each group has at least two items,
/// given a catalogue of at least two.
pub(super) fn groups(catalog: &Catalog, random: &mut impl Rng) -> Vec<Members> {
    let mut categories = by_category(catalog);
    let mut groups = Vec::new();
    let mut alone = Vec::new();
    for items in &mut categories {
        items.shuffle(random);
        match items.as_slice() {
            [item] => alone.push(*item),
            items => deal(items, &mut groups, random),
        }
    }
    match (alone.as_slice(), groups.last_mut()) {
        // A category of one item joins another group; several such categories make groups of their own.
        ([item], Some(group)) => group.push(*item),
        (items, _) => deal(items, &mut groups, random),
    }
    if categories.len() > 1 {
        for _ in 0..groups.len().div_ceil(WITHIN_PER_ACROSS) {
            groups.push(across(&categories, random));
        }
    }
    groups.into_iter().map(|items| Members { weight: Weight::default(), items }).collect()
}

/// Follow-ups between neighbours of the groups.
pub(super) fn follow_ups(groups: &[Members], links: &mut [Vec<Link>], random: &mut impl Rng) {
    for pair in groups.iter().flat_map(|group| group.items.windows(2)) {
        let ([after, then], 0) = (pair, random.random_range(0..NEIGHBOURS_PER_LINK)) else { continue };
        let probability = PROBABILITIES.choose(random).and_then(|value| Probability::try_from(*value).ok());
        if let (Some(links), Some(probability)) = (links.get_mut(*after), probability) {
            links.push(Link { then: vec![*then], probability });
        }
    }
}

/// Items of each category, in order of first appearance.
fn by_category(catalog: &Catalog) -> Vec<Vec<Item>> {
    let mut positions = HashMap::new();
    let mut categories: Vec<Vec<Item>> = Vec::new();
    for (item, product) in catalog.products().iter().enumerate() {
        let position = *positions.entry(product.category.as_str()).or_insert(categories.len());
        match categories.get_mut(position) {
            Some(items) => items.push(item),
            None => categories.push(vec![item]),
        }
    }
    categories
}

/// Cuts items into groups; a last item alone joins the group before it.
fn deal(mut items: &[Item], groups: &mut Vec<Vec<Item>>, random: &mut impl Rng) {
    while items.len() > 1 {
        let size = random.random_range(SIZES);
        let size = if items.len() <= size + 1 { items.len() } else { size };
        let (group, rest) = items.split_at(size);
        groups.push(group.to_vec());
        items = rest;
    }
}

/// Two or three items from each of two or three categories, as far as they have them.
fn across(categories: &[Vec<Item>], random: &mut impl Rng) -> Vec<Item> {
    let count = random.random_range(2..=3);
    let chosen: Vec<&Vec<Item>> = categories.choose_multiple(random, count).collect();
    let mut items = Vec::new();
    for category in chosen {
        let count = random.random_range(2..=3);
        items.extend(category.choose_multiple(random, count));
    }
    items.shuffle(random);
    items
}
