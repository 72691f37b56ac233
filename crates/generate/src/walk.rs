//! A shopper's walks: groups, tastes and a random generator enter, the items viewed in one walk after the other leave.
//!
//! Views of long ago show a shopper's favourite groups; the last views show the group of the walk and
//! what follows from it. Browsing, revisits and changing tastes blur both.

use std::collections::VecDeque;

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::groups::{GroupId, Groups, Item};
use crate::rules::{Rules, Tastes, Walks};
use crate::weighted::draw_once;

/// Views that a shopper may come back to.
const REMEMBERED: usize = 30;

/// How much less likely an item of the group is viewed a second time in one walk.
const SEEN_IN_WALK: u64 = 5;

/// Draws of a favourite before giving up finding another one: a weight may outshine all others.
const DRAWS: usize = 32;

/// Weight of the first favourite; the second has half of it, the third a third.
const FIRST_FAVOURITE: u64 = 2520;

/// A shopper on the way: favourites and the last views.
#[derive(Debug)]
pub(crate) struct Walker<'a> {
    groups: &'a Groups,
    walks: &'a Walks,
    tastes: &'a Tastes,
    favourites: Vec<GroupId>,
    remembered: VecDeque<Item>,
}

impl<'a> Walker<'a> {
    /// A shopper with tastes but without a past.
    pub(crate) fn new(groups: &'a Groups, rules: &'a Rules, random: &mut ChaCha8Rng) -> Self {
        let (walks, tastes) = (&rules.walks, &rules.tastes);
        let mut walker = Self { groups, walks, tastes, favourites: Vec::new(), remembered: VecDeque::new() };
        let count = (tastes.favourites.draw(random) as usize).min(groups.count());
        while walker.favourites.len() < count {
            let Some(group) = walker.new_favourite(random) else { break };
            walker.favourites.push(group);
        }
        walker
    }

    /// A little later: perhaps another group replaces one favourite.
    pub(crate) fn drift(&mut self, random: &mut ChaCha8Rng) {
        if !self.tastes.drift.happens(random) {
            return;
        }
        let positions: Vec<usize> = (0..self.favourites.len()).collect();
        let (position, group) = (positions.choose(random), self.new_favourite(random));
        if let (Some(position), Some(group)) = (position, group)
            && let Some(favourite) = self.favourites.get_mut(*position)
        {
            *favourite = group;
        }
    }

    /// The items of one walk, at least one.
    pub(crate) fn walk(&mut self, random: &mut ChaCha8Rng) -> Vec<Item> {
        let mut group = self.first_group(random);
        let mut item = draw_once(random, self.groups.members(group)).unwrap_or_default();
        let mut items = Vec::new();
        loop {
            items.push(item);
            self.remember(item);
            if items.len() >= self.walks.longest.get() as usize || !self.walks.go_on.happens(random) {
                return items;
            }
            (group, item) = self.next(group, item, &items, random);
        }
    }

    /// The next item after `item`, and the group that the walk is in then.
    fn next(&self, group: GroupId, item: Item, seen: &[Item], random: &mut ChaCha8Rng) -> (GroupId, Item) {
        // A look elsewhere does not change what the walk is about.
        if self.walks.browse.happens(random)
            && let Some(other) = self.groups.popular(random).filter(|other| *other != item)
        {
            return (group, other);
        }
        if self.walks.revisit.happens(random)
            && let Some(other) = self.revisited(item, random)
        {
            return (group, other);
        }
        for link in self.groups.links(item) {
            if link.probability.happens(random)
                && let Some(other) = link.then.choose(random)
            {
                return (self.group_with(*other, group, random), *other);
            }
        }
        let group = if self.walks.switch.happens(random) { self.other_group(item, group, random) } else { group };
        let candidates = self.groups.members(group).filter(|(other, _)| *other != item);
        let fresh_first = candidates.map(|(other, weight)| {
            let weight = if seen.contains(&other) { (weight / SEEN_IN_WALK).max(1) } else { weight };
            (other, weight)
        });
        (group, draw_once(random, fresh_first).unwrap_or(item))
    }

    fn first_group(&self, random: &mut ChaCha8Rng) -> GroupId {
        let favourite = self.tastes.strength.happens(random).then(|| {
            let weights = (1..).map(|rank| FIRST_FAVOURITE / rank);
            draw_once(random, self.favourites.iter().copied().zip(weights))
        });
        favourite.flatten().unwrap_or_else(|| self.groups.any(random))
    }

    fn new_favourite(&self, random: &mut ChaCha8Rng) -> Option<GroupId> {
        let mut draws = std::iter::repeat_with(|| self.groups.any(random)).take(DRAWS);
        draws.find(|group| !self.favourites.contains(group))
    }

    fn revisited(&self, item: Item, random: &mut ChaCha8Rng) -> Option<Item> {
        draw_once(random, self.remembered.iter().filter(|other| **other != item).map(|other| (*other, 1)))
    }

    /// `group` if it holds `item`, otherwise another one that does, otherwise `group`.
    fn group_with(&self, item: Item, group: GroupId, random: &mut ChaCha8Rng) -> GroupId {
        let groups = self.groups.groups_of(item);
        if groups.contains(&group) { group } else { groups.choose(random).copied().unwrap_or(group) }
    }

    /// Another group that holds `item`, otherwise `group`.
    fn other_group(&self, item: Item, group: GroupId, random: &mut ChaCha8Rng) -> GroupId {
        let others = self.groups.groups_of(item).iter().filter(|other| **other != group);
        draw_once(random, others.map(|other| (*other, 1))).unwrap_or(group)
    }

    fn remember(&mut self, item: Item) {
        if self.remembered.len() == REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back(item);
    }
}
