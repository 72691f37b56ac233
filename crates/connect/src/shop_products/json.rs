//! JSON of a shop's products: bulk query results (a line for each product, variant and collection, children with the id of
//! their parent), `{"products": […]}` of the REST API and of storefronts, GraphQL answers, lists.

use std::collections::HashMap;

use serde_json::Value;

use super::{ShopProduct, ShopProducts, Stock, Variant};
use crate::text::{line_at, shown};

pub(super) fn read(text: &str) -> Result<ShopProducts, (u64, String)> {
    let mut reading = Reading::default();
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let place = documents.byte_offset();
        let start = place + text.get(place..).map_or(0, |rest| rest.len() - rest.trim_start().len());
        match documents.next() {
            None => return reading.finish(),
            Some(Err(error)) => return Err((error.line() as u64, error.to_string())),
            Some(Ok(document)) => {
                let line = line_at(text, start);
                reading.document(line, &document).map_err(|problem| (line, problem))?;
            }
        }
    }
}

#[derive(Default)]
struct Reading {
    products: Vec<(u64, ShopProduct)>,
    by_id: HashMap<String, usize>,
    /// By the id of the parent: it may stand behind.
    variants: Vec<(String, Variant)>,
    collections: Vec<(String, String)>,
}

impl Reading {
    fn document(&mut self, line: u64, document: &Value) -> Result<(), String> {
        if let Value::Array(list) = document {
            return list.iter().try_for_each(|entry| self.document(line, entry));
        }
        if let Some(parent) = text(document, &["__parentId"]) {
            self.child(parent, document);
            return Ok(());
        }
        for wrapper in ["data", "product", "node"] {
            if let Some(inner @ Value::Object(_)) = document.get(wrapper) {
                return self.document(line, inner);
            }
        }
        if let Some(products) = document.get("products") {
            return entries(products).try_for_each(|product| self.document(line, product));
        }
        let product = product(document)?;
        if let Some(id) = &product.id {
            self.by_id.insert(id.clone(), self.products.len());
        }
        self.products.push((line, product));
        Ok(())
    }

    fn child(&mut self, parent: String, child: &Value) {
        let id = text(child, &["id"]).unwrap_or_default();
        if id.contains("/Collection/") {
            self.collections.extend(text(child, &["title"]).map(|title| (parent, title)));
        } else if id.contains("/ProductVariant/") || child.get("sku").is_some() {
            self.variants.push((parent, variant(child)));
        }
    }

    fn finish(mut self) -> Result<ShopProducts, (u64, String)> {
        let mut orphans = 0_u64;
        for (parent, variant) in self.variants {
            match self.by_id.get(&parent).and_then(|place| self.products.get_mut(*place)) {
                Some((_, product)) => product.variants.push(variant),
                None => orphans += 1,
            }
        }
        for (parent, title) in self.collections {
            if let Some((_, product)) = self.by_id.get(&parent).and_then(|place| self.products.get_mut(*place)) {
                product.collections.push(title);
            }
        }
        let mut found = ShopProducts::default();
        if orphans > 0 {
            found.remarks.push(format!(
                "{orphans} variants belong to products that are not in the file: the file may be cut off"
            ));
        }
        found.products = self.products.into_iter().map(|(line, product)| (line, product.into_product())).collect();
        Ok(found)
    }
}

fn product(value: &Value) -> Result<ShopProduct, String> {
    let handle = text(value, &["handle"]).filter(|handle| !handle.is_empty());
    let Some(handle) = handle else {
        let keys: Vec<&str> =
            value.as_object().into_iter().flat_map(|object| object.keys()).map(String::as_str).collect();
        return Err(format!("has no handle: expected a product, found the keys {}", shown(&keys.join(", "))));
    };
    let of = |names: &[&str]| text(value, names).unwrap_or_default();
    let tags = match value.get("tags") {
        Some(Value::Array(tags)) => tags.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(tags)) => tags.split(',').map(|tag| tag.trim().to_owned()).collect(),
        _ => Vec::new(),
    };
    let taxonomy = value.get("category").or_else(|| value.get("productCategory"));
    let taxonomy = taxonomy.and_then(|category| match category {
        Value::String(name) => Some(name.clone()),
        category => text(category, &["fullName", "full_name", "name"]),
    });
    // A product that was never published has a null there; a form without the key says nothing.
    let published = ["published_at", "publishedAt"].iter().find_map(|name| value.get(name)).map(|time| !time.is_null());
    let flag = |names: &[&str]| names.iter().find_map(|name| value.get(name)?.as_bool());
    let inventory = ["totalInventory", "total_inventory"].iter().find_map(|name| value.get(name)?.as_f64());
    let counted = flag(&["tracksInventory", "tracks_inventory"]);
    Ok(ShopProduct {
        id: text(value, &["admin_graphql_api_id", "id"]),
        title: of(&["title"]),
        vendor: of(&["vendor"]),
        product_type: of(&["product_type", "productType"]),
        taxonomy: taxonomy.unwrap_or_default(),
        tags,
        collections: value
            .get("collections")
            .into_iter()
            .flat_map(entries)
            .filter_map(|entry| text(entry, &["title"]))
            .collect(),
        status: of(&["status"]),
        published: flag(&["published", "publishedOnCurrentPublication"]).or(published),
        in_stock: inventory.filter(|_| counted != Some(false)).map(|quantity| quantity > 0.0),
        variants: value.get("variants").into_iter().flat_map(entries).map(variant).collect(),
        handle,
    })
}

fn variant(value: &Value) -> Variant {
    let get = |names: &[&str]| names.iter().find_map(|name| value.get(name));
    let management = value.get("inventory_management");
    let tracked =
        get(&["inventoryItem", "inventory_item"]).and_then(|item| item.get("tracked")).and_then(Value::as_bool);
    let policy = text(value, &["inventory_policy", "inventoryPolicy"]).unwrap_or_default();
    Variant {
        sku: text(value, &["sku"]).unwrap_or_default(),
        price: text(value, &["price"]).unwrap_or_default(),
        stock: Stock {
            for_sale: get(&["availableForSale", "available_for_sale", "available"]).and_then(Value::as_bool),
            counted: tracked.or(management.map(|management| !management.is_null())),
            quantity: get(&["inventory_quantity", "inventoryQuantity"]).and_then(Value::as_f64),
            oversold: policy.eq_ignore_ascii_case("continue"),
        },
    }
}

/// The entries of a list, whether it is one, or `{"nodes": […]}`, or `{"edges": [{"node": …}]}`.
fn entries(list: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match list {
        Value::Array(list) => Box::new(list.iter()),
        list => match (list.get("nodes"), list.get("edges")) {
            (Some(Value::Array(nodes)), _) => Box::new(nodes.iter()),
            (_, Some(Value::Array(edges))) => Box::new(edges.iter().filter_map(|edge| edge.get("node"))),
            _ => Box::new(std::iter::empty()),
        },
    }
}

/// Text, or a number as text, under the first of these names that has one.
fn text(value: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match value.get(name)? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}
