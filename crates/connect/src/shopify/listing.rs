//! Lists page by page: all products, all collections, the publications of a shop.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::client::Client;
use super::documents::{COLLECTIONS_PAGE, Fixed, PRODUCT_COLLECTIONS_PAGE, PRODUCTS_PAGE, PUBLICATIONS_PAGE};
use super::error::ShopifyError;

/// Products of the first page; later ones are as large as their cost allows.
const FIRST_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 250;
/// What a query may cost, with room for products of many collections.
const MOST_COST: f64 = 900.0;

/// A product as a list gives it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedProduct {
    pub(super) id: String,
    pub(super) handle: String,
    pub(super) title: String,
    pub(super) product_type: String,
    pub(super) vendor: String,
    pub(super) tags: Vec<String>,
    pub(super) status: String,
    pub(super) published_at: Option<String>,
    pub(super) category: Option<TaxonomyCategory>,
    #[serde(rename = "priceRangeV2")]
    pub(super) price_range: Option<PriceRange>,
    /// Missing in bulk results, where collections stand on lines of their own.
    pub(super) collections: Option<Page<ListedCollection>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaxonomyCategory {
    pub(super) full_name: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PriceRange {
    pub(super) min_variant_price: Money,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Money {
    pub(super) amount: String,
}

/// A collection as a list gives it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ListedCollection {
    pub(super) id: String,
    pub(super) handle: String,
    pub(super) title: String,
}

/// A place where products can be published.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Publication {
    pub(super) id: String,
    pub(super) catalog: Option<PublicationCatalog>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PublicationCatalog {
    pub(super) title: String,
}

/// A page of a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    page_info: PageInfo,
    nodes: Vec<T>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

/// All products, or those that a search finds, each once, in order of their ids. `progress` receives how many there are so
/// far.
pub(super) async fn products(
    client: &Client,
    search: Option<&str>,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<ListedProduct>, ShopifyError> {
    let mut products: Vec<ListedProduct> =
        pages(client, PRODUCTS_PAGE, json!({"query": search}), "products", progress).await?;
    let mut seen = HashSet::new();
    // A product that is changed while pages are read may stand on two of them.
    products.retain(|product| seen.insert(product.id.clone()));
    for product in &mut products {
        let id = product.id.clone();
        if let Some(Page { page_info: PageInfo { has_next_page: true, end_cursor }, nodes }) = &mut product.collections
        {
            nodes.extend(further_collections(client, &id, end_cursor.take()).await?);
        }
    }
    Ok(products)
}

/// All collections.
pub(super) async fn collections(client: &Client) -> Result<Vec<ListedCollection>, ShopifyError> {
    pages(client, COLLECTIONS_PAGE, json!({"query": null}), "collections", &mut |_| {}).await
}

/// All publications of the shop's channels.
pub(super) async fn publications(client: &Client) -> Result<Vec<Publication>, ShopifyError> {
    pages(client, PUBLICATIONS_PAGE, json!({}), "publications", &mut |_| {}).await
}

impl ListedProduct {
    /// The collections, in order of their ids.
    pub(super) fn collections(&self) -> &[ListedCollection] {
        self.collections.as_ref().map_or(&[], |page| &page.nodes)
    }

    /// Replaces the collections.
    pub(super) fn set_collections(&mut self, nodes: Vec<ListedCollection>) {
        self.collections = Some(Page { page_info: PageInfo { has_next_page: false, end_cursor: None }, nodes });
    }
}

/// Reads pages until the last; their size follows what they cost.
async fn pages<T: DeserializeOwned>(
    client: &Client,
    document: Fixed,
    variables: Value,
    field: &str,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<T>, ShopifyError> {
    let (mut first, mut after, mut found) = (FIRST_PAGE, None::<String>, Vec::new());
    loop {
        let mut variables = variables.clone();
        if let Some(variables) = variables.as_object_mut() {
            if document.text.contains("$first") {
                variables.insert("first".to_owned(), json!(first));
            }
            variables.insert("after".to_owned(), json!(after));
        }
        let answer: Value = match client.query(document, variables).await {
            Err(ShopifyError::TooDear { .. }) if first > 1 => {
                first /= 2;
                continue;
            }
            answer => answer?,
        };
        let page = answer.get(field).cloned().unwrap_or_default();
        let page: Page<T> =
            serde_json::from_value(page).map_err(|error| super::answers::answer(document.name, error.to_string()))?;
        found.extend(page.nodes);
        progress(found.len() as u64);
        match page.page_info {
            PageInfo { has_next_page: true, end_cursor: Some(cursor) } if after.as_ref() != Some(&cursor) => {
                after = Some(cursor);
            }
            PageInfo { has_next_page: true, .. } => {
                return Err(super::answers::answer(document.name, "a page has no new cursor".to_owned()));
            }
            PageInfo { has_next_page: false, .. } => return Ok(found),
        }
        if let Some(cost) = client.cost(document).filter(|cost| *cost > 0.0) {
            // Cost grows with the size of the page; the size stays within Shopify's own limit.
            first = ((f64::from(first) * MOST_COST / cost) as u32).clamp(1, LARGEST_PAGE);
        }
    }
}

async fn further_collections(
    client: &Client,
    id: &str,
    mut after: Option<String>,
) -> Result<Vec<ListedCollection>, ShopifyError> {
    #[derive(Deserialize)]
    struct Answer {
        product: Option<Collections>,
    }
    #[derive(Deserialize)]
    struct Collections {
        collections: Page<ListedCollection>,
    }
    let mut found = Vec::new();
    loop {
        let answer: Answer = client.query(PRODUCT_COLLECTIONS_PAGE, json!({"id": id, "after": after})).await?;
        // Deleted meanwhile.
        let Some(product) = answer.product else { return Ok(found) };
        found.extend(product.collections.nodes);
        match product.collections.page_info {
            PageInfo { has_next_page: true, end_cursor: Some(cursor) } => after = Some(cursor),
            _ => return Ok(found),
        }
    }
}
