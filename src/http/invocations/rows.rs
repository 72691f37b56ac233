//! `inputs`, `instances` and `dataframe_records`: rows as objects, one or several; and columns below `inputs`.

use serde_json::value::RawValue;
use slirec_engine::ViewHistory;

use super::cells::CellRules;
use super::columns;
use super::refusal::Refusal;
use super::table::{COLUMNS, Row, Rules, Table, row_of_members};
use crate::http::raw_json::{Kind, each, kind};

/// Reads `inputs`: a row, rows, or columns, which MLflow does not accept and which mean one thing only.
pub(crate) fn from_inputs(payload: &RawValue, rules: Rules) -> Result<Vec<ViewHistory>, Refusal> {
    // As recorded: under `inputs` times are texts.
    let rules = Rules { cells: CellRules { number_times: false, ..rules.cells }, ..rules };
    if kind(payload) == Kind::Object {
        let row = row_of_members(payload)?;
        if are_columns(row)? {
            return columns::sessions("inputs", row, None, rules);
        }
    }
    rows("inputs", payload, rules)?.finish(Refusal::signature)
}

/// Reads `instances`: a row or rows.
pub(crate) fn from_instances(payload: &RawValue, rules: Rules) -> Result<Vec<ViewHistory>, Refusal> {
    let table = rows("instances", payload, rules)?;
    // MLflow makes columns of several rows, which must be complete.
    let incomplete = if table.rows() > 1 { Refusal::request } else { Refusal::signature };
    table.finish(incomplete)
}

/// Reads a whole request as one row, as MLflow does with `messages`, `prompt` or `input` at the top.
pub(crate) fn from_request(request: &RawValue, rules: Rules) -> Result<Vec<ViewHistory>, Refusal> {
    let row = row_of_members(request)?;
    let [user, items, timestamps] = row;
    let missing = COLUMNS.iter().zip(row).filter(|(_, cell)| cell.is_none()).map(|(name, _)| *name);
    let missing: Vec<&str> = missing.collect();
    if !missing.is_empty() {
        return Err(Refusal::missing("body", &missing));
    }
    if let Some(found) = user.map(kind).filter(|kind| matches!(kind, Kind::Number | Kind::Bool)) {
        return Err(Refusal::signature(format!("body.userId: found {found}: expected a string")));
    }
    for (name, cell) in [("items", items), ("timestamps", timestamps)] {
        if let Some(found) = cell.map(kind).filter(|kind| *kind != Kind::List) {
            return Err(Refusal::signature(format!("body.{name}: found {found}: expected a list of strings")));
        }
    }
    let mut table = Table::new("body", rules, [true; 3]);
    table.add(row)?;
    table.finish(Refusal::signature)
}

/// Reads `dataframe_records`: a list of objects.
pub(crate) fn from_records(payload: &RawValue, rules: Rules) -> Result<Vec<ViewHistory>, Refusal> {
    const PLACE: &str = "dataframe_records";
    if kind(payload) != Kind::List {
        return Err(Refusal::request(format!("{PLACE}: found {}: expected a list of objects", kind(payload))));
    }
    let mut table = Table::new(PLACE, rules, [false; 3]);
    let mut first = None;
    each(payload, |row, value| {
        let first = *first.get_or_insert(kind(value));
        check_alike(PLACE, row, first, kind(value))?;
        table.add(if first == Kind::Object { row_of_members(value)? } else { Row::default() })
    })?;
    table.finish(Refusal::request)
}

/// Rows of a table have the kind of the first one; whatever follows a row that is none is none either.
pub(crate) fn check_alike(place: &str, row: usize, first: Kind, found: Kind) -> Result<(), Refusal> {
    if first == found || !matches!(first, Kind::Object | Kind::List) {
        return Ok(());
    }
    Err(Refusal::request(format!("{place}[{row}]: found {found}: expected {first} like the rows before")))
}

fn rows(place: &'static str, payload: &RawValue, rules: Rules) -> Result<Table, Refusal> {
    let mut table = Table::new(place, rules, [false; 3]);
    match kind(payload) {
        Kind::Object => table.add(row_of_members(payload)?)?,
        Kind::List => each(payload, |row, value| match kind(value) {
            Kind::Object => table.add(row_of_members(value)?),
            found => Err(no_row(place, row, value, found, table.rows() > 0)?),
        })?,
        found => {
            let expected = "expected a row such as {\"userId\": \"u\", \"items\": [\"novel\"], \"timestamps\": [\"1730807061\"]}, \
                            or a list of rows";
            return Err(Refusal::signature(format!("{place}: found {found}: {expected}")));
        }
    }
    Ok(table)
}

/// The message for a value in the place of a row. MLflow's codes distinguish lists that make no array from other
/// values, and rows of `instances` from those of `inputs`.
fn no_row(
    place: &'static str,
    row: usize,
    value: &RawValue,
    found: Kind,
    behind_rows: bool,
) -> Result<Refusal, Refusal> {
    let message = format!("{place}[{row}]: found {found}: expected an object with userId, items and timestamps");
    let ragged = found == Kind::List && (behind_rows || is_ragged(value)?);
    let of_instances = behind_rows && place == "instances";
    Ok(if ragged || of_instances { Refusal::request(message) } else { Refusal::signature(message) })
}

/// A list of lists and other values.
fn is_ragged(list: &RawValue) -> Result<bool, Refusal> {
    let (mut lists, mut others) = (false, false);
    each(list, |_, element| {
        lists |= kind(element) == Kind::List;
        others |= kind(element) != Kind::List;
        Ok::<(), Refusal>(())
    })?;
    Ok(lists && others)
}

/// Columns are meant when users are a list and both histories are lists of lists.
fn are_columns(row: Row<'_>) -> Result<bool, Refusal> {
    let [Some(user), Some(items), Some(timestamps)] = row else { return Ok(false) };
    Ok(kind(user) == Kind::List && is_list_of_lists(items)? && is_list_of_lists(timestamps)?)
}

fn is_list_of_lists(value: &RawValue) -> Result<bool, Refusal> {
    if kind(value) != Kind::List {
        return Ok(false);
    }
    let (mut any, mut all) = (false, true);
    each(value, |_, element| {
        any = true;
        all &= kind(element) == Kind::List;
        Ok::<(), Refusal>(())
    })?;
    Ok(any && all)
}
