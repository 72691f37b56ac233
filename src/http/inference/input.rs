//! One input: the JSON of a tensor, or its binary data, enters; rows of handles or times leave.
//!
//! Tensors may be flat or nested as their shape; two levels are all that a model of ours has. What a tensor announces
//! is checked against the limits before anything of it is read.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::binary;
use super::datatype::Datatype;
use super::elements::{Column, Element, json_list};
use crate::http::object::{Few, Object};
use crate::http::quote::quoted;
use crate::http::raw_json::{Kind, each_or_say, kind};
use crate::http::values::Count;

/// What a request may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Most rows.
    pub(super) rows: usize,
    /// Longest row.
    pub(super) history: usize,
}

/// How the sessions were given, and so how they are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Vectors of one session.
    Flat,
    /// A row for each session.
    Rows,
}

/// An input as the client sent it.
#[derive(Debug, Deserialize)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    shape: Few<Size, 8>,
    datatype: Datatype,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    parameters: Option<Object<Parameters<'a>>>,
    /// What followed the JSON for this input.
    #[serde(skip)]
    pub(super) binary: Option<&'a [u8]>,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters<'a> {
    #[serde(borrow, default)]
    content_type: Option<Cow<'a, str>>,
    #[serde(default)]
    binary_data_size: Option<Size>,
}

/// Of a tensor or its bytes; more than any body holds.
type Size = Count<0, 4_294_967_296>;

/// What MLServer's clients may call texts as they are; `pd_json` is read otherwise.
const PLAIN: [&str; 4] = ["str", "np", "pd", "dict"];
const JSON_LISTS: &str = "pd_json";

/// What the shape and the content type say of the rows.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// So many rows of so many elements.
    Rows { rows: usize, columns: usize },
    /// So many elements, each the JSON of a row.
    JsonLists { rows: usize },
}

impl<'a> Input<'a> {
    /// Bytes that follow the JSON for this input; none for a tensor in the JSON.
    pub(super) fn binary_size(&self) -> Option<usize> {
        let Object(parameters) = self.parameters.as_ref()?;
        parameters.binary_data_size.map(|Count(size)| size)
    }

    /// The rows.
    ///
    /// # Errors
    /// What is wrong with the input, without its name.
    pub(super) fn rows<C: Column>(&self, limits: Limits) -> Result<(Vec<C>, Form), String> {
        let (layout, form) = self.layout(limits)?;
        let rows = match layout {
            Layout::Rows { rows, .. } | Layout::JsonLists { rows } => rows,
        };
        let mut filled = Filled { rows: Vec::with_capacity(rows), layout, limits, shape: self.shape() };
        match (self.binary, self.data) {
            (Some(bytes), None) => {
                binary::each(self.datatype, bytes, |position, element| filled.take(position, element))?
            }
            (None, Some(data)) => self.read_json(data, &mut filled)?,
            (Some(_), Some(_)) => return Err("has data and binary data: expected one of them".to_owned()),
            (None, None) => return Err("has no data".to_owned()),
        }
        Ok((filled.finish()?, form))
    }

    fn shape(&self) -> Vec<usize> {
        self.shape.0.iter().map(|Count(size)| *size).collect()
    }

    fn layout(&self, limits: Limits) -> Result<(Layout, Form), String> {
        let shape = self.shape();
        let content_type = self.parameters.as_ref().and_then(|Object(parameters)| parameters.content_type.as_deref());
        let (layout, form) = match (content_type, shape.as_slice()) {
            (Some(JSON_LISTS), [rows] | [rows, 1]) => (Layout::JsonLists { rows: *rows }, Form::Rows),
            (Some(JSON_LISTS), _) => {
                return Err(format!("is {JSON_LISTS} of shape {shape:?}: expected [rows] or [rows, 1]"));
            }
            (Some(other), _) if !PLAIN.contains(&other) => {
                let found = quoted(other);
                return Err(format!("is of the content type {found}: expected {JSON_LISTS} or one of {PLAIN:?}"));
            }
            (_, [columns]) => (Layout::Rows { rows: 1, columns: *columns }, Form::Flat),
            (_, [rows, columns]) => (Layout::Rows { rows: *rows, columns: *columns }, Form::Rows),
            _ => return Err(format!("has shape {shape:?}: expected [views] or [sessions, views]")),
        };
        match layout {
            Layout::Rows { rows, .. } | Layout::JsonLists { rows } if rows > limits.rows => {
                Err(format!("has {rows} rows, expected at most {}", limits.rows))
            }
            Layout::Rows { columns, .. } if columns > limits.history => {
                Err(format!("has {columns} elements, expected at most {}", limits.history))
            }
            _ => Ok((layout, form)),
        }
    }

