//! Names and their ids. Enters: what the training rows hold. Leaves: ids for the model, `vocabulary.json` for people.
//!
//! Id 0 is the default in every table: it stands for padding and for whatever training has not seen. The names in
//! the file have ids from 1 on, in the file's order (falling frequency). Names of users are not kept: the model has no use
//! for them; of their attributes it may know the values.

mod item_features;
mod missing_content;
#[cfg(test)]
mod sample;
mod users;
mod vector_features;
mod vectors;
mod words;

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::catalog::Product;
use crate::files::{self, FileError};
use crate::text::{LONGEST_NAME, bounded, check_length, shortened};

pub use item_features::{ItemFeatureError, TextFeature};
pub use missing_content::MissingContent;
pub use users::{
    KnownUser, KnownUsers, KnownUsersError, MOST_ENTRIES, MOST_KNOWN_USERS, MOST_USER_ATTRIBUTES, MOST_USER_FEATURES,
    UserAttributeError, UserFeature, UserFeatureError, UserKind, UserLookup, UserValue, UserValues,
};
pub use vector_features::VectorFeature;
pub use vectors::Centroids;
use vectors::Vectors;
use words::Texts;

/// Id of everything that training has not seen.
pub const DEFAULT_ID: u32 = 0;

/// Format of the file that this version writes and reads.
pub const FORMAT: &str = "slirec-vocabulary/1";

/// A vocabulary that contradicts itself.
#[derive(Debug, Error)]
pub enum VocabularyError {
    /// The file could not be read or is not such a JSON document.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content breaks a rule.
    #[error("{file}: {problem}")]
    Invalid {
        /// Where it was read.
        file: String,
        /// What was found and what was expected.
        problem: String,
    },
}

/// One item that training has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The product's handle.
    pub handle: String,
    /// Its number of training interactions, by their weights: the popularity that answers without a history are ranked
    /// by.
    pub interactions: u64,
    /// Ids of its feature values, in the order of the features.
    pub features: Vec<u32>,
}

/// The values of one item feature, such as `category`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Name of the feature; `category`, an attribute of the catalogue, or that of a part of a text's words.
    pub name: String,
    /// The text whose words the values are: `title` or an attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the values number, if they are codes of a vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Centroids>,
    /// Value of id `index + 1`.
    #[serde(deserialize_with = "bounded")]
    pub values: Vec<String>,
}

impl Feature {
    /// A feature whose values are whole: categories, or values of an attribute.
    pub fn new(name: impl Into<String>, values: Vec<String>) -> Self {
        Self { name: name.into(), text: None, vector: None, values }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VocabularyFile {
    format: String,
    #[serde(deserialize_with = "bounded")]
    features: Vec<Feature>,
    #[serde(deserialize_with = "bounded")]
    items: Vec<Item>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "bounded")]
    user_features: Vec<UserFeature>,
}

/// Items and their features with both directions of the lookup.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    items: Vec<Item>,
    features: Vec<Feature>,
    item_ids: HashMap<String, u32>,
    feature_ids: Vec<HashMap<String, u32>>,
    texts: Texts,
    vectors: Vectors,
    users: UserLookup,
}

impl Vocabulary {
    /// Builds the lookups.
    ///
    /// # Errors
    /// A message naming the first duplicate, the first feature id without a value, or a table beyond 32-bit ids.
    pub fn new(features: Vec<Feature>, items: Vec<Item>) -> Result<Self, String> {
        let feature_ids = features
            .iter()
            .map(|feature| index(&format!("feature `{}`", feature.name), feature.values.iter()))
            .collect::<Result<Vec<_>, _>>()?;
        let item_ids = index("items", items.iter().map(|item| &item.handle))?;
        for item in &items {
            if item.features.len() != features.len() {
                return Err(format!(
                    "item `{}` has {} feature ids: expected {}",
                    item.handle,
                    item.features.len(),
                    features.len()
                ));
            }
            for (id, feature) in item.features.iter().zip(&features) {
                if *id as usize > feature.values.len() {
                    return Err(format!(
                        "item `{}` has id {id} for feature `{}`: expected 0 to {}",
                        item.handle,
                        feature.name,
                        feature.values.len()
                    ));
                }
            }
        }
        let (texts, vectors) = (Texts::of(&features)?, Vectors::of(&features)?);
        Ok(Self { items, features, item_ids, feature_ids, texts, vectors, users: UserLookup::default() })
    }

    /// Reads `vocabulary.json`.
    ///
    /// # Errors
    /// [`VocabularyError`], naming the file and what is wrong in it.
    pub fn read(path: &Path) -> Result<Self, VocabularyError> {
        let bytes = std::fs::read(path).map_err(FileError::io("read", path))?;
        Self::parse(&bytes, path)
    }

