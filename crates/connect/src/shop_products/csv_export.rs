//! The product CSV of Shopify's admin: a row for each variant and each further image of a product. The product's own
//! columns stand in one of its rows only. Headers of both generations are known: `Handle` … `Variant SKU`, and `URL handle`
//! … `SKU`.

use std::collections::HashMap;

use super::{ShopProduct, ShopProducts, Stock, Variant};
use crate::text::shown;

/// Columns by their names in both generations, in lower case.
const COLUMNS: [&[&str]; 15] = [
    &["handle", "url handle"],
    &["title"],
    &["vendor"],
    &["type", "custom product type"],
    &["product category", "standardized product type"],
    &["tags"],
    &["published", "published on online store"],
    &["status"],
    &["variant sku", "sku"],
    &["variant price", "price"],
    &["variant inventory qty", "inventory quantity"],
    &["variant inventory tracker", "inventory tracker"],
    &["variant inventory policy", "continue selling when out of stock"],
    &["option1 value"],
    &["id", "product id"],
];

/// Whether a header is that of a product CSV.
pub(crate) fn is_product_csv(header: &[String]) -> bool {
    let names: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
    let has = |column: usize| {
        COLUMNS.get(column).is_some_and(|known| known.iter().any(|name| names.iter().any(|found| found == name)))
    };
    has(0) && has(1) && [7, 8, 13].into_iter().any(has)
}

/// Where the tracker stands in [`COLUMNS`].
const TRACKER: usize = 11;

/// A row of the file.
struct Row<'a> {
    /// In the order of [`COLUMNS`]; empty where there is none.
    values: [&'a str; COLUMNS.len()],
    /// Whether the file says which stocks are counted.
    has_tracker: bool,
}

pub(super) fn read(text: &str, separator: u8) -> Result<ShopProducts, (u64, String)> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(true).from_reader(text.as_bytes());
    let problem = |error: csv::Error| (error.position().map_or(1, csv::Position::line), error.to_string());
    let header = reader.headers().map_err(problem)?.clone();
    let places = COLUMNS
        .map(|names| header.iter().position(|found| names.iter().any(|name| found.trim().eq_ignore_ascii_case(name))));
    let mut found = ShopProducts::default();
    let mut order: Vec<(u64, ShopProduct)> = Vec::new();
    let mut by_handle: HashMap<String, usize> = HashMap::new();
    let mut last: Option<usize> = None;
    let mut rows = 0_u64;
    for record in reader.records() {
        let record = record.map_err(problem)?;
        let line = record.position().map_or(1, csv::Position::line);
        if record.iter().all(|value| value.trim().is_empty()) {
            continue;
        }
        rows += 1;
        let values = places.map(|place| place.and_then(|place| record.get(place)).unwrap_or_default().trim());
        let row = Row { values, has_tracker: places[TRACKER].is_some() };
        let [handle, ..] = row.values;
        let place = match (handle, last) {
            ("", None) => return Err((line, "has no handle, and there is no row before it that has one".to_owned())),
            // A further variant or image of the product before.
            ("", Some(last)) => last,
            (handle, _) => *by_handle.entry(handle.to_owned()).or_insert_with(|| {
                order.push((line, ShopProduct { handle: handle.to_owned(), ..ShopProduct::default() }));
                order.len() - 1
            }),
        };
        last = Some(place);
        if let Some((_, product)) = order.get_mut(place) {
            row.add_to(product).map_err(|problem| (line, problem))?;
        }
    }
    let further = rows - order.len() as u64;
    if further > 0 {
        found.remarks.push(format!("{further} rows are further variants and images of the {} products", order.len()));
    }
    found.products = order.into_iter().map(|(line, product)| (line, product.into_product())).collect();
    Ok(found)
}

impl Row<'_> {
    /// Adds what the row says; what an earlier row said counts first.
    fn add_to(&self, product: &mut ShopProduct) -> Result<(), String> {
        let [
            _,
            title,
            vendor,
            kind,
            taxonomy,
            tags,
            published,
            status,
            sku,
            price,
            quantity,
            tracker,
            policy,
            option,
            id,
        ] = self.values;
        let texts = [
            (&mut product.title, title),
            (&mut product.vendor, vendor),
            (&mut product.product_type, kind),
            (&mut product.taxonomy, taxonomy),
            (&mut product.status, status),
        ];
        for (known, value) in texts {
            if known.is_empty() {
                value.clone_into(known);
            }
        }
        if product.tags.is_empty() {
            product.tags = tags.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
        }
        if product.published.is_none() && !published.is_empty() {
            product.published = Some(yes_or_no("Published", published)?);
        }
        if product.id.is_none() && !id.is_empty() {
            product.id = Some(id.to_owned());
        }
        if [sku, price, option].iter().any(|value| !value.is_empty()) {
            let quantity = match quantity {
                "" => None,
                text => Some(text.parse().map_err(|_| format!("stock is `{}`: expected a number", shown(text)))?),
            };
            let oversold = match policy.to_lowercase().as_str() {
                "" | "deny" => false,
                "continue" => true,
                other => yes_or_no("Continue selling when out of stock", other)?,
            };
            let counted = self.has_tracker.then_some(!tracker.is_empty());
            product.variants.push(Variant {
                // An apostrophe marks digits as text in spreadsheets.
                sku: sku.strip_prefix('\'').unwrap_or(sku).to_owned(),
                price: price.to_owned(),
                stock: Stock { for_sale: None, counted, quantity, oversold },
            });
        }
        Ok(())
    }
}

fn yes_or_no(column: &str, text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{column} is `{}`: expected TRUE or FALSE", shown(text))),
    }
}
