//! From handles to ids: what a client names enters, what the model reads leaves. Serving, export and tests of a bundle
//! all resolve histories and candidates here.

use std::borrow::Cow;

use crate::bundle::Network;
use crate::catalog::Catalog;
use crate::history::{self, EncodedHistory, History, HistoryError};
use crate::text_index::TextIndex;
use crate::vocabulary::{DEFAULT_ID, Vocabulary};

/// Ids of an item and its features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemIds {
    /// Vocabulary id of the item, 0 when training has not seen it.
    pub item: u32,
    /// Vocabulary ids of its features, 0 where training has not seen the value.
    pub features: Vec<u32>,
}

/// A history with its ids, and how much of it was known.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedHistory {
    /// The model's view.
    pub encoded: EncodedHistory,
    /// Items among the used positions that neither the catalogue nor the vocabulary holds.
    pub unknown_items: usize,
    /// Of each used position, oldest first, whether the model's view has it.
    pub read: Vec<bool>,
}

/// Ids by handle, of everything that may stand in a history.
#[derive(Debug, Clone)]
pub struct ItemLookup {
    index: TextIndex,
    /// All handles, one behind the other, and where each ends.
    handles: String,
    ends: Vec<usize>,
    items: Vec<u32>,
    /// Row by row.
    features: Vec<u32>,
    feature_count: usize,
    network: Network,
}

impl ItemLookup {
    /// An item's features are those of the catalogue; items that it no longer holds have those of the training.
    pub fn new(catalog: &Catalog, vocabulary: &Vocabulary, network: Network) -> Self {
        let (products, feature_count) = (catalog.products(), vocabulary.features().len());
        let gone = (1..).zip(vocabulary.items()).filter(|(_, item)| catalog.position(&item.handle).is_none());
        let count = products.len() + gone.clone().count();
        let mut lookup = Self {
            index: TextIndex::with_room(count),
            handles: String::new(),
            ends: Vec::with_capacity(count),
            items: Vec::with_capacity(count),
            features: Vec::with_capacity(count * feature_count),
            feature_count,
            network,
        };
        for product in products {
            let features = vocabulary.features_of(product).into_iter();
            lookup.push(&product.handle, vocabulary.item_id(&product.handle), features);
        }
        for (item, entry) in gone {
            lookup.push(&entry.handle, item, entry.features.iter().copied());
        }
        lookup.handles.shrink_to_fit();
        lookup
    }

    fn push(&mut self, handle: &str, item: u32, features: impl Iterator<Item = u32>) {
        if let Ok(number) = u32::try_from(self.items.len()) {
            self.index.insert(handle, number);
        }
        self.handles.push_str(handle);
        self.ends.push(self.handles.len());
        self.items.push(item);
        self.features.extend(features);
        // As many as every other has.
        self.features.resize(self.items.len() * self.feature_count, DEFAULT_ID);
    }

    fn handle(&self, number: u32) -> Option<&str> {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.handles.get(start..*self.ends.get(number)?)
    }

    /// Item and features of a handle.
    fn find(&self, handle: &str) -> Option<(u32, &[u32])> {
        let number = self.index.find(handle, |number| self.handle(number))? as usize;
        let features = number * self.feature_count..(number + 1) * self.feature_count;
        Some((*self.items.get(number)?, self.features.get(features)?))
    }

    /// Ids of a handle; none when neither catalogue nor training has it.
    pub fn ids(&self, handle: &str) -> Option<ItemIds> {
        self.find(handle).map(|(item, features)| ItemIds { item, features: features.to_vec() })
    }

