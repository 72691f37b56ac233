//! The body of an inference request: bytes enter, sessions leave, and how they are to be answered.
//!
//! | `items` and `timestamps` | sessions |
//! |---|---|
//! | shape `[n]` | one of n views |
//! | shape `[b, n]`, flat or nested data | b of n views each |
//! | `"content_type": "pd_json"`, shape `[b]` or `[b, 1]` | b, each element the JSON of one list |
//!
//! `userId` may be left out; only a model with a table of known users reads it. A model that reads attributes of shoppers
//! has optional inputs for them, `user.country`. Each has one element for each session, in any shape; a list one row for each session.

use std::borrow::Cow;

use serde::Deserialize;
use slirec_core::vocabulary::{KnownUser, UserKind, UserLookup, UserValue};
use slirec_engine::{Texts, ViewHistory};

use super::elements::Column;
use super::input::{Form, Input, Limits};
use super::metadata::{INPUTS, OUTPUTS, input_names};
use crate::http::object::{Few, Object};
use crate::http::parsing;
use crate::http::quote::quoted;
use crate::http::user::{User, attribute};
use crate::http::well_formed::well_formed;
use crate::memory::Held;

/// Tensors in each direction: more than the model has, so that a message can name the one that it lacks.
const TENSORS: usize = 32;

/// A request that can be answered.
#[derive(Debug)]
pub(super) struct Inference {
    pub(super) id: Option<String>,
    pub(super) sessions: Vec<ViewHistory>,
    /// What is known of each session's shopper.
    pub(super) users: Vec<KnownUser>,
    pub(super) form: Form,
    /// Outputs that the client asks for, in its order.
    pub(super) outputs: Vec<WantedOutput>,
}

impl Held for Inference {
    fn held_bytes(&self) -> usize {
        self.id.as_ref().map_or(0, String::capacity) + self.sessions.held_bytes() + self.users.held_bytes()
    }
}

/// An output, and how it is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WantedOutput {
    pub(super) name: &'static str,
    /// Behind the JSON instead of in it.
    pub(super) binary: bool,
}

#[derive(Deserialize)]
struct InferenceBody<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow)]
    inputs: Few<Object<Input<'a>>, TENSORS>,
    #[serde(borrow, default)]
    outputs: Option<Few<Object<Output<'a>>, TENSORS>>,
    #[serde(default)]
    parameters: Option<Object<Parameters>>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default)]
    parameters: Option<Object<OutputParameters>>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    binary_data_output: Option<bool>,
}

#[derive(Deserialize)]
struct OutputParameters {
    #[serde(default)]
    binary_data: Option<bool>,
}

/// Reads a body, of which the first `json_length` bytes are JSON and the rest are binary tensors.
pub(super) fn parse(
    body: &[u8],
    json_length: Option<usize>,
    limits: Limits,
    attributes: &UserLookup,
) -> Result<Inference, String> {
    let too_long = || "header inference-header-content-length: is larger than the body".to_owned();
    let (json, binary) = body.split_at_checked(json_length.unwrap_or(body.len())).ok_or_else(too_long)?;
    let json = well_formed(json);
    let InferenceBody { id, inputs, outputs, parameters } = parsing::read(&json)?;
    let mut inputs: Vec<Input<'_>> = inputs.0.into_iter().map(|Object(input)| input).collect();
    add_binary(&mut inputs, binary)?;
    let names: Vec<String> = input_names(attributes).collect();
    if let Some(unknown) = inputs.iter().find(|input| !names.iter().any(|name| *name == input.name)) {
        return Err(format!("inputs: unknown input {}, expected {names:?}", quoted(&unknown.name)));
    }
    let [_, items, timestamps] = INPUTS;
    let (items, form) = rows::<Texts>(&inputs, items, limits)?;
    let (timestamps, _) = rows::<Vec<f64>>(&inputs, timestamps, limits)?;
    if items.len() != timestamps.len() {
        return Err(format!("items has {} rows and timestamps {}: expected as many", items.len(), timestamps.len()));
    }
    let sessions = items.into_iter().zip(timestamps).enumerate();
    let sessions = sessions.map(|(row, (items, timestamps))| {
        if items.len() != timestamps.len() {
            let (items, times) = (items.len(), timestamps.len());
            return Err(format!("row {row}: has {items} items and {times} timestamps, expected as many"));
        }
        Ok(ViewHistory::from_columns(items, timestamps))
    });
    let sessions: Vec<ViewHistory> = sessions.collect::<Result<_, _>>()?;
    let users = users(&inputs, attributes, sessions.len(), limits)?;
    let binary = parameters.and_then(|Object(parameters)| parameters.binary_data_output).unwrap_or_default();
    Ok(Inference { id, sessions, users, form, outputs: wanted(outputs, binary)? })
}

