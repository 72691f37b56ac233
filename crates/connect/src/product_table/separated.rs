//! Separated text: CSV, TSV, text with another separator, with or without a header.

use slirec_core::catalog::Product;

use super::{Lines, ProductTable};
use crate::closest::no_column;
use crate::events::table::{Column, guess};

pub(super) fn read(table: &ProductTable, text: &str) -> Lines<Product> {
    let first = text.lines().next().unwrap_or_default();
    let separator = table.separator.as_deref().unwrap_or(guess(first.as_bytes()));
    let mut rows = rows(text, separator)?.into_iter();
    let header = if table.header { rows.next().map(|(_, header)| header).unwrap_or_default() } else { Vec::new() };
    let place = |column: &Column| {
        let by_name = header.iter().position(|name| name.trim() == column.name());
        by_name.or_else(|| column.name().parse::<usize>().ok()?.checked_sub(1))
    };
    if let Some(column) = table.columns().find(|column| place(column).is_none()) {
        let problem = if table.header {
            no_column(column.name(), header.iter().map(|name| name.trim()))
        } else {
            format!("has no column `{column}`: found no header, so that columns are numbers")
        };
        return Err((1, problem));
    }
    let rows: Vec<(u64, Vec<String>)> = rows.collect();
    // A number beyond every row names no column.
    let width = rows.iter().map(|(_, row)| row.len()).max().unwrap_or(usize::MAX).max(header.len());
    if let Some(column) = table.columns().find(|column| place(column).is_some_and(|place| place >= width)) {
        return Err((1, format!("has no column `{column}`: found {width} columns")));
    }
    let product = |(number, row): (u64, Vec<String>)| {
        let value = |column: &Column| Some(row.get(place(column)?)?.trim().to_owned());
        Ok((number, table.product(&value).map_err(|problem| (number, problem))?))
    };
    rows.into_iter().map(product).collect()
}

/// Rows with the lines that they begin at. A separator of one character may stand in quotes.
pub(crate) fn rows(text: &str, separator: &str) -> Lines<Vec<String>> {
    let [separator_byte] = separator.as_bytes() else {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        return Ok(lines.map(|(number, line)| (number, line.split(separator).map(str::to_owned).collect())).collect());
    };
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(*separator_byte).flexible(true).has_headers(false).quoting(*separator_byte != b'\t');
    let mut reader = builder.from_reader(text.as_bytes());
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(|error| (error.position().map_or(1, csv::Position::line), error.to_string()))?;
        Ok((record.position().map_or(1, csv::Position::line), record.iter().map(str::to_owned).collect()))
    };
    let all = |row: &Result<(u64, Vec<String>), _>| {
        row.as_ref().is_ok_and(|(_, row): &(u64, Vec<String>)| row.iter().all(|value| value.trim().is_empty()))
    };
    reader.records().map(row).filter(|row| !all(row)).collect()
}
