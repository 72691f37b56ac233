//! The catalogue: which products exist, how they are called and whether they can be bought.
//!
//! Enters: a JSON document (`docs/FORMATS.md`). Leaves: a [`Catalog`] in which every handle and GID is unique.
//! Products are keyed by handle and GID; titles may repeat.

mod list;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

pub use crate::attributes::Attributes;
use crate::attributes::{self, AttributeType};
use crate::files::{self, FileError};
use crate::text::{LONGEST_NAME, LONGEST_TEXT, check_length, shortened, unique};
use crate::text_index::TextIndex;
use list::List;

/// Format of the file that this version writes and reads.
pub const FORMAT: &str = "slirec-catalog/1";

/// The category of products of which none is known.
pub const NO_CATEGORY: &str = "none";

/// What the number of a product of Shopify stands behind in its GID.
const PRODUCT_GID: &str = "gid://shopify/Product/";

/// A catalogue that cannot be used.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The content breaks a rule.
    #[error("{path}:{line}:{column}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in bytes.
        column: usize,
        /// What was found and what was expected.
        problem: String,
    },
}

/// One product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// The name in URLs and in histories; unique.
    pub handle: String,
    /// The global id that answers carry, such as `gid://shopify/Product/1`; unique.
    pub gid: String,
    /// For people; need not be unique.
    pub title: String,
    /// Name of the category.
    pub category: String,
    /// Whether it may be recommended.
    #[serde(default = "available")]
    pub available: bool,
    /// Anything else that is known, such as `vendor` or `colour`; item features can be made of it.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

fn available() -> bool {
    true
}

/// The item feature that every product has.
pub const CATEGORY: &str = "category";

impl Product {
    /// Value of an item feature: the category, or the attribute of that name; empty where the product has none.
    pub fn feature(&self, name: &str) -> &str {
        if name == CATEGORY { &self.category } else { self.attributes.get(name).unwrap_or_default() }
    }
}

/// Products in the file's order, with lookups by handle, GID and category.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    products: Vec<Product>,
    /// Types of attributes that the file declares.
    declared: BTreeMap<String, AttributeType>,
    by_handle: TextIndex,
    /// Indices of the products in the order of their GIDs.
    in_order_of_gids: Vec<usize>,
    /// Names of the categories with the index of the first product that has them.
    by_category: HashMap<String, usize>,
}

#[derive(Serialize)]
struct CatalogFile<'a> {
    format: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    types: &'a BTreeMap<String, AttributeType>,
    products: &'a [Product],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDocument<'a> {
    format: String,
    #[serde(default, deserialize_with = "unique")]
    types: BTreeMap<String, AttributeType>,
    #[serde(borrow)]
    products: &'a RawValue,
}

impl Catalog {
    /// Checks the rules of a catalogue.
    ///
    /// # Errors
    /// The index of the first product that breaks a rule, and how.
    pub fn new(mut products: Vec<Product>) -> Result<Self, (usize, String)> {
        let mut names = HashSet::new();
        products.iter_mut().for_each(|product| product.attributes.share_names(&mut names));
        let mut by_handle = TextIndex::with_room(products.len());
        let handle_of = |index: u32| products.get(index as usize).map(|product| product.handle.as_str());
        let mut by_gid = HashMap::with_capacity(products.len());
        let mut by_category = HashMap::new();
        for (index, product) in products.iter().enumerate() {
            check_product(product).map_err(|problem| (index, problem))?;
            if let Some(earlier) = by_handle.find(&product.handle, handle_of) {
                return Err((index, duplicate("handle", &product.handle, earlier as usize)));
            }
            let number = u32::try_from(index).map_err(|_| (index, "has no number of 32 bits".to_owned()))?;
            by_handle.insert(&product.handle, number);
            if let Some(earlier) = by_gid.insert(product.gid.as_str(), index) {
                return Err((index, duplicate("gid", &product.gid, earlier)));
            }
            if !by_category.contains_key(&product.category) {
                by_category.insert(product.category.clone(), index);
            }
        }
        let mut in_order_of_gids: Vec<(&str, usize)> = by_gid.into_iter().collect();
        in_order_of_gids.sort_unstable();
        let in_order_of_gids = in_order_of_gids.into_iter().map(|(_, index)| index).collect();
        Ok(Self { products, declared: BTreeMap::new(), by_handle, in_order_of_gids, by_category })
    }

    /// The same products with declared types of some attributes.
    ///
    /// # Errors
    /// The index of the first product whose attribute is not of its type, and how.
    pub fn with_types(self, declared: BTreeMap<String, AttributeType>) -> Result<Self, (usize, String)> {
        attributes::check(self.products.iter().map(|product| &product.attributes), &declared)?;
        Ok(Self { declared, ..self })
    }

    /// The same products with the types that the attributes of another catalogue have: its shop's changes have come in,
    /// and what filters may say of an attribute stays. A value that is not of its attribute's type counts as missing.
    pub fn with_types_of(self, other: &Self) -> Self {
        Self { declared: other.attribute_types(), ..self }
    }

    /// Reads a catalogue file; `-` is standard input.
    ///
    /// # Errors
    /// [`CatalogError`] with file, line, column, what was found and what was expected.
    pub fn read(path: &Path) -> Result<Self, CatalogError> {
        let text = String::from_utf8(files::read(path)?).map_err(|error| {
            let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let (line, column) = position(&String::from_utf8_lossy(valid));
            invalid(path, line, column, "found bytes that are not UTF-8: expected UTF-8 text".into())
        })?;
        Self::parse(&text, path)
    }

