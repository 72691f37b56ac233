//! The catalogue of a bundle: one that was given is compared with the training data, or one is made of it.

use slirec_core::catalog::{Attributes, Catalog, NO_CATEGORY, Product, gid_of_handle};
use slirec_core::vocabulary::{DEFAULT_ID, Item, Vocabulary};

use super::source::Host;

/// The catalogue to serve: the one that was given, or the products that training has seen. The host hears what to know of
/// it.
///
/// # Errors
/// What is wrong with the one that was given, or with the training data.
pub fn to_serve(given: Option<Catalog>, vocabulary: &Vocabulary, host: &dyn Host) -> Result<Catalog, String> {
    let Some(catalog) = given else {
        let catalog = catalog_of(vocabulary).map_err(|(index, problem)| {
            format!("item {} of the training data makes no product: {problem}", index + 1)
        })?;
        let products = catalog.products().len();
        host.warn(&format!(
            "no catalogue was given: the {products} items of the training data are served under their names, all of them on \
             sale"
        ));
        return Ok(catalog);
    };
    unseen_products(&catalog, vocabulary)?.iter().for_each(|warning| host.warn(warning));
    without_known_vectors(catalog, vocabulary)
}

/// Takes the vectors off products whose codes the vocabulary has: they are long, and say nothing more.
fn without_known_vectors(catalog: Catalog, vocabulary: &Vocabulary) -> Result<Catalog, String> {
    let names: Vec<&str> = vocabulary.vector_attributes().collect();
    if names.is_empty() {
        return Ok(catalog);
    }
    let short = |product: &Product| {
        let mut short = product.clone();
        short.attributes.change(names.iter().map(|name| (*name, None)));
        let same = vocabulary.features_of(product) == vocabulary.features_of(&short);
        if same { short } else { product.clone() }
    };
    let mut shortened = Catalog::new(catalog.products().iter().map(short).collect()).map_err(|(_, problem)| problem)?;
    shortened.declare(catalog.declared_types().clone()).map_err(|(_, problem)| problem)?;
    Ok(shortened)
}

/// The products that training has seen: their names and categories, all of them on sale; or the index of the first item
/// that makes no product, and why.
fn catalog_of(vocabulary: &Vocabulary) -> Result<Catalog, (usize, String)> {
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

/// Compares a catalogue with the training data: nothing in common would make a bundle without trained items; a part is
/// what shops have when products are new, and is warned of.
fn unseen_products(catalog: &Catalog, vocabulary: &Vocabulary) -> Result<Option<String>, String> {
    let available: Vec<&str> = catalog.products().iter().filter(|p| p.available).map(|p| p.handle.as_str()).collect();
    let unseen: Vec<&str> = available.iter().copied().filter(|h| vocabulary.item_id(h) == DEFAULT_ID).collect();
    let (products, count) = (unseen.len(), available.len());
    let Some(example) = unseen.first() else {
        if count == 0 {
            return Err("holds no available products: expected at least one to recommend".to_owned());
        }
        return Ok(None);
    };
    if products == count {
        return Err(format!(
            "none of its {count} available products was in the training data, such as `{example}`: expected the catalogue \
             that the interactions came from"
        ));
    }
    Ok(Some(format!("{products} of {count} available products were not in the training data, such as `{example}`")))
}
