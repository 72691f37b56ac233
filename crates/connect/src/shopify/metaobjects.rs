//! Recommendations become metaobjects, as the original's theme reads them: type `nu_recommendation`, handle
//! `customer-<id>`, field `products` with a list of product references.

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, IN_FLIGHT};
use super::documents::{DEFINE_METAOBJECT, upsert_many};
use super::error::{ShopifyError, UserError, join};

const TYPE: &str = "nu_recommendation";
const FIELD: &str = "products";
/// Metaobjects of one request: 10 points each.
const AT_ONCE: usize = 10;
/// References that a list field holds.
const MOST_REFERENCES: usize = 128;

/// The recommendations of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecommendations {
    /// The `domain_userid` that the theme finds in its cookie.
    pub user: String,
    /// GIDs, best first; at most 128 are kept.
    pub products: Vec<String>,
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// Users whose metaobject was written.
    pub written: usize,
    /// Whether the definition had to be made.
    pub defined: bool,
    /// What failed, one line a user.
    pub failures: Vec<String>,
}

/// Writes the metaobjects, replacing those of earlier times. `progress` receives how many users are done.
///
/// # Errors
/// [`ShopifyError`] for what stops everything; what one user's metaobject fails of is in the report.
pub async fn write_recommendations(
    client: &Client,
    users: &[UserRecommendations],
    progress: &mut dyn FnMut(u64),
) -> Result<WriteReport, ShopifyError> {
    client.shop(&["write_metaobjects", "write_metaobject_definitions"]).await?;
    let mut report = WriteReport { defined: define(client).await?, ..WriteReport::default() };
    let writes = users.chunks(AT_ONCE).map(|users| async move { (users, write(client, users).await) });
    let mut writes = stream::iter(writes).buffer_unordered(IN_FLIGHT);
    while let Some((users, result)) = writes.next().await {
        for (user, errors) in users.iter().zip(result?) {
            if errors.is_empty() {
                report.written += 1;
            } else {
                report.failures.push(format!("user {}: {}", user.user, join(&errors)));
            }
        }
        progress((report.written + report.failures.len()) as u64);
    }
    Ok(report)
}

/// Makes the definition; false when it is there already.
async fn define(client: &Client) -> Result<bool, ShopifyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        metaobject_definition_create: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        user_errors: Vec<UserError>,
    }
    let definition = json!({
        "type": TYPE,
        "name": "Recommendations",
        // The theme reads it on the storefront.
        "access": {"storefront": "PUBLIC_READ"},
        "fieldDefinitions": [{"key": FIELD, "name": "Products", "type": "list.product_reference"}],
    });
    let answer: Answer = client.query(DEFINE_METAOBJECT, json!({"definition": definition})).await?;
    let errors = answer.metaobject_definition_create.user_errors;
    if errors.iter().any(|error| error.code.as_deref() == Some("TAKEN")) {
        return Ok(false);
    }
    super::answers::check(DEFINE_METAOBJECT.name, errors).map(|()| true)
}

/// Errors of each user, in their order.
async fn write(client: &Client, users: &[UserRecommendations]) -> Result<Vec<Vec<UserError>>, ShopifyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        user_errors: Vec<UserError>,
    }
    let document = upsert_many(users.len());
    let mut variables = serde_json::Map::new();
    for (index, user) in users.iter().enumerate() {
        let products = user.products.get(..user.products.len().min(MOST_REFERENCES)).unwrap_or_default();
        // The value of a list field is itself JSON in a string.
        let value = Value::from(products).to_string();
        let handle = format!("customer-{}", user.user);
        variables.insert(format!("h{index}"), json!({"type": TYPE, "handle": handle}));
        variables.insert(format!("o{index}"), json!({"fields": [{"key": FIELD, "value": value}]}));
    }
    let mut answer: Value = client.query_document(&document, Value::Object(variables)).await?;
    let payload = |index: usize| {
        let payload = answer.get_mut(format!("m{index}")).map(Value::take).unwrap_or_default();
        let payload: Payload = serde_json::from_value(payload)
            .map_err(|error| super::answers::answer(&document.name, format!("m{index}: {error}")))?;
        Ok(payload.user_errors)
    };
    (0..users.len()).map(payload).collect()
}