    /// Encodes a history: the times (Unix seconds) of all its views in order of arrival, and the handles of all of them
    /// or of the last ones, which are used. A view of an unknown handle counts as item 0 with features 0 to SLi-Rec, as
    /// the original has it; the ranking network reads the history without it. None when no used position is known: the
    /// model then has nothing to go by.
    ///
    /// # Errors
    /// [`HistoryError`] when a used position has no handle.
    pub fn encode<'a>(
        &self,
        handles: impl ExactSizeIterator<Item = &'a str>,
        times: &[f64],
        now: f64,
        longest: usize,
    ) -> Result<Option<ResolvedHistory>, HistoryError> {
        let used = times.len().min(longest);
        let mut item_ids = Vec::with_capacity(used);
        let mut feature_ids = Vec::with_capacity(used * self.feature_count);
        let (mut read, mut unknown_items) = (Vec::with_capacity(used), 0);
        let count = handles.len();
        for handle in handles.skip(count.saturating_sub(used)) {
            let ids = self.find(handle);
            unknown_items += usize::from(ids.is_none());
            read.push(ids.is_some() || self.network == Network::SliRec);
            if let Some((item, features)) = ids {
                item_ids.push(item);
                feature_ids.extend(features);
            } else if self.network == Network::SliRec {
                item_ids.push(DEFAULT_ID);
                feature_ids.resize(feature_ids.len() + self.feature_count, DEFAULT_ID);
            }
        }
        if unknown_items == read.len() {
            return Ok(None);
        }
        let mut kept = Cow::Borrowed(times);
        if item_ids.len() < read.len() {
            if read.len() < used {
                let (items, found) = (read.len(), times.len());
                return Err(HistoryError::Lengths { items, what: "times", found, expected: items });
            }
            let of_used = times.get(times.len() - used..).unwrap_or_default().iter().zip(&read);
            kept = of_used.filter(|(_, read)| **read).map(|(time, _)| *time).collect();
        }
        let history =
            History { item_ids: &item_ids, feature_ids: &feature_ids, feature_count: self.feature_count, times: &kept };
        Ok(Some(ResolvedHistory { encoded: history::encode(history, now, longest)?, unknown_items, read }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Attributes, Product};
    use crate::vocabulary::{Feature, Item};

    fn lookup_of(network: Network) -> ItemLookup {
        let product = |handle: &str, category: &str| Product {
            handle: handle.into(),
            gid: format!("gid://{handle}"),
            title: handle.into(),
            category: category.into(),
            available: true,
            attributes: Attributes::default(),
        };
        let catalog = Catalog::new(vec![product("kite", "Toys"), product("new-novel", "Books")]).unwrap();
        let features = vec![Feature::new("category", vec!["Books".into(), "Toys".into()])];
        let item = |handle: &str, category| Item { handle: handle.into(), interactions: 1, features: vec![category] };
        let vocabulary = Vocabulary::new(features, vec![item("kite", 1), item("old-novel", 1)]).unwrap();
        ItemLookup::new(&catalog, &vocabulary, network)
    }

    fn lookup() -> ItemLookup {
        lookup_of(Network::SliRec)
    }

    #[test]
    fn the_catalogue_s_category_wins_and_discontinued_items_keep_theirs() {
        let lookup = lookup();
        assert_eq!(lookup.ids("kite"), Some(ItemIds { item: 1, features: vec![2] }));
        assert_eq!(lookup.ids("old-novel"), Some(ItemIds { item: 2, features: vec![1] }));
        assert_eq!(lookup.ids("new-novel"), Some(ItemIds { item: 0, features: vec![1] }));
        assert_eq!(lookup.ids("nonsense"), None);
    }

    #[test]
    fn unknown_items_are_counted_and_wholly_unknown_histories_have_no_encoding() {
        let lookup = lookup();
        let encode =
            |handles: &[&'static str], times: &[f64]| lookup.encode(handles.iter().copied(), times, 3.0, 50).unwrap();
        let resolved = encode(&["nonsense", "kite"], &[1.0, 2.0]).unwrap();
        assert_eq!(resolved.encoded.item_ids, [0, 1]);
        assert_eq!(resolved.unknown_items, 1);
        assert_eq!(encode(&["nonsense"], &[1.0]), None);
        assert_eq!(encode(&[], &[]), None);
    }

    #[test]
    fn the_ranking_network_reads_a_history_without_its_unknown_items() {
        let lookup = lookup_of(Network::Ranking);
        let encode = |handles: &[&'static str], times: &[f64], longest| {
            lookup.encode(handles.iter().copied(), times, 500.0, longest).unwrap()
        };
        let (handles, times) = (["kite", "nonsense", "new-novel", "old-novel", "?"], [0.0, 100.0, 208.0, 300.0, 490.0]);
        let resolved = encode(&handles, &times, 50).unwrap();
        let without = encode(&["kite", "new-novel", "old-novel"], &[0.0, 208.0, 300.0], 50).unwrap();
        assert_eq!(resolved.encoded, without.encoded);
        assert_eq!((resolved.unknown_items, resolved.read), (2, vec![true, false, true, true, false]));
        assert_eq!((resolved.encoded.item_ids, resolved.encoded.gaps.len()), (vec![1, 0, 2], 3));
        // They count among the last views, which are used.
        let cut = encode(&handles, &times, 3).unwrap();
        assert_eq!((cut.encoded.item_ids, cut.unknown_items, cut.read), (vec![0, 2], 1, vec![true, true, false]));
        assert_eq!(encode(&["nonsense", "?"], &[1.0, 2.0], 50), None);
        let missing = lookup.encode(["nonsense", "kite"].into_iter(), &times, 500.0, 3);
        assert!(missing.unwrap_err().to_string().contains("has 2 items but 5 times"));
    }

    #[test]
    fn only_the_used_positions_must_be_known_but_the_first_time_counts() {
        let lookup = lookup();
        let (handles, times) = (["nonsense", "kite", "kite"], [0.0, 86_400.0 * 4.0, 86_400.0 * 5.0]);
        let encode = |handles: &[&'static str]| lookup.encode(handles.iter().copied(), &times, 86_400.0 * 8.0, 2);
        let resolved = encode(&handles).unwrap().unwrap();
        assert_eq!((resolved.encoded.len(), resolved.unknown_items), (2, 0));
        assert_eq!(encode(&handles[1..]).unwrap(), Some(resolved.clone()));
        assert!(encode(&handles[2..]).is_err());
        assert_eq!(resolved.encoded.time_from_first, [5.0_f32.ln(), 8.0_f32.ln()]);
    }
}
