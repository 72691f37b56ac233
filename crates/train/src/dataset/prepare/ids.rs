//! Indices of names, as they were collected, enter; ids of the vocabulary leave.

use slirec_core::vocabulary::{DEFAULT_ID, Vocabulary};

use super::collect::Collected;
use super::count::Counts;

/// What the indices of names stand for.
pub(super) struct Ids {
    items: Vec<u32>,
    categories: Vec<u32>,
    /// Category of each item, as an index.
    item_category: Vec<u32>,
    /// Ids of each item and of its category, beside each other for the many negatives.
    pairs: Vec<[u32; 2]>,
}

impl Ids {
    pub(super) fn of(collected: &Collected, counts: &Counts, vocabulary: &Vocabulary) -> Self {
        let mut ids = Self {
            items: collected.items.all().map(|name| vocabulary.item_id(name)).collect(),
            categories: collected.categories.all().map(|name| vocabulary.feature_id(0, name)).collect(),
            item_category: counts.categories_of_items(),
            pairs: Vec::new(),
        };
        let pairs = ids.items.iter().zip(&ids.item_category);
        ids.pairs = pairs.map(|(id, category)| [*id, ids.category(*category)]).collect();
        ids
    }

    /// Ids of an item and of its category.
    pub(super) fn item_with_category(&self, index: u32) -> [u32; 2] {
        self.pairs.get(index as usize).copied().unwrap_or([DEFAULT_ID; 2])
    }

    /// Id of an item.
    pub(super) fn item(&self, index: u32) -> u32 {
        self.items.get(index as usize).copied().unwrap_or(DEFAULT_ID)
    }

    /// Id of a category.
    pub(super) fn category(&self, index: u32) -> u32 {
        self.categories.get(index as usize).copied().unwrap_or(DEFAULT_ID)
    }

    /// Index of an item's category.
    pub(super) fn category_of(&self, item: u32) -> u32 {
        self.item_category.get(item as usize).copied().unwrap_or_default()
    }
}
