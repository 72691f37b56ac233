//! Whole files: a graph and its functions enter, the bytes of a `ModelProto` leave.

use prost::Message;

use super::FUNCTION_DOMAIN;
use crate::proto::{FunctionProto, GraphProto, ModelProto, OperatorSetIdProto};

/// Domain of the standard operators that classical machine learning needs.
pub(super) const MACHINE_LEARNING_DOMAIN: &str = "ai.onnx.ml";
/// Their version: the first whose `LabelEncoder` numbers texts by lists.
const MACHINE_LEARNING_OPERATOR_SET: i64 = 2;
/// Version of the standard operators: old enough for every runtime of the last years.
pub(crate) const OPERATOR_SET: i64 = 17;
/// ONNX file version that brought model-local functions.
pub(crate) const IR_VERSION: i64 = 8;

/// Completes a model and returns the bytes of its file.
pub fn encode_model(graph: GraphProto, functions: Vec<FunctionProto>) -> Vec<u8> {
    encode(graph, functions, operator_set(FUNCTION_DOMAIN, 1))
}

/// As [`encode_model`], of a graph that holds nothing but standard operators.
pub fn encode_standard_model(graph: GraphProto) -> Vec<u8> {
    encode(graph, Vec::new(), operator_set(MACHINE_LEARNING_DOMAIN, MACHINE_LEARNING_OPERATOR_SET))
}

fn encode(graph: GraphProto, functions: Vec<FunctionProto>, further: OperatorSetIdProto) -> Vec<u8> {
    let model = ModelProto {
        ir_version: Some(IR_VERSION),
        opset_import: vec![operator_set("", OPERATOR_SET), further],
        producer_name: Some("slirec".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        graph: Some(graph),
        functions,
        ..ModelProto::default()
    };
    model.encode_to_vec()
}

pub(super) fn operator_set(domain: &str, version: i64) -> OperatorSetIdProto {
    OperatorSetIdProto { domain: Some(domain.to_owned()), version: Some(version) }
}
