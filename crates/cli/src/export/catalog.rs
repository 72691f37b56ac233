//! The catalogue of a bundle: one that was given is checked against the training data, or one is made of it.

use std::path::Path;

use anyhow::{Result, anyhow, ensure};
use slirec_connect::events::NO_CATEGORY;
use slirec_connect::product_table::gid_of_handle;
use slirec_core::catalog::{Attributes, Catalog, Product};
use slirec_core::vocabulary::{DEFAULT_ID, Item, Vocabulary};

use crate::output;

/// The products that training has seen, for a model without a catalogue.
pub(super) fn catalog_of(vocabulary: &Vocabulary) -> Result<Catalog> {
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
    let products = vocabulary.items().iter().map(product).collect();
    Catalog::new(products)
        .map_err(|(index, problem)| anyhow!("item {} of the training data makes no product: {problem}", index + 1))
}

/// A catalogue that shares nothing with the training data would make a bundle without trained items; one that shares a
/// part is what shops have when products are new.
pub(super) fn check_catalog(path: &Path, catalog: &Catalog, vocabulary: &Vocabulary) -> Result<()> {
    let available: Vec<&str> = catalog.products().iter().filter(|p| p.available).map(|p| p.handle.as_str()).collect();
    let unseen: Vec<&str> = available.iter().copied().filter(|h| vocabulary.item_id(h) == DEFAULT_ID).collect();
    let (path, count) = (path.display(), available.len());
    let Some(example) = unseen.first() else {
        ensure!(count > 0, "{path}: holds no available products: expected at least one to recommend");
        return Ok(());
    };
    ensure!(
        unseen.len() < count,
        "{path}: none of its {count} available products was in the training data, such as `{example}`: \
         expected the catalogue that the interactions came from"
    );
    let unseen = unseen.len();
    let example = output::printable(example);
    output::warn(format!("{unseen} of {count} available products were not in the training data, such as `{example}`"));
    Ok(())
}
