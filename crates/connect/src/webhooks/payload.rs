//! What changed: the body of a delivery, a product in the shape of Shopify's older API, enters; a [`Change`] leaves.

use serde::{Deserialize, Serialize};

use crate::time;

/// A change of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `gid://shopify/Product/…`
    pub gid: String,
    /// What the product is now; none when it was deleted.
    pub product: Option<ProductState>,
}

/// What a delivery says of a product. It never says in which collections the product is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductState {
    /// Name in URLs.
    pub handle: String,
    /// For people.
    pub title: String,
    /// The merchant's own type; may be empty.
    pub product_type: String,
    /// Who makes it; may be empty.
    pub vendor: String,
    /// Whether it is active, published and in stock.
    pub available: bool,
}

#[derive(Deserialize)]
struct Body {
    /// Beyond 2^53 for some: never through a float.
    id: u64,
    handle: Option<String>,
    title: Option<String>,
    product_type: Option<String>,
    vendor: Option<String>,
    status: Option<String>,
    published_at: Option<String>,
    updated_at: Option<String>,
    variants: Option<Vec<Variant>>,
}

#[derive(Deserialize)]
struct Variant {
    inventory_quantity: Option<i64>,
    inventory_policy: Option<String>,
}

/// Reads a body: the change and when it happened. Topics that say nothing of products give no change.
pub(super) fn read(topic: &str, body: &[u8]) -> Result<(Option<Change>, Option<f64>), String> {
    let deleted = match topic {
        "products/create" | "products/update" => false,
        "products/delete" => true,
        _ => return Ok((None, None)),
    };
    let body: Body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let gid = format!("gid://shopify/Product/{}", body.id);
    if deleted {
        return Ok((Some(Change { gid, product: None }), None));
    }
    let updated_at = body.updated_at.as_deref().map(time::parse).transpose();
    let updated_at = updated_at.map_err(|problem| format!("updated_at: {problem}"))?;
    let handle = body.handle.filter(|handle| !handle.is_empty()).ok_or("no handle: expected the product's")?;
    let in_stock = body.variants.as_deref().is_none_or(|variants| variants.is_empty() || variants.iter().any(sells));
    let product = ProductState {
        handle,
        title: body.title.unwrap_or_default(),
        product_type: body.product_type.unwrap_or_default(),
        vendor: body.vendor.unwrap_or_default(),
        available: body.status.as_deref() == Some("active") && body.published_at.is_some() && in_stock,
    };
    Ok((Some(Change { gid, product: Some(product) }), updated_at))
}

/// A variant sells unless its stock is counted, is used up, and may not go below nothing.
fn sells(variant: &Variant) -> bool {
    variant.inventory_quantity.is_none_or(|quantity| quantity > 0)
        || variant.inventory_policy.as_deref() == Some("continue")
}
