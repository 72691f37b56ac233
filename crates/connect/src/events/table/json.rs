//! JSON: values enter, rows leave. Dots reach into objects, `[]` into the elements of lists; text that holds JSON, as
//! warehouses write nested columns, is read where a path goes through it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::columns::Paths;
use super::nested::{elements, find, join, text_of, unfold};
use super::reading::Sample;
use super::{COLUMNS, ITEM, Reading, TIME, Table, USER};
use crate::events::fields;
use crate::events::input::Block;
use crate::events::problem::Problem;
use crate::events::sink::{Sink, shown};

impl Table {
    /// Whether a column names something within another one.
    pub(in crate::events) fn has_paths(&self) -> bool {
        self.columns().into_iter().flatten().any(|column| column.is_in_list() || column.head() != column.name())
    }

    /// Whether an object with this key is a row, and nothing around rows.
    pub(in crate::events) fn asks_for(&self, key: &str) -> bool {
        self.columns()
            .into_iter()
            .flatten()
            .any(|column| column.name() == key || column.head().eq_ignore_ascii_case(key))
    }

    /// Reads a line, or a value, of JSON: an object, several, or a list of them.
    pub(in crate::events) fn json_line(
        &self,
        reading: &Reading,
        paths: &Paths,
        line: &[u8],
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        for value in serde_json::Deserializer::from_slice(line).into_iter::<Value>() {
            let value = value.map_err(fields::problem)?;
            self.each_row(paths, value, &mut |row| {
                if let Some(object) = row.first().and_then(|row| row.as_object()) {
                    self.mark_found(paths, object, row, sink);
                }
                self.nested_row(reading, paths, row, sink)
            })?;
        }
        Ok(())
    }

    /// Decides by the first block how a file is read.
    pub(in crate::events) fn json_reading(
        &self,
        paths: &Paths,
        block: &Block,
        latest: f64,
        before: Option<&Reading>,
    ) -> Reading {
        let mut sample = Sample::default();
        for (_, line) in block.lines() {
            if sample.is_full() {
                break;
            }
            self.sample_json(paths, line, &mut sample);
        }
        self.reading(&sample, latest, before)
    }

    /// Adds a line of JSON to a sample.
    pub(super) fn sample_json(&self, paths: &Paths, line: &[u8], sample: &mut Sample) {
        let values = serde_json::Deserializer::from_slice(line).into_iter::<Value>();
        for value in values.map_while(Result::ok) {
            // What is wrong with a value shows when it is read.
            let _ = self.each_row(paths, value, &mut |row| {
                sample.push(&|index| text_of(row, paths.columns.get(index)?.as_ref()?));
                Ok(())
            });
        }
    }

