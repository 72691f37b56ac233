//! Bulk operations: a query enters, Shopify works on it for a while, and a file of JSON lines is read as it arrives.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::answers::{answer, check};
use super::client::Client;
use super::documents::{BULK_PRODUCTS, BULK_RUN_QUERY, BULK_STATUS};
use super::error::{ShopifyError, UserError};
use super::listing::{ListedCollection, ListedProduct};

/// Pauses between looks at the operation: the first and the longest.
const FIRST_LOOK: Duration = Duration::from_millis(500);
const LONGEST_LOOK: Duration = Duration::from_secs(10);
/// Looks before giving up on a shop whose places for bulk operations are all taken, and on an operation: at ten seconds
/// each, half an hour and six hours.
const MOST_STARTS: u32 = 180;
const MOST_LOOKS: u32 = 2_160;
/// Longest line of a result.
const LONGEST_LINE: usize = 16 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    id: String,
    status: String,
    error_code: Option<String>,
    /// A number as text.
    object_count: Option<serde_json::Value>,
    url: Option<String>,
}

/// All products with their collections. `progress` receives how many objects Shopify has written so far.
pub(super) async fn products(
    client: &Client,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<ListedProduct>, ShopifyError> {
    let id = start(client).await?;
    let Some(address) = wait(client, &id, progress).await? else { return Ok(Vec::new()) };
    let mut tries = 1;
    loop {
        let lost = match read(client, &address).await {
            Ok(rows) => return rows.join(),
            Err(ReadFailure::Line(problem)) => return Err(answer("bulk result", problem)),
            Err(ReadFailure::Connection(problem)) => problem,
        };
        tries += 1;
        if tries > 5 {
            return Err(ShopifyError::Connection { operation: "bulk result".to_owned(), tries, problem: lost });
        }
        tokio::time::sleep(client.pause(tries)).await;
    }
}

async fn start(client: &Client) -> Result<String, ShopifyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        bulk_operation_run_query: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        bulk_operation: Option<Started>,
        user_errors: Vec<UserError>,
    }
    #[derive(Deserialize)]
    struct Started {
        id: String,
    }
    for number in 1..=MOST_STARTS {
        // A second one, when the first answer was lost, does no harm: it is not read.
        let answer: Answer = client.query(BULK_RUN_QUERY, json!({"query": BULK_PRODUCTS.text})).await?;
        let Payload { bulk_operation, user_errors } = answer.bulk_operation_run_query;
        let busy = |error: &UserError| matches!(error.code.as_deref(), Some("OPERATION_IN_PROGRESS" | "LIMIT_REACHED"));
        match bulk_operation {
            Some(started) if user_errors.is_empty() => return Ok(started.id),
            _ if !user_errors.is_empty() && user_errors.iter().all(busy) => tokio::time::sleep(look(number)).await,
            _ => check(BULK_RUN_QUERY.name, user_errors)?,
        }
    }
    Err(ShopifyError::Shop("the shop's places for bulk operations stay taken: expected one to become free".to_owned()))
}

/// Waits for the end of an operation; its result's address, or none for an empty result.
async fn wait(client: &Client, id: &str, progress: &mut dyn FnMut(u64)) -> Result<Option<String>, ShopifyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        bulk_operation: Option<Operation>,
    }
    for number in 1..=MOST_LOOKS {
        let answered: Answer = client.query(BULK_STATUS, json!({"id": id})).await?;
        let operation =
            answered.bulk_operation.ok_or_else(|| answer(BULK_STATUS.name, format!("{id} no longer exists")))?;
        let count = operation.object_count.as_ref();
        let count = count.and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()));
        progress(count.unwrap_or_default());
        match operation.status.as_str() {
            "COMPLETED" => return Ok(operation.url),
            "CREATED" | "RUNNING" | "CANCELING" => tokio::time::sleep(look(number)).await,
            _ => {
                let Operation { id, status, error_code, .. } = operation;
                return Err(ShopifyError::Bulk { id, status, code: error_code });
            }
        }
    }
    Err(ShopifyError::Bulk { id: id.to_owned(), status: "RUNNING".to_owned(), code: None })
}

fn look(number: u32) -> Duration {
    FIRST_LOOK.saturating_mul(number).min(LONGEST_LOOK)
}

enum ReadFailure {
    Connection(String),
    Line(String),
}

/// Rows of the result; children may come before their parents.
#[derive(Default)]
struct Rows {
    products: Vec<ListedProduct>,
    collections: HashMap<String, Vec<ListedCollection>>,
}

impl Rows {
    fn line(&mut self, line: &[u8]) -> Result<(), ReadFailure> {
        #[derive(Deserialize)]
        struct Child {
            #[serde(rename = "__parentId")]
            parent: Option<String>,
        }
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let wrong = |error: serde_json::Error| ReadFailure::Line(error.to_string());
        let child: Child = serde_json::from_slice(line).map_err(wrong)?;
        match child.parent {
            Some(parent) => {
                let collection = serde_json::from_slice(line).map_err(wrong)?;
                self.collections.entry(parent).or_default().push(collection);
            }
            None => self.products.push(serde_json::from_slice(line).map_err(wrong)?),
        }
        Ok(())
    }

    fn join(mut self) -> Result<Vec<ListedProduct>, ShopifyError> {
        for product in &mut self.products {
            product.set_collections(self.collections.remove(&product.id).unwrap_or_default());
        }
        if let Some(parent) = self.collections.keys().next() {
            return Err(answer("bulk result", format!("holds collections of {parent}, but not the product")));
        }
        Ok(self.products)
    }
}

async fn read(client: &Client, address: &str) -> Result<Rows, ReadFailure> {
    let lost = |error: reqwest::Error| ReadFailure::Connection(error.without_url().to_string());
    let mut response = client.download(address).await.map_err(lost)?;
    let (mut rows, mut rest) = (Rows::default(), Vec::new());
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        rest.extend_from_slice(&chunk);
        if let Some(end) = memchr::memrchr(b'\n', &rest) {
            let behind = rest.split_off(end + 1);
            rest.split(|byte| *byte == b'\n').try_for_each(|line| rows.line(line))?;
            rest = behind;
        }
        if rest.len() > LONGEST_LINE {
            return Err(ReadFailure::Line(format!("a line is longer than {LONGEST_LINE} bytes")));
        }
    }
    rows.line(&rest)?;
    Ok(rows)
}
