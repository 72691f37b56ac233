//! What a shop holds, and the rules by which it changes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Product {
    pub(crate) handle: String,
    pub(crate) title: String,
    pub(crate) product_type: String,
    pub(crate) vendor: String,
    pub(crate) tags: Vec<String>,
    pub(crate) status: String,
    pub(crate) collections: BTreeSet<u64>,
    pub(crate) published: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Collection {
    pub(crate) handle: String,
    pub(crate) title: String,
}

/// The shop; ids rise in order of creation.
#[derive(Debug, Default)]
pub(crate) struct Shop {
    pub(crate) products: BTreeMap<u64, Product>,
    pub(crate) collections: BTreeMap<u64, Collection>,
    /// Handle to the value of the field `products`.
    pub(crate) metaobjects: BTreeMap<String, String>,
    pub(crate) defined: bool,
    /// Topic and address.
    pub(crate) subscriptions: BTreeSet<(String, String)>,
    /// Handles that the shop refuses to make products of.
    pub(crate) refused: BTreeSet<String>,
    /// Title of the one publication's catalogue.
    pub(crate) publication: Option<String>,
    /// Bulk operations that are still running, and how often they were looked at.
    pub(crate) bulk_looks: Vec<u32>,
    /// Bulk operations to refuse because others run.
    pub(crate) bulk_busy: u32,
    /// Status that bulk operations end with, if another than `COMPLETED`.
    pub(crate) bulk_end: Option<&'static str>,
    next: u64,
}

pub(crate) const PUBLICATION: &str = "gid://shopify/Publication/1";

pub(crate) fn gid(kind: &str, number: u64) -> String {
    format!("gid://shopify/{kind}/{number}")
}

