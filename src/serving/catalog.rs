//! A catalogue as it is sent: an engine enters, its products as JSON leave, plain and in gzip, with a tag that changes
//! with them.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use sha2::{Digest, Sha256};
use slirec_core::catalog::Product;
use slirec_engine::Engine;
use utoipa::ToSchema;

/// Attribute of a catalogue that holds the address of a picture.
const IMAGE: &str = "image";

/// All products.
#[derive(Serialize, ToSchema)]
pub(crate) struct Catalog<'a> {
    /// In the catalogue's order.
    products: Vec<CatalogProduct<'a>>,
}

/// A product of the catalogue.
#[derive(Serialize, ToSchema)]
pub(crate) struct CatalogProduct<'a> {
    #[schema(example = "atlas")]
    handle: &'a str,
    #[schema(example = "gid://shopify/Product/14809003753817")]
    gid: &'a str,
    title: &'a str,
    category: &'a str,
    /// Whether it may be recommended.
    available: bool,
    /// Address of a picture, for products that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    image: Option<&'a str>,
}

impl<'a> CatalogProduct<'a> {
    fn new(product: &'a Product) -> Self {
        let Product { handle, gid, title, category, available, attributes } = product;
        // Only what a page may load: no scripts, no other schemes.
        let image = attributes.get(IMAGE).map(String::as_str).filter(|address| address.starts_with("https://"));
        Self { handle, gid, title, category, available: *available, image }
    }
}

/// A catalogue in JSON, made once for each model.
#[derive(Debug)]
pub(crate) struct EncodedCatalog {
    pub(crate) json: Arc<[u8]>,
    /// The JSON in gzip.
    pub(crate) gzip: Arc<[u8]>,
    /// For `ETag`; weak, as it is the same for both forms.
    pub(crate) tag: String,
    /// Whether a product has a picture, which browsers then load from its address.
    pub(crate) has_pictures: bool,
}

impl EncodedCatalog {
    /// Of a model's catalogue; none when it cannot be written as JSON.
    pub(super) fn new(engine: &Engine) -> Option<Self> {
        let products: Vec<_> = engine.catalog().products().iter().map(CatalogProduct::new).collect();
        let has_pictures = products.iter().any(|product| product.image.is_some());
        let json = serde_json::to_vec(&Catalog { products }).ok()?;
        let gzip = gzip(&json).ok()?;
        let hash: String = Sha256::digest(&json).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Some(Self { json: json.into(), gzip: gzip.into(), tag: format!("W/\"{hash}\""), has_pictures })
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}
