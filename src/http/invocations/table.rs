//! Rows one after the other: the cells of each enter, their sessions leave, or what is wrong with the table.
//!
//! Rows are read as they come and nothing is kept of other columns. Cells of a wrong type end the reading; whether
//! columns are missing, and values that cannot be used, are reported at the end, in this order, as MLflow's servers do.

use std::borrow::Cow;

use serde_json::value::RawValue;
use slirec_engine::ViewHistory;

use super::cells::{self, CellProblem, CellRules};
use super::refusal::Refusal;
use crate::http::raw_json::members;

/// Columns of the signature, in its order.
pub(crate) const COLUMNS: [&str; 3] = ["userId", "items", "timestamps"];

/// What an invocation may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) cells: CellRules,
    /// Most rows.
    pub(crate) rows: usize,
}

/// The cells of one row, as far as they are there; in the order of [`COLUMNS`].
pub(crate) type Row<'a> = [Option<&'a RawValue>; 3];

/// A column of the signature, in the order of [`COLUMNS`]; in one byte, since `columns` may name millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    User,
    Items,
    Timestamps,
}

impl Column {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::User, Self::Items, Self::Timestamps];

    /// The one with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        COLUMNS.iter().zip(Self::ALL).find(|(column, _)| **column == name).map(|(_, column)| column)
    }
}

/// The cells of a row that is an object; of members with one name the last one counts.
pub(crate) fn row_of_members(object: &RawValue) -> Result<Row<'_>, Refusal> {
    let mut row = Row::default();
    members(object, |name: Cow<'_, str>, value| {
        if let Some(cell) = Column::named(&name).and_then(|column| row.get_mut(column as usize)) {
            *cell = Some(value);
        }
        Ok::<(), Refusal>(())
    })?;
    Ok(row)
}

/// A table that is being read.
#[derive(Debug)]
pub(crate) struct Table {
    /// Where its rows stand, such as `dataframe_split.data`.
    place: &'static str,
    rules: Rules,
    /// Whether each column is known to exist.
    exists: [bool; 3],
    /// The first row without a list that the column needs.
    gap: Option<(usize, &'static str)>,
    rows: usize,
    sessions: Vec<ViewHistory>,
    /// The first value that cannot be used.
    wrong: Option<Refusal>,
}

impl Table {
    /// Without rows; `exists` says which columns are named beside the rows.
    pub(crate) fn new(place: &'static str, rules: Rules, exists: [bool; 3]) -> Self {
        Self { place, rules, exists, gap: None, rows: 0, sessions: Vec::new(), wrong: None }
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, row: Row<'_>) -> Result<(), Refusal> {
        let number = self.rows;
        if number >= self.rules.rows {
            let most = self.rules.rows;
            return Err(Refusal::request(format!(
                "{}: found more than {most} rows: expected at most {most}",
                self.place
            )));
        }
        self.rows += 1;
        for (exists, cell) in self.exists.iter_mut().zip(row) {
            *exists |= cell.is_some();
        }
        let [_, items, timestamps] = row;
        for (cell, name) in [(items, "items"), (timestamps, "timestamps")] {
            if cell.is_none() {
                self.gap.get_or_insert((number, name));
            }
        }
        let items = items.map(|cell| cells::items(cell, self.rules.cells)).transpose();
        let items = self.reported(number, items)?.flatten();
        let timestamps = timestamps.map(|cell| cells::timestamps(cell, self.rules.cells)).transpose();
        let timestamps = self.reported(number, timestamps)?.flatten();
        if let (Some(items), Some(timestamps)) = (items, timestamps)
            && let Some(session) = self.reported(number, cells::history(items, timestamps))?
        {
            self.sessions.push(session);
        }
        Ok(())
    }

    /// Says of rows that are only labelled that they have no cells.
    pub(crate) fn add_empty(&mut self, rows: usize) {
        if rows > 0 {
            self.gap.get_or_insert((self.rows, "items"));
        }
    }

    /// The sessions, one for each row. `incomplete` refuses a table in which some rows have a column and others have
    /// not.
    pub(crate) fn finish(self, incomplete: fn(String) -> Refusal) -> Result<Vec<ViewHistory>, Refusal> {
        let Self { place, exists, gap, rows, sessions, wrong, .. } = self;
        let missing = || COLUMNS.iter().zip(exists).filter(|(_, exists)| !exists).map(|(name, _)| *name);
        if let Some((row, name)) = gap.filter(|(_, name)| !missing().any(|missing| missing == *name)) {
            return Err(incomplete(format!("{place}[{row}].{name}: is missing: expected a list of strings")));
        }
        let missing: Vec<&str> = missing().collect();
        if !missing.is_empty() {
            return Err(Refusal::missing(place, &missing));
        }
        match wrong {
            Some(wrong) => Err(wrong),
            None if rows == 0 => Err(Refusal::request(format!("{place}: found no rows: expected at least one"))),
            None => Ok(sessions),
        }
    }

    /// The content of a cell; none for a value that cannot be used, which is reported later.
    fn reported<T>(&mut self, row: usize, read: Result<T, CellProblem>) -> Result<Option<T>, Refusal> {
        let refused = |problem: String| Refusal::request(format!("{}[{row}].{problem}", self.place));
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