/// What is known of the shoppers of so many sessions.
fn users(
    inputs: &[Input<'_>],
    attributes: &UserLookup,
    sessions: usize,
    limits: Limits,
) -> Result<Vec<KnownUser>, String> {
    let mut all = vec![User::default(); sessions];
    for (input, name) in inputs.iter().filter_map(|input| Some((&*input.name, attribute(&input.name)?))) {
        let (values, _) = rows::<Vec<UserValue>>(inputs, input, limits)?;
        let is_list = attributes.attributes().any(|(known, kind)| known == name && kind == UserKind::List);
        let values: Vec<UserValue> = match is_list {
            true => values
                .iter()
                .map(|entries| UserValue::List(entries.iter().map(UserValue::to_string).collect()))
                .collect(),
            false => values.into_iter().flatten().collect(),
        };
        check_elements(input, values.len(), sessions)?;
        for (User(user), value) in all.iter_mut().zip(values) {
            // As in `model.onnx`, an empty text says nothing.
            if value != UserValue::Text(String::new()) {
                user.push((name.to_owned(), value));
            }
        }
    }
    let [user, ..] = INPUTS;
    let is_read = attributes.known().is_some() && inputs.iter().any(|input| input.name == user);
    let names: Vec<Texts> = if is_read { rows(inputs, user, limits)?.0 } else { Vec::new() };
    let names: Vec<&str> = names.iter().flat_map(Texts::iter).collect();
    if is_read {
        check_elements(user, names.len(), sessions)?;
    }
    let known = all.iter().enumerate().map(|(row, user)| {
        user.known(names.get(row).copied(), attributes).map_err(|problem| format!("row {row}: {problem}"))
    });
    known.collect()
}

fn check_elements(input: &str, found: usize, sessions: usize) -> Result<(), String> {
    match found == sessions {
        true => Ok(()),
        false => Err(format!("inputs: `{input}`: has {found} elements: expected {sessions}, one for each session")),
    }
}

/// Gives each input that announces binary data its share of what follows the JSON.
fn add_binary<'a>(inputs: &mut [Input<'a>], mut bytes: &'a [u8]) -> Result<(), String> {
    for input in inputs {
        let Some(size) = input.binary_size() else { continue };
        let (own, rest) = bytes.split_at_checked(size).ok_or_else(|| {
            format!("inputs: {}: the body holds less binary data than binary_data_size says", quoted(&input.name))
        })?;
        input.binary = Some(own);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(()) } else { Err(format!("the body has {} bytes that no input claims", bytes.len())) }
}

fn rows<C: Column>(inputs: &[Input<'_>], name: &str, limits: Limits) -> Result<(Vec<C>, Form), String> {
    let mut found = inputs.iter().filter(|input| input.name == name);
    let input = found.next().ok_or_else(|| format!("inputs: `{name}` is missing"))?;
    if found.next().is_some() {
        return Err(format!("inputs: `{name}` stands there twice"));
    }
    input.rows(limits).map_err(|problem| format!("inputs: `{name}`: {problem}"))
}

/// All outputs, unless some are named.
fn wanted(outputs: Option<Few<Object<Output<'_>>, TENSORS>>, binary: bool) -> Result<Vec<WantedOutput>, String> {
    let named = outputs.map(|Few(named)| named).unwrap_or_default();
    if named.is_empty() {
        return Ok(OUTPUTS.map(|name| WantedOutput { name, binary }).to_vec());
    }
    let known = |Object(output): Object<Output<'_>>| {
        let name = OUTPUTS.into_iter().find(|name| *name == output.name);
        let unknown = || format!("outputs: unknown output {}, expected {OUTPUTS:?}", quoted(&output.name));
        let own = output.parameters.as_ref().and_then(|Object(parameters)| parameters.binary_data);
        Ok(WantedOutput { name: name.ok_or_else(unknown)?, binary: own.unwrap_or(binary) })
    };
    named.into_iter().map(known).collect()
}

#[cfg(test)]
mod tests;
