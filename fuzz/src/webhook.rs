//! Signed deliveries of a shop: bodies enter; what is accepted is there again when the file of changes is read anew.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use slirec_connect::webhooks::{ChangeStore, Verifier};
use slirec_core::catalog::Catalog;

use super::{choose, file, said};

const SECRET: &str = "a made-up secret";

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::read(&file("tests/fixtures/bundle_v1/catalog.json")).unwrap());

/// A delivery; the first byte is the topic.
pub fn webhook(data: &[u8]) {
    let topics = ["products/create", "products/update", "products/delete", "orders/create"];
    let Some((topic, body)) = choose(data, &topics) else { return };
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let header = |name: &str| match name {
        "X-Shopify-Hmac-Sha256" => Some(signature.as_str()),
        "X-Shopify-Topic" => Some(*topic),
        "X-Shopify-Webhook-Id" => Some("1"),
        "X-Shopify-Triggered-At" => Some("2026-11-02T09:00:00Z"),
        _ => None,
    };
    let delivery = match Verifier::new([SECRET]).open(header, body) {
        Ok(delivery) => delivery,
        Err(refusal) => return said(&refusal),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changes.jsonl");
    let mut store = ChangeStore::open(&path).unwrap();
    store.accept(delivery).unwrap();
    let (served, problems) = store.apply(&CATALOG);
    problems.iter().for_each(said);
    let again = ChangeStore::open(&path).unwrap();
    assert_eq!(again.len(), store.len());
    assert_eq!(again.apply(&CATALOG).0.products(), served.products());
}
