//! The second pass: sorted records enter; how often each item and category occurs in training leaves, which gives the ids,
//! and what is found in the users on the way.

use std::cmp::Reverse;
use std::io;

use slirec_core::vocabulary::{Feature, Item, Vocabulary};

use super::PrepareOptions;
use super::collect::Collected;
use crate::dataset::findings::YEAR_1995;
use crate::dataset::sort::Record;
use crate::dataset::{Division, Part, Parts};
use crate::quantile::quantile;

/// What the second pass learns of the users that stay in the dataset.
pub(super) struct Counts {
    pub(super) users: u64,
    pub(super) interactions: u64,
    /// Users that are left out.
    pub(super) short_users: u64,
    pub(super) training_rows: u64,
    pub(super) users_without_training_rows: u64,
    pub(super) interactions_without_training_rows: u64,
    pub(super) before_1995: u64,
    /// Unix seconds of the earliest and the latest interaction.
    pub(super) times: (f64, f64),
    /// Rows of each item, by their weights: negatives are drawn by them.
    pub(super) item_rows: Vec<u64>,
    /// Category of each item's last row in the input, with the number of that row.
    last_category: Vec<(u64, u32)>,
    /// Training interactions of each item by their weights, most frequent first, ties in order of first appearance.
    pub(super) training_items: Vec<(u32, u64)>,
    /// The same of each category.
    pub(super) training_categories: Vec<(u32, u64)>,
}

/// The division that is asked for; a cut in time is found here, which takes 8 bytes an interaction in memory.
pub(super) fn divide(collected: &mut Collected, options: &PrepareOptions) -> io::Result<Division> {
    let Some(share) = options.time_share else { return Ok(Division::Last) };
    let mut times = Vec::new();
    collected.sorted.for_each_user(|records| -> io::Result<()> {
        if records.len() >= options.min_interactions.get() {
            times.extend(records.iter().map(|record| record.time));
        }
        Ok(())
    })?;
    Ok(Division::Time { share, cut: quantile(&mut times, share).unwrap_or_default() })
}

/// The parts of a user's records; none for a user that is left out.
pub(super) fn kept(records: &[Record], min_interactions: usize, division: Division) -> Option<Parts> {
    let time = |position: usize| records.get(position).map_or(f64::INFINITY, |record| record.time);
    let parts = division.parts(records.len(), time);
    (records.len() >= min_interactions && division.keeps(parts)).then_some(parts)
}

/// Counts the users that are kept. Without a cut in time negatives are drawn by all rows, as the original does; with one
/// nothing is counted but what training sees.
pub(super) fn count(collected: &mut Collected, min_interactions: usize, division: Division) -> io::Result<Counts> {
    let mut items = vec![0_u64; collected.items.len()];
    let mut categories = vec![0_u64; collected.categories.len()];
    let mut counts = Counts {
        users: 0,
        interactions: 0,
        short_users: 0,
        training_rows: 0,
        users_without_training_rows: 0,
        interactions_without_training_rows: 0,
        before_1995: 0,
        times: (f64::INFINITY, f64::NEG_INFINITY),
        item_rows: vec![0; items.len()],
        last_category: vec![(0, 0); items.len()],
        training_items: Vec::new(),
        training_categories: Vec::new(),
    };
    let all = division == Division::Last;
    collected.sorted.for_each_user(|records| -> io::Result<()> {
        let Some(parts) = kept(records, min_interactions, division) else {
            counts.short_users += 1;
            return Ok(());
        };
        counts.user(records, parts);
        for (position, record) in records.iter().enumerate() {
            let train = parts.of(position) == Part::Train;
            if train {
                for count in [items.get_mut(record.item as usize), categories.get_mut(record.category as usize)] {
                    *count.ok_or(io::ErrorKind::InvalidData)? += u64::from(record.weight);
                }
            }
            if train || all {
                counts.item(record).ok_or(io::ErrorKind::InvalidData)?;
            }
        }
        Ok(())
    })?;
    counts.training_items = by_frequency(&items);
    counts.training_categories = by_frequency(&categories);
    Ok(counts)
}

impl Counts {
    /// Counts a user's rows and times.
    fn user(&mut self, records: &[Record], parts: Parts) {
        // A number of records in memory fits 64 bits.
        let length = records.len() as u64;
        self.users += 1;
        self.interactions += length;
        let training_rows = parts.train().len().saturating_sub(1) as u64;
        self.training_rows += training_rows;
        if training_rows == 0 {
            self.users_without_training_rows += 1;
            self.interactions_without_training_rows += length;
        }
        for record in records {
            self.before_1995 += u64::from(record.time < YEAR_1995);
            self.times = (self.times.0.min(record.time), self.times.1.max(record.time));
        }
    }

    /// Counts a row that negatives and categories may know; none for an item that has no number.
    fn item(&mut self, record: &Record) -> Option<()> {
        *self.item_rows.get_mut(record.item as usize)? += u64::from(record.weight);
        let last = self.last_category.get_mut(record.item as usize)?;
        if record.sequence >= last.0 {
            *last = (record.sequence, record.category);
        }
        Some(())
    }

    /// Category of each item: that of its last row.
    pub(super) fn categories_of_items(&self) -> Vec<u32> {
        self.last_category.iter().map(|(_, category)| *category).collect()
    }
}

fn by_frequency(counts: &[u64]) -> Vec<(u32, u64)> {
    let mut seen: Vec<(u32, u64)> = (0..).zip(counts.iter().copied()).filter(|(_, count)| *count > 0).collect();
    seen.sort_by_key(|(index, count)| (Reverse(*count), *index));
    seen
}

/// The vocabulary of the training interactions.
pub(super) fn build_vocabulary(collected: &Collected, counts: &Counts) -> Result<Vocabulary, String> {
    let categories = &counts.training_categories;
    let values = categories.iter().map(|(index, _)| collected.categories.name(*index).to_owned()).collect();
    let feature = Feature::new("category", values);
    let mut category_ids = vec![0; collected.categories.len()];
    for (id, (index, _)) in (1..).zip(categories) {
        if let Some(slot) = category_ids.get_mut(*index as usize) {
            *slot = id;
        }
    }
    let item = |(index, interactions): &(u32, u64)| {
        let category = counts.last_category.get(*index as usize).map_or(0, |(_, category)| *category);
        Item {
            handle: collected.items.name(*index).to_owned(),
            interactions: *interactions,
            features: vec![category_ids.get(category as usize).copied().unwrap_or_default()],
        }
    };
    Vocabulary::new(vec![feature], counts.training_items.iter().map(item).collect())
}
