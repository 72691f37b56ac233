//! One input tensor: its JSON enters, rows of texts leave.

use serde::Deserialize;
use serde_json::Value;

use super::Form;
use crate::http::inference::binary;
use crate::http::object::Object;
use crate::http::values::Count;

/// Datatypes of the protocol; the model's inputs are all of the last one.
const DATATYPES: [&str; 13] =
    ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"];

/// An input as the client sent it.
#[derive(Debug, Deserialize)]
pub(super) struct Tensor {
    pub(super) name: String,
    shape: Vec<Size>,
    #[expect(dead_code, reason = "checked while it is read: there is one datatype")]
    datatype: Datatype,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    parameters: Option<Object<Parameters>>,
    #[serde(skip)]
    binary: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    content_type: Option<String>,
    binary_data_size: Option<Size>,
}

/// Of a tensor or its bytes; more than any body holds.
type Size = Count<0, 4_294_967_296>;

/// What MLServer's clients may call texts as they are; `pd_json` is read otherwise.
const PLAIN: [&str; 4] = ["str", "np", "pd", "dict"];
const JSON_LISTS: &str = "pd_json";

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
        let Some(Count(size)) = tensor.parameters().and_then(|parameters| parameters.binary_data_size) else {
            continue;
        };
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
    fn parameters(&self) -> Option<&Parameters> {
        self.parameters.as_ref().map(|Object(parameters)| parameters)
    }

    /// The tensor as rows of texts.
    pub(super) fn rows(&self) -> Result<(Vec<Vec<String>>, Form), String> {
        let (elements, lists) = match (&self.binary, &self.data) {
            (Some(binary), None) => (binary.clone(), None),
            (None, Some(data)) => flatten(data)?,
            (Some(_), Some(_)) => return Err("has data and binary data: expected one of them".to_owned()),
            (None, None) => return Err("has no data".to_owned()),
        };
        let shape: Vec<usize> = self.shape.iter().map(|Count(size)| *size).collect();
        let count = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        if count != Some(elements.len()) {
            return Err(format!("has {} elements: the shape {shape:?} has another number", elements.len()));
        }
        let as_shaped = |lists: &Vec<usize>| matches!(*shape, [rows, columns] if lists.len() == rows && lists.iter().all(|length| *length == columns));
        if !lists.as_ref().is_none_or(as_shaped) {
            return Err(format!("is nested otherwise than its shape {shape:?} says"));
        }
        match self.parameters().and_then(|parameters| parameters.content_type.as_deref()) {
            Some(JSON_LISTS) => {
                return match *shape {
                    [_] | [_, 1] => {
                        Ok((elements.iter().map(|text| json_list(text)).collect::<Result<_, _>>()?, Form::Rows))
                    }
                    _ => Err(format!("is {JSON_LISTS} of shape {shape:?}: expected [rows] or [rows, 1]")),
                };
            }
            Some(other) if !PLAIN.contains(&other) => {
                let shown: String = other.chars().take(64).collect();
                return Err(format!("is of the content type `{shown}`: expected {JSON_LISTS} or one of {PLAIN:?}"));
            }
            _ => {}
        }
        match *shape {
            [_] => Ok((vec![elements], Form::Flat)),
            [rows, 0] => Ok((vec![Vec::new(); rows.min(1_000_000)], Form::Rows)),
            [_, columns] => Ok((elements.chunks(columns).map(<[String]>::to_vec).collect(), Form::Rows)),
            _ => Err(format!("has shape {shape:?}: expected [views] or [sessions, views]")),
        }
    }
}

/// Tensors may be flat or nested as their shape; two levels are all that a model of ours has. The elements, and the lengths of
/// the lists that they stood in, if they did.
fn flatten(data: &Value) -> Result<(Vec<String>, Option<Vec<usize>>), String> {
    let texts = |values: &[Value]| -> Option<Vec<String>> {
        values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
    };
    let read = || -> Option<(Vec<String>, Option<Vec<usize>>)> {
        let values = data.as_array()?;
        if let Some(flat) = texts(values) {
            return Some((flat, None));
        }
        let lists = values.iter().map(|list| texts(list.as_array()?)).collect::<Option<Vec<_>>>()?;
        let lengths = lists.iter().map(Vec::len).collect();
        Some((lists.concat(), Some(lengths)))
    };
    read().ok_or_else(|| "data: expected a list of strings, or a list of such lists".to_owned())
}

fn json_list(text: &str) -> Result<Vec<String>, String> {
    serde_json::from_str(text).map_err(|_| "is pd_json: expected each element to be a JSON list of strings".to_owned())
}
