//! What we made in a shop is deleted again: what carries our tag, and nothing else, unless everything is asked for.

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, IN_FLIGHT};
use super::documents::{DELETE_COLLECTION, DELETE_PRODUCT};
use super::error::{ShopifyError, UserError, join};
use super::listing;

/// What to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cleanup {
    /// Products with this tag, and collections whose handles begin with it.
    Tagged(String),
    /// Every product and every collection of the shop.
    Everything,
}

/// Something that would be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Its GID.
    pub id: String,
    /// Its handle, for people.
    pub handle: String,
    /// Products go before collections.
    pub is_collection: bool,
}

/// Looks at the shop and lists what would be deleted. Nothing is changed.
///
/// # Errors
/// [`ShopifyError`], also for a missing scope.
pub async fn cleanup_plan(client: &Client, cleanup: &Cleanup) -> Result<Vec<Removal>, ShopifyError> {
    client.shop(&["read_products", "write_products"]).await?;
    let search = match cleanup {
        Cleanup::Tagged(tag) => Some(format!("tag:'{}'", tag.replace(['\'', '\\'], " "))),
        Cleanup::Everything => None,
    };
    let products = listing::products(client, search.as_deref(), &mut |_| {}).await?.into_iter();
    // A search may find more than was meant: what decides is the tag itself.
    let products = products.filter(|product| match cleanup {
        Cleanup::Tagged(tag) => product.tags.contains(tag),
        Cleanup::Everything => true,
    });
    let products = products.map(|product| Removal { id: product.id, handle: product.handle, is_collection: false });
    let collections = listing::collections(client).await?.into_iter().filter(|collection| match cleanup {
        Cleanup::Tagged(tag) => collection.handle.starts_with(&format!("{tag}-")),
        Cleanup::Everything => true,
    });
    let collections = collections.map(|found| Removal { id: found.id, handle: found.handle, is_collection: true });
    Ok(products.chain(collections).collect())
}

impl Client {
    /// Deletes what a plan lists; the lines of those that could not be. `progress` receives how many are done.
    ///
    /// # Errors
    /// [`ShopifyError`] for what stops everything.
    pub async fn remove(
        &self,
        removals: &[Removal],
        progress: &mut dyn FnMut(u64),
    ) -> Result<Vec<String>, ShopifyError> {
        let mut failures = Vec::new();
        let mut done = 0;
        let deletions = removals.iter().map(|removal| async move { (removal, delete(self, removal).await) });
        let mut deletions = stream::iter(deletions).buffer_unordered(IN_FLIGHT);
        while let Some((removal, result)) = deletions.next().await {
            if let Err(error) = result {
                let ShopifyError::User { errors, .. } = error else { return Err(error) };
                failures.push(format!("{}: {}", removal.handle, join(&errors)));
            }
            done += 1;
            progress(done);
        }
        Ok(failures)
    }
}

async fn delete(client: &Client, removal: &Removal) -> Result<(), ShopifyError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(alias = "productDelete", alias = "collectionDelete")]
        payload: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        user_errors: Vec<UserError>,
    }
    let document = if removal.is_collection { DELETE_COLLECTION } else { DELETE_PRODUCT };
    let answer: Answer = client.query(document, json!({"id": removal.id})).await?;
    // When the answer to the first try was lost, the second one finds nothing to delete: that is what was wanted.
    let gone = |error: &UserError| {
        let message = error.message.to_lowercase();
        message.contains("does not exist") || message.contains("not found")
    };
    let errors: Vec<UserError> = answer.payload.user_errors.into_iter().filter(|error| !gone(error)).collect();
    super::answers::check(document.name, errors)
}
