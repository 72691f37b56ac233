//! Groups and follow-ups over a catalogue. Enter: rules that name products, or none. Leave: positions of products in
//! the catalogue, with weights, ready for walks.

mod derived;

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::SliceRandom;
use slirec_core::catalog::Catalog;

use crate::closest::closest;
use crate::rules::{Group, Mention, Probability, Rules, RulesError, Skew, UnknownProduct, UnknownProducts, Weight};
use crate::weighted::Weighted;

/// Position of a product in the catalogue.
pub(crate) type Item = usize;

/// Position of a group.
pub(crate) type GroupId = usize;

/// What is viewed right after an item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    pub(crate) then: Vec<Item>,
    pub(crate) probability: Probability,
}

/// A group before the items are looked up from their side.
struct Members {
    weight: Weight,
    items: Vec<Item>,
}

/// What walks go through: groups of at least two items each, links, and how popular every item is.
#[derive(Debug)]
pub(crate) struct Groups {
    members: Vec<Vec<Item>>,
    by_weight: Weighted,
    groups_of: Vec<Vec<GroupId>>,
    links: Vec<Vec<Link>>,
    popularity: Vec<u64>,
    by_popularity: Weighted,
}

impl Groups {
    /// Looks up the products of the rules; without groups, draws groups (and without follow-ups, follow-ups).
    ///
    /// # Errors
    /// [`RulesError::Unknown`] with all unknown products, [`RulesError::TooFewProducts`].
    pub(crate) fn new(catalog: &Catalog, rules: &Rules, random: &mut impl Rng) -> Result<Self, RulesError> {
        let count = catalog.products().len();
        if count < 2 {
            return Err(RulesError::TooFewProducts(count));
        }
        check_products(catalog, rules)?;
        let popularity = popularity(count, rules.walks.popularity, random);
        let look_up = |mentions: &[Mention]| mentions.iter().filter_map(|it| catalog.position(&it.handle)).collect();
        let mut links = vec![Vec::new(); count];
        for follow_up in &rules.follow_ups {
            let after = catalog.position(&follow_up.after.handle).and_then(|item| links.get_mut(item));
            let link = Link { then: look_up(&follow_up.then), probability: follow_up.probability };
            after.into_iter().for_each(|links| links.push(link.clone()));
        }
        let members: Vec<Members> = if rules.groups.is_empty() {
            derived::groups(catalog, random)
        } else {
            let members = |group: &Group| Members { weight: group.weight, items: look_up(&group.products) };
            rules.groups.iter().map(members).collect()
        };
        if rules.groups.is_empty() && rules.follow_ups.is_empty() {
            derived::follow_ups(&members, &mut links, random);
        }
        Ok(Self::assemble(members, links, popularity))
    }

    fn assemble(groups: Vec<Members>, links: Vec<Vec<Link>>, popularity: Vec<u64>) -> Self {
        let mut groups_of = vec![Vec::new(); popularity.len()];
        for (id, group) in groups.iter().enumerate() {
            for item in &group.items {
                groups_of.get_mut(*item).into_iter().for_each(|groups: &mut Vec<GroupId>| groups.push(id));
            }
        }
        Self {
            by_weight: Weighted::new(groups.iter().map(|group| group.weight.whole())),
            members: groups.into_iter().map(|group| group.items).collect(),
            by_popularity: Weighted::new(popularity.iter().copied()),
            groups_of,
            links,
            popularity,
        }
    }

    /// Number of groups.
    pub(crate) fn count(&self) -> usize {
        self.members.len()
    }

    /// Any group, by weight.
    pub(crate) fn any(&self, random: &mut impl Rng) -> GroupId {
        // There is a group, and its weight is above 0.
        self.by_weight.draw(random).unwrap_or_default()
    }

    /// The items of a group, with their popularity.
    pub(crate) fn members(&self, group: GroupId) -> impl Iterator<Item = (Item, u64)> + Clone {
        let items = self.members.get(group).map(Vec::as_slice).unwrap_or_default();
        items.iter().map(|item| (*item, self.popularity.get(*item).copied().unwrap_or_default()))
    }

    /// The groups that hold an item.
    pub(crate) fn groups_of(&self, item: Item) -> &[GroupId] {
        self.groups_of.get(item).map(Vec::as_slice).unwrap_or_default()
    }

    /// What is viewed right after an item.
    pub(crate) fn links(&self, item: Item) -> &[Link] {
        self.links.get(item).map(Vec::as_slice).unwrap_or_default()
    }

    /// Any item of the catalogue, by popularity.
    pub(crate) fn popular(&self, random: &mut impl Rng) -> Option<Item> {
        self.by_popularity.draw(random)
    }
}

/// Weights of the items: a Zipf distribution over ranks that the seed deals out.
fn popularity(count: usize, skew: Skew, random: &mut impl Rng) -> Vec<u64> {
    let mut weights: Vec<u64> = (0..count).map(|rank| skew.weight(rank)).collect();
    weights.shuffle(random);
    weights
}

/// Lists every product that the rules name and the catalogue does not hold.
fn check_products(catalog: &Catalog, rules: &Rules) -> Result<(), UnknownProducts> {
    let in_groups = rules.groups.iter().flat_map(|group| &group.products);
    let in_follow_ups = rules.follow_ups.iter().flat_map(|it| std::iter::once(&it.after).chain(&it.then));
    let mut unknown: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for mention in in_groups.chain(in_follow_ups) {
        if catalog.position(&mention.handle).is_none() {
            unknown.entry(&mention.handle).or_default().push(mention.line);
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let describe = |(handle, mut lines): (&str, Vec<usize>)| {
        lines.sort_unstable();
        lines.dedup();
        UnknownProduct { handle: handle.to_owned(), lines, closest: closest(handle, catalog) }
    };
    let mut products: Vec<UnknownProduct> = unknown.into_iter().map(describe).collect();
    products.sort_by(|one, other| one.lines.cmp(&other.lines));
    Err(UnknownProducts { path: rules.source.clone(), products })
}
