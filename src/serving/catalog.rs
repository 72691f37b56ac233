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
use slirec_merchandising::{Merchandising, Scenario};
use utoipa::ToSchema;

use crate::attributes::{ShownAttributes, TypedName};
use crate::user_attributes::UserAttribute;

/// Attribute of a catalogue that holds the address of a picture.
const IMAGE: &str = "image";

/// All products.
#[derive(Serialize, ToSchema)]
pub(crate) struct Catalog<'a> {
    /// Attributes of the products that filters may name, by name.
    attributes: &'a [TypedName],
    /// Scenarios that requests may name.
    scenarios: Vec<&'a str>,
    /// What the model may be told of a shopper; missing where it reads nothing of that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    user_attributes: Vec<UserAttribute<'a>>,
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
    /// Values of the attributes that the product has, by name; left out when it has none.
    #[serde(skip_serializing_if = "ShownAttributes::is_empty")]
    #[schema(value_type = Object, required = false)]
    attributes: ShownAttributes<'a>,
}

impl<'a> CatalogProduct<'a> {
    fn new(product: &'a Product, names: &'a [TypedName]) -> Self {
        let shown = ShownAttributes::new(product, names);
        let Product { handle, gid, title, category, available, attributes } = product;
        // Only what a page may load: no scripts, no other schemes.
        let image = attributes.get(IMAGE).filter(|address| address.starts_with("https://"));
        Self { handle, gid, title, category, available: *available, image, attributes: shown }
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
    pub(super) fn new(engine: &Engine, merchandising: &Merchandising) -> Option<Self> {
        // Pictures have a field of their own, which holds nothing but addresses.
        let attributes = merchandising.columns().attributes().filter(|(name, _)| *name != IMAGE);
        let attributes: Vec<TypedName> = attributes.map(TypedName::from).collect();
        let scenarios: Vec<&str> = merchandising.scenarios().map(Scenario::name).collect();
        let products = engine.catalog().products().iter();
        let products: Vec<_> = products.map(|product| CatalogProduct::new(product, &attributes)).collect();
        let has_pictures = products.iter().any(|product| product.image.is_some());
        let user_attributes = UserAttribute::with_values(engine.users()).collect();
        let catalog = Catalog { attributes: &attributes, scenarios, user_attributes, products };
        let json = serde_json::to_vec(&catalog).ok()?;
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
