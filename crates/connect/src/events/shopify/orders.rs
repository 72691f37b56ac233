//! Orders of a bulk query: JSON lines enter, in which line items stand before, behind or far from their orders.
//!
//! Both are sorted by the order's id, in bounded memory, and meet there.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::shopper_of_email;
use crate::events::event::{Event, Kind, ProductName};
use crate::events::fields::{self, Text};
use crate::events::input::Blocks;
use crate::events::sink::{Problem, Sink};
use crate::events::sort::{RUN_BYTES, Sorter, merge};
use crate::time;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    /// Of line items, the id of their order.
    #[serde(borrow, rename = "__parentId")]
    parent: Option<Text<'a>>,
    #[serde(borrow)]
    created_at: Option<Text<'a>>,
    #[serde(borrow)]
    processed_at: Option<Text<'a>>,
    #[serde(borrow)]
    cancelled_at: Option<Text<'a>>,
    test: Option<bool>,
    #[serde(borrow)]
    customer: Option<Customer<'a>>,
    #[serde(borrow)]
    email: Option<Text<'a>>,
    #[serde(borrow)]
    sku: Option<Text<'a>>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    #[serde(borrow)]
    product: Option<OrderedProduct<'a>>,
}

#[derive(Debug, Deserialize)]
struct Customer<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct OrderedProduct<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    handle: Option<Text<'a>>,
}

/// Reads all lines of a file.
pub(in crate::events) fn read(
    input: &mut dyn Read,
    file: &(usize, Arc<str>),
    directory: &Path,
    sink: &mut Sink<'_>,
    progress: &mut dyn FnMut(u64),
) -> std::io::Result<()> {
    let mut sorter = Sorter::new(directory, RUN_BYTES);
    let mut blocks = Blocks::new(input);
    while let Some(block) = blocks.next()? {
        progress(block.bytes.len() as u64);
        for (number, line) in block.lines() {
            sink.start_row(file, number);
            let row: Result<Row<'_>, Problem> =
                serde_json::from_slice(line).map_err(|error| fields::problem(error).into());
            let result = row.and_then(|row| {
                let (order, rank) = match (&row.parent, &row.id) {
                    (Some(parent), _) => (parent, 1),
                    (None, Some(id)) => (id, 0),
                    (None, None) => return Err("no id and no __parentId: expected an order or a line item".into()),
                };
                // Order, 0, whether it is the order itself, number of the line, the line.
                sorter.push(|bytes| {
                    bytes.extend(order.bytes().filter(|byte| *byte != 0));
                    bytes.extend([0, rank]);
                    bytes.extend(number.to_be_bytes());
                    bytes.extend(line);
                })?;
                Ok(())
            });
            sink.finish_row(result, line)?;
        }
    }
    let mut sorted = merge(sorter.finish()?, directory)?;
    let mut order: Option<(Vec<u8>, Vec<u8>)> = None;
    while let Some(record) = sorted.next()? {
        let Some((key, rank, number, line)) = split(&record) else { continue };
        if rank == 0 {
            order = Some((key.to_vec(), line.to_vec()));
            continue;
        }
        sink.resume_row(file, number);
        let of_order = order.as_ref().filter(|(id, _)| id == key);
        let result = match of_order {
            Some((_, of_order)) => line_item(of_order, line, sink),
            None => Err(format!("order {}: is not in the file", String::from_utf8_lossy(key)).into()),
        };
        sink.finish_row(result, line)?;
    }
    Ok(())
}

fn split(record: &[u8]) -> Option<(&[u8], u8, u64, &[u8])> {
    let end = memchr::memchr(0, record)?;
    let (key, rest) = record.split_at_checked(end)?;
    let (&[_, rank], rest) = rest.split_first_chunk::<2>()?;
    let (number, line) = rest.split_first_chunk::<8>()?;
    Some((key, rank, u64::from_be_bytes(*number), line))
}

fn line_item(order: &[u8], item: &[u8], sink: &mut Sink<'_>) -> Result<(), Problem> {
    let order: Row<'_> = serde_json::from_slice(order).map_err(fields::problem)?;
    let item: Row<'_> = serde_json::from_slice(item).map_err(fields::problem)?;
    if order.test == Some(true) || order.cancelled_at.is_some() {
        sink.ignore("cancelled or test order");
        return Ok(());
    }
    let product = item.product.as_ref();
    let name = ProductName::AnyOf {
        handle: product.and_then(|product| product.handle.as_deref()),
        id: product.and_then(|product| product.id.as_deref()),
        sku: item.sku.as_deref(),
        title: item.title.as_deref(),
    };
    if product.is_none() && item.sku.is_none() && item.title.is_none() {
        sink.ignore("deleted product");
        return Ok(());
    }
    let timestamp = order.processed_at.or(order.created_at).ok_or("the order has no processedAt and no createdAt")?;
    let time = time::parse(&timestamp).map_err(|problem| format!("time of the order: {problem}"))?;
    // The number at the end of `gid://shopify/Customer/…` is what pixels and themes know.
    let customer = order.customer.and_then(|customer| customer.id);
    let customer = customer.as_deref().and_then(|id| id.rsplit('/').next()).map(str::to_owned);
    let user = customer.or_else(|| order.email.as_deref().map(shopper_of_email)).unwrap_or_default();
    sink.event(&Event { id: item.id.as_deref(), ..Event::new(&user, name, time, Kind::Transaction) })
}
