//! Item features beyond the category: a vocabulary, a catalogue and names of features enter; a vocabulary whose items
//! have ids for those features too leaves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use thiserror::Error;

use super::{DEFAULT_ID, Feature, Item, Vocabulary};
use crate::catalog::{CATEGORY, Catalog};

/// Item features that cannot be added.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum ItemFeatureError {
    /// No product that training has seen has a value for it.
    #[error(
        "no product of the catalogue that is among the interactions has the attribute `{name}`: expected one of {known}"
    )]
    Unknown {
        /// The feature.
        name: String,
        /// The attributes that there are.
        known: String,
    },
    /// The vocabulary breaks a rule with the features.
    #[error("{0}")]
    Vocabulary(String),
}

impl Vocabulary {
    /// Adds features that the catalogue has of the items; `names` begins with the features that are there already.
    /// Values get their ids by falling number of interactions, equal ones by name. An item that the catalogue does not
    /// hold, or without a value, has the default id.
    ///
    /// # Errors
    /// [`ItemFeatureError::Unknown`] for a feature that no item has.
    pub fn with_item_features(&self, catalog: &Catalog, names: &[&str]) -> Result<Self, ItemFeatureError> {
        let mut features = self.features.clone();
        let mut items = self.items.clone();
        for name in names.iter().skip(features.len()) {
            let values = values_by_frequency(&items, catalog, name);
            if values.is_empty() {
                let known = known_features(&items, catalog);
                return Err(ItemFeatureError::Unknown { name: (*name).to_owned(), known });
            }
            let ids: HashMap<&str, u32> = values.iter().map(String::as_str).zip(1..).collect();
            for item in &mut items {
                let value = catalog.product(&item.handle).map_or("", |product| product.feature(name));
                item.features.push(ids.get(value).copied().unwrap_or(DEFAULT_ID));
            }
            features.push(Feature { name: (*name).to_owned(), values });
        }
        Self::new(features, items).map_err(ItemFeatureError::Vocabulary)
    }
}

fn values_by_frequency(items: &[Item], catalog: &Catalog, name: &str) -> Vec<String> {
    let mut interactions: BTreeMap<&str, u64> = BTreeMap::new();
    for item in items {
        let value = catalog.product(&item.handle).map_or("", |product| product.feature(name));
        if !value.is_empty() {
            *interactions.entry(value).or_default() += item.interactions;
        }
    }
    let mut values: Vec<(&str, u64)> = interactions.into_iter().collect();
    values.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0)));
    values.into_iter().map(|(value, _)| value.to_owned()).collect()
}

fn known_features(items: &[Item], catalog: &Catalog) -> String {
    let products = items.iter().filter_map(|item| catalog.product(&item.handle));
    let attributes: BTreeSet<&str> =
        products.flat_map(|product| product.attributes.iter()).map(|(name, _)| name).collect();
    let names: Vec<String> = [CATEGORY].into_iter().chain(attributes).map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Product;

    fn vocabulary() -> Vocabulary {
        let features = vec![Feature { name: "category".into(), values: vec!["Books".into()] }];
        let item = |handle: &str, interactions| Item { handle: handle.into(), interactions, features: vec![1] };
        Vocabulary::new(features, vec![item("novel", 9), item("atlas", 7), item("gone", 3), item("diary", 2)]).unwrap()
    }

    fn catalog() -> Catalog {
        let product = |handle: &str, vendor: &str| Product {
            handle: handle.into(),
            gid: format!("gid://{handle}"),
            title: handle.into(),
            category: "Books".into(),
            available: true,
            attributes: [("vendor", vendor)].into(),
        };
        Catalog::new(vec![product("novel", "Quill"), product("atlas", "Maps & Co"), product("diary", "Maps & Co")])
            .unwrap()
    }

    #[test]
    fn items_get_the_values_of_the_catalogue_and_what_it_does_not_know_is_the_default() {
        let vocabulary = vocabulary().with_item_features(&catalog(), &["category", "vendor"]).unwrap();
        // Both vendors have nine interactions: the name decides.
        assert_eq!(vocabulary.features()[1].values, ["Maps & Co", "Quill"]);
        let ids: Vec<u32> = vocabulary.items().iter().map(|item| item.features[1]).collect();
        assert_eq!(ids, [2, 1, 0, 1]);
        assert_eq!(vocabulary.feature_rows(), [2, 3]);
    }

    #[test]
    fn a_feature_that_no_product_has_is_named_beside_those_that_exist() {
        let error = vocabulary().with_item_features(&catalog(), &["category", "colour"]).unwrap_err().to_string();
        assert!(error.contains("the attribute `colour`: expected one of `category`, `vendor`"), "{error}");
    }

    #[test]
    fn the_category_alone_changes_nothing() {
        let vocabulary = vocabulary();
        let same = vocabulary.with_item_features(&catalog(), &["category"]).unwrap();
        assert_eq!((same.items(), same.features()), (vocabulary.items(), vocabulary.features()));
    }
}
