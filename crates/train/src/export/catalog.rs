//! The catalogue of a bundle: one that was given is compared with the training data, or one is made of it.

use slirec_core::catalog::{Attributes, Catalog, NO_CATEGORY, Product, gid_of_handle};
use slirec_core::vocabulary::{DEFAULT_ID, Item, Vocabulary};

/// The products that training has seen, for a model without a catalogue: their names and categories, all of them on
/// sale.
///
/// # Errors
/// The index of the first item that makes no product, and why.
pub fn catalog_of(vocabulary: &Vocabulary) -> Result<Catalog, (usize, String)> {
    let categories = vocabulary.features().first().map(|feature| feature.values.as_slice()).unwrap_or_default();
    let product = |item: &Item| {
        let category = item.features.first().and_then(|id| categories.get((*id as usize).checked_sub(1)?));
        Product {
            handle: item.handle.clone(),
            gid: gid_of_handle(&item.handle),
            title: item.handle.clone(),
            category: category.map_or(NO_CATEGORY, String::as_str).to_owned(),
            available: true,
            attributes: Attributes::default(),
        }
    };
    Catalog::new(vocabulary.items().iter().map(product).collect())
}

/// How many products of a catalogue training has not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// So many of them.
    pub products: usize,
    /// Of so many that are available.
    pub available: usize,
    /// The handle of the first.
    pub example: String,
}

/// Compares a catalogue with the training data: nothing in common would make a bundle without trained items; a part is
/// what shops have when products are new. None when training has seen all of them.
///
/// # Errors
/// What is wrong with the catalogue.
pub fn unseen_products(catalog: &Catalog, vocabulary: &Vocabulary) -> Result<Option<Unseen>, String> {
    let available: Vec<&str> = catalog.products().iter().filter(|p| p.available).map(|p| p.handle.as_str()).collect();
    let unseen: Vec<&str> = available.iter().copied().filter(|h| vocabulary.item_id(h) == DEFAULT_ID).collect();
    let count = available.len();
    let Some(example) = unseen.first() else {
        if count == 0 {
            return Err("holds no available products: expected at least one to recommend".to_owned());
        }
        return Ok(None);
    };
    if unseen.len() == count {
        return Err(format!(
            "none of its {count} available products was in the training data, such as `{example}`: expected the catalogue \
             that the interactions came from"
        ));
    }
    Ok(Some(Unseen { products: unseen.len(), available: count, example: (*example).to_owned() }))
}
