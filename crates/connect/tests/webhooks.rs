//! Deliveries of a shop: recorded ones, forged ones, repeated, late and out of order; the catalogue follows.

#![cfg(test)]

#[path = "webhooks/changes.rs"]
mod changes;
#[path = "webhooks/signatures.rs"]
mod signatures;

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::{Value, json};
use slirec_connect::webhooks::{Accepted, ChangeStore, Delivery, Refusal, Verifier};
use slirec_core::bundle::{self, Bundle, GoldenRequest, GoldenScore, Manifest, ModelShape, TrainingRecord};
use slirec_core::catalog::Catalog;
use slirec_core::vocabulary::{Feature, Item, Vocabulary};

const SECRET: &str = "hush-example-client-secret";

struct Recorded {
    headers: HashMap<String, String>,
    body: String,
}

/// Create, update and delete of one product, with the HMACs that Shopify's rule gives.
fn recorded() -> Vec<Recorded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/shopify/webhooks.jsonl");
    let lines = fs::read_to_string(path).unwrap();
    let parse = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["secret"], SECRET);
        let headers = serde_json::from_value(line["headers"].clone()).unwrap();
        Recorded { headers, body: line["body"].as_str().unwrap().to_owned() }
    };
    lines.lines().map(parse).collect()
}

fn open(verifier: &Verifier, recorded: &Recorded) -> Result<Delivery, Refusal> {
    let header = |name: &str| {
        let found = recorded.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    verifier.open(header, recorded.body.as_bytes())
}

/// A delivery that the shop signs.
fn signed(topic: &str, id: &str, triggered: &str, body: &Value) -> Recorded {
    let body = body.to_string();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    let headers = [
        ("x-shopify-hmac-sha256", signature.as_str()),
        ("x-shopify-topic", topic),
        ("x-shopify-webhook-id", id),
        ("x-shopify-triggered-at", triggered),
        ("x-shopify-shop-domain", "example-shop.myshopify.com"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    Recorded { headers, body }
}

fn verifier() -> Verifier {
    Verifier::new([SECRET])
}

/// A product's body: mug, active and published, changed at this second.
fn mug(second: u32, change: &Value) -> Value {
    let mut body = json!({
        "id": 2, "handle": "mug", "title": "Mug", "product_type": "Home", "vendor": "V", "status": "active",
        "published_at": "2026-11-01T00:00:00Z", "updated_at": format!("2026-11-02T09:00:{second:02}Z"),
    });
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn update(id: &str, second: u32, change: &Value) -> Delivery {
    open(&verifier(), &signed("products/update", id, "2026-11-02T09:30:00Z", &mug(second, change))).unwrap()
}

fn catalog() -> Catalog {
    let text = r#"{"format": "slirec-catalog/1", "products": [
        {"handle": "novel", "gid": "gid://shopify/Product/1", "title": "Novel", "category": "Books", "attributes": {"colour": "red"}},
        {"handle": "mug", "gid": "gid://shopify/Product/2", "title": "Mug", "category": "Home", "attributes": {"product_type": "Home"}}]}"#;
    Catalog::parse(text, Path::new("catalog.json")).unwrap()
}

fn store() -> (tempfile::TempDir, ChangeStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = ChangeStore::open(&folder.path().join("changes.jsonl")).unwrap();
    (folder, store)
}
