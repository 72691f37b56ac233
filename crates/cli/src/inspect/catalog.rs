//! A catalogue: products enter by their file, counts, categories, attributes and sample rows leave.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use slirec_core::catalog::{Catalog, Product};

use super::frequency::{self, Frequencies, Frequency};
use super::page::{Page, number};
use super::sample::Sample;

/// What a catalogue holds.
#[derive(Debug, Serialize)]
pub(crate) struct CatalogContents {
    products: usize,
    available: usize,
    categories: usize,
    /// Titles that more than one product has, with their number of products.
    repeated_titles: Vec<Frequency>,
    top_categories: Vec<Frequency>,
    attributes: Vec<Attribute>,
    sample: Vec<Product>,
}

/// An attribute that products have.
#[derive(Debug, Serialize)]
struct Attribute {
    name: String,
    products: u64,
    values: usize,
    top_values: Vec<Frequency>,
}

impl CatalogContents {
    pub(crate) fn read(path: &Path, rows: usize) -> Result<Self> {
        let catalog = Catalog::read(path)?;
        let products = catalog.products();
        let (mut titles, mut categories) = (Frequencies::default(), Frequencies::default());
        let mut attributes: BTreeMap<&str, Frequencies> = BTreeMap::new();
        let mut sample = Sample::new(rows);
        for product in products {
            titles.add(&product.title);
            categories.add(&product.category);
            for (name, value) in product.attributes.iter() {
                attributes.entry(name).or_default().add(value);
            }
            sample.offer(|| product.clone());
        }
        let attribute = |(name, values): (&str, Frequencies)| Attribute {
            name: name.to_owned(),
            products: values.most(usize::MAX).iter().map(|value| value.count).sum(),
            values: values.names(),
            top_values: values.most(rows),
        };
        Ok(Self {
            products: products.len(),
            available: products.iter().filter(|product| product.available).count(),
            categories: categories.names(),
            repeated_titles: titles.most(usize::MAX).into_iter().take_while(|title| title.count > 1).collect(),
            top_categories: categories.most(rows),
            attributes: attributes.into_iter().map(attribute).collect(),
            sample: sample.into_rows(),
        })
    }

    pub(crate) fn show(&self, page: &mut Page) {
        page.field("products", number(self.products as u64));
        page.field("available", number(self.available as u64));
        page.field("categories", number(self.categories as u64));
        for Frequency { name, count, .. } in &self.repeated_titles {
            page.field("repeated title", format!("{name} ({count} products)"));
        }
        frequency::show(page, "Categories by number of products", &self.top_categories);
        if !self.attributes.is_empty() {
            page.heading("Attributes");
            let cells = |attribute: &Attribute| {
                let values = attribute.top_values.iter().map(|value| value.name.as_str()).collect::<Vec<_>>();
                let counts = [attribute.products, attribute.values as u64].map(number);
                let [products, distinct] = counts;
                vec![attribute.name.clone(), products, distinct, values.join(", ")]
            };
            let rows: Vec<Vec<String>> = self.attributes.iter().map(cells).collect();
            page.table(&["name", "products", "values", "most frequent"], &rows);
        }
        if !self.sample.is_empty() {
            page.heading("Sample");
            let cells = |product: &Product| {
                let Product { handle, gid, title, category, available, .. } = product.clone();
                let available = if available { "yes" } else { "no" }.to_owned();
                vec![handle, gid, title, category, available]
            };
            let rows: Vec<Vec<String>> = self.sample.iter().map(cells).collect();
            page.table(&["handle", "gid", "title", "category", "available"], &rows);
        }
    }
}