    /// Reads a row of texts of which some hold JSON.
    pub(super) fn rows_of_texts<'v>(
        &self,
        reading: &Reading,
        value: &dyn Fn(usize) -> Option<Cow<'v, str>>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        let paths = self.paths()?;
        self.each_row(&paths, self.object_of(value), &mut |row| self.nested_row(reading, &paths, row, sink))
    }

    /// Adds a row of texts of which some hold JSON to a sample.
    pub(super) fn sample_texts<'v>(&self, value: &dyn Fn(usize) -> Option<Cow<'v, str>>, sample: &mut Sample) {
        let Ok(paths) = self.paths() else { return };
        let _ = self.each_row(&paths, self.object_of(value), &mut |row| {
            sample.push(&|index| text_of(row, paths.columns.get(index)?.as_ref()?));
            Ok(())
        });
    }

    /// The paths of the columns.
    pub(super) fn paths(&self) -> Result<Paths, String> {
        Paths::of(&self.columns())
    }

    /// The paths of the columns in a file whose path holds some of them.
    pub(in crate::events) fn paths_of_file(&self, mut partitions: Vec<(String, String)>) -> Result<Paths, String> {
        partitions.retain(|(name, _)| self.asks_for(name));
        Ok(Paths { partitions, ..self.paths()? })
    }

    /// An object of the columns' values, under the heads of their paths.
    fn object_of<'v>(&self, value: &dyn Fn(usize) -> Option<Cow<'v, str>>) -> Value {
        let mut object = Map::new();
        for (index, column) in self.columns().into_iter().enumerate() {
            let Some(column) = column else { continue };
            if let Some(text) = value(index) {
                object.insert(column.head().to_owned(), Value::String(text.into_owned()));
            }
        }
        Value::Object(object)
    }

    /// Calls `visit` with every row of a value: the object, and the elements of the lists that the paths go through.
    pub(super) fn each_row(
        &self,
        paths: &Paths,
        mut value: Value,
        visit: &mut dyn FnMut(&[&Value]) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if let Value::Array(values) = value {
            return self.each_of(paths, values, visit);
        }
        let Value::Object(object) = &mut value else {
            return Err(format!("found `{}`: expected an object", shown(&value.to_string())).into());
        };
        if let Some(list) = self.list_within(object) {
            return self.each_of(paths, list, visit);
        }
        self.check_shape(object)?;
        for (name, value) in &paths.partitions {
            if !object.keys().any(|key| key.eq_ignore_ascii_case(name)) {
                object.insert(name.clone(), Value::String(value.clone()));
            }
        }
        join(&mut value, &paths.parallel)?;
        for path in paths.columns.iter().flatten() {
            let lists = paths.lists.get(..path.depth).unwrap_or_default();
            let mut through: Vec<&str> = lists.iter().flatten().map(String::as_str).collect();
            if path.depth > 0 {
                unfold(&mut value, &through, true);
            }
            through.extend(path.keys.iter().map(String::as_str));
            if through.len() > 1 {
                unfold(&mut value, &through, false);
            }
        }
        let mut row = vec![&value];
        elements(&paths.lists, &mut row, visit)
    }

    /// Calls `visit` with every row of a list; one that is none does not take the others with it.
    fn each_of(
        &self,
        paths: &Paths,
        values: Vec<Value>,
        visit: &mut dyn FnMut(&[&Value]) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut first = Ok(());
        for value in values {
            match self.each_row(paths, value, visit) {
                Err(Problem::Io(error)) => return Err(Problem::Io(error)),
                result => first = first.and(result),
            }
        }
        first
    }

    /// The list of rows in an object around them: `{"data": [{…}, …]}`.
    fn list_within(&self, object: &mut Map<String, Value>) -> Option<Vec<Value>> {
        if object.keys().any(|key| self.asks_for(key)) {
            return None;
        }
        let is_list = |value: &Value| value.as_array().is_some_and(|list| list.first().is_some_and(Value::is_object));
        let mut lists = object.iter().filter(|(_, value)| is_list(value)).map(|(key, _)| key.clone());
        let (key, other) = (lists.next()?, lists.next());
        match other {
            None => object.remove(&key).and_then(|list| if let Value::Array(list) = list { Some(list) } else { None }),
            Some(_) => None,
        }
    }

    /// Names JSON that holds columns instead of rows.
    fn check_shape(&self, object: &Map<String, Value>) -> Result<(), Problem> {
        let asked = self.columns();
        let of = |index: usize| asked.get(index).copied().flatten().and_then(|column| object.get(column.name()));
        let is_column = |value: Option<&Value>| value.is_some_and(|value| value.is_object() || value.is_array());
        if is_column(of(USER)) && is_column(of(ITEM)) && is_column(of(TIME)) {
            return Err("holds whole columns instead of rows: expected an object for each row, as pandas writes with \
                        orient=\"records\""
                .into());
        }
        Ok(())
    }

    fn mark_found(&self, paths: &Paths, object: &Map<String, Value>, row: &[&Value], sink: &mut Sink<'_>) {
        let wanted: u16 =
            (0..).zip(&paths.columns).filter(|(_, path)| path.is_some()).map(|(index, _)| 1_u16 << index).sum();
        let counts = &mut sink.counts;
        if counts.found_columns & wanted == wanted {
            return;
        }
        for (index, path) in paths.columns.iter().enumerate().take(COLUMNS) {
            if path.as_ref().is_some_and(|path| find(row, path).is_some()) {
                counts.found_columns |= 1 << index;
            }
        }
        object.keys().for_each(|key| counts.key(key));
    }

    /// Reads a row. A bad one is counted here: it does not take the others of its line with it.
    pub(super) fn nested_row(
        &self,
        reading: &Reading,
        paths: &Paths,
        row: &[&Value],
        sink: &mut Sink<'_>,
    ) -> Result<(), Problem> {
        let value = |index: usize| text_of(row, paths.columns.get(index)?.as_ref()?);
        let result = match self.nested_column(paths, row) {
            Some(problem) => Err(problem.into()),
            None => self.row(reading, &value, None, sink),
        };
        match (result, row.last()) {
            (Err(Problem::Row(problem)), Some(element)) => {
                sink.bad_part(problem, element.to_string().as_bytes());
                Ok(())
            }
            (result, _) => result,
        }
    }

    /// What is wrong with a column that holds objects or lists.
    fn nested_column(&self, paths: &Paths, row: &[&Value]) -> Option<String> {
        self.columns().into_iter().zip(&paths.columns).find_map(|(column, path)| {
            let (column, path) = (column?, path.as_ref()?);
            match find(row, path)? {
                Value::Object(_) => {
                    Some(format!("column `{column}` holds an object: name a key in it, such as `{column}.key`"))
                }
                Value::Array(_) => {
                    Some(format!("column `{column}` holds a list: name its elements, such as `{column}[]`"))
                }
                _ => None,
            }
        })
    }
}
