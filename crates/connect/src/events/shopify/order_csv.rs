//! The admin's order export: CSV with a row for every line item enters. The columns of the order stand in one of its rows
//! only, which may come before or behind the others, or lie in another file; rows without the order's name belong to the
//! row before. Products have no handle and no id there, only an SKU and a title.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use super::order_rows::{OrderRow, OrderRows};
use super::{hashed, shopper_of_email};
use crate::closest::listed;
use crate::events::event::{Event, Kind, ProductName};
use crate::events::problem::Problem;
use crate::events::sink::{Sink, shown};
use crate::events::table::{guess, row_text};
use crate::time::{TimeReader, TimeRule};

/// Columns of the export. Those of the order stand in one of its rows, those of the line item in each.
const COLUMNS: [&str; 11] = [
    "Name",
    "Email",
    "Cancelled at",
    "Paid at",
    "Created at",
    "Financial Status",
    "Refunded Amount",
    "Total",
    "Phone",
    "Lineitem name",
    "Lineitem sku",
];

/// Those that must be there.
const NEEDED: [usize; 3] = [0, 4, 9];

/// Between the values of a row that is kept: no text holds it.
const UNIT: char = '\u{1f}';

/// Longest header, in bytes.
const LONGEST_HEADER: u64 = 1 << 20;

/// Keeps all rows of a file.
pub(in crate::events) fn read(
    input: &mut dyn Read,
    file: &(usize, Arc<str>),
    rows: &mut OrderRows,
    sink: &mut Sink<'_>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let mut input = BufReader::new(input);
    let mut header = Vec::new();
    (&mut input).take(LONGEST_HEADER).read_until(b'\n', &mut header)?;
    let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&header);
    let separator = guess(header).bytes().next().unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().flexible(true).delimiter(separator).from_reader(header.chain(input));
    let headers = reader.headers().map_err(io::Error::other)?.clone();
    let places = COLUMNS.map(|name| headers.iter().position(|header| header.trim().eq_ignore_ascii_case(name)));
    for (needed, name) in COLUMNS.iter().enumerate().filter(|(column, _)| NEEDED.contains(column)) {
        if places.get(needed).is_none_or(Option::is_none) {
            let found = listed(headers.iter());
            let problem = format!("has no column `{name}`: expected the admin's order export, found {found}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
    }
    let mut record = csv::StringRecord::new();
    let (mut bytes, mut order) = (0, String::new());
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
            Ok(_) => {
                sink.suspend_row();
                keep(&record, &places, &mut order, file, line, rows)
            }
            Err(error) => match error.into_kind() {
                csv::ErrorKind::Io(error) => return Err(error),
                csv::ErrorKind::Utf8 { .. } => Err("found bytes that are not UTF-8".into()),
                kind => Err(format!("{kind:?}").into()),
            },
        };
        sink.finish_row(result, row_text(&record).as_bytes())?;
    }
}

/// Keeps a row under the name of its order.
fn keep(
    record: &csv::StringRecord,
    places: &[Option<usize>; COLUMNS.len()],
    order: &mut String,
    file: &(usize, Arc<str>),
    line: u64,
    rows: &mut OrderRows,
) -> Result<(), Problem> {
    let values = places.map(|place| place.and_then(|place| record.get(place)).unwrap_or_default().trim());
    let [name, ..] = values;
    if !name.is_empty() {
        name.clone_into(order);
    } else if order.is_empty() {
        return Err("no order: expected a name, or a row before that has one".into());
    }
    let [_, _, _, paid, created, ..] = values;
    rows.sample(if paid.is_empty() { created } else { paid });
    let content = values.map(|value| value.replace(UNIT, " ")).join(&UNIT.to_string());
    Ok(rows.push(order.as_bytes(), 1, file, line, content.as_bytes())?)
}

/// Makes purchases of the rows of all orders, whose times are written by the rule.
pub(in crate::events) fn join(rows: OrderRows, rule: &TimeRule, sink: &mut Sink<'_>) -> io::Result<()> {
    let times = TimeReader::decide(rule, sink.latest(), rows.times(), None);
    rows.for_each_order(sink, &mut |name, rows, sink| {
        let texts: Vec<String> = rows.iter().map(|row| String::from_utf8_lossy(&row.content).into_owned()).collect();
        let values: Vec<Vec<&str>> = texts.iter().map(|text| text.split(UNIT).collect()).collect();
        let order = Order::of(&values);
        for (OrderRow { file, row, content, done, .. }, values) in rows.iter().zip(&values) {
            if !done {
                sink.resume_row(file, *row);
                let result = order.line_item((name, &times), values, sink);
                sink.finish_row(result, content)?;
            }
        }
        Ok(())
    })
}

/// What one of its rows says of an order.
struct Order<'a> {
    email: &'a str,
    phone: &'a str,
    cancelled: bool,
    refunded: bool,
    /// When it was paid, or else made.
    time: &'a str,
}

impl<'a> Order<'a> {
    fn of(rows: &[Vec<&'a str>]) -> Self {
        let first = |column: usize| {
            let mut values = rows.iter().filter_map(|row| row.get(column).copied());
            values.find(|value| !value.is_empty()).unwrap_or_default()
        };
        let [email, cancelled, paid, created, status, back, total, phone] = [1, 2, 3, 4, 5, 6, 7, 8].map(first);
        let amount = |text: &str| text.parse::<f64>().unwrap_or_default();
        Self {
            email,
            phone,
            cancelled: !cancelled.is_empty() || status.eq_ignore_ascii_case("voided"),
            refunded: status.eq_ignore_ascii_case("refunded") || amount(total) > 0.0 && amount(back) >= amount(total),
            time: if paid.is_empty() { created } else { paid },
        }
    }

    fn line_item(
        &self,
        (name, times): (&str, &TimeReader),
        values: &[&str],
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        if self.cancelled {
            sink.ignore("cancelled or test order");
            return Ok(());
        }
        let value = |column: usize| values.get(column).copied().unwrap_or_default();
        let (title, sku) = (value(9), value(10));
        if title.is_empty() && sku.is_empty() {
            sink.ignore("no line item");
            return Ok(());
        }
        let time = sink.read_time(times, self.time);
        let time = time.map_err(|problem| format!("order {}: time: {problem}", shown(name)))?;
        let user = match (self.email, self.phone) {
            ("", "") => String::new(),
            ("", phone) => hashed("phone", &phone.chars().filter(char::is_ascii_digit).collect::<String>()),
            (email, _) => shopper_of_email(email),
        };
        let product = ProductName::AnyOf { handle: None, id: None, sku: Some(sku), title: Some(title) };
        let kind = if self.refunded { Kind::Refund } else { Kind::Transaction };
        sink.event(&Event { month_first: time.month_first, ..Event::new(&user, product, time.seconds, kind) })
    }
}
