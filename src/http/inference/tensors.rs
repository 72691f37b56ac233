//! Tensors in and out. Enter: the body of an inference request. Leave: sessions; and of their answers, tensors.
//!
//! | `items` and `timestamps` | sessions |
//! |---|---|
//! | shape `[n]` | one of n views |
//! | shape `[b, n]`, flat or nested data | b of n views each |
//! | `"content_type": "pd_json"`, shape `[b]` or `[b, 1]` | b, each element the JSON of one list |
//!
//! `userId` may be left out: the model has no use for it.

mod data;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use slirec_core::timestamp;
use slirec_engine::{Engine, Recommendations, ViewHistory};

use super::metadata::{INPUTS, OUTPUTS};
use crate::http::object::Object;
use crate::http::parsing;
use data::Tensor;

/// What a request may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) rows: usize,
    pub(super) history: usize,
}

/// A request that can be answered.
#[derive(Debug)]
pub(super) struct Inference {
    pub(super) id: Option<String>,
    pub(super) sessions: Vec<ViewHistory>,
    pub(super) form: Form,
    /// Outputs that the client wants, in its order.
    pub(super) outputs: Vec<&'static str>,
}

/// How the sessions were given, and so how they are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Vectors of one session.
    Flat,
    /// A row for each session.
    Rows,
}

#[derive(Deserialize)]
struct Document {
    id: Option<String>,
    inputs: Vec<Object<Tensor>>,
    #[serde(default)]
    outputs: Option<Vec<Object<Wanted>>>,
}

#[derive(Deserialize)]
struct Wanted {
    name: String,
}

/// Reads a body, of which the first `json_length` bytes are JSON and the rest are binary tensors.
pub(super) fn parse(body: &[u8], json_length: Option<usize>, limits: Limits) -> Result<Inference, String> {
    let too_long = || "header inference-header-content-length: is larger than the body".to_owned();
    let (json, binary) = body.split_at_checked(json_length.unwrap_or(body.len())).ok_or_else(too_long)?;
    let Document { id, inputs, outputs } = parsing::parse(json)?;
    let mut inputs: Vec<Tensor> = inputs.into_iter().map(|Object(tensor)| tensor).collect();
    data::add_binary(&mut inputs, binary)?;
    if let Some(unknown) = inputs.iter().find(|tensor| !INPUTS.contains(&tensor.name.as_str())) {
        return Err(format!("inputs: unknown input `{}`, expected {INPUTS:?}", shown(&unknown.name)));
    }
    let [_, items, timestamps] = INPUTS;
    let (items, form) = rows(&inputs, items, limits)?;
    let (timestamps, _) = rows(&inputs, timestamps, limits)?;
    if items.len() != timestamps.len() {
        return Err(format!("items has {} rows and timestamps {}: expected as many", items.len(), timestamps.len()));
    }
    let sessions = items.into_iter().zip(timestamps).enumerate();
    let sessions = sessions.map(|(row, (items, timestamps))| session(row, items, &timestamps));
    Ok(Inference {
        id,
        sessions: sessions.collect::<Result<_, _>>()?,
        form,
        outputs: wanted(&outputs.unwrap_or_default())?,
    })
}

fn rows(inputs: &[Tensor], name: &str, limits: Limits) -> Result<(Vec<Vec<String>>, Form), String> {
    let mut found = inputs.iter().filter(|tensor| tensor.name == name);
    let tensor = found.next().ok_or_else(|| format!("inputs: `{name}` is missing"))?;
    if found.next().is_some() {
        return Err(format!("inputs: `{name}` stands there twice"));
    }
    let (rows, form) = tensor.rows().map_err(|problem| format!("inputs: `{name}`: {problem}"))?;
    if rows.len() > limits.rows {
        return Err(format!("inputs: `{name}`: has {} rows, expected at most {}", rows.len(), limits.rows));
    }
    match rows.iter().map(Vec::len).find(|length| *length > limits.history) {
        Some(long) => Err(format!("inputs: `{name}`: has {long} elements, expected at most {}", limits.history)),
        None => Ok((rows, form)),
    }
}

fn session(row: usize, items: Vec<String>, timestamps: &[String]) -> Result<ViewHistory, String> {
    if items.len() != timestamps.len() {
        let (items, times) = (items.len(), timestamps.len());
        return Err(format!("row {row}: has {items} items and {times} timestamps, expected as many"));
    }
    let views = items.into_iter().zip(timestamps).enumerate().map(|(index, (handle, time))| {
        let timestamp =
            timestamp::from_text(time).map_err(|error| format!("row {row}: timestamps[{index}]: {error}"))?;
        Ok((handle, timestamp))
    });
    views.collect()
}

fn wanted(outputs: &[Object<Wanted>]) -> Result<Vec<&'static str>, String> {
    if outputs.is_empty() {
        return Ok(OUTPUTS.to_vec());
    }
    let known = |Object(wanted): &Object<Wanted>| {
        let found = OUTPUTS.into_iter().find(|name| *name == wanted.name);
        found.ok_or_else(|| format!("outputs: unknown output `{}`, expected {OUTPUTS:?}", shown(&wanted.name)))
    };
    outputs.iter().map(known).collect()
}

fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

/// The answer to an inference request.
#[derive(Debug, Serialize)]
pub(super) struct Answer<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    parameters: Map<String, Value>,
    outputs: Vec<Output<'a>>,
}

#[derive(Debug, Serialize)]
struct Output<'a> {
    name: &'static str,
    shape: [usize; 2],
    datatype: &'static str,
    data: Values<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Values<'a> {
    Texts(Vec<&'a str>),
    Numbers(Vec<f32>),
}

impl<'a> Answer<'a> {
    /// `popular` says that popularity answered one of the sessions.
    pub(super) fn new(
        engine: &'a Engine,
        name: &'a str,
        id: Option<String>,
        popular: bool,
        found: &[Recommendations],
        form: Form,
        wanted: &[&'static str],
    ) -> Self {
        let width = found.iter().map(|answer| answer.products.len()).min().unwrap_or_default();
        // MLServer answers one session with a column; so do we.
        let shape = if form == Form::Flat { [width, 1] } else { [found.len(), width] };
        let scored = || found.iter().flat_map(|answer| answer.products.iter().take(width));
        let gid = |product: usize| engine.catalog().products().get(product).map_or("", |product| product.gid.as_str());
        let [handles, _] = OUTPUTS;
        let outputs = wanted.iter().map(|name| match *name == handles {
            true => {
                let data = Values::Texts(scored().map(|scored| gid(scored.product)).collect());
                Output { name, shape, datatype: "BYTES", data }
            }
            false => {
                let data = Values::Numbers(scored().map(|scored| scored.score).collect());
                Output { name, shape, datatype: "FP32", data }
            }
        });
        let source = if popular { "popular" } else { "model" };
        Self {
            model_name: name,
            model_version: &engine.model().version,
            id,
            parameters: Map::from_iter([("source".to_owned(), json!(source))]),
            outputs: outputs.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
