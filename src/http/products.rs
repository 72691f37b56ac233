//! `POST /admin/products`: new products, and prices, stocks and other attributes of many enter; when they are kept and
//! served, how many products they changed leaves. All of a batch, or nothing of it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use slirec_connect::patches::Patch;
use slirec_core::attributes::{AttributeType, AttributeValue};
use slirec_core::catalog::Catalog;

use super::error::{ApiError, RequestBody};
use super::json_response;
use super::object::{Few, Object};
use super::quote::{bounded, quoted};
use crate::scoring;
use crate::serving::Served;
use crate::state::AppState;

/// Products of a batch.
const MOST_PRODUCTS: usize = 10_000;
/// Attributes of a product of a batch.
const MOST_ATTRIBUTES: usize = 100;
/// What a product has beside its attributes.
const FIELDS: [&str; 5] = ["handle", "gid", "title", "category", "available"];
/// A disk that takes longer hangs.
const KEPT_WITHIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    products: Few<Object<Changed>, MOST_PRODUCTS>,
}

/// What is new of a product, or a new one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    /// Handle or GID; the handle of a new product.
    product: String,
    /// Of a new product alone.
    gid: Option<String>,
    title: Option<String>,
    category: Option<String>,
    available: Option<bool>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
}

/// 200 once everything is served, 400 for what does not fit the catalogue, 503 when it cannot be kept now.
pub(super) async fn change(
    State(state): State<AppState>,
    RequestBody(body): RequestBody,
) -> Result<Response, ApiError> {
    let store = state.products.clone().ok_or_else(|| ApiError::not_found("/admin/products"))?;
    let _turn = store.turn.lock().await;
    let served = state.served();
    let batch = tokio::task::spawn_blocking(move || read(&body, &served, scoring::now()));
    let batch = batch.await.map_err(|_| ApiError::internal())?.map_err(ApiError::bad_request)?;
    let changed: HashSet<&str> = batch.iter().map(|patch| patch.handle.as_str()).collect();
    let changed = changed.len();
    // What could not be served must not be kept: the service would not start with it again.
    let batch = state.serving.try_batch(batch).await;
    let batch = batch.map_err(|error| ApiError::bad_request(bounded(format_args!("products: {error:#}"))))?;
    let keeper = Arc::clone(&store);
    let kept = state.files.products.run(KEPT_WITHIN, move || Ok(keeper.accept(batch)?)).await;
    kept.map_err(|error| {
        tracing::error!(error = format!("{error:#}"), "changes of products cannot be kept");
        ApiError::unavailable("The changes cannot be kept now: send them again")
    })?;
    state.serving.follow_changes().await.map_err(|error| {
        tracing::error!(error = format!("{error:#}"), "changes of products are kept, but not in service");
        ApiError::unprocessable(format!("the changes are kept, but not in service: {error:#}"))
    })?;
    tracing::info!(changed, "changes of products are in service");
    Ok(json_response(StatusCode::OK, &serde_json::json!({ "changed": changed })))
}

fn read(body: &[u8], served: &Served, now: f64) -> Result<Vec<Patch>, String> {
    let Object(Batch { products: Few(products) }): Object<Batch> =
        serde_json::from_slice(body).map_err(|error| bounded(format_args!("body: {error}")))?;
    let (types, catalog) = (Types::of(served), served.engine.catalog());
    let mut new = HashSet::new();
    let patches = products.into_iter().enumerate().map(|(place, Object(changed))| {
        let handle = handle(&changed, catalog, &mut new);
        let patch = handle.and_then(|handle| patch(handle, changed, &types, now));
        patch.map_err(|problem| format!("products[{place}].{problem}"))
    });
    patches.collect()
}

/// What the attributes of the model in service are.
struct Types<'a> {
    of: BTreeMap<&'a str, AttributeType>,
    /// Of the attributes that are prices.
    currencies: BTreeMap<&'a str, &'a str>,
}

