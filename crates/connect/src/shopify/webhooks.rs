//! Subscriptions: the address to which a shop sends changes of its products.

use serde::Deserialize;
use serde_json::json;

use super::answers::check;
use super::client::Client;
use super::documents::SUBSCRIBE_WEBHOOK;
use super::error::{ShopifyError, UserError};

/// Topics that are subscribed.
const TOPICS: [&str; 3] = ["PRODUCTS_CREATE", "PRODUCTS_UPDATE", "PRODUCTS_DELETE"];

/// Subscribes an address to all changes of products; how many of the subscriptions are new.
///
/// # Errors
/// [`ShopifyError`], also when the shop refuses the address.
pub async fn subscribe(client: &Client, address: &str) -> Result<usize, ShopifyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        webhook_subscription_create: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        user_errors: Vec<UserError>,
    }
    client.shop(&["read_products"]).await?;
    let mut new = 0;
    for topic in TOPICS {
        let variables = json!({"topic": topic, "sub": {"uri": address, "format": "JSON"}});
        let answer: Answer = client.query(SUBSCRIBE_WEBHOOK, variables).await?;
        let errors = answer.webhook_subscription_create.user_errors;
        // Shopify takes each address once for a topic.
        let taken = errors.iter().any(|error| error.message.contains("already been taken"));
        if !taken {
            check(SUBSCRIBE_WEBHOOK.name, errors)?;
            new += 1;
        }
    }
    Ok(new)
}
