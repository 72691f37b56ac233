//! Products as shops export them: the product CSV of Shopify's admin, bulk query results as JSON lines, and JSON of the REST
//! and GraphQL APIs enter; one product a handle leaves, with its SKUs and whether it is on sale.

mod csv_export;
mod json;

use std::collections::BTreeMap;

use slirec_core::attributes::AttributeType;
use slirec_core::catalog::Product;

use crate::lists::plain_tags;

pub(crate) use csv_export::is_product_csv;

/// Category of products that have no type.
const UNCATEGORISED: &str = "uncategorised";

/// Products in the file's order, and what is to be said of them.
#[derive(Debug, Default)]
pub(crate) struct ShopProducts {
    /// Each with the line that it begins at.
    pub(crate) products: Vec<(u64, Product)>,
    /// Types of attributes that are declared.
    pub(crate) types: BTreeMap<String, AttributeType>,
    pub(crate) remarks: Vec<String>,
}

/// Reads a product CSV.
///
/// # Errors
/// The line and what is wrong with it.
pub(crate) fn read_csv(text: &str, separator: u8) -> Result<ShopProducts, (u64, String)> {
    csv_export::read(text, separator)
}

/// Reads JSON of a shop's products, in any of its forms.
///
/// # Errors
/// The line and what is wrong with it.
pub(crate) fn read_json(text: &str) -> Result<ShopProducts, (u64, String)> {
    json::read(text)
}

/// What all forms say of a product.
#[derive(Debug, Clone, Default)]
struct ShopProduct {
    handle: String,
    /// A GID, or the number in it.
    id: Option<String>,
    title: String,
    vendor: String,
    product_type: String,
    taxonomy: String,
    tags: Vec<String>,
    collections: Vec<String>,
    /// `active`, `draft`, `archived`; empty where the form has none.
    status: String,
    /// Whether the storefront shows it, where the form says so.
    published: Option<bool>,
    /// Whether any of it is in stock, where the form says so for the whole product only.
    in_stock: Option<bool>,
    variants: Vec<Variant>,
}

/// A variant of a product.
#[derive(Debug, Clone, Default, PartialEq)]
struct Variant {
    sku: String,
    price: String,
    stock: Stock,
}

/// What is known of a variant's stock.
#[derive(Debug, Clone, Default, PartialEq)]
struct Stock {
    /// Said by the form itself.
    for_sale: Option<bool>,
    /// Whether it is counted, where the form says so.
    counted: Option<bool>,
    quantity: Option<f64>,
    /// Sold beyond nothing.
    oversold: bool,
}

impl Stock {
    /// A variant sells unless its stock is counted, is used up, and may not go below nothing.
    fn sells(&self) -> bool {
        self.for_sale.unwrap_or_else(|| {
            self.counted == Some(false) || self.oversold || self.quantity.is_none_or(|quantity| quantity > 0.0)
        })
    }
}

impl ShopProduct {
    /// Whether it may be recommended: active, published and in stock.
    fn available(&self) -> bool {
        let active = self.status.is_empty() || self.status.eq_ignore_ascii_case("active");
        let in_stock = match self.in_stock {
            _ if self.variants.iter().any(|variant| variant.stock.sells()) => true,
            Some(in_stock) => in_stock && self.variants.is_empty(),
            None => self.variants.is_empty(),
        };
        active && self.published != Some(false) && in_stock
    }

    fn into_product(self) -> Product {
        let mut attributes = BTreeMap::new();
        let mut attribute = |name: &str, value: &str| {
            if !value.trim().is_empty() {
                attributes.insert(name.to_owned(), value.trim().to_owned());
            }
        };
        // Tags such as `colour:red` are features; what the shop names itself counts more.
        for (name, value) in self.tags.iter().filter_map(|tag| tag.split_once(':')) {
            attribute(name.trim(), value);
        }
        attribute("tags", &plain_tags(&self.tags));
        attribute("vendor", &self.vendor);
        attribute("product_type", &self.product_type);
        attribute("taxonomy", &self.taxonomy);
        attribute("collections", &self.collections.join(", "));
        let prices =
            self.variants.iter().filter_map(|variant| Some((variant.price.parse::<f64>().ok()?, &variant.price)));
        attribute("price", prices.min_by(|left, right| left.0.total_cmp(&right.0)).map_or("", |(_, price)| price));
        let mut skus: Vec<&str> = Vec::new();
        for sku in self.variants.iter().map(|variant| variant.sku.as_str()).filter(|sku| !sku.is_empty()) {
            if !skus.contains(&sku) {
                skus.push(sku);
            }
        }
        attribute("sku", &skus.join(","));
        let category = [&self.product_type, &self.taxonomy].into_iter().chain(&self.collections);
        let category = category.map(|name| one_line(name)).find(|name| !name.is_empty());
        let available = self.available();
        let title = one_line(&self.title);
        Product {
            gid: self.id.map_or_else(|| format!("gid://catalog/Product/{}", self.handle), gid_of),
            title: if title.is_empty() { self.handle.clone() } else { title },
            category: category.unwrap_or_else(|| UNCATEGORISED.to_owned()),
            available,
            attributes: attributes.into_iter().collect(),
            handle: self.handle,
        }
    }
}

/// A GID stays, a number becomes one.
fn gid_of(id: String) -> String {
    if id.starts_with("gid://") { id } else { format!("gid://shopify/Product/{id}") }
}

/// Text without line ends, tabs and doubled spaces: the files of interactions hold none.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
