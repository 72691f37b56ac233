//! `dataframe_split`: `data`, and optionally `columns` and `index`, as pandas' `to_dict("split")` writes them, in any
//! order.

use serde_json::value::RawValue;
use slirec_engine::ViewHistory;

use super::columns;
use super::refusal::Refusal;
use super::rows::check_alike;
use super::table::{COLUMNS, Column, Row, Rules, Table, row_of_members};
use crate::http::quote::quoted;
use crate::http::raw_json::{Kind, each, kind, members, text};

const PLACE: &str = "dataframe_split.data";

/// Reads the table.
pub(crate) fn from_split(payload: &RawValue, rules: Rules) -> Result<Vec<ViewHistory>, Refusal> {
    const EXPECTED: &str = "expected an object with `data`, and optionally `columns` and `index`";
    if kind(payload) != Kind::Object {
        return Err(Refusal::request(format!("dataframe_split: found {}: {EXPECTED}", kind(payload))));
    }
    let [mut data, mut columns, mut index] = Row::default();
    members(payload, |name, value| {
        let member = match &*name {
            "data" => &mut data,
            "columns" => &mut columns,
            "index" => &mut index,
            _ => return Err(Refusal::request(format!("dataframe_split: found {}: {EXPECTED}", quoted(&name)))),
        };
        *member = Some(value);
        Ok(())
    })?;
    let data = data.ok_or_else(|| Refusal::request(format!("dataframe_split: found no `data`: {EXPECTED}")))?;
    let names = columns.map(names).transpose()?.flatten();
    let labels = index.map(labels).transpose()?.flatten();
    match kind(data) {
        Kind::Null => from_rows(None, names.as_deref(), labels, rules),
        Kind::List => from_rows(Some(data), names.as_deref(), labels, rules),
        Kind::Object => from_columns(data, names.as_deref(), labels, rules),
        found => Err(Refusal::request(format!("{PLACE}: found {found}: expected a list of rows, or columns"))),
    }
}

/// `columns`: for each position the column of the signature, if it is one.
fn names(columns: &RawValue) -> Result<Option<Vec<Option<Column>>>, Refusal> {
    let mut names = Vec::new();
    match kind(columns) {
        Kind::Null => return Ok(None),
        Kind::List => each(columns, |_, name| {
            names.push(text(name).and_then(|name| Column::named(&name)));
            Ok::<(), Refusal>(())
        })?,
        // As in pandas, an object counts by the names of its members.
        Kind::Object => members(columns, |name, _| {
            names.push(Column::named(&name));
            Ok::<(), Refusal>(())
        })?,
        found => {
            return Err(Refusal::request(format!("dataframe_split.columns: found {found}: expected a list of names")));
        }
    }
    for (column, name) in Column::ALL.into_iter().zip(COLUMNS) {
        if names.iter().filter(|found| **found == Some(column)).count() > 1 {
            let message = format!("dataframe_split.columns: found {name} twice: expected it once");
            return Err(if column == Column::User { Refusal::request(message) } else { Refusal::signature(message) });
        }
    }
    Ok(Some(names))
}

/// How many labels `index` has; they are not used, and there must be one for each row.
fn labels(index: &RawValue) -> Result<Option<usize>, Refusal> {
    match kind(index) {
        Kind::Null => Ok(None),
        Kind::List => columns::count(index).map(Some),
        Kind::Object => {
            let mut count = 0;
            members(index, |_, _| {
                count += 1;
                Ok::<(), Refusal>(())
            })?;
            Ok(Some(count))
        }
        found => Err(Refusal::request(format!("dataframe_split.index: found {found}: expected a list of labels"))),
    }
}

fn named(names: &[Option<Column>]) -> [bool; 3] {
    Column::ALL.map(|column| names.contains(&Some(column)))
}

