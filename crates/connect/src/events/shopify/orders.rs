//! Orders of a bulk query: JSON lines enter, in which line items stand before, behind or far from their orders, or in
//! another file.

use std::io::{self, Read};
use std::sync::Arc;

use serde::Deserialize;

use super::order_rows::{OrderRow, OrderRows};
use super::shopper_of_email;
use crate::events::event::{Event, Kind, ProductName};
use crate::events::fields::{self, Text};
use crate::events::input::Blocks;
use crate::events::problem::Problem;
use crate::events::sink::Sink;
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
    /// Of orders: `REFUNDED`, `VOIDED`, ….
    #[serde(borrow)]
    display_financial_status: Option<Text<'a>>,
    /// Of line items: what is left after refunds and edits.
    current_quantity: Option<f64>,
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
    rows: &mut OrderRows,
    sink: &mut Sink<'_>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
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
                rows.push(order.as_bytes(), rank, file, number, line)?;
                if rank == 0 {
                    sink.ignore("order itself");
                } else {
                    sink.suspend_row();
                }
                Ok(())
            });
            sink.finish_row(result, line)?;
        }
    }
    Ok(())
}

/// Makes purchases of the line items of all orders.
pub(in crate::events) fn join(rows: OrderRows, sink: &mut Sink<'_>) -> io::Result<()> {
    rows.for_each_order(sink, &mut |id, rows, sink| {
        let order = rows.iter().find(|row| row.rank == 0);
        for OrderRow { file, row, content, .. } in rows.iter().filter(|row| row.rank != 0 && !row.done) {
            sink.resume_row(file, *row);
            let result = match order {
                Some(order) => line_item(&order.content, content, sink),
                None => Err(format!("order {id}: is not in the file").into()),
            };
            sink.finish_row(result, content)?;
        }
        Ok(())
    })
}

fn line_item(order: &[u8], item: &[u8], sink: &mut Sink<'_>) -> Result<(), Problem> {
    let order: Row<'_> = serde_json::from_slice(order).map_err(fields::problem)?;
    let item: Row<'_> = serde_json::from_slice(item).map_err(fields::problem)?;
    let status = order.display_financial_status.as_deref().unwrap_or_default();
    if order.test == Some(true) || order.cancelled_at.is_some() || status.eq_ignore_ascii_case("voided") {
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
    let refunded = status.eq_ignore_ascii_case("refunded") || item.current_quantity.is_some_and(|left| left <= 0.0);
    let kind = if refunded { Kind::Refund } else { Kind::Transaction };
    sink.event(&Event { id: item.id.as_deref(), ..Event::new(&user, name, time, kind) })
}
