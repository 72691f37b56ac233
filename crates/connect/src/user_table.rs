//! Tables of users: CSV, TSV, text with another separator, JSON or Parquet enters, users with their attributes leave.
//!
//! The column `user` has the names that stand in the interactions; every other column is an attribute. In text a column of
//! nothing but numbers is one of numbers; in JSON and Parquet the type says so.

use std::path::Path;

use serde_json::{Number, Value};
use slirec_core::user_table::UserTable;
use slirec_core::vocabulary::{MOST_ENTRIES, MOST_USER_ATTRIBUTES, UserValue};

use crate::closest::no_column;
use crate::events::input::{Content, Opener};
use crate::events::table::guess;
use crate::product_table::{MISSING, objects, rows};
use crate::text::shown;
use crate::whole_table::{TableError, whole};

/// Name of the column of users.
const USER: &str = "user";

/// Reads a table of users; compressed files are recognised, `-` is standard input.
///
/// # Errors
/// [`TableError`], naming the file, the line and what is wrong with it.
pub fn read(path: &Path) -> Result<UserTable, TableError> {
    let opener = Opener { directory: &std::env::temp_dir(), encoding: None };
    let mut building = Building::default();
    let mut failed = None;
    opener.open(path, &mut |name, content| {
        if failed.is_none() {
            failed = building.content(name, content).err();
        }
        Ok(())
    })?;
    failed.map_or_else(|| building.finish(path), Err)
}

/// A table as it grows.
#[derive(Default)]
struct Building {
    table: UserTable,
}

/// A line, and what is wrong with it.
type Wrong = (u64, String);

impl Building {
    fn content(&mut self, path: &Path, content: Content<'_>) -> Result<(), TableError> {
        let at_line = |(line, problem)| TableError::Line { path: path.to_owned(), line, problem };
        match content {
            Content::Text(text) => {
                let (text, _) = whole(path, text)?;
                let json = text.trim_start().starts_with(['{', '[']);
                let read = if json { self.json(&text) } else { self.separated(&text) };
                read.map_err(at_line)
            }
            #[cfg(feature = "parquet")]
            Content::Parquet(file) => self.parquet(path, file),
            #[cfg(not(feature = "parquet"))]
            Content::Parquet(_) => {
                Err(TableError::kind(path, "is a Parquet file: this program was built without them"))
            }
        }
    }

    /// Place of an attribute, a new one for a new name.
    fn place(&mut self, name: &str) -> Result<usize, String> {
        if let Some(place) = self.table.attributes.iter().position(|known| known == name) {
            return Ok(place);
        }
        if self.table.attributes.len() == MOST_USER_ATTRIBUTES {
            return Err(format!("has more than {MOST_USER_ATTRIBUTES} attributes, such as `{}`", shown(name)));
        }
        self.table.attributes.push(name.to_owned());
        Ok(self.table.attributes.len() - 1)
    }

    fn add(&mut self, user: String, values: impl Iterator<Item = (usize, Option<UserValue>)>) {
        self.table.rows += 1;
        let mut row = Vec::new();
        for (place, value) in values {
            if row.len() <= place {
                row.resize(place + 1, None);
            }
            row.get_mut(place).into_iter().for_each(|known: &mut Option<UserValue>| known.clone_from(&value));
        }
        self.table.users.insert(user, row);
    }

    fn separated(&mut self, text: &str) -> Result<(), Wrong> {
        let separator = guess(text.lines().next().unwrap_or_default().as_bytes());
        let mut rows = rows(text, separator)?.into_iter();
        let header: Vec<String> = rows.next().map(|(_, header)| header).unwrap_or_default();
        let names: Vec<&str> = header.iter().map(|name| name.trim()).collect();
        let user = names.iter().position(|name| *name == USER);
        let user = user.ok_or_else(|| (1, no_column(USER, names.iter().copied())))?;
        let columns: Vec<(usize, usize)> = (0..names.len())
            .zip(&names)
            .filter(|(column, _)| *column != user)
            .map(|(column, name)| Ok((column, self.place(name).map_err(|problem| (1, problem))?)))
            .collect::<Result<_, Wrong>>()?;
        let rows: Vec<(u64, Vec<String>)> = rows.collect();
        let value = |row: &[String], column: usize| -> Option<String> {
            row.get(column).map(|text| text.trim()).filter(|text| !MISSING.contains(text)).map(str::to_owned)
        };
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        let are_numbers =
            |column: usize| rows.iter().filter_map(|(_, row)| value(row, column)).all(|text| number(&text).is_some());
        let columns: Vec<(usize, usize, bool)> =
            columns.into_iter().map(|(column, place)| (column, place, are_numbers(column))).collect();
        for (line, row) in &rows {
            let name = value(row, user).ok_or_else(|| (*line, format!("no value in column `{USER}`")))?;
            let of_column = |(column, place, numbers): &(usize, usize, bool)| {
                let text = value(row, *column);
                let value = match numbers {
                    true => text.and_then(|text| number(&text)).map(UserValue::Number),
                    false => text.map(UserValue::Text),
                };
                (*place, value)
            };
            self.add(name, columns.iter().map(of_column));
        }
        Ok(())
    }