fn from_rows(
    data: Option<&RawValue>,
    names: Option<&[Option<Column>]>,
    labels: Option<usize>,
    rules: Rules,
) -> Result<Vec<ViewHistory>, Refusal> {
    let exists = names.map(named);
    let mut table = Table::new(PLACE, rules, exists.unwrap_or_default());
    let mut first = None;
    let mut width = 0;
    if let Some(data) = data {
        each(data, |row, value| {
            let first = *first.get_or_insert(kind(value));
            check_alike(PLACE, row, first, kind(value))?;
            table.add(match first {
                Kind::Object => row_of_names(value, exists)?,
                Kind::List => {
                    let (cells, found) = row_of_cells(value, names.unwrap_or_default())?;
                    width = width.max(found);
                    cells
                }
                _ => Row::default(),
            })
        })?;
    }
    // Values that are no rows make one column.
    let width = match first {
        None | Some(Kind::Object) => None,
        Some(Kind::List) => Some(width),
        Some(_) => Some(1),
    };
    if let (Some(names), Some(width)) = (names, width)
        && names.len() != width
    {
        let message = format!("{PLACE}: found {width} columns: expected {}, as in `columns`", names.len());
        return Err(Refusal::request(message));
    }
    let no_label = labels == Some(0) && table.rows() == 1;
    let sessions = with_labels(table, labels)?.finish(Refusal::request)?;
    if no_label {
        let message = "dataframe_split.index: found no label: expected one for each row";
        return Err(Refusal::request(message.to_owned()));
    }
    Ok(sessions)
}

/// Without data labels make rows of nothing, and no labels take a single row away (which is reported last), as in
/// pandas. Pandas also repeats a single row for several labels; that is not done here, so that a small body never
/// becomes a large one.
fn with_labels(mut table: Table, labels: Option<usize>) -> Result<Table, Refusal> {
    let rows = table.rows();
    match labels {
        Some(0) if rows == 1 => {}
        Some(labels) if rows == 0 => table.add_empty(labels),
        Some(labels) if labels != rows => {
            let message = format!("dataframe_split.index: found {labels} labels: expected {rows}, one for each row");
            return Err(Refusal::request(message));
        }
        _ => {}
    }
    Ok(table)
}

/// The named cells of a row that is an object.
fn row_of_names(row: &RawValue, exists: Option<[bool; 3]>) -> Result<Row<'_>, Refusal> {
    let mut cells = row_of_members(row)?;
    for (cell, exists) in cells.iter_mut().zip(exists.unwrap_or([true; 3])) {
        *cell = cell.filter(|_| exists);
    }
    Ok(cells)
}

/// The named cells of a row that is a list, and how many it has.
fn row_of_cells<'a>(row: &'a RawValue, names: &[Option<Column>]) -> Result<(Row<'a>, usize), Refusal> {
    let mut cells = Row::default();
    let mut width = 0;
    each(row, |position, value| {
        width += 1;
        let column = names.get(position).copied().flatten();
        if let Some(cell) = column.and_then(|column| cells.get_mut(column as usize)) {
            *cell = Some(value);
        }
        Ok::<(), Refusal>(())
    })?;
    Ok((cells, width))
}

/// `data` with columns by name. A value that is no list stands in every row.
fn from_columns(
    data: &RawValue,
    names: Option<&[Option<Column>]>,
    labels: Option<usize>,
    rules: Rules,
) -> Result<Vec<ViewHistory>, Refusal> {
    let exists = names.map(named);
    let cells = row_of_names(data, exists)?;
    let exists = exists.unwrap_or(cells.map(|cell| cell.is_some()));
    if let [_, Some(_), Some(_)] = cells
        && exists == [true; 3]
    {
        return columns::sessions(PLACE, cells, labels, rules);
    }
    // What is named and not there makes rows of nothing, where there are rows.
    let mut table = Table::new(PLACE, rules, exists);
    let rows = labels.unwrap_or_else(|| usize::from(cells.iter().flatten().any(|cell| kind(cell) == Kind::List)));
    table.add_empty(rows);
    table.finish(Refusal::request)
}