impl<'a> Types<'a> {
    /// Looks through the catalogue once, however large the batch.
    fn of(served: &'a Served) -> Self {
        let of: BTreeMap<&str, AttributeType> = served.merchandising.columns().attributes().collect();
        let products = served.engine.catalog().products();
        let currency = |name: &str| {
            let mut texts = products.iter().filter_map(|product| product.attributes.get(name));
            texts.find_map(|text| match AttributeType::Price.read(text) {
                Some(AttributeValue::Price { currency, .. }) => Some(currency),
                _ => None,
            })
        };
        let prices = of.iter().filter(|(_, kind)| **kind == AttributeType::Price);
        let currencies = prices.filter_map(|(name, _)| Some((*name, currency(name)?))).collect();
        Self { of, currencies }
    }
}

/// The handle of the product that is changed, or of a new one, which is added to those that the batch has so far.
fn handle(changed: &Changed, catalog: &Catalog, new: &mut HashSet<String>) -> Result<String, String> {
    let Changed { product: name, gid, title, category, .. } = changed;
    if let Some(known) = catalog.product(name).or_else(|| catalog.product_of_gid(name)) {
        return match gid {
            Some(gid) if *gid != known.gid => Err(format!("gid: is {}, expected {}", quoted(gid), quoted(&known.gid))),
            _ => Ok(known.handle.clone()),
        };
    }
    if new.contains(name) {
        return Ok(name.clone());
    }
    if title.is_none() || category.is_none() {
        let name = quoted(name);
        return Err(format!(
            "product: {name} is no product of the catalogue, and a new one needs a title and a category"
        ));
    }
    if name.starts_with("gid://") {
        return Err(format!("product: {} is new, expected its handle here, and its GID in gid", quoted(name)));
    }
    new.insert(name.clone());
    Ok(name.clone())
}

fn patch(handle: String, changed: Changed, types: &Types<'_>, at: f64) -> Result<Patch, String> {
    let Changed { product: _, gid, title, category, available, attributes } = changed;
    if attributes.len() > MOST_ATTRIBUTES {
        return Err(format!("attributes: has {} of them, expected at most {MOST_ATTRIBUTES}", attributes.len()));
    }
    let attributes = attributes.into_iter().map(|(name, value)| {
        if name.trim().is_empty() || name.contains(char::is_control) || FIELDS.contains(&name.as_str()) {
            let (name, fields) = (quoted(&name), FIELDS.join(", "));
            return Err(format!("attributes: {name} is no name of an attribute; {fields} are a product's own"));
        }
        let currency = types.currencies.get(name.as_str()).copied();
        let text = text(&value, types.of.get(name.as_str()).copied(), currency);
        text.map_err(|problem| bounded(format_args!("attributes.{name}: {problem}"))).map(|text| (name, text))
    });
    let attributes = attributes.collect::<Result<_, _>>()?;
    Ok(Patch { handle, at, gid, title, category, available, attributes })
}

/// The text of a value, as the catalogue has it; none for an attribute that the product has no longer.
fn text(value: &Value, kind: Option<AttributeType>, currency: Option<&str>) -> Result<Option<String>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        // In digits, also where JSON has an exponent.
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(number) => number.to_string(),
            None => number.to_string(),
        },
        Value::Bool(value) => value.to_string(),
        Value::Array(elements) if kind == Some(AttributeType::List) => {
            let plain = |element: &Value| element.as_str().filter(|text| !text.contains(',')).map(str::to_owned);
            let elements: Option<Vec<String>> = elements.iter().map(plain).collect();
            elements.ok_or("found an element that is no text without commas, expected texts")?.join(", ")
        }
        Value::Array(_) => return Err("found a list, expected one value".to_owned()),
        Value::Object(_) => return Err("found an object, expected one value".to_owned()),
    };
    match kind.map(|kind| (kind, kind.read(&text))) {
        Some((kind, None)) => Err(format!("found {}, expected a value of type {}", quoted(&text), kind.name())),
        Some((_, Some(AttributeValue::Price { currency: found, .. }))) if currency.is_some_and(|all| all != found) => {
            Err(format!("found a price in {found}, expected one in {}", currency.unwrap_or_default()))
        }
        _ => Ok(Some(text)),
    }
}
