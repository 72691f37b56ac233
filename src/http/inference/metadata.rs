//! What the server and the model say of themselves in the Open Inference Protocol.

use serde::Serialize;
use serde_json::{Value, json};
use slirec_core::vocabulary::{UserKind, UserLookup};
use slirec_engine::Engine;

/// Names of the inputs, in the order of the model's signature.
pub(super) const INPUTS: [&str; 3] = ["userId", "items", "timestamps"];
/// Names of the outputs.
pub(super) const OUTPUTS: [&str; 2] = ["itemIds", "preds"];

/// Names of all inputs of a model that reads these attributes of shoppers.
pub(super) fn input_names(attributes: &UserLookup) -> impl Iterator<Item = String> {
    let of_users = attributes.attributes().map(|(name, _)| format!("user.{name}"));
    INPUTS.map(str::to_owned).into_iter().chain(of_users)
}

/// `GET /v2`
#[derive(Debug, Serialize)]
pub(super) struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 1],
}

/// `GET /v2/models/{model}`
#[derive(Debug, Serialize)]
pub(super) struct ModelMetadata<'a> {
    name: &'a str,
    versions: [&'a str; 1],
    platform: &'static str,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

impl ServerMetadata {
    pub(super) fn new() -> Self {
        Self { name: "slirec", version: env!("CARGO_PKG_VERSION"), extensions: ["binary_tensor_data"] }
    }
}

impl<'a> ModelMetadata<'a> {
    /// `limit` is the number of products in an answer.
    pub(super) fn new(name: &'a str, engine: &'a Engine, limit: usize) -> Self {
        let model = engine.model();
        let [user, items, timestamps] = INPUTS;
        let [handles, scores] = OUTPUTS;
        let tensor =
            |name: &str, datatype: &str, shape: Value| json!({"name": name, "datatype": datatype, "shape": shape});
        let mut inputs = vec![
            tensor(user, "BYTES", json!([1])),
            tensor(items, "BYTES", json!([-1])),
            tensor(timestamps, "BYTES", json!([-1])),
        ];
        for ((_, kind), name) in engine.users().attributes().zip(input_names(engine.users()).skip(INPUTS.len())) {
            let (datatype, shape) = match kind {
                UserKind::Number => ("FP64", 1),
                UserKind::Text => ("BYTES", 1),
                UserKind::List => ("BYTES", -1),
            };
            // As Triton has it of inputs that may be left out.
            inputs.push(json!({"name": name, "datatype": datatype, "shape": [shape], "optional": true}));
        }
        Self {
            name,
            versions: [&model.version],
            platform: "onnxruntime_onnx",
            inputs,
            outputs: vec![tensor(handles, "BYTES", json!([limit])), tensor(scores, "FP32", json!([limit]))],
        }
    }
}
