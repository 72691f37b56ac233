//! Catalogues for tests: products in short form enter, a catalogue or its columns leave.

use std::collections::BTreeMap;

use slirec_core::attributes::AttributeType;
use slirec_core::catalog::{Attributes, Catalog, Product};
use slirec_merchandising::Columns;

/// A product.
#[derive(Debug, Clone)]
pub(crate) struct Item(Product);

impl Item {
    /// With a handle, which is its title too, and a category.
    pub(crate) fn new(handle: &str, category: &str) -> Self {
        Self(Product {
            handle: handle.to_owned(),
            gid: format!("gid://{handle}"),
            title: handle.to_owned(),
            category: category.to_owned(),
            available: true,
            attributes: Attributes::default(),
        })
    }

    fn with(mut self, name: &str, text: &str) -> Self {
        self.0.attributes.insert(name, text);
        self
    }

    pub(crate) fn vendor(self, text: &str) -> Self {
        self.with("vendor", text)
    }

    pub(crate) fn price(self, text: &str) -> Self {
        self.with("price", text)
    }

    pub(crate) fn fresh(self, text: &str) -> Self {
        self.with("fresh", text)
    }

    pub(crate) fn tags(self, text: &str) -> Self {
        self.with("tags", text)
    }
}

/// The catalogue of some products, whose tags are lists.
pub(crate) fn catalog(items: &[Item]) -> Catalog {
    let mut catalog = Catalog::new(items.iter().map(|item| item.0.clone()).collect()).unwrap();
    catalog.declare(BTreeMap::from([("tags".to_owned(), AttributeType::List)])).unwrap();
    catalog
}

/// The columns of some products.
pub(crate) fn columns_of(items: &[Item]) -> Columns {
    Columns::new(&catalog(items))
}
