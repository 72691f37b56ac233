//! What filling a shop asks of it: collections, products and publications enter, their ids leave.

use serde::Deserialize;
use serde_json::{Value, json};
use slirec_core::catalog::Product;

use super::collection_handle;
use crate::lists::TAGS;
use crate::shopify::answers::{answer, check};
use crate::shopify::client::Client;
use crate::shopify::documents::{COLLECTION_BY_HANDLE, CREATE_COLLECTION, PUBLISH_MANY, UPSERT_PRODUCT};
use crate::shopify::error::{ShopifyError, UserError};

/// Tries of a collection whose answer is lost.
const TRIES: u32 = 5;

/// Makes a collection, or finds the one that a lost answer made.
pub(super) async fn create_collection(client: &Client, category: &str, tag: &str) -> Result<String, ShopifyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Created {
        collection_create: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        collection: Option<WithId>,
        user_errors: Vec<UserError>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Found {
        collection_by_identifier: Option<WithId>,
    }
    #[derive(Deserialize)]
    struct WithId {
        id: String,
    }
    let handle = collection_handle(tag, category);
    let input = json!({"collection": {"title": category, "handle": handle}});
    let mut tries = 1;
    loop {
        let created = client.mutate_once::<Created>(CREATE_COLLECTION, input.clone()).await;
        let lost = match created {
            Ok(Created { collection_create: Payload { collection: Some(collection), .. } }) => return Ok(collection.id),
            Ok(Created { collection_create }) => {
                check(CREATE_COLLECTION.name, collection_create.user_errors)?;
                return Err(answer(CREATE_COLLECTION.name, "no collection and no error".to_owned()));
            }
            Err(lost @ ShopifyError::Lost { .. }) => lost,
            Err(error) => return Err(error),
        };
        let found: Found = client.query(COLLECTION_BY_HANDLE, json!({"handle": handle})).await?;
        if let Some(collection) = found.collection_by_identifier {
            return Ok(collection.id);
        }
        tries += 1;
        if tries > TRIES {
            return Err(lost);
        }
        tokio::time::sleep(client.pause(tries)).await;
    }
}

/// The tags of a product: ours, its plain ones, and its features as `name:value`.
pub(super) fn tags(product: &Product, tag: &str) -> Vec<String> {
    let features = product.attributes.iter().filter(|(name, _)| !SHOPIFY_S_OWN.contains(name));
    let plain = product.attributes.get(TAGS).unwrap_or_default().split(',').map(str::trim);
    let plain = plain.filter(|plain| !plain.is_empty() && *plain != tag).map(str::to_owned);
    let features = features.map(|(name, value)| format!("{name}:{value}"));
    std::iter::once(tag.to_owned()).chain(plain).chain(features).collect()
}

/// Attributes that Shopify has fields of its own for.
const SHOPIFY_S_OWN: [&str; 6] = ["collections", "price", "product_type", TAGS, "taxonomy", "vendor"];

pub(super) fn status(product: &Product) -> &'static str {
    if product.available { "ACTIVE" } else { "DRAFT" }
}

pub(super) fn vendor(product: &Product) -> Option<&str> {
    product.attributes.get("vendor")
}

/// Makes a product, or brings it up to date; its id.
pub(super) async fn upsert(
    client: &Client,
    product: &Product,
    collection: Option<String>,
    tag: &str,
) -> Result<String, ShopifyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        product_set: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        product: Option<Made>,
        user_errors: Vec<UserError>,
    }
    #[derive(Deserialize)]
    struct Made {
        id: String,
        handle: String,
    }
    let handle = &product.handle;
    let mut input = json!({
        "handle": handle,
        "title": product.title,
        "productType": product.category,
        "tags": tags(product, tag),
        "status": status(product),
        "collections": collection.into_iter().collect::<Vec<_>>(),
    });
    // A null would empty the field.
    if let (Some(vendor), Some(input)) = (vendor(product), input.as_object_mut()) {
        input.insert("vendor".to_owned(), Value::String(vendor.to_owned()));
    }
    let answered: Answer =
        client.query(UPSERT_PRODUCT, json!({"identifier": {"handle": handle}, "input": input})).await?;
    check(UPSERT_PRODUCT.name, answered.product_set.user_errors)?;
    let made = answered.product_set.product;
    let made = made.ok_or_else(|| answer(UPSERT_PRODUCT.name, "no product and no error".to_owned()))?;
    if made.handle != *handle {
        let problem = format!("product {handle}: the shop calls it `{}`: expected the handle as sent", made.handle);
        return Err(ShopifyError::Shop(problem));
    }
    Ok(made.id)
}

/// Publishes products by their ids.
pub(super) async fn publish_many(client: &Client, publication: &str, ids: &[String]) -> Result<(), ShopifyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        publication_update: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        user_errors: Vec<UserError>,
    }
    let answer: Answer = client.query(PUBLISH_MANY, json!({"publicationId": publication, "add": ids})).await?;
    check(PUBLISH_MANY.name, answer.publication_update.user_errors)
}
