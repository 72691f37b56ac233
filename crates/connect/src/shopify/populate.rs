//! A catalogue becomes products and collections of a shop. What is there already stays as it is; running twice doubles
//! nothing.
//!
//! Products carry a tag, collections a handle that begins with it: by these a cleanup finds what we made, and nothing
//! else. A product of the same handle without the tag is the shop's own and is left alone.

mod requests;

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, stream};
use slirec_core::catalog::{Catalog, Product};

use super::client::{Client, IN_FLIGHT};
use super::error::{ShopifyError, join};
use super::listing::{self, ListedProduct};
use requests::{create_collection, publish_many, status, tags, upsert, vendor};

/// Products that are published with one request.
const PUBLISHED_AT_ONCE: usize = 50;
/// The publication that is the shop's website.
const ONLINE_STORE: &str = "Online Store";

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
    /// Handles of products that the shop has of its own.
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

/// Carries out a plan. `progress` is called with the number of products that are done.
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
