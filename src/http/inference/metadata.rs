//! What the server and the model say of themselves in the Open Inference Protocol.

use serde::Serialize;
use serde_json::{Value, json};
use slirec_core::bundle::Manifest;

/// Names of the inputs, in the order of the model's signature.
pub(super) const INPUTS: [&str; 3] = ["userId", "items", "timestamps"];
/// Names of the outputs.
pub(super) const OUTPUTS: [&str; 2] = ["itemIds", "preds"];

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
    pub(super) fn new(name: &'a str, model: &'a Manifest, limit: usize) -> Self {
        let [user, items, timestamps] = INPUTS;
        let [handles, scores] = OUTPUTS;
        let tensor =
            |name: &str, datatype: &str, shape: Value| json!({"name": name, "datatype": datatype, "shape": shape});
        Self {
            name,
            versions: [&model.version],
            platform: "onnxruntime_onnx",
            inputs: vec![
                tensor(user, "BYTES", json!([1])),
                tensor(items, "BYTES", json!([-1])),
                tensor(timestamps, "BYTES", json!([-1])),
            ],
            outputs: vec![tensor(handles, "BYTES", json!([limit])), tensor(scores, "FP32", json!([limit]))],
        }
    }
}
