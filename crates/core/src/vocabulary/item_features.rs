//! Item features beyond the category: a vocabulary, a catalogue and names of features enter; a vocabulary whose items
//! have ids for those features too leaves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::words::{self, words};
use super::{DEFAULT_ID, Feature, Item, VectorFeature, Vocabulary};
use crate::catalog::{CATEGORY, Catalog, Product, TITLE};

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
    /// No product that training has seen has the text.
    #[error("no product of the catalogue that is among the interactions has the text `{name}`: expected {known}")]
    UnknownText {
        /// The text.
        name: String,
        /// The texts that there are.
        known: String,
    },
    /// The texts have nothing in common.
    #[error("no word of `{name}` occurs in two products of the catalogue that are among the interactions")]
    NoWords {
        /// The text.
        name: String,
    },
    /// The vectors cannot be compared.
    #[error("vector `{name}`: {problem}")]
    Vectors {
        /// The vector.
        name: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// The vocabulary breaks a rule with the features.
    #[error("{0}")]
    Vocabulary(String),
}

impl Vocabulary {
    /// Adds features that the catalogue has of the items; `names` begins with the features that are there already.
    /// Values get their ids by falling number of interactions, equal ones by name; words of `texts` by falling number of
    /// items; codes of `vectors` in no order. An item that the catalogue does not hold, or without a value, has the default
    /// id.
    ///
    /// # Errors
    /// [`ItemFeatureError::Unknown`] for a feature that no item has, [`ItemFeatureError::Vectors`] for a vector that is none.
    pub fn with_item_features(
        &self,
        catalog: &Catalog,
        names: &[&str],
        texts: &[TextFeature],
        vectors: &[VectorFeature],
    ) -> Result<Self, ItemFeatureError> {
        let mut features = self.features.clone();
        let unknown = |name: &str| ItemFeatureError::Unknown {
            name: name.to_owned(),
            known: known_features(&self.items, catalog),
        };
        for name in names.iter().skip(features.len()) {
            let values = values_by_frequency(&self.items, catalog, name);
            if values.is_empty() {
                return Err(unknown(name));
            }
            features.push(Feature::new(*name, values));
        }
        for text in texts {
            let parts = text.parts_of(&self.items, catalog);
            let texts = || products(&self.items, catalog).map(|product| product.text(&text.name));
            if texts().all(str::is_empty) {
                let (name, known) = (text.name.clone(), known_texts(&self.items, catalog));
                return Err(ItemFeatureError::UnknownText { name, known });
            }
            if parts.iter().all(|part| part.values.is_empty()) {
                return Err(ItemFeatureError::NoWords { name: text.name.clone() });
            }
            features.extend(parts);
        }
        for vector in vectors {
            let texts = products(&self.items, catalog).map(|product| (&*product.handle, product.feature(&vector.name)));
            let mut texts = texts.filter(|(_, text)| !text.is_empty()).peekable();
            if texts.peek().is_none() {
                return Err(unknown(&vector.name));
            }
            let levels = vector.levels_of(texts);
            let invalid = |problem| ItemFeatureError::Vectors { name: vector.name.clone(), problem };
            features.extend(levels.map_err(invalid)?);
        }
        let added = Self::new(features, Vec::new()).map_err(ItemFeatureError::Vocabulary)?;
        let mut items = self.items.clone();
        for item in &mut items {
            let of_product =
                catalog.product(&item.handle).map(|product| added.features_of(product)).unwrap_or_default();
            // Those that were there stay: a category may have changed since.
            item.features.extend(of_product.into_iter().skip(self.features.len()));
            item.features.resize(added.features.len(), DEFAULT_ID);
        }
        let vocabulary = Self::new(added.features, items).map_err(ItemFeatureError::Vocabulary)?;
        vocabulary.with_user_features(self.user_features().to_vec()).map_err(ItemFeatureError::Vocabulary)
    }
}

/// A text whose words are item features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextFeature {
    /// `title`, or an attribute of the catalogue.
    pub name: String,
    /// Features that its words are dealt into: about as many words of a text count.
    #[serde(default = "parts")]
    pub parts: usize,
    /// Words that are kept, the most frequent ones.
    #[serde(default = "most_words")]
    pub words: usize,
}

fn parts() -> usize {
    8
}

fn most_words() -> usize {
    50_000
}