    fn read_json<C: Column>(&self, data: &RawValue, filled: &mut Filled<C>) -> Result<(), String> {
        if kind(data) != Kind::List {
            return Err(format!("data: found {}: expected a list, or a list of lists", kind(data)));
        }
        let mut position = 0;
        let mut take = |value: &RawValue, filled: &mut Filled<C>| {
            let element =
                Element::of_json(self.datatype, value).map_err(|problem| format!("data[{position}]: {problem}"))?;
            position += 1;
            filled.take(position - 1, element)
        };
        let mut nested = None;
        each_or_say(data, |row, value| {
            let is_list = kind(value) == Kind::List;
            if *nested.get_or_insert(is_list) != is_list {
                return Err(format!("data[{row}]: found {} among others: expected lists only, or none", kind(value)));
            }
            if !is_list {
                return take(value, filled);
            }
            let mut length = 0;
            each_or_say(value, |_, value| {
                length += 1;
                take(value, filled)
            })?;
            filled.check_nested(length)
        })
    }
}

/// Rows that are being filled.
struct Filled<C> {
    rows: Vec<C>,
    layout: Layout,
    limits: Limits,
    shape: Vec<usize>,
}

impl<C: Column> Filled<C> {
    fn take(&mut self, position: usize, element: Element<'_>) -> Result<(), String> {
        let wrong = |problem: String| format!("data[{position}]: {problem}");
        match self.layout {
            Layout::JsonLists { rows } => {
                if self.rows.len() == rows {
                    return Err(self.too_many());
                }
                let mut row = C::default();
                let most = self.limits.history;
                json_list(&element, &mut |element| {
                    if row.count() == most {
                        return Err(format!("is one element more than {most}: expected at most {most}"));
                    }
                    row.take(element)
                })
                .map_err(wrong)?;
                self.rows.push(row);
            }
            Layout::Rows { rows, columns } => {
                if self.rows.last().is_none_or(|row| row.count() == columns) {
                    if self.rows.len() == rows || columns == 0 {
                        return Err(self.too_many());
                    }
                    self.rows.push(C::default());
                }
                if let Some(row) = self.rows.last_mut() {
                    row.take(element).map_err(wrong)?;
                }
            }
        }
        Ok(())
    }

    /// A list within `data` must be one row.
    fn check_nested(&self, length: usize) -> Result<(), String> {
        let columns = match (self.layout, self.shape.as_slice()) {
            (Layout::Rows { columns, .. }, [_, _]) => columns,
            (Layout::JsonLists { .. }, [_, _]) => 1,
            _ => usize::MAX,
        };
        if length == columns {
            Ok(())
        } else {
            Err(format!("is nested otherwise than its shape {:?} says", self.shape))
        }
    }

    fn too_many(&self) -> String {
        format!("has more elements than its shape {:?} says", self.shape)
    }

    fn finish(mut self) -> Result<Vec<C>, String> {
        let (rows, columns) = match self.layout {
            Layout::JsonLists { rows } => (rows, None),
            Layout::Rows { rows, columns } => (rows, Some(columns)),
        };
        if columns == Some(0) {
            self.rows.resize_with(rows, C::default);
        }
        let last_is_full = columns.is_none_or(|columns| self.rows.last().is_none_or(|row| row.count() == columns));
        if self.rows.len() != rows || !last_is_full {
            return Err(format!("has fewer elements than its shape {:?} says", self.shape));
        }
        Ok(self.rows)
    }
}
