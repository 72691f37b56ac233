//! What users of the original hold, as its pickles or as JSON: item and category ids and the item → category table
//! enter, a [`Vocabulary`] leaves; of its [`inventory`] a catalogue.

pub mod inventory;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use slirec_core::catalog::{Catalog, Product};
use slirec_core::files::{self, FileError};
use slirec_core::vocabulary::{DEFAULT_ID, Feature, Item, Vocabulary};
use thiserror::Error;

use crate::pickle::{self, PickleFileError, Value};

/// Vocabularies that cannot be used.
#[derive(Debug, Error)]
pub enum OriginalError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A pickle is damaged or holds more than plain data.
    #[error(transparent)]
    Pickle(#[from] PickleFileError),
    /// The content breaks a rule.
    #[error("{path}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
}

/// The original's three files, each a pickle or JSON.
#[derive(Debug, Clone, Copy)]
pub struct OriginalVocabulary<'a> {
    /// Handle to id; id 0 is `default_mid`.
    pub items: &'a Path,
    /// Category to id; id 0 is `default_cat`.
    pub categories: &'a Path,
    /// Handle to category.
    pub item_categories: &'a Path,
}

impl OriginalVocabulary<'_> {
    /// Reads the files. `interactions` gives each item's number of training interactions, which the original's
    /// files do not keep: popularity is then ordered by id, because ids stand in order of frequency.
    ///
    /// # Errors
    /// [`OriginalError`] for ids that are not 0 to n-1 or an item without a category.
    pub fn read(&self, interactions: &dyn Fn(&str) -> u64) -> Result<Vocabulary, OriginalError> {
        let items = names_in_order(self.items)?;
        let categories = names_in_order(self.categories)?;
        let category_of = self.category_by_handle()?;
        let invalid = |path: &Path, problem| OriginalError::Invalid { path: path.to_owned(), problem };
        let mut entries = Vec::with_capacity(items.len());
        for handle in items {
            let category = category_of.get(&handle).ok_or_else(|| {
                invalid(self.item_categories, format!("has no category for item `{handle}`: expected one for each"))
            })?;
            let position = categories.iter().position(|name| name == category);
            let id = position.and_then(|index| u32::try_from(index + 1).ok()).unwrap_or(DEFAULT_ID);
            entries.push(Item { interactions: interactions(&handle), handle, features: vec![id] });
        }
        let feature = Feature::new("category", categories);
        Vocabulary::new(vec![feature], entries).map_err(|problem| invalid(self.items, problem))
    }

    /// The category that each item was trained with.
    ///
    /// # Errors
    /// [`OriginalError`] when the file cannot be read or is no table of names.
    pub fn category_by_handle(&self) -> Result<BTreeMap<String, String>, OriginalError> {
        table(self.item_categories, "a category's name", |value| value.as_text().map(str::to_owned))
    }
}

/// Gives the products of a catalogue the categories that the items were trained with, and says how many changed: the
/// original wrote down the category of a walk's start for every item of the walk, and its weights know no other.
pub fn with_trained_categories(catalog: &Catalog, trained: &BTreeMap<String, String>) -> (Catalog, usize) {
    let mut changed = 0;
    let product = |product: &Product| {
        let mut product = product.clone();
        if let Some(category) = trained.get(&product.handle).filter(|category| **category != product.category) {
            product.category.clone_from(category);
            changed += 1;
        }
        product
    };
    let products: Vec<Product> = catalog.products().iter().map(product).collect();
    // Handles and GIDs are those of a catalogue that was checked; a vocabulary's categories are names.
    let types = catalog.declared_types().clone();
    let catalog_of = Catalog::new(products).and_then(|mut trained| {
        trained.declare(types)?;
        Ok(trained)
    });
    (catalog_of.unwrap_or_else(|_| catalog.clone()), changed)
}

/// A table by name from a pickle or from JSON, recognised by the first byte.
fn table<T: serde::de::DeserializeOwned>(
    path: &Path,
    expected: &str,
    of_pickle: impl Fn(&Value) -> Option<T>,
) -> Result<BTreeMap<String, T>, OriginalError> {
    if !is_pickle(path)? {
        return Ok(files::read_json(path)?);
    }
    let value = pickle::read_file(path)?;
    let invalid = |problem| OriginalError::Invalid { path: path.to_owned(), problem };
    let pairs = value.as_dict().ok_or_else(|| invalid(format!("is a {}: expected a dict", value.kind())))?;
    let mut table = BTreeMap::new();
    for (key, value) in pairs {
        let name = key.as_text().ok_or_else(|| invalid(format!("a key is a {}: expected text", key.kind())))?;
        let value =
            of_pickle(value).ok_or_else(|| invalid(format!("`{name}` has a {}: expected {expected}", value.kind())))?;
        table.insert(name.to_owned(), value);
    }
    Ok(table)
}

/// Whether a file is no JSON object.
fn is_pickle(path: &Path) -> Result<bool, FileError> {
    let mut start = [0; 64];
    let count = File::open(path).and_then(|mut file| file.read(&mut start)).map_err(FileError::io("read", path))?;
    let first = start.iter().take(count).find(|byte| !byte.is_ascii_whitespace());
    Ok(first.is_some_and(|byte| *byte != b'{'))
}

/// Names of the ids from 1 on; id 0, the default, is left out.
fn names_in_order(path: &Path) -> Result<Vec<String>, OriginalError> {
    let ids = table(path, "an id from 0", |value| u64::try_from(value.as_int()?).ok())?;
    let mut names: Vec<(u64, String)> = ids.into_iter().map(|(name, id)| (id, name)).collect();
    names.sort();
    for (expected, (found, name)) in (0..).zip(&names) {
        if *found != expected {
            let problem = format!("`{name}` has id {found}: expected {expected}, ids must be 0 to n-1, each once");
            return Err(OriginalError::Invalid { path: path.to_owned(), problem });
        }
    }
    Ok(names.into_iter().skip(1).map(|(_, name)| name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(items: &str, categories: &str, item_categories: &str) -> Result<Vocabulary, OriginalError> {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let files = [write("i.json", items), write("c.json", categories), write("ic.json", item_categories)];
        let [items, categories, item_categories] = &files;
        OriginalVocabulary { items, categories, item_categories }.read(&|_| 7)
    }

    #[test]
    fn ids_stay_what_they_were() {
        let vocabulary = read(
            r#"{"default_mid": 0, "novel": 2, "kite": 1}"#,
            r#"{"default_cat": 0, "Books": 1, "Toys": 2}"#,
            r#"{"novel": "Books", "kite": "Toys"}"#,
        )
        .unwrap();
        assert_eq!((vocabulary.item_id("kite"), vocabulary.item_id("novel")), (1, 2));
        assert_eq!(vocabulary.item(2).map(|item| item.features.clone()), Some(vec![1]));
    }

    #[test]
    fn gaps_in_the_ids_and_items_without_category_are_named() {
        let gap = read(r#"{"default_mid": 0, "kite": 2}"#, "{}", "{}").unwrap_err().to_string();
        assert!(gap.ends_with("i.json: `kite` has id 2: expected 1, ids must be 0 to n-1, each once"), "{gap}");
        let orphan = read(r#"{"default_mid": 0, "kite": 1}"#, r#"{"default_cat": 0}"#, "{}").unwrap_err().to_string();
        assert!(orphan.contains("has no category for item `kite`"), "{orphan}");
    }
}