pub(crate) fn number(gid: &Value) -> u64 {
    gid.as_str().and_then(|gid| gid.rsplit('/').next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}

pub(crate) fn user_error(field: &[&str], message: &str, code: Option<&str>) -> Value {
    json!([{"field": field, "message": message, "code": code}])
}

impl Shop {
    pub(crate) fn next_id(&mut self) -> u64 {
        // Real ids leave gaps.
        self.next += 32_768;
        10_000_000_000_000 + self.next
    }

    /// A product of the merchant's own.
    pub(crate) fn add(&mut self, handle: &str, title: &str, tags: &[&str]) -> u64 {
        let id = self.next_id();
        let product = Product {
            handle: handle.to_owned(),
            title: title.to_owned(),
            product_type: String::new(),
            vendor: "Merchant".to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            status: "ACTIVE".to_owned(),
            collections: BTreeSet::new(),
            published: true,
        };
        self.products.insert(id, product);
        id
    }

    pub(crate) fn add_collection(&mut self, handle: &str, title: &str) -> u64 {
        let id = self.next_id();
        // Shopify appends a number to a handle that is taken: a collection that is made twice shows.
        let taken = |handle: &str| self.collections.values().any(|collection| collection.handle == handle);
        let mut free = handle.to_owned();
        let mut suffix = 0;
        while taken(&free) {
            suffix += 1;
            free = format!("{handle}-{suffix}");
        }
        self.collections.insert(id, Collection { handle: free, title: title.to_owned() });
        id
    }

    /// The product as the schema has it. Collections are a list here; the reader makes pages of it.
    pub(crate) fn product(&self, id: u64) -> Value {
        let Some(product) = self.products.get(&id) else { return Value::Null };
        let collections: Vec<Value> = product.collections.iter().map(|id| self.collection(*id)).collect();
        json!({
            "id": gid("Product", id),
            "legacyResourceId": id.to_string(),
            "handle": product.handle,
            "title": product.title,
            "productType": product.product_type,
            "vendor": product.vendor,
            "tags": product.tags,
            "status": product.status,
            "createdAt": "2026-11-01T10:00:00Z",
            "updatedAt": "2026-11-01T10:00:00Z",
            "publishedAt": product.published.then_some("2026-11-01T10:00:00Z"),
            "category": null,
            "priceRangeV2": {"minVariantPrice": {"amount": "12.50", "currencyCode": "EUR"}},
            "collections": collections,
        })
    }

    pub(crate) fn collection(&self, id: u64) -> Value {
        let Some(collection) = self.collections.get(&id) else { return Value::Null };
        let count = self.products.values().filter(|product| product.collections.contains(&id)).count();
        json!({
            "id": gid("Collection", id),
            "handle": collection.handle,
            "title": collection.title,
            "productsCount": {"count": count, "precision": "EXACT"},
        })
    }

    pub(crate) fn set_product(&mut self, identifier: &Value, input: &Value) -> Value {
        let text = |name: &str| input.get(name).and_then(Value::as_str).map(str::to_owned);
        let handle = identifier["handle"].as_str().unwrap_or_default().to_owned();
        if self.refused.contains(&handle) {
            let errors = user_error(&["input", "title"], "Title can't be blank", Some("INVALID_INPUT"));
            return json!({"product": null, "userErrors": errors});
        }
        let known = self.products.iter().find(|(_, product)| product.handle == handle).map(|(id, _)| *id);
        let id = known.unwrap_or_else(|| self.next_id());
        let product = self.products.entry(id).or_insert_with(|| Product {
            handle: handle.clone(),
            title: String::new(),
            product_type: String::new(),
            vendor: "My Store".to_owned(),
            tags: Vec::new(),
            status: "ACTIVE".to_owned(),
            collections: BTreeSet::new(),
            published: false,
        });
        product.title = text("title").unwrap_or_else(|| product.title.clone());
        product.product_type = text("productType").unwrap_or_else(|| product.product_type.clone());
        product.vendor = text("vendor").unwrap_or_else(|| product.vendor.clone());
        product.status = text("status").unwrap_or_else(|| product.status.clone());
        if let Some(tags) = input.get("tags").and_then(Value::as_array) {
            product.tags = tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
            // Shopify keeps tags sorted.
            product.tags.sort();
        }
        if let Some(collections) = input.get("collections").and_then(Value::as_array) {
            product.collections = collections.iter().map(number).collect();
        }
        json!({"product": self.product(id), "userErrors": []})
    }

    pub(crate) fn delete_product(&mut self, id: u64) -> Value {
        match self.products.remove(&id) {
            Some(_) => json!({"deletedProductId": gid("Product", id), "userErrors": []}),
            None => {
                json!({"deletedProductId": null, "userErrors": user_error(&["id"], "Product does not exist", None)})
            }
        }
    }

    pub(crate) fn delete_collection(&mut self, id: u64) -> Value {
        for product in self.products.values_mut() {
            product.collections.remove(&id);
        }
        match self.collections.remove(&id) {
            Some(_) => json!({"deletedCollectionId": gid("Collection", id), "userErrors": []}),
            None => {
                let errors = user_error(&["id"], "Collection does not exist", None);
                json!({"deletedCollectionId": null, "userErrors": errors})
            }
        }
    }

    /// JSON lines of a bulk operation: children before, behind and far from their parents.
    pub(crate) fn bulk_result(&self, number: usize) -> Option<String> {
        self.bulk_looks.get(number)?;
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        let mut products = Vec::new();
        for id in self.products.keys() {
            let mut product = self.product(*id);
            let collections = product["collections"].take();
            let object = product.as_object_mut().unwrap();
            for field in ["collections", "legacyResourceId", "createdAt", "priceRangeV2"] {
                object.remove(field);
            }
            for mut collection in collections.as_array().cloned().unwrap_or_default() {
                let fields = collection.as_object_mut().unwrap();
                fields.remove("productsCount");
                fields.insert("__parentId".to_owned(), json!(gid("Product", *id)));
                if id % 3 == 0 { before.push(collection) } else { behind.insert(0, collection) }
            }
            products.push(product);
        }
        let lines = before.into_iter().chain(products).chain(behind);
        Some(lines.map(|line| format!("{line}\n")).collect())
    }
}
