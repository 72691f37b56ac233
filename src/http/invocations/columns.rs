//! Columns beside each other: `{"userId": […], "items": [[…], …], "timestamps": [[…], …]}` enters, a session for each
//! position leaves.

use serde_json::value::RawValue;
use slirec_engine::{Texts, ViewHistory};

use super::cells::{self, CellProblem};
use super::refusal::Refusal;
use super::table::{COLUMNS, Row, Rules};
use crate::http::raw_json::{Kind, each, kind};

/// Reads columns that are all there. Users may be one value for all rows. `labels` says how many rows there must be.
pub(crate) fn sessions(
    place: &str,
    columns: Row<'_>,
    labels: Option<usize>,
    rules: Rules,
) -> Result<Vec<ViewHistory>, Refusal> {
    let [user, Some(items), Some(timestamps)] = columns else {
        return Err(Refusal::missing(place, &COLUMNS));
    };
    for (name, column) in [("items", items), ("timestamps", timestamps)] {
        if kind(column) != Kind::List {
            let found = kind(column);
            return Err(Refusal::request(format!(
                "{place}.{name}: found {found}: expected a list of lists of strings"
            )));
        }
    }
    let mut column = Columns { place, rules, wrong: None };
    let mut handles: Vec<Texts> = Vec::new();
    each(items, |row, cell| {
        column.check_row("items", row)?;
        let read = cells::items(cell, rules.cells);
        handles.push(column.reported("items", row, read)?.unwrap_or_default());
        Ok::<(), Refusal>(())
    })?;
    let (rows, mut handles) = (handles.len(), handles.into_iter());
    let mut sessions = Vec::new();
    let mut times = 0;
    each(timestamps, |row, cell| {
        column.check_row("timestamps", row)?;
        times += 1;
        let read = cells::timestamps(cell, rules.cells);
        let (timestamps, items) = (column.reported("timestamps", row, read)?, handles.next());
        if let (Some(timestamps), Some(items)) = (timestamps, items)
            && column.wrong.is_none()
        {
            sessions.extend(column.reported("items", row, cells::history(items, timestamps))?);
        }
        Ok::<(), Refusal>(())
    })?;
    let users = user.filter(|user| kind(user) == Kind::List).map(count).transpose()?;
    let expected = labels.unwrap_or(rows);
    let lengths = [("userId", users.unwrap_or(expected)), ("items", rows), ("timestamps", times)];
    if let Some((name, found)) = lengths.into_iter().find(|(_, found)| *found != expected) {
        return Err(Refusal::request(format!("{place}.{name}: found {found} rows: expected {expected}")));
    }
    match column.wrong {
        Some(wrong) => Err(wrong),
        None if rows == 0 => Err(Refusal::request(format!("{place}: found no rows: expected at least one"))),
        None => Ok(sessions),
    }
}

/// How many elements a list has.
pub(crate) fn count(list: &RawValue) -> Result<usize, Refusal> {
    let mut count = 0;
    each(list, |_, _| {
        count += 1;
        Ok::<(), Refusal>(())
    })?;
    Ok(count)
}

struct Columns<'a> {
    place: &'a str,
    rules: Rules,
    wrong: Option<Refusal>,
}

impl Columns<'_> {
    fn check_row(&self, name: &str, row: usize) -> Result<(), Refusal> {
        if row < self.rules.rows {
            return Ok(());
        }
        let (place, most) = (self.place, self.rules.rows);
        Err(Refusal::request(format!("{place}.{name}: found more than {most} rows: expected at most {most}")))
    }

    /// As in a table of rows: a value that cannot be used is reported after cells of a wrong type.
    fn reported<T>(&mut self, name: &str, row: usize, read: Result<T, CellProblem>) -> Result<Option<T>, Refusal> {
        let refused = |problem: String| Refusal::request(format!("{}.{name}[{row}]: {problem}", self.place));
        match read {
            Ok(read) => Ok(Some(read)),
            Err(CellProblem::Value(problem)) => {
                self.wrong = self.wrong.take().or_else(|| Some(refused(problem)));
                Ok(None)
            }
            Err(CellProblem::Type(problem) | CellProblem::Limit(problem)) => Err(refused(problem)),
        }
    }
}