    fn json(&mut self, text: &str) -> Result<(), Wrong> {
        for (line, object) in objects(text, "user")? {
            self.object(object).map_err(|problem| (line, problem))?;
        }
        Ok(())
    }

    fn object(&mut self, object: Value) -> Result<(), String> {
        let Value::Object(object) = object else { return Err("expected an object for each user".to_owned()) };
        let user = match object.get(USER) {
            Some(Value::String(name)) if !name.trim().is_empty() => name.trim().to_owned(),
            Some(Value::Number(number)) => name_of(number),
            Some(_) => return Err(format!("`{USER}` is no name: expected a text or a number")),
            None => return Err(no_column(USER, object.keys().map(String::as_str))),
        };
        let mut values = Vec::with_capacity(object.len());
        for (name, value) in object.iter().filter(|(name, _)| *name != USER) {
            let value = value_of(value).map_err(|problem| format!("`{}` {problem}", shown(name)))?;
            values.push((self.place(name)?, value));
        }
        self.add(user, values.into_iter());
        Ok(())
    }

    #[cfg(feature = "parquet")]
    fn parquet(&mut self, path: &Path, file: std::fs::File) -> Result<(), TableError> {
        use crate::parquet::{Batches, ColumnValues};

        let kind = |problem: String| TableError::kind(path, problem);
        let mut batches = Batches::open(file, path, Vec::new(), |_| true).map_err(|error| kind(error.problem))?;
        let mut line = 0;
        while let Some(batch) = batches.next() {
            let batch = batch.map_err(|error| kind(error.problem))?;
            let columns: Vec<_> = batch.names().into_iter().map(|name| (batch.column(&name), name)).collect();
            for row in 0..batch.len() {
                line += 1;
                // Names that are numbers keep all their digits.
                let value = |name: &str, values: &ColumnValues| match values.is_number() {
                    true if name == USER => values.text(row).map(|text| text.into_owned()).into(),
                    true => values.text(row).and_then(|text| text.parse::<f64>().ok()).into(),
                    false => values.json(row),
                };
                let object = columns.iter().map(|(values, name)| (name.clone(), value(name, values))).collect();
                let added = self.object(Value::Object(object));
                added.map_err(|problem| TableError::Line { path: path.to_owned(), line, problem })?;
            }
        }
        Ok(())
    }

    fn finish(self, path: &Path) -> Result<UserTable, TableError> {
        let problem = match (self.table.users.is_empty(), self.table.attributes.is_empty()) {
            (true, _) => "holds no users: expected at least one",
            (false, true) => "holds no attributes: expected a column beside `user`",
            (false, false) => return Ok(self.table),
        };
        Err(TableError::kind(path, problem))
    }
}

/// The name that a number stands for, as requests read it: 5.0 is 5, as long as floating point tells neighbours apart.
fn name_of(number: &Number) -> String {
    const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;
    let whole = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < FIRST_INEXACT);
    whole.filter(|_| number.is_f64()).map_or_else(|| number.to_string(), |value| value.to_string())
}

/// A value of JSON; what is missing is none.
fn value_of(value: &Value) -> Result<Option<UserValue>, String> {
    Ok(match value {
        Value::Null => None,
        Value::String(text) => {
            Some(text.trim()).filter(|text| !MISSING.contains(text)).map(|text| text.to_owned().into())
        }
        Value::Bool(value) => Some(value.to_string().into()),
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()).map(UserValue::Number),
        Value::Array(entries) => {
            let entries = entries.iter().map(value_of).collect::<Result<Vec<_>, _>>()?;
            let entries: Vec<UserValue> = entries.into_iter().flatten().collect();
            if entries.iter().any(|entry| matches!(entry, UserValue::List(_))) || entries.len() > MOST_ENTRIES {
                return Err(format!("is no list of at most {MOST_ENTRIES} texts"));
            }
            Some(UserValue::List(entries.iter().map(UserValue::to_string).collect()))
        }
        Value::Object(_) => return Err("is an object: expected a text, a number or a list of texts".to_owned()),
    })
}
