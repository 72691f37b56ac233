//! `dataframe_split` and `dataframe_records`: a payload enters, a table with named columns leaves, as pandas builds it.
//!
//! The table borrows the payload and keeps nothing for cells that are not there, so its size is that of the body.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::frame_text;
use super::json::Json;
use super::python_text;
use super::refusal::{Name, Refusal, missing_inputs};
use super::signature::{self, COLUMNS, CellProblem, LIST_COLUMNS};
use slirec_engine::ViewHistory;

/// A table.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    names: Vec<Name>,
    cells: Cells<'a>,
    rows: usize,
}

#[derive(Debug)]
enum Cells<'a> {
    /// Rows that are objects; other rows have no cells.
    Records(&'a [Json]),
    /// Rows that are lists, under given names or not.
    Lists(&'a [Json], Naming),
    /// A single column.
    Scalars(&'a [Json]),
    /// The column of each name: a list, a value for all rows, or nothing.
    Columns(Vec<Option<&'a Json>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    Given,
    ByPosition,
}

impl<'a> Frame<'a> {
    pub(crate) fn names(&self) -> &[Name] {
        &self.names
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The cell of a row and the column at `position`.
    pub(crate) fn cell(&self, row: usize, position: usize) -> Option<&'a Json> {
        let name = self.names.get(position)?.plain();
        match &self.cells {
            Cells::Records(records) => records.get(row)?.member(name),
            Cells::Lists(lists, _) => lists.get(row)?.elements()?.get(position),
            Cells::Scalars(values) => values.get(row),
            Cells::Columns(columns) => match (*columns.get(position)?)? {
                Json::List(column) => column.get(row),
                value => Some(value),
            },
        }
    }

    /// What pandas fills a cell with that is not there.
    pub(crate) fn missing(&self) -> (&'static str, CellProblem) {
        match self.cells {
            Cells::Lists(_, Naming::Given) => ("None", CellProblem::NotAList("NoneType")),
            _ => ("NaN", CellProblem::NotAList("float")),
        }
    }

    pub(crate) fn is_of_records(&self) -> bool {
        matches!(self.cells, Cells::Records(_))
    }

    /// How such a cell is printed when its column does not only hold texts or only numbers.
    pub(crate) fn missing_among_others(&self) -> &'static str {
        match self.cells {
            Cells::Lists(..) => "None",
            _ => "NaN",
        }
    }

    /// Reads `dataframe_records`: a list of objects (or, as pandas also takes them, of lists or scalars).
    pub(crate) fn from_records(payload: &'a Json) -> Result<Self, Refusal> {
        let Json::List(rows) = payload else {
            let found = match payload {
                Json::Object(_) => "dictionary".to_owned(),
                other => format!("type <class '{}'>", other.python_type()),
            };
            let detail = format!("Dataframe records format must be a list of records. Got {found}.");
            return Err(Refusal::invalid_input(&detail));
        };
        Self::from_rows(rows, None).map_err(|problem| not_a_frame("records", &problem))
    }

    /// Reads `dataframe_split`: `data`, and optionally `columns` and `index`.
    pub(crate) fn from_split(payload: &'a Json) -> Result<Self, Refusal> {
        let Json::Object(members) = payload else {
            let found = match payload {
                Json::List(_) => "list".to_owned(),
                other => format!("type <class '{}'>", other.python_type()),
            };
            let detail = format!("Dataframe split format must be a dictionary. Got {found}.");
            return Err(Refusal::invalid_input(&detail));
        };
        let known = |name: &str| ["data", "columns", "index"].contains(&name);
        let data = payload.member("data").filter(|_| members.iter().all(|(name, _)| known(name)));
        let Some(data) = data else {
            let found = members.iter().take(50).map(|(name, _)| python_text::quoted(name)).collect::<Vec<_>>();
            let found = if found.is_empty() { "set()".to_owned() } else { format!("{{{}}}", found.join(", ")) };
            return Err(Refusal::invalid_input(&format!(
                "Dataframe split format must have 'data' field and optionally 'columns' and 'index' fields. Got {found}.'"
            )));
        };
        let frame = split_names(payload.member("columns")).and_then(|names| {
            let labels = row_labels(payload.member("index"))?;
            match data {
                Json::Null => Self::from_rows(&[], names)?.with_labels(labels),
                Json::List(rows) => Self::from_rows(rows, names)?.with_labels(labels),
                Json::Object(columns) => Self::from_columns(columns, names, labels),
                _ => Err("DataFrame constructor not properly called!".to_owned()),
            }
        });
        frame.map_err(|problem| not_a_frame("split", &problem))
    }

    /// Columns by name, of which only the named ones count. A value that is no list stands in every row.
    fn from_columns(
        data: &'a [(String, Json)],
        names: Option<Vec<Name>>,
        labels: Option<usize>,
    ) -> Result<Self, String> {
        let names = names.unwrap_or_else(|| distinct(data.iter().map(|(name, _)| name)));
        let by_name: HashMap<&str, &Json> = data.iter().map(|(name, column)| (name.as_str(), column)).collect();
        let columns = names.iter().map(|name| match name {
            Name::Text(name) => by_name.get(name.as_str()).copied(),
            Name::Other(_) => None,
        });
        let columns: Vec<Option<&Json>> = columns.collect();
        if columns.iter().flatten().any(|column| column.is_object()) {
            return Err("Mixing dicts with non-Series may lead to ambiguous ordering.".to_owned());
        }
        let lists = columns.iter().flatten().filter_map(|column| column.elements());
        let lengths: BTreeSet<usize> = lists.map(<[Json]>::len).collect();
        let rows = match (labels, lengths.first()) {
            (Some(labels), _) => {
                // A single row fits no labels at all.
                let misfit = lengths.iter().find(|length| **length != labels && (**length, labels) != (1, 0));
                misfit.map_or(Ok(labels), |length| Err(wrong_labels(*length, labels)))?
            }
            (None, None) if columns.iter().all(Option::is_none) => 0,
            (None, None) => return Err("If using all scalar values, you must pass an index".to_owned()),
            (None, Some(_)) if lengths.len() > 1 => return Err("All arrays must be of the same length".to_owned()),
            (None, Some(length)) => *length,
        };
        Ok(Self { names, cells: Cells::Columns(columns), rows })
    }

    fn from_rows(data: &'a [Json], names: Option<Vec<Name>>) -> Result<Self, String> {
        let rows = data.len();
        match data.first() {
            None => Ok(Self { names: names.unwrap_or_default(), cells: Cells::Records(data), rows }),
            Some(Json::Object(_)) => {
                if let Some(other) = data.iter().find(|row| !row.is_object()) {
                    return Err(format!("'{}' object is not iterable", other.python_type()));
                }
                let members = data.iter().filter_map(|row| match row {
                    Json::Object(members) => Some(members),
                    _ => None,
                });
                let names = names.unwrap_or_else(|| distinct(members.flatten().map(|(name, _)| name)));
                Ok(Self { names, cells: Cells::Records(data), rows })
            }
            Some(Json::List(_)) => {
                if let Some(other) = data.iter().find(|row| !row.is_list()) {
                    return Err(format!("object of type '{}' has no len()", other.python_type()));
                }
                let width = data.iter().filter_map(Json::elements).map(<[Json]>::len).max().unwrap_or(0);
                let naming = if names.is_some() { Naming::Given } else { Naming::ByPosition };
                let names = names.unwrap_or_else(|| (0..width).map(Name::position).collect());
                if names.len() != width {
                    return Err(format!("{} columns passed, passed data had {width} columns", names.len()));
                }
                Ok(Self { names, cells: Cells::Lists(data, naming), rows })
            }
            Some(_) => {
                let names = names.unwrap_or_else(|| vec![Name::position(0)]);
                if names.len() != 1 {
                    let width = names.len();
                    return Err(format!("Shape of passed values is ({rows}, 1), indices imply ({rows}, {width})"));
                }
                Ok(Self { names, cells: Cells::Scalars(data), rows })
            }
        }
    }

    /// Labels of the rows are not used; there must be one for each. Without data they make rows of nothing, and no labels
    /// take a single row away. Pandas also repeats a single row for several labels. That is not done here: nobody means
    /// it, and a small body would become a large one.
    fn with_labels(mut self, labels: Option<usize>) -> Result<Self, String> {
        let Some(labels) = labels else { return Ok(self) };
        let (rows, width) = (self.rows, self.names.len());
        if labels != rows && rows != 0 && (rows, labels) != (1, 0) {
            return Err(match self.cells {
                Cells::Scalars(_) => {
                    format!("Shape of passed values is ({rows}, {width}), indices imply ({labels}, {width})")
                }
                _ => wrong_labels(rows, labels),
            });
        }
        self.rows = labels;
        Ok(self)
    }

    /// Enforces the signature: one session for each row.
    pub(crate) fn sessions(&self) -> Result<Vec<ViewHistory>, Refusal> {
        let positions = |column: &'static str| {
            let names = self.names.iter().enumerate();
            names
                .filter(move |(_, name)| matches!(name, Name::Text(text) if text == column))
                .map(|(position, _)| position)
        };
        if positions("userId").count() > 1 {
            let detail = "Data is not compatible with model signature. Failed to convert column userId to type \
                          '<class 'object'>'. Error: 'Column userId stands there twice'";
            return Err(Refusal::invalid_input(detail));
        }
        // Cells that are found by name are the same in every column of the name: looking at them once for each would take
        // rows times columns from a body as short as their sum.
        let looked_at = if matches!(self.cells, Cells::Lists(..)) { usize::MAX } else { 1 };
        for column in LIST_COLUMNS {
            for position in positions(column).take(looked_at) {
                for row in 0..self.rows {
                    self.array(row, Some(position)).map_err(|problem| incompatible(column, problem))?;
                }
            }
        }
        let refused = |problem: &str| Refusal::schema(&frame_text::render(self), problem);
        if let Some(problem) = missing_inputs(&COLUMNS, &self.names) {
            return Err(refused(&problem));
        }
        if let Some(column) = LIST_COLUMNS.into_iter().find(|column| positions(column).count() > 1) {
            return Err(refused(&format!("Column {column} stands there twice.")));
        }
        if self.rows == 0 {
            return Err(Refusal::model("Found no rows: expected at least one."));
        }
        let [items, timestamps] = LIST_COLUMNS.map(|column| positions(column).next());
        let array = |row, position, column| self.array(row, position).map_err(|problem| incompatible(column, problem));
        (0..self.rows)
            .map(|row| signature::session(row, array(row, items, "items")?, array(row, timestamps, "timestamps")?))
            .collect()
    }

    fn array(&self, row: usize, position: Option<usize>) -> Result<&'a [Json], CellProblem> {
        let cell = position.and_then(|position| self.cell(row, position)).ok_or(self.missing().1)?;
        signature::check_array(cell)
    }
}

