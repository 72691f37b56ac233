//! The catalogue: which products exist, how they are called and whether they can be bought.
//!
//! Enters: a JSON document (`docs/FORMATS.md`). Leaves: a [`Catalog`] in which every handle and GID is unique.
//! Products are keyed by handle and GID; titles may repeat.

mod file;
mod list;
mod product;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use crate::attributes::Attributes;
use crate::attributes::{self, AttributeType};
use crate::text_index::TextIndex;
pub use file::{CatalogError, FORMAT};
pub use product::{CATEGORY, NO_CATEGORY, Product, TITLE, gid_of_handle};

/// What the number of a product of Shopify stands behind in its GID.
const PRODUCT_GID: &str = "gid://shopify/Product/";

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
            product.check().map_err(|problem| (index, problem))?;
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

    /// Declares types of some attributes, in the place of those that were declared.
    ///
    /// # Errors
    /// The index of the first product whose attribute is not of its type, and how; nothing is declared then.
    pub fn declare(&mut self, types: BTreeMap<String, AttributeType>) -> Result<(), (usize, String)> {
        attributes::check(self.products.iter().map(|product| &product.attributes), &types)?;
        self.declared = types;
        Ok(())
    }

    /// The same products with the types that the attributes of another catalogue have: its shop's changes have come in,
    /// and what filters may say of an attribute stays. A value that is not of its attribute's type counts as missing.
    pub fn with_types_of(self, other: &Self) -> Self {
        Self { declared: other.attribute_types(), ..self }
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
        let of_number = || self.product_of_gid(&format!("{PRODUCT_GID}{name}")).filter(|_| is_number);
        self.product_of_gid(name).or_else(of_number)
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

fn duplicate(field: &str, value: &str, earlier: usize) -> String {
    format!("{field} `{value}` is also that of product {}: expected every {field} once", earlier + 1)
}

#[cfg(test)]
mod tests;
