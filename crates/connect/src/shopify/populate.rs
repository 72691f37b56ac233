//! A catalogue becomes products and collections of a shop. What is there already stays as it is; running twice doubles
//! nothing.
//!
//! Products carry a tag, collections a handle that begins with it: by these a cleanup finds what we made, and nothing
//! else. A product of the same handle without the tag is somebody else's and is left alone.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use slirec_core::catalog::{Catalog, Product};

use super::answers::check;
use super::client::{Client, IN_FLIGHT};
use super::documents::{COLLECTION_BY_HANDLE, CREATE_COLLECTION, PUBLISH_MANY, UPSERT_PRODUCT};
use super::error::{ShopifyError, UserError, join};
use super::listing::{self, ListedProduct};

/// Products that are published with one request.
const PUBLISHED_AT_ONCE: usize = 50;
/// The publication that is the shop's website.
const ONLINE_STORE: &str = "Online Store";
/// Tries of a collection whose answer is lost.
const TRIES: u32 = 5;

/// How a shop is filled.
#[derive(Debug, Clone)]
pub struct PopulateOptions {
    /// Marks what we made.
    pub tag: String,
    /// Where to publish; none for the Online Store.
    pub publication: Option<String>,
}

impl Default for PopulateOptions {
    fn default() -> Self {
        Self { tag: "slirec-demo".to_owned(), publication: None }
    }
}

/// What would be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// Categories without a collection.
    pub collections: Vec<String>,
    /// Products to make or to bring up to date.
    pub products: Vec<Product>,
    /// Products that are right already.
    pub unchanged: usize,
    /// Handles that somebody else's products have.
    pub taken: Vec<String>,
    /// Ids of our products that are right but not published.
    unpublished: Vec<String>,
    /// Ids of our collections by category.
    known_collections: BTreeMap<String, String>,
    publication: String,
}

impl Plan {
    /// How many products will be published.
    pub fn to_publish(&self) -> usize {
        self.unpublished.len() + self.products.iter().filter(|product| product.available).count()
    }
}

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Populated {
    /// Collections that were made.
    pub collections: usize,
    /// Products that were made or brought up to date.
    pub products: usize,
    /// Products that were published.
    pub published: usize,
    /// What failed, one line each; the rest was done all the same.
    pub failures: Vec<String>,
}

/// Scopes that filling a shop needs.
const SCOPES: [&str; 4] = ["read_products", "write_products", "read_publications", "write_publications"];

/// Looks at the shop and says what is to do. Nothing is changed.
///
/// # Errors
/// [`ShopifyError`], also for a missing scope or publication.
pub async fn populate_plan(
    client: &Client,
    catalog: &Catalog,
    options: &PopulateOptions,
) -> Result<Plan, ShopifyError> {
    client.shop(&SCOPES).await?;
    let mut plan = Plan { publication: publication(client, options).await?, ..Plan::default() };
    let prefix = format!("{}-", options.tag);
    let collections = listing::collections(client).await?.into_iter();
    let ours: HashMap<String, String> = collections
        .filter(|collection| collection.handle.starts_with(&prefix))
        .map(|collection| (collection.handle, collection.id))
        .collect();
    for category in catalog.categories() {
        match ours.get(&collection_handle(&options.tag, category)) {
            Some(id) => drop(plan.known_collections.insert(category.to_owned(), id.clone())),
            None => plan.collections.push(category.to_owned()),
        }
    }
    let listed = listing::products(client, None, &mut |_| {}).await?;
    let listed: HashMap<&str, &ListedProduct> =
        listed.iter().map(|product| (product.handle.as_str(), product)).collect();
    for product in catalog.products() {
        match listed.get(product.handle.as_str()) {
            Some(known) if !known.tags.contains(&options.tag) => plan.taken.push(product.handle.clone()),
            Some(known) if is_right(product, known, options, &plan.known_collections) => {
                plan.unchanged += 1;
                if product.available && known.published_at.is_none() {
                    plan.unpublished.push(known.id.clone());
                }
            }
            _ => plan.products.push(product.clone()),
        }
    }
    Ok(plan)
}

