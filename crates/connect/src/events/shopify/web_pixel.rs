//! Customer events, as a web pixel passes them on: JSON lines enter. Types: npm `@shopify/web-pixels-extension`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::events::event::{Event, Kind, ProductName};
use crate::events::fields::{self, Text};
use crate::events::problem::Problem;
use crate::events::products::handle_of_url;
use crate::events::sink::Sink;
use crate::time;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PixelEvent<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    /// The `_shopify_y` cookie.
    #[serde(borrow)]
    client_id: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    product_variant: Option<Variant<'a>>,
    #[serde(borrow)]
    cart_line: Option<CartLine<'a>>,
    #[serde(borrow)]
    checkout: Option<Checkout<'a>>,
}

#[derive(Deserialize)]
struct Variant<'a> {
    #[serde(borrow)]
    product: Option<PixelProduct<'a>>,
    #[serde(borrow)]
    sku: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct PixelProduct<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    category: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct CartLine<'a> {
    #[serde(borrow)]
    merchandise: Option<Variant<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checkout<'a> {
    #[serde(borrow)]
    line_items: Option<Vec<LineItem<'a>>>,
}

#[derive(Deserialize)]
struct LineItem<'a> {
    #[serde(borrow)]
    variant: Option<Variant<'a>>,
}

/// Reads one line.
pub(in crate::events) fn line(line: &[u8], sink: &mut Sink<'_>) -> Result<(), Problem> {
    let pixel: PixelEvent<'_> = serde_json::from_slice(line).map_err(fields::problem)?;
    let name = pixel.name.ok_or("no name: expected that of a customer event, such as product_viewed")?;
    let kind = match &*name {
        "product_viewed" => Kind::View,
        "product_added_to_cart" => Kind::AddToCart,
        "product_removed_from_cart" => Kind::RemoveFromCart,
        "checkout_completed" => Kind::Transaction,
        _ => {
            sink.ignore("another customer event");
            return Ok(());
        }
    };
    if !sink.wants(kind) {
        return Ok(());
    }
    let timestamp = pixel.timestamp.ok_or("no timestamp: expected one")?;
    let time = time::parse(&timestamp).map_err(|problem| format!("timestamp: {problem}"))?;
    let data: Option<Data<'_>> = pixel.data.map(fields::parse).transpose()?.flatten();
    let data = data.unwrap_or_default();
    let of_checkout = data.checkout.and_then(|checkout| checkout.line_items).unwrap_or_default();
    let of_checkout = of_checkout.into_iter().filter_map(|item| item.variant);
    let of_cart = data.cart_line.and_then(|line| line.merchandise);
    let mut variants = data.product_variant.into_iter().chain(of_cart).chain(of_checkout).peekable();
    if variants.peek().is_none() {
        // Consent and deleted products leave holes.
        sink.ignore("no product");
    }
    let user = pixel.client_id.unwrap_or_default();
    for variant in variants {
        let product = variant.product.as_ref();
        let url = product.and_then(|product| product.url.as_deref());
        let handle: Option<Cow<'_, str>> = url.and_then(handle_of_url);
        let name = ProductName::AnyOf {
            handle: handle.as_deref(),
            id: product.and_then(|product| product.id.as_deref()),
            sku: variant.sku.as_deref(),
            title: product.and_then(|product| product.title.as_deref()),
        };
        sink.event(&Event {
            id: pixel.id.as_deref(),
            category: product.and_then(|product| product.category.as_deref()),
            ..Event::new(&user, name, time, kind)
        })?;
    }
    Ok(())
}