impl TextFeature {
    /// Of a text, with the usual numbers of parts and words.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), parts: parts(), words: most_words() }
    }

    /// Names of the features that its words are dealt into.
    pub fn features(&self) -> impl Iterator<Item = String> + '_ {
        (1..=self.parts).map(|part| format!("{}.{part}", self.name))
    }

    fn parts_of(&self, items: &[Item], catalog: &Catalog) -> Vec<Feature> {
        let texts: Vec<_> = products(items, catalog).map(|product| words(product.text(&self.name))).collect();
        let dealt = words::deal(&texts, self.parts, self.words);
        let parts = self.features().zip(dealt);
        parts.map(|(name, values)| Feature { name, text: Some(self.name.clone()), vector: None, values }).collect()
    }
}

/// Products of the items that the catalogue has.
fn products<'a>(items: &'a [Item], catalog: &'a Catalog) -> impl Iterator<Item = &'a Product> {
    items.iter().filter_map(|item| catalog.product(&item.handle))
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

fn known_attributes(items: &[Item], catalog: &Catalog) -> BTreeSet<String> {
    let attributes = products(items, catalog).flat_map(|product| product.attributes.iter());
    attributes.map(|(name, _)| format!("`{name}`")).collect()
}

fn known_features(items: &[Item], catalog: &Catalog) -> String {
    let names = [format!("`{CATEGORY}`")].into_iter().chain(known_attributes(items, catalog));
    names.collect::<Vec<_>>().join(", ")
}

fn known_texts(items: &[Item], catalog: &Catalog) -> String {
    let title = products(items, catalog).any(|product| !product.title.is_empty()).then(|| format!("`{TITLE}`"));
    let attributes: Vec<String> = known_attributes(items, catalog).into_iter().collect();
    let attributes = (!attributes.is_empty()).then(|| format!("one of the attributes {}", attributes.join(", ")));
    let known: Vec<String> = title.into_iter().chain(attributes).collect();
    if known.is_empty() { "titles or attributes, of which it has none".to_owned() } else { known.join(" or ") }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{catalog, vocabulary};
    use super::*;

    #[test]
    fn items_get_the_values_of_the_catalogue_and_what_it_does_not_know_is_the_default() {
        let vocabulary = vocabulary().with_item_features(&catalog(), &["category", "vendor"], &[], &[]).unwrap();
        // Both vendors have nine interactions: the name decides.
        assert_eq!(vocabulary.features()[1].values, ["Maps & Co", "Quill"]);
        let ids: Vec<u32> = vocabulary.items().iter().map(|item| item.features[1]).collect();
        assert_eq!(ids, [2, 1, 0, 1]);
        assert_eq!(vocabulary.feature_rows(), [2, 3]);
    }

    #[test]
    fn a_feature_that_no_product_has_is_named_beside_those_that_exist() {
        let error =
            vocabulary().with_item_features(&catalog(), &["category", "colour"], &[], &[]).unwrap_err().to_string();
        assert!(error.contains("the attribute `colour`: expected one of `category`, `vendor`"), "{error}");
    }

    #[test]
    fn words_of_a_text_are_dealt_into_features_that_new_products_have_too() {
        let product = |handle: &str, title: &str| Product {
            handle: handle.into(),
            gid: format!("gid://{handle}"),
            title: title.into(),
            ..catalog().products()[0].clone()
        };
        let catalog = Catalog::new(vec![
            product("novel", "A blue notebook"),
            product("atlas", "Blue world atlas"),
            product("diary", "Notebook of the world"),
            product("new", "World notebook, unheard of"),
        ])
        .unwrap();
        let text = TextFeature { parts: 2, ..TextFeature::new("title") };
        let vocabulary = vocabulary().with_item_features(&catalog, &["category"], &[text], &[]).unwrap();
        let names: Vec<&str> = vocabulary.features().iter().map(|feature| feature.name.as_str()).collect();
        assert_eq!(names, ["category", "title.1", "title.2"]);
        let words_of = |ids: &[u32]| -> Vec<String> {
            let parts = vocabulary.features().iter().zip(ids).skip(1);
            parts.filter_map(|(part, id)| part.values.get((*id as usize).checked_sub(1)?).cloned()).collect()
        };
        let mut of_new = words_of(&vocabulary.features_of(catalog.product("new").unwrap()));
        of_new.sort();
        assert_eq!(of_new, ["notebook", "world"]);
        let gone = vocabulary.items().iter().find(|item| item.handle == "gone").unwrap();
        assert_eq!(gone.features, [1, 0, 0]);
    }

    #[test]
    fn the_category_alone_changes_nothing() {
        let vocabulary = vocabulary();
        let same = vocabulary.with_item_features(&catalog(), &["category"], &[], &[]).unwrap();
        assert_eq!((same.items(), same.features()), (vocabulary.items(), vocabulary.features()));
    }
}
