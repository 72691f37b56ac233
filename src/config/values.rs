//! Values that are read in a way of their own: names of the engine.

use serde::{Deserialize, Deserializer};
use slirec_engine::{ExecutionProvider, Kernels, Precision};

/// Execution providers by name.
pub(super) fn providers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ExecutionProvider>, D::Error> {
    let provider = |name: &String| match name.as_str() {
        "cuda" => Ok(ExecutionProvider::Cuda),
        "cpu" => Ok(ExecutionProvider::Cpu),
        other => Err(serde::de::Error::custom(format!("`{other}`: expected `cuda` or `cpu`"))),
    };
    Vec::<String>::deserialize(deserializer)?.iter().map(provider).collect()
}

/// Precisions by name.
pub(super) fn precision<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Precision, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "f32" => Ok(Precision::F32),
        "bf16" => Ok(Precision::Bf16),
        other => Err(serde::de::Error::custom(format!("`{other}`: expected `f32` or `bf16`"))),
    }
}

/// Kernels by name.
pub(super) fn kernels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kernels, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "fused" => Ok(Kernels::Fused),
        "stock" => Ok(Kernels::Stock),
        other => Err(serde::de::Error::custom(format!("`{other}`: expected `fused` or `stock`"))),
    }
}
