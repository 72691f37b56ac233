//! Columns of what is known of shoppers, `user.country`, beside those of the signature: a body and the attributes of the
//! model enter, what is known of each row's shopper leaves.
//!
//! Read apart from the rows, and only where the model has attributes: so everything else stays as MLflow's servers have it.

use std::borrow::Cow;

use serde_json::value::RawValue;
use slirec_core::vocabulary::{KnownUser, UserLookup};

use super::payload::{FORMS, WHOLE_REQUEST};
use super::python_numbers;
use super::refusal::Refusal;
use crate::http::raw_json::{Kind, each, kind, members, text};
use crate::http::user::{User, Value, attribute};
use crate::http::well_formed::well_formed;

/// What is known of the shoppers of so many rows; nothing for a model without attributes.
///
/// # Errors
/// The column that the model does not have, or the row whose value is of another type.
pub(crate) fn parse(body: &[u8], users: &UserLookup, rows: usize) -> Result<Vec<KnownUser>, Refusal> {
    if users.features().is_empty() {
        return Ok(vec![KnownUser::default(); rows]);
    }
    let body = python_numbers::without_them(well_formed(body));
    // It was read before.
    let request: &RawValue = serde_json::from_slice(&body)?;
    let (mut form, mut whole) = (None, false);
    members(request, |name, value| {
        whole |= WHOLE_REQUEST.contains(&&*name);
        form = FORMS.into_iter().find(|form| *form == name).map(|name| (name, value)).or(form);
        Ok::<(), Refusal>(())
    })?;
    let mut read = Users { found: vec![User::default(); rows] };
    match form.filter(|_| !whole) {
        None => read.columns("body", request)?,
        Some(("dataframe_split", payload)) => read.split(payload)?,
        Some((place, payload)) => read.rows(place, payload)?,
    }
    let known = |(row, user): (usize, User)| {
        user.known(users).map_err(|problem| Refusal::request(format!("row {row}: {problem}")))
    };
    read.found.into_iter().enumerate().map(known).collect()
}

/// Shoppers as they are read.
struct Users {
    found: Vec<User>,
}

impl Users {
    /// A cell of a row; of a row that is none there is nothing to say.
    fn cell(&mut self, row: usize, name: &str, cell: &RawValue) -> Result<(), Refusal> {
        let Some(User(user)) = self.found.get_mut(row) else { return Ok(()) };
        let value: Option<Value> = serde_json::from_str(cell.get()).map_err(|_| {
            Refusal::request(format!("row {row}: user.{name}: found {}: expected a text or a number", kind(cell)))
        })?;
        user.retain(|(known, _)| known != name);
        user.extend(value.map(|Value(value)| (name.to_owned(), value)));
        Ok(())
    }

    /// A row, or columns: a value that is no list is that of every row.
    fn columns(&mut self, place: &str, object: &RawValue) -> Result<(), Refusal> {
        let rows = self.found.len();
        members(object, |name: Cow<'_, str>, value| {
            let Some(name) = attribute(&name) else { return Ok(()) };
            if kind(value) != Kind::List {
                return (0..rows).try_for_each(|row| self.cell(row, name, value));
            }
            let mut cells = 0;
            each(value, |row, cell| {
                cells += 1;
                self.cell(row, name, cell)
            })?;
            match cells == rows {
                true => Ok(()),
                false => Err(Refusal::request(format!("{place}.user.{name}: found {cells} rows: expected {rows}"))),
            }
        })
    }

    fn row(&mut self, row: usize, object: &RawValue) -> Result<(), Refusal> {
        members(object, |name: Cow<'_, str>, value| attribute(&name).map_or(Ok(()), |name| self.cell(row, name, value)))
    }

    fn rows(&mut self, place: &str, payload: &RawValue) -> Result<(), Refusal> {
        match kind(payload) {
            Kind::List => each(payload, |row, value| match kind(value) {
                Kind::Object => self.row(row, value),
                _ => Ok(()),
            }),
            _ => self.columns(place, payload),
        }
    }

    /// `columns` beside rows of cells; rows or columns with names of their own.
    fn split(&mut self, payload: &RawValue) -> Result<(), Refusal> {
        const PLACE: &str = "dataframe_split.data";
        let (mut names, mut data) = (Vec::new(), None);
        members(payload, |name, value| {
            match &*name {
                "data" => data = Some(value),
                "columns" if kind(value) == Kind::List => {
                    names.clear();
                    each(value, |_, name| {
                        names.push(text(name).and_then(|name| attribute(&name).map(str::to_owned)));
                        Ok::<(), Refusal>(())
                    })?;
                }
                _ => {}
            }
            Ok::<(), Refusal>(())
        })?;
        match data {
            Some(data) if kind(data) == Kind::List => each(data, |row, value| match kind(value) {
                Kind::Object => self.row(row, value),
                Kind::List => each(value, |position, cell| {
                    let name = names.get(position).and_then(Option::as_deref);
                    name.map_or(Ok(()), |name| self.cell(row, name, cell))
                }),
                _ => Ok(()),
            }),
            Some(data) if kind(data) == Kind::Object => self.columns(PLACE, data),
            _ => Ok(()),
        }
    }
}
