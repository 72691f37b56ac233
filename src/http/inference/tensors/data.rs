//! One input tensor: its JSON enters, rows of texts leave.

use serde::Deserialize;
use serde_json::Value;

use super::Form;
use crate::http::inference::binary;

/// Datatypes of the protocol; the model's inputs are all of the last one.
const DATATYPES: [&str; 13] =
    ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"];

/// An input as the client sent it.
#[derive(Debug, Deserialize)]
pub(super) struct Tensor {
    pub(super) name: String,
    shape: Vec<u64>,
    #[expect(dead_code, reason = "checked while it is read: there is one datatype")]
    datatype: Datatype,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(skip)]
    binary: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    content_type: Option<String>,
    binary_data_size: Option<usize>,
}

#[derive(Debug)]
struct Datatype;

impl<'de> Deserialize<'de> for Datatype {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        match name.as_str() {
            "BYTES" => Ok(Self),
            known if DATATYPES.contains(&known) => Err(serde::de::Error::custom(format!("is {known}: expected BYTES"))),
            _ => Err(serde::de::Error::custom(format!("is no datatype: expected one of {DATATYPES:?}, here BYTES"))),
        }
    }
}

/// Gives each tensor that announces binary data its share of what follows the JSON.
pub(super) fn add_binary(tensors: &mut [Tensor], mut bytes: &[u8]) -> Result<(), String> {
    for tensor in tensors {
        let Some(size) = tensor.parameters.binary_data_size else { continue };
        let name: String = tensor.name.chars().take(64).collect();
        let (own, rest) = bytes
            .split_at_checked(size)
            .ok_or_else(|| format!("inputs: `{name}`: the body holds less binary data than binary_data_size says"))?;
        tensor.binary = Some(binary::texts(own).map_err(|problem| format!("inputs: `{name}`: {problem}"))?);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(()) } else { Err(format!("the body has {} bytes that no input claims", bytes.len())) }
}

impl Tensor {
    /// The tensor as rows of texts.
    pub(super) fn rows(&self) -> Result<(Vec<Vec<String>>, Form), String> {
        let elements = match (&self.binary, &self.data) {
            (Some(binary), None) => binary.clone(),
            (None, Some(data)) => {
                let mut elements = Vec::new();
                flatten(data, &mut elements, 0)?;
                elements
            }
            (Some(_), Some(_)) => return Err("has data and binary data: expected one of them".to_owned()),
            (None, None) => return Err("has no data".to_owned()),
        };
        let count = self.shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
        if count != u64::try_from(elements.len()).ok() {
            return Err(format!("has {} elements: the shape {:?} has another number", elements.len(), self.shape));
        }
        let length = |size: u64| usize::try_from(size).map_err(|_| "is too large".to_owned());
        if self.parameters.content_type.as_deref() == Some("pd_json") {
            return match self.shape.as_slice() {
                [_] | [_, 1] => {
                    Ok((elements.iter().map(|text| json_list(text)).collect::<Result<_, _>>()?, Form::Rows))
                }
                shape => Err(format!("is pd_json of shape {shape:?}: expected [rows] or [rows, 1]")),
            };
        }
        match *self.shape.as_slice() {
            [_] => Ok((vec![elements], Form::Flat)),
            [rows, 0] => Ok((vec![Vec::new(); length(rows)?.min(1_000_000)], Form::Rows)),
            [_, columns] => Ok((elements.chunks(length(columns)?).map(<[String]>::to_vec).collect(), Form::Rows)),
            _ => Err(format!("has shape {:?}: expected [views] or [sessions, views]", self.shape)),
        }
    }
}

/// Tensors may be flat or nested as their shape; two levels are all that a model of ours has.
fn flatten(value: &Value, elements: &mut Vec<String>, depth: usize) -> Result<(), String> {
    match value {
        Value::Array(values) if depth < 2 => values.iter().try_for_each(|value| flatten(value, elements, depth + 1)),
        Value::String(text) if depth > 0 => {
            elements.push(text.clone());
            Ok(())
        }
        _ => Err("data: expected a list of strings, or a list of such lists".to_owned()),
    }
}

fn json_list(text: &str) -> Result<Vec<String>, String> {
    serde_json::from_str(text).map_err(|_| "is pd_json: expected each element to be a JSON list of strings".to_owned())
}
