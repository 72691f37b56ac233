//! Who shoppers are, `userId`, and columns of what is known of them, `user.country`, beside the others of the signature: a
//! body and the attributes of the model enter, what is known of each row's shopper leaves.
//!
//! Read apart from the rows, and only where the model has attributes: so everything else stays as MLflow's servers have it.

use std::borrow::Cow;

use serde_json::value::RawValue;
use slirec_core::vocabulary::{KnownUser, UserLookup, UserValue};

use super::payload::{FORMS, WHOLE_REQUEST};
use super::python_numbers;
use super::refusal::Refusal;
use super::table::Column;
use crate::http::raw_json::{Kind, each, kind, members, text};
use crate::http::user::{User, attribute};
use crate::http::values::UserId;
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
    let mut read = Users { found: vec![Shopper::default(); rows] };
    match form.filter(|_| !whole) {
        None => read.row(0, request)?,
        Some(("dataframe_split", payload)) => read.split(payload)?,
        Some((place, payload)) => read.rows(place, payload)?,
    }
    let known = |(row, Shopper { name, told }): (usize, Shopper)| {
        told.known(name.as_deref(), users).map_err(|problem| Refusal::request(format!("row {row}: {problem}")))
    };
    read.found.into_iter().enumerate().map(known).collect()
}

/// A shopper: their name, and what is said of them.
#[derive(Debug, Clone, Default)]
struct Shopper {
    name: Option<String>,
    told: User,
}

/// What a column says.
#[derive(Debug, Clone, Copy)]
enum Said<'a> {
    Name,
    Attribute(&'a str),
}

impl<'a> Said<'a> {
    /// By the column's name; none of columns that say nothing of the shopper.
    fn by(column: &'a str) -> Option<Self> {
        match Column::named(column) {
            Some(Column::User) => Some(Self::Name),
            _ => attribute(column).map(Self::Attribute),
        }
    }
}

/// Shoppers as they are read.
struct Users {
    found: Vec<Shopper>,
}

impl Users {
    /// A cell of a row; of a row that is none there is nothing to say.
    fn cell(&mut self, row: usize, said: Said<'_>, cell: &RawValue) -> Result<(), Refusal> {
        let Some(Shopper { name, told: User(user) }) = self.found.get_mut(row) else { return Ok(()) };
        let Said::Attribute(attribute) = said else {
            // A value that is not a name leaves the user unknown: only the columns of the model's attributes are checked.
            *name = serde_json::from_str(cell.get()).ok().map(|UserId(name)| name);
            return Ok(());
        };
        let value: Option<UserValue> = serde_json::from_str(cell.get()).map_err(|_| {
            Refusal::request(format!(
                "row {row}: user.{attribute}: found {}: expected a text, a number or a list of texts",
                kind(cell)
            ))
        })?;
        user.retain(|(known, _)| known != attribute);
        user.extend(value.map(|value| (attribute.to_owned(), value)));
        Ok(())
    }

    /// A row, or columns: a value that is no list is that of every row.
    fn columns(&mut self, place: &str, object: &RawValue) -> Result<(), Refusal> {
        let rows = self.found.len();
        members(object, |name: Cow<'_, str>, value| {
            let Some(said) = Said::by(&name) else { return Ok(()) };
            if kind(value) != Kind::List {
                return (0..rows).try_for_each(|row| self.cell(row, said, value));
            }
            let mut cells = 0;
            each(value, |row, cell| {
                cells += 1;
                self.cell(row, said, cell)
            })?;
            match cells == rows {
                true => Ok(()),
                false => Err(Refusal::request(format!("{place}.{name}: found {cells} rows: expected {rows}"))),
            }
        })
    }

    fn row(&mut self, row: usize, object: &RawValue) -> Result<(), Refusal> {
        members(object, |name: Cow<'_, str>, value| Said::by(&name).map_or(Ok(()), |said| self.cell(row, said, value)))
    }

    fn rows(&mut self, place: &str, payload: &RawValue) -> Result<(), Refusal> {
        match kind(payload) {
            Kind::List => each(payload, |row, value| match kind(value) {
                Kind::Object => self.row(row, value),
                _ => Ok(()),
            }),
            // As of the signature's columns: a row unless the users are a list.
            _ => match has_list_of_users(payload)? {
                true => self.columns(place, payload),
                false => self.row(0, payload),
            },
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
                        names.push(text(name).filter(|name| Said::by(name).is_some()));
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
                    let said = names.get(position).and_then(Option::as_deref).and_then(Said::by);
                    said.map_or(Ok(()), |said| self.cell(row, said, cell))
                }),
                _ => Ok(()),
            }),
            Some(data) if kind(data) == Kind::Object => self.columns(PLACE, data),
            _ => Ok(()),
        }
    }
}

fn has_list_of_users(object: &RawValue) -> Result<bool, Refusal> {
    let mut has = false;
    members(object, |name, value| {
        has |= matches!(Said::by(&name), Some(Said::Name)) && kind(value) == Kind::List;
        Ok::<(), Refusal>(())
    })?;
    Ok(has)
}
