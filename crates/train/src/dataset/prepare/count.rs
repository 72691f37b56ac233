//! The second pass: sorted records enter; how often each item and category occurs in training leaves, which gives the ids,
//! and what is found in the users on the way.

use std::cmp::Reverse;
use std::io;

use slirec_core::vocabulary::{Feature, Item, Vocabulary};

use super::collect::Collected;
use crate::dataset::findings::{LEAST_TO_TRAIN, YEAR_1995};
use crate::dataset::sort::Record;
use crate::dataset::split_of;

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

/// Counts the users with at least `min_interactions`.
pub(super) fn count(collected: &mut Collected, min_interactions: usize) -> io::Result<Counts> {
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
    collected.sorted.for_each_user(|records| -> io::Result<()> {
        if records.len() < min_interactions {
            counts.short_users += 1;
            return Ok(());
        }
        counts.user(records).ok_or(io::ErrorKind::InvalidData)?;
        for (position, record) in records.iter().enumerate() {
            if split_of(position, records.len()).is_none() {
                for count in [items.get_mut(record.item as usize), categories.get_mut(record.category as usize)] {
                    *count.ok_or(io::ErrorKind::InvalidData)? += u64::from(record.weight);
                }
            }
        }
        Ok(())
    })?;
    counts.training_items = by_frequency(&items);
    counts.training_categories = by_frequency(&categories);
    Ok(counts)
}

impl Counts {
    /// Counts what does not depend on the split; none for an item that has no number.
    fn user(&mut self, records: &[Record]) -> Option<()> {
        // A number of records in memory fits 64 bits.
        let length = records.len() as u64;
        self.users += 1;
        self.interactions += length;
        let training_rows = (records.len() + 1).saturating_sub(LEAST_TO_TRAIN) as u64;
        self.training_rows += training_rows;
        if training_rows == 0 {
            self.users_without_training_rows += 1;
            self.interactions_without_training_rows += length;
        }
        for record in records {
            *self.item_rows.get_mut(record.item as usize)? += u64::from(record.weight);
            let last = self.last_category.get_mut(record.item as usize)?;
            if record.sequence >= last.0 {
                *last = (record.sequence, record.category);
            }
            self.before_1995 += u64::from(record.time < YEAR_1995);
            self.times = (self.times.0.min(record.time), self.times.1.max(record.time));
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
    let feature = Feature { name: "category".to_owned(), values };
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