/// Carries out a plan. `progress` hears how many products are done.
///
/// # Errors
/// [`ShopifyError`] for what stops everything; a product that the shop refuses is in [`Populated::failures`].
pub async fn populate(
    client: &Client,
    plan: &Plan,
    options: &PopulateOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<Populated, ShopifyError> {
    let mut done = Populated::default();
    let mut collections = plan.known_collections.clone();
    for category in &plan.collections {
        collections.insert(category.clone(), create_collection(client, category, &options.tag).await?);
        done.collections += 1;
    }
    let mut publish = plan.unpublished.clone();
    let upserts = plan.products.iter().map(|product| {
        let collection = collections.get(&product.category).cloned();
        async move { (product, upsert(client, product, collection, &options.tag).await) }
    });
    let mut upserts = stream::iter(upserts).buffer_unordered(IN_FLIGHT);
    while let Some((product, result)) = upserts.next().await {
        match result {
            Ok(id) => {
                done.products += 1;
                if product.available {
                    publish.push(id);
                }
            }
            Err(ShopifyError::User { errors, .. }) => {
                done.failures.push(format!("product {}: {}", product.handle, join(&errors)));
            }
            Err(ShopifyError::Shop(problem)) => done.failures.push(problem),
            Err(error) => return Err(error),
        }
        progress((done.products + done.failures.len()) as u64);
    }
    for ids in publish.chunks(PUBLISHED_AT_ONCE) {
        match publish_many(client, &plan.publication, ids).await {
            Ok(()) => done.published += ids.len(),
            Err(ShopifyError::User { errors, .. }) => {
                done.failures.push(format!("publication of {} products: {}", ids.len(), join(&errors)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// The handle of a category's collection.
pub(super) fn collection_handle(tag: &str, category: &str) -> String {
    let mut handle = format!("{tag}-");
    for character in category.to_lowercase().chars() {
        if character.is_alphanumeric() {
            handle.push(character);
        } else if !handle.ends_with('-') {
            handle.push('-');
        }
    }
    handle.trim_end_matches('-').to_owned()
}

async fn publication(client: &Client, options: &PopulateOptions) -> Result<String, ShopifyError> {
    if let Some(id) = &options.publication {
        return Ok(id.clone());
    }
    let publications = listing::publications(client).await?;
    let title = |publication: &listing::Publication| publication.catalog.as_ref().map(|catalog| catalog.title.clone());
    let store = publications.iter().find(|publication| title(publication).as_deref() == Some(ONLINE_STORE));
    store.map(|publication| publication.id.clone()).ok_or_else(|| {
        let known = publications.iter().map(|publication| {
            format!("{} ({})", title(publication).unwrap_or_else(|| "without a title".to_owned()), publication.id)
        });
        let known = known.collect::<Vec<_>>().join(", ");
        ShopifyError::Shop(format!(
            "the shop has no publication `{ONLINE_STORE}`: found {known}; choose one by its id (--publication-id)"
        ))
    })
}

/// Makes a collection, or finds the one that a lost answer made.
async fn create_collection(client: &Client, category: &str, tag: &str) -> Result<String, ShopifyError> {
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
                return Err(super::answers::answer(CREATE_COLLECTION.name, "no collection and no error".to_owned()));
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

/// The tags of a product: ours, and its features as `name:value`.
fn tags(product: &Product, tag: &str) -> Vec<String> {
    let features = product.attributes.iter().filter(|(name, _)| !SHOPIFY_S_OWN.contains(&name.as_str()));
    std::iter::once(tag.to_owned()).chain(features.map(|(name, value)| format!("{name}:{value}"))).collect()
}

/// Attributes that Shopify has fields of its own for.
const SHOPIFY_S_OWN: [&str; 5] = ["collections", "price", "product_type", "taxonomy", "vendor"];

fn status(product: &Product) -> &'static str {
    if product.available { "ACTIVE" } else { "DRAFT" }
}

fn vendor(product: &Product) -> Option<&String> {
    product.attributes.get("vendor")
}

/// Whether the shop's product is what the catalogue says.
fn is_right(
    product: &Product,
    known: &ListedProduct,
    options: &PopulateOptions,
    collections: &BTreeMap<String, String>,
) -> bool {
    let mut wanted = tags(product, &options.tag);
    let mut found = known.tags.clone();
    wanted.sort();
    found.sort();
    let of_collection = collections.get(&product.category);
    known.title == product.title
        && known.product_type == product.category
        && vendor(product).is_none_or(|vendor| known.vendor == *vendor)
        && known.status == status(product)
        && wanted == found
        && of_collection.is_some_and(|id| known.collections().iter().any(|collection| collection.id == *id))
}

async fn upsert(
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
        input.insert("vendor".to_owned(), Value::String(vendor.clone()));
    }
    let answer: Answer =
        client.query(UPSERT_PRODUCT, json!({"identifier": {"handle": handle}, "input": input})).await?;
    check(UPSERT_PRODUCT.name, answer.product_set.user_errors)?;
    let made = answer.product_set.product;
    let made = made.ok_or_else(|| super::answers::answer(UPSERT_PRODUCT.name, "no product and no error".to_owned()))?;
    if made.handle != *handle {
        let problem = format!("product {handle}: the shop calls it `{}`: expected the handle as sent", made.handle);
        return Err(ShopifyError::Shop(problem));
    }
    Ok(made.id)
}

async fn publish_many(client: &Client, publication: &str, ids: &[String]) -> Result<(), ShopifyError> {
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
