//! A shop's products become a catalogue: all of them, whatever their number, their titles and their collections.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use slirec_core::catalog::{Catalog, Product};

use super::client::Client;
use super::documents::INVENTORY_COUNTS;
use super::error::ShopifyError;
use super::listing::{ListedCollection, ListedProduct};
use super::{bulk, listing};
use crate::lists::{plain_tags, with_lists};

/// Category of products that have no collection and no type.
const UNCATEGORISED: &str = "uncategorised";

/// How a shop is read.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// Collections, by title or handle, that are categories: of a product's collections the first of this list counts.
    pub category_collections: Vec<String>,
    /// Above so many products, one bulk operation is faster than pages.
    pub bulk_from: u64,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self { category_collections: Vec::new(), bulk_from: 5_000 }
    }
}

/// What was fetched.
#[derive(Debug)]
pub struct Fetched {
    /// The catalogue, in order of the products' ids.
    pub catalog: Catalog,
    /// Products that a storefront does not show; they are in the catalogue as not available.
    pub unavailable: usize,
    /// Whether it was a bulk operation.
    pub bulk: bool,
}

/// Reads all products.
///
/// # Errors
/// [`ShopifyError`]; a partial catalogue is none.
pub async fn fetch(
    client: &Client,
    options: &FetchOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Fetched, ShopifyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Counts {
        products_count: Option<Count>,
    }
    #[derive(Deserialize)]
    struct Count {
        count: u64,
    }
    let counts: Counts = client.query(INVENTORY_COUNTS, json!({})).await?;
    let total = counts.products_count.map_or(0, |count| count.count);
    let bulk = total > options.bulk_from;
    let mut progress = |done| progress(done, total);
    let mut products = if bulk {
        bulk::products(client, &mut progress).await?
    } else {
        listing::products(client, None, &mut progress).await?
    };
    products.sort_by_key(|product| number(&product.id));
    let products: Vec<Product> = products.iter().map(|product| of_listed(product, options)).collect();
    let unavailable = products.iter().filter(|product| !product.available).count();
    let catalog = Catalog::new(products)
        .map_err(|(index, problem)| ShopifyError::Shop(format!("product {}: {problem}", index + 1)))?;
    Ok(Fetched { catalog: with_lists(catalog), unavailable, bulk })
}

fn of_listed(product: &ListedProduct, options: &FetchOptions) -> Product {
    let mut collections = product.collections().to_vec();
    collections.sort_by_key(|collection| number(&collection.id));
    let mut attributes = BTreeMap::new();
    let mut attribute = |name: &str, value: &str| {
        if !value.trim().is_empty() {
            attributes.insert(name.to_owned(), value.trim().to_owned());
        }
    };
    // Tags such as `colour:red` are features; what Shopify names itself counts more.
    for (name, value) in product.tags.iter().filter_map(|tag| tag.split_once(':')) {
        attribute(name.trim(), value);
    }
    attribute("tags", &plain_tags(&product.tags));
    attribute("vendor", &product.vendor);
    attribute("product_type", &product.product_type);
    attribute("taxonomy", product.category.as_ref().map_or("", |category| &category.full_name));
    attribute("price", product.price_range.as_ref().map_or("", |range| &range.min_variant_price.amount));
    let titles: Vec<&str> = collections.iter().map(|collection| collection.title.as_str()).collect();
    attribute("collections", &titles.join(", "));
    Product {
        handle: product.handle.clone(),
        gid: product.id.clone(),
        title: product.title.clone(),
        category: category(product, &collections, options),
        available: product.status == "ACTIVE" && product.published_at.is_some(),
        attributes: attributes.into_iter().collect(),
    }
}

/// A collection of the configured ones; else the product's type; else its first collection; else its taxonomy.
fn category(product: &ListedProduct, collections: &[ListedCollection], options: &FetchOptions) -> String {
    let configured = options
        .category_collections
        .iter()
        .find_map(|name| collections.iter().find(|collection| collection.title == *name || collection.handle == *name));
    let of_type = Some(product.product_type.trim()).filter(|name| !name.is_empty());
    let name = configured
        .map(|collection| collection.title.as_str())
        .or(of_type)
        .or_else(|| collections.first().map(|collection| collection.title.as_str()))
        .or_else(|| product.category.as_ref().map(|category| category.full_name.as_str()))
        .unwrap_or(UNCATEGORISED);
    // Titles may hold anything; the files of interactions hold no tabs and line ends.
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The number at the end of a GID: products sort in order of creation.
fn number(gid: &str) -> u64 {
    gid.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}