    /// Parses the text of a catalogue; `path` is only named in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, CatalogError> {
        let document: RawDocument<'_> = serde_json::from_str(text)
            .map_err(|error| invalid(path, error.line(), error.column(), without_position(&error)))?;
        if document.format != FORMAT {
            let problem = format!("format is `{}`: expected `{FORMAT}`", shortened(&document.format));
            return Err(invalid(path, 1, 1, problem));
        }
        let mut list = List::default();
        let read = serde_json::Deserializer::from_str(document.products.get()).deserialize_seq(&mut list);
        read.map_err(|error| {
            let (raw, error) = list.wrong.take().unwrap_or((document.products, error));
            let (line, column) = place_of(text, raw);
            let column = if error.line() <= 1 { column + error.column().saturating_sub(1) } else { error.column() };
            invalid(path, line + error.line().saturating_sub(1), column, without_position(&error))
        })?;
        let catalog = Self::new(list.products).and_then(|catalog| catalog.with_types(document.types));
        catalog.map_err(|(index, problem)| {
            let (line, column) = list.places.get(index).map_or((1, 1), |raw| place_of(text, raw));
            invalid(path, line, column, problem)
        })
    }

    /// Writes a catalogue file that [`Catalog::read`] accepts.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        files::write_json(path, &CatalogFile { format: FORMAT, types: &self.declared, products: &self.products })
    }

    /// All products, in the file's order.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// Types of attributes that are declared.
    pub fn declared_types(&self) -> &BTreeMap<String, AttributeType> {
        &self.declared
    }

    /// The type of every attribute: the declared one, or else the narrowest that all of its values have.
    pub fn attribute_types(&self) -> BTreeMap<String, AttributeType> {
        attributes::types(self.products.iter().map(|product| &product.attributes), &self.declared)
    }

    /// The product with this handle.
    pub fn product(&self, handle: &str) -> Option<&Product> {
        self.position(handle).and_then(|index| self.products.get(index))
    }

    /// Index of the product with this handle.
    pub fn position(&self, handle: &str) -> Option<usize> {
        let handle_of = |index: u32| self.products.get(index as usize).map(|product| product.handle.as_str());
        self.by_handle.find(handle, handle_of).map(|index| index as usize)
    }

    /// The product with this GID.
    pub fn product_of_gid(&self, gid: &str) -> Option<&Product> {
        let product = |index: &usize| self.products.get(*index);
        let found =
            self.in_order_of_gids.binary_search_by(|index| product(index).map(|one| one.gid.as_str()).cmp(&Some(gid)));
        self.in_order_of_gids.get(found.ok()?).and_then(product)
    }

    /// The product with this GID, or, for digits alone, with this number in Shopify.
    pub fn product_of_gid_or_number(&self, name: &str) -> Option<&Product> {
        let is_number = !name.is_empty() && name.bytes().all(|digit| digit.is_ascii_digit());
        if is_number { self.product_of_gid(&format!("{PRODUCT_GID}{name}")) } else { self.product_of_gid(name) }
    }

    /// Names of the categories, each once, in order of first appearance.
    pub fn categories(&self) -> Vec<&str> {
        let mut names: Vec<(usize, &str)> =
            self.by_category.iter().map(|(name, first)| (*first, name.as_str())).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// Whether a product has this category.
    pub fn has_category(&self, name: &str) -> bool {
        self.by_category.contains_key(name)
    }
}

/// The GID of a product that has none.
pub fn gid_of_handle(handle: &str) -> String {
    format!("gid://catalog/Product/{handle}")
}

fn check_product(product: &Product) -> Result<(), String> {
    let fields = [("handle", &product.handle), ("gid", &product.gid), ("category", &product.category)];
    fields.into_iter().try_for_each(|(name, value)| check_length(name, value, LONGEST_NAME))?;
    check_length("title", &product.title, LONGEST_TEXT)?;
    for (name, value) in product.attributes.iter() {
        check_length("attributes, a name,", name, LONGEST_NAME)?;
        check_length("attributes, a value,", value, LONGEST_TEXT)?;
    }
    for (name, value) in fields {
        if value.trim().is_empty() {
            return Err(format!("{name} is `{value}`: expected a name that is not empty"));
        }
        if value.contains(['\t', '\n', '\r']) {
            return Err(format!("{name} is {value:?}: expected no tabs or line ends, the interaction files use them"));
        }
    }
    Ok(())
}

fn duplicate(field: &str, value: &str, earlier: usize) -> String {
    format!("{field} `{value}` is also that of product {}: expected every {field} once", earlier + 1)
}

fn invalid(path: &Path, line: usize, column: usize, problem: String) -> CatalogError {
    CatalogError::Invalid { path: path.to_owned(), line, column, problem }
}

/// serde_json's message without the position that it appends, which we give relative to the file instead.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    shortened(message.rsplit_once(" at line ").map_or(&message, |(problem, _)| problem))
}

/// Line and column of a value that was borrowed from `text`.
fn place_of(text: &str, raw: &RawValue) -> (usize, usize) {
    // `raw` is a slice of `text`: the distance of their addresses is its offset. No memory is read through it.
    let offset = (raw.get().as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    position(text.get(..offset).unwrap_or_default())
}

/// Line and column of the first character after `before`.
fn position(before: &str) -> (usize, usize) {
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
    (line, column)
}

#[cfg(test)]
mod tests;
