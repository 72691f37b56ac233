//! Changes over a catalogue: the products of a bundle and the shop's changes enter, the products to serve leave.

use std::collections::HashMap;

use slirec_core::bundle::Bundle;
use slirec_core::catalog::{Catalog, Product};
use slirec_core::lookup::ItemLookup;

use super::payload::{Change, ProductState};
use super::store::ChangeStore;

/// Category of new products that have no type.
const UNCATEGORISED: &str = "uncategorised";

impl ChangeStore {
    /// Lays all changes over a catalogue. A deleted product stays in it as not available, so that histories that hold it
    /// keep their meaning; a new one is scored through its category. Changes that would break the catalogue's rules,
    /// such as a handle that another product has, are left out and named.
    pub fn apply(&self, catalog: &Catalog) -> (Catalog, Vec<String>) {
        let mut products = catalog.products().to_vec();
        let places: HashMap<String, usize> =
            products.iter().enumerate().map(|(place, product)| (product.gid.clone(), place)).collect();
        let mut handles: HashMap<String, String> =
            products.iter().map(|product| (product.handle.clone(), product.gid.clone())).collect();
        let mut problems = Vec::new();
        for Change { gid, product: state } in self.changes() {
            let known = places.get(gid).and_then(|place| products.get_mut(*place));
            match (known, state) {
                (Some(known), None) => known.available = false,
                (None, None) => {}
                (known, Some(state)) => {
                    let product = changed(known.as_deref(), gid, state);
                    let other = handles.get(&product.handle).filter(|other| *other != gid);
                    let checked = match other {
                        Some(other) => Err(format!("handle `{}` is that of {other}", product.handle)),
                        None => Catalog::new(vec![product.clone()]).map(|_| ()).map_err(|(_, problem)| problem),
                    };
                    if let Err(problem) = checked {
                        // Its availability is still to be believed.
                        if let Some(known) = known {
                            known.available &= state.available;
                        }
                        problems.push(format!("{gid}: {problem}"));
                        continue;
                    }
                    handles.insert(product.handle.clone(), gid.clone());
                    match known {
                        Some(known) => {
                            if known.handle != product.handle {
                                handles.remove(&known.handle);
                            }
                            *known = product;
                        }
                        None => products.push(product),
                    }
                }
            }
        }
        // Every change was checked on its own and against the handles of the others.
        match Catalog::new(products) {
            Ok(changed) => (changed.with_types_of(catalog), problems),
            Err((_, problem)) => (catalog.clone(), vec![problem]),
        }
    }
}

impl ChangeStore {
    /// Lays all changes over a bundle that was read, before an engine is made of it. Golden requests are kept as far as the
    /// changes leave their meaning alone: removed products are taken out of the answers, and a request whose items
    /// have other features now is dropped.
    pub fn apply_to(&self, bundle: &mut Bundle) -> Vec<String> {
        let before = ItemLookup::new(&bundle.catalog, &bundle.vocabulary, bundle.manifest.model.network);
        let (catalog, problems) = self.apply(&bundle.catalog);
        let after = ItemLookup::new(&catalog, &bundle.vocabulary, bundle.manifest.model.network);
        let same = |handle: &str| before.ids(handle) == after.ids(handle);
        let available = |handle: &str| catalog.product(handle).is_some_and(|product| product.available);
        bundle.manifest.golden_requests.retain_mut(|request| {
            request.top.retain(|scored| same(&scored.handle) && available(&scored.handle));
            request.items.iter().all(|handle| same(handle))
        });
        bundle.catalog = catalog;
        problems
    }
}

fn changed(known: Option<&Product>, gid: &str, state: &ProductState) -> Product {
    let mut attributes = known.map(|known| known.attributes.clone()).unwrap_or_default();
    let old_type = known.and_then(|known| known.attributes.get("product_type"));
    let new_type = Some(state.product_type.trim()).filter(|name| !name.is_empty());
    let category = match known {
        // A delivery knows no collections: a category that was one stays.
        Some(known) if old_type.is_none_or(|old| *old != known.category) => known.category.as_str(),
        Some(known) => new_type.unwrap_or(&known.category),
        None => new_type.unwrap_or(UNCATEGORISED),
    };
    for (name, value) in [("product_type", &state.product_type), ("vendor", &state.vendor)] {
        if !value.trim().is_empty() {
            attributes.insert(name, value.trim());
        }
    }
    Product {
        handle: state.handle.clone(),
        gid: gid.to_owned(),
        title: state.title.clone(),
        category: category.split_whitespace().collect::<Vec<_>>().join(" "),
        available: state.available,
        attributes,
    }
}