    /// Parses the content of a `vocabulary.json`; `path` is only named in errors.
    ///
    /// # Errors
    /// [`VocabularyError`], naming the file and what is wrong in it.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, VocabularyError> {
        let invalid = |problem| VocabularyError::Invalid { file: path.display().to_string(), problem };
        let document: VocabularyFile =
            serde_json::from_slice(bytes).map_err(|error| invalid(shortened(&error.to_string())))?;
        if document.format != FORMAT {
            return Err(invalid(format!("format is `{}`: expected `{FORMAT}`", shortened(&document.format))));
        }
        let vocabulary = Self::new(document.features, document.items).map_err(invalid)?;
        vocabulary.with_user_features(document.user_features).map_err(invalid)
    }

    /// Writes `vocabulary.json`, one item a line.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let document = VocabularyFile {
            format: FORMAT.to_owned(),
            features: self.features.clone(),
            items: self.items.clone(),
            user_features: self.user_features().to_vec(),
        };
        files::write_json(path, &document)
    }

    /// Id of an item, [`DEFAULT_ID`] when training has not seen it.
    pub fn item_id(&self, handle: &str) -> u32 {
        self.item_ids.get(handle).copied().unwrap_or(DEFAULT_ID)
    }

    /// The item of an id; none for the default id.
    pub fn item(&self, id: u32) -> Option<&Item> {
        (id as usize).checked_sub(1).and_then(|index| self.items.get(index))
    }

    /// Id of a value of the feature at `position`, [`DEFAULT_ID`] when training has not seen it.
    pub fn feature_id(&self, position: usize, value: &str) -> u32 {
        self.feature_ids.get(position).and_then(|ids| ids.get(value)).copied().unwrap_or(DEFAULT_ID)
    }

    /// Feature ids of a product, `[feature_count]`, 0 where it has no value that training has seen. Of several words in
    /// one part the rarest counts. An item whose product has no vector keeps the codes that it had in training.
    pub fn features_of(&self, product: &Product) -> Vec<u32> {
        let of = |(position, feature): (usize, &Feature)| match (&feature.text, &feature.vector) {
            (None, None) => self.feature_id(position, product.feature(&feature.name)),
            _ => DEFAULT_ID,
        };
        let mut ids: Vec<u32> = self.features.iter().enumerate().map(of).collect();
        self.texts.add(product, &mut ids);
        let trained = self.item(self.item_id(&product.handle)).map(|item| item.features.as_slice());
        self.vectors.add(&self.features, product, trained.unwrap_or_default(), &mut ids);
        ids
    }

    /// The attributes that hold vectors of products.
    pub fn vector_attributes(&self) -> impl Iterator<Item = &str> {
        self.vectors.attributes()
    }

    /// Whether both give the same feature ids to the same values, items and shoppers.
    pub fn same_features(&self, other: &Self) -> bool {
        let [own, others] = [self, other].map(|vocabulary| vocabulary.items.iter().map(|item| &item.features));
        self.features == other.features && self.user_features() == other.user_features() && own.eq(others)
    }

    /// Whether both give the same ids to the same items, whatever features they know.
    pub fn same_items(&self, other: &Self) -> bool {
        self.items.iter().map(|item| &item.handle).eq(other.items.iter().map(|item| &item.handle))
    }

    /// Feature ids of an interaction, `[feature_count]`: the category as it was recorded, all other features as they
    /// are known of the item.
    pub fn interaction_features(&self, item: u32, category: u32) -> impl Iterator<Item = u32> + '_ {
        let known = self.item(item).map(|item| item.features.as_slice()).unwrap_or_default();
        let further = (1..self.features.len()).map(move |feature| known.get(feature).copied().unwrap_or(DEFAULT_ID));
        // Without any feature there is no category either.
        (0..self.features.len().min(1)).map(move |_| category).chain(further)
    }

    /// All items; the id of an item is its index + 1.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// All features, in the order of the feature ids.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Rows of the item embedding table: the items and the default.
    pub fn item_rows(&self) -> usize {
        self.items.len() + 1
    }

    /// Rows of each feature's embedding table: its values and the default.
    pub fn feature_rows(&self) -> Vec<usize> {
        self.features.iter().map(|feature| feature.values.len() + 1).collect()
    }
}

fn index<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<HashMap<String, u32>, String> {
    let mut ids = HashMap::new();
    for (position, name) in names.enumerate() {
        check_length(format_args!("{what}: a name"), name, LONGEST_NAME)?;
        let id = u32::try_from(position + 1).map_err(|_| format!("{what}: more than 4,294,967,294 names"))?;
        if let Some(earlier) = ids.insert(name.clone(), id) {
            return Err(format!("{what}: `{name}` has both id {earlier} and id {id}: expected every name once"));
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests;
