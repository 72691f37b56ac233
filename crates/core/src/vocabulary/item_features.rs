//! Item features beyond the category: a vocabulary, a catalogue and names of features enter; a vocabulary whose items
//! have ids for those features too leaves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::words::{self, words};
use super::{Centroids, DEFAULT_ID, Feature, Item, Vocabulary, vectors};
use crate::catalog::{CATEGORY, Catalog, Product};

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
                return Err(unknown(&text.name));
            }
            if parts.iter().all(|part| part.values.is_empty()) {
                return Err(ItemFeatureError::NoWords { name: text.name.clone() });
            }
            features.extend(parts);
        }
        for vector in vectors {
            if products(&self.items, catalog).all(|product| product.feature(&vector.name).is_empty()) {
                return Err(unknown(&vector.name));
            }
            features.extend(vector.levels_of(&self.items, catalog)?);
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

/// An attribute that holds a vector of each product, such as one that a language or picture model made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorFeature {
    /// The attribute of the catalogue.
    pub name: String,
    /// Codes of a vector, each of which is a feature.
    #[serde(default = "levels")]
    pub levels: usize,
    /// Values of a code; 0 for about the root of the number of products, at most 256.
    #[serde(default)]
    pub codes: usize,
}

fn levels() -> usize {
    4
}

/// Values of a code where nothing else is said.
const CODES: (usize, usize) = (4, 256);

impl VectorFeature {
    /// Of an attribute, with the usual numbers of codes.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), levels: levels(), codes: 0 }
    }

    /// Names of the features that its codes are.
    pub fn features(&self) -> impl Iterator<Item = String> + '_ {
        (1..=self.levels).map(|level| format!("{}.{level}", self.name))
    }

    /// # Errors
    /// The first product whose vector cannot be read, or is of another width than the first one.
    fn levels_of(&self, items: &[Item], catalog: &Catalog) -> Result<Vec<Feature>, ItemFeatureError> {
        let mut found: Vec<Vec<f32>> = Vec::new();
        for product in products(items, catalog).filter(|product| !product.feature(&self.name).is_empty()) {
            let problem = |problem| ItemFeatureError::Vectors { name: self.name.clone(), problem };
            let vector = vectors::read(product.feature(&self.name)).ok_or_else(|| {
                let (handle, widest) = (&product.handle, vectors::WIDEST);
                problem(format!("that of `{handle}` is no list of at most {widest} numbers, not all of them 0"))
            })?;
            let width = found.first().map_or(vector.len(), Vec::len);
            if vector.len() != width {
                let (handle, has) = (&product.handle, vector.len());
                return Err(problem(format!("that of `{handle}` has {has} numbers, expected {width} as those before")));
            }
            found.push(vector);
        }
        let codes = match self.codes {
            0 => found.len().isqrt().next_power_of_two().clamp(CODES.0, CODES.1),
            codes => codes,
        };
        let fitted = vectors::fit(&found, self.levels, codes);
        let level = |(name, centroids): (String, Vec<f32>)| {
            let codes = centroids.len() / found.first().map_or(1, Vec::len);
            let values = (1..=codes).map(|code| code.to_string()).collect();
            let vector = Some(Centroids { attribute: self.name.clone(), values: centroids });
            Feature { name, text: None, vector, values }
        };
        Ok(self.features().zip(fitted).map(level).collect())
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

fn known_features(items: &[Item], catalog: &Catalog) -> String {
    let attributes: BTreeSet<&str> =
        products(items, catalog).flat_map(|product| product.attributes.iter()).map(|(name, _)| name).collect();
    let names: Vec<String> = [CATEGORY].into_iter().chain(attributes).map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let features = vec![Feature::new("category", vec!["Books".into()])];
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
    fn alike_vectors_share_codes_new_products_have_theirs_and_known_ones_keep_them_without_a_vector() {
        let product = |handle: &str, vector: &str| Product {
            handle: handle.into(),
            gid: format!("gid://{handle}"),
            attributes: [("content", vector)].into(),
            ..catalog().products()[0].clone()
        };
        let products = [("novel", "1 0 0"), ("atlas", "0 1 0"), ("diary", "0.99 0.01 0"), ("new", "[0.98, 0.0, 0.02]")];
        let catalog = Catalog::new(products.map(|(handle, vector)| product(handle, vector)).into()).unwrap();
        let content = VectorFeature { codes: 2, levels: 2, ..VectorFeature::new("content") };
        let vocabulary = vocabulary().with_item_features(&catalog, &["category"], &[], &[content]).unwrap();
        let names: Vec<&str> = vocabulary.features().iter().map(|feature| feature.name.as_str()).collect();
        assert_eq!(names, ["category", "content.1", "content.2"]);
        let first = |handle: &str| vocabulary.features_of(catalog.product(handle).unwrap())[1];
        assert!(first("novel") == first("diary") && first("novel") == first("new") && first("novel") != first("atlas"));
        let known = |vector: &str| vocabulary.features_of(&product("atlas", vector));
        assert_eq!(known(""), vocabulary.item(vocabulary.item_id("atlas")).unwrap().features);
        assert_eq!(known("0 1"), known(""), "of another width");
        assert_eq!(vocabulary.features_of(&product("unheard of", ""))[1..], [0, 0]);
        let error = |vector: &str| {
            let products = vec![product("novel", "1 0 0"), product("atlas", vector)];
            let catalog = Catalog::new(products).unwrap();
            let vectors = [VectorFeature::new("content")];
            super::tests::vocabulary()
                .with_item_features(&catalog, &["category"], &[], &vectors)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(error("1 0"), "vector `content`: that of `atlas` has 2 numbers, expected 3 as those before");
        assert!(error("red").contains("that of `atlas` is no list of at most 4096 numbers"));
    }

    #[test]
    fn the_category_alone_changes_nothing() {
        let vocabulary = vocabulary();
        let same = vocabulary.with_item_features(&catalog(), &["category"], &[], &[]).unwrap();
        assert_eq!((same.items(), same.features()), (vocabulary.items(), vocabulary.features()));
    }
}
