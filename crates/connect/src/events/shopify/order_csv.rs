//! The admin's order export: CSV with a row for every line item enters. The columns of the order stand in its first row
//! only; products have no handle and no id there, only an SKU and a title.

use std::io::{self, Read};
use std::sync::Arc;

use super::shopper_of_email;
use crate::events::event::{Event, Kind, ProductName};
use crate::events::sink::{Problem, Sink};
use crate::events::table::row_text;
use crate::time;

/// Columns of the export.
const NAME: &str = "Name";
const EMAIL: &str = "Email";
const CANCELLED: &str = "Cancelled at";
const TITLE: &str = "Lineitem name";
const SKU: &str = "Lineitem sku";
/// The first of them that a row has is its time.
const TIMES: [&str; 2] = ["Paid at", "Created at"];

/// What the rows behind the first one of an order need.
#[derive(Default)]
struct Order {
    name: String,
    user: String,
    time: String,
    cancelled: bool,
}

/// Reads all rows of a file.
pub(in crate::events) fn read(
    input: &mut dyn Read,
    file: &(usize, Arc<str>),
    sink: &mut Sink<'_>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let headers = reader.headers().map_err(io::Error::other)?.clone();
    let column = |name: &str| headers.iter().position(|header| header.trim().eq_ignore_ascii_case(name));
    let columns = [NAME, EMAIL, CANCELLED, TITLE, SKU, TIMES[0], TIMES[1]].map(column);
    for (name, column) in [(NAME, columns[0]), (TITLE, columns[3]), (TIMES[1], columns[6])] {
        if column.is_none() {
            let found = headers.iter().collect::<Vec<_>>().join(", ");
            let problem = format!("has no column `{name}`: expected the admin's order export, found {found}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
    }
    let mut order = Order::default();
    let mut record = csv::StringRecord::new();
    let mut bytes = 0;
    loop {
        let line = reader.position().line();
        let read = reader.read_record(&mut record);
        if matches!(read, Ok(false)) {
            return Ok(());
        }
        sink.start_row(file, line);
        let position = reader.position().byte();
        progress(position - bytes);
        bytes = position;
        let result = match read {
            Ok(_) => row(&record, &columns, &mut order, sink),
            Err(error) => match error.into_kind() {
                csv::ErrorKind::Io(error) => return Err(error),
                kind => Err(format!("{kind:?}").into()),
            },
        };
        sink.finish_row(result, row_text(&record).as_bytes())?;
    }
}

fn row(
    record: &csv::StringRecord,
    columns: &[Option<usize>; 7],
    order: &mut Order,
    sink: &mut Sink<'_>,
) -> Result<(), Problem> {
    let [name, email, cancelled, title, sku, paid, created] =
        columns.map(|column| column.and_then(|column| record.get(column)).unwrap_or_default().trim());
    if name != order.name {
        *order = Order {
            name: name.to_owned(),
            user: if email.is_empty() { String::new() } else { shopper_of_email(email) },
            time: if paid.is_empty() { created } else { paid }.to_owned(),
            cancelled: !cancelled.is_empty(),
        };
    }
    if order.cancelled {
        sink.ignore("cancelled or test order");
        return Ok(());
    }
    let time = time::parse(&order.time).map_err(|problem| format!("order {name}: time: {problem}"))?;
    let product = ProductName::AnyOf { handle: None, id: None, sku: Some(sku), title: Some(title) };
    sink.event(&Event::new(&order.user, product, time, Kind::Transaction))
}
