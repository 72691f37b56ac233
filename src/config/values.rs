//! Values that are one of a few words; the words enter, what they stand for leaves.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use slirec_engine::{ExecutionProvider, Kernels};

use super::types::cut;

/// What an overloaded service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OverloadAnswer {
    Reject,
    Popular,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Json,
    Text,
}

/// Execution providers by name.
pub(super) fn providers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ExecutionProvider>, D::Error> {
    let known = [("cuda", ExecutionProvider::Cuda), ("cpu", ExecutionProvider::Cpu)];
    Vec::<String>::deserialize(deserializer)?.iter().map(|name| one_of(name, &known)).collect()
}

/// Kernels by name.
pub(super) fn kernels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kernels, D::Error> {
    one_of(&String::deserialize(deserializer)?, &[("fused", Kernels::Fused), ("stock", Kernels::OnnxRuntime)])
}

/// Formats of the log by name.
pub(super) fn log_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogFormat, D::Error> {
    one_of(&String::deserialize(deserializer)?, &[("json", LogFormat::Json), ("text", LogFormat::Text)])
}

/// Answers of an overloaded service by name.
pub(super) fn overload<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OverloadAnswer, D::Error> {
    let known = [("reject", OverloadAnswer::Reject), ("popular", OverloadAnswer::Popular)];
    one_of(&String::deserialize(deserializer)?, &known)
}

fn one_of<T: Copy, E: Error>(found: &str, known: &[(&str, T)]) -> Result<T, E> {
    known.iter().find(|(name, _)| *name == found).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
        E::custom(format!("`{}`: expected {}", cut(found), names.join(" or ")))
    })
}
