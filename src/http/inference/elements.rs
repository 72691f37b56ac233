//! Elements of tensors and the columns that they become: texts and numbers enter, handles or Unix seconds leave.

use std::borrow::Cow;

use serde_json::value::RawValue;
use slirec_core::timestamp;
use slirec_core::vocabulary::UserValue;
use slirec_engine::Texts;

use super::datatype::Datatype;
use crate::http::quote::quoted;
use crate::http::raw_json::{Kind, each_or_say, kind, text};

/// One element of an input.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element<'a> {
    Text(Cow<'a, str>),
    Integer(i128),
    Float(f64),
}

impl<'a> Element<'a> {
    /// From the JSON of a tensor of this datatype.
    pub(super) fn of_json(datatype: Datatype, value: &'a RawValue) -> Result<Self, String> {
        let element = match datatype {
            Datatype::Bytes => text(value).map(Self::Text),
            Datatype::Fp64 => value.get().parse().ok().map(Self::Float),
            _ => value.get().parse().ok().map(Self::Integer),
        };
        element.ok_or_else(|| {
            let expected = match datatype {
                Datatype::Bytes => "a string",
                Datatype::Fp64 => "a number",
                _ => "a whole number",
            };
            format!("found {}: expected {expected}, as the datatype says", kind(value))
        })
    }

    /// From a JSON list within a text, which has no datatype: strings, or numbers as pandas writes them.
    pub(super) fn of_any_json(value: &'a RawValue) -> Result<Self, String> {
        let number = || value.get().parse().map(Self::Integer).or_else(|_| value.get().parse().map(Self::Float));
        match kind(value) {
            Kind::Text => text(value).map(Self::Text),
            Kind::Number => number().ok(),
            _ => None,
        }
        .ok_or_else(|| format!("found {}: expected a string or a number", kind(value)))
    }
}

/// What a row of a tensor becomes.
pub(super) trait Column: Default {
    /// Elements so far.
    fn count(&self) -> usize;

    /// Takes the next element.
    fn take(&mut self, element: Element<'_>) -> Result<(), String>;
}

/// Handles of items. Whole numbers are ids, written as their digits.
impl Column for Texts {
    fn count(&self) -> usize {
        self.len()
    }

    fn take(&mut self, element: Element<'_>) -> Result<(), String> {
        match element {
            Element::Text(handle) => self.push(&handle),
            Element::Integer(id) => self.push(&id.to_string()),
            Element::Float(number) => {
                return Err(format!("found {number}: expected a string or a whole number"));
            }
        }
        Ok(())
    }
}

/// Times in Unix seconds, from seconds or milliseconds.
impl Column for Vec<f64> {
    fn count(&self) -> usize {
        self.len()
    }

    fn take(&mut self, element: Element<'_>) -> Result<(), String> {
        let time = match element {
            Element::Text(text) => timestamp::from_text(&text),
            Element::Integer(number) => timestamp::from_number(number as f64),
            Element::Float(number) => timestamp::from_number(number),
        };
        self.push(time.map_err(|error| error.to_string())?);
        Ok(())
    }
}

/// Values of an attribute of shoppers.
impl Column for Vec<UserValue> {
    fn count(&self) -> usize {
        self.len()
    }

    fn take(&mut self, element: Element<'_>) -> Result<(), String> {
        self.push(match element {
            Element::Text(text) => UserValue::Text(text.into_owned()),
            Element::Integer(number) => UserValue::Number(number as f64),
            Element::Float(number) => UserValue::Number(number),
        });
        Ok(())
    }
}

/// Reads the JSON list that a text holds.
pub(super) fn json_list(
    element: &Element<'_>,
    take: &mut dyn FnMut(Element<'_>) -> Result<(), String>,
) -> Result<(), String> {
    const EXPECTED: &str = "expected each element to be a JSON list, as pd_json says";
    let Element::Text(text) = element else { return Err(format!("found a number: {EXPECTED}")) };
    let list: &RawValue =
        serde_json::from_str(text).map_err(|error| format!("found {}: {EXPECTED}: {error}", quoted(text)))?;
    if kind(list) != Kind::List {
        return Err(format!("found {}: {EXPECTED}", kind(list)));
    }
    each_or_say(list, |position, value| {
        let taken = Element::of_any_json(value).and_then(&mut *take);
        taken.map_err(|problem| format!("[{position}]: {problem}"))
    })
}