fn incompatible(column: &str, problem: CellProblem) -> Refusal {
    Refusal::invalid_input(&format!(
        "Data is not compatible with model signature. Failed to convert column {column} to type 'Array(string)'. Error: \
         '{}('{}')'",
        problem.exception(),
        problem.message()
    ))
}

fn not_a_frame(form: &str, problem: &str) -> Refusal {
    Refusal::invalid_input(&format!(
        "Provided dataframe_{form} field is not a valid dataframe representation in '{form}' format. Error: '{problem}'"
    ))
}

fn wrong_labels(rows: usize, labels: usize) -> String {
    format!("Length of values ({rows}) does not match length of index ({labels})")
}

fn not_a_collection(found: &Json) -> String {
    format!("Index(...) must be called with a collection of some kind, {} was passed", python_text::repr(found))
}

/// How many labels `index` has; an object counts by its members, as in pandas.
fn row_labels(index: Option<&Json>) -> Result<Option<usize>, String> {
    match index {
        None | Some(Json::Null) => Ok(None),
        Some(Json::List(labels)) => Ok(Some(labels.len())),
        Some(Json::Object(members)) => Ok(Some(distinct(members.iter().map(|(name, _)| name)).len())),
        Some(other) => Err(not_a_collection(other)),
    }
}

/// `columns`: a list of names; an object counts by its member names, as in pandas.
fn split_names(columns: Option<&Json>) -> Result<Option<Vec<Name>>, String> {
    match columns {
        None | Some(Json::Null) => Ok(None),
        Some(Json::List(names)) => Ok(Some(names.iter().map(column_name).collect())),
        Some(Json::Object(members)) => Ok(Some(distinct(members.iter().map(|(name, _)| name)))),
        Some(other) => Err(not_a_collection(other)),
    }
}

fn column_name(name: &Json) -> Name {
    match name {
        Json::Text(text) => Name::Text(text.clone()),
        Json::Null => Name::Other("nan".to_owned()),
        other => Name::Other(python_text::repr(other)),
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<Name> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(name.as_str())).map(|name| Name::Text(name.clone())).collect()
}
