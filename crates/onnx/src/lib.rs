//! ONNX files: what the exporter writes and the engine checks before it trusts a graph.
//!
//! [`proto`] holds the file format's messages, [`builder`] makes graphs out of them, [`check`] refuses graphs that
//! would reach outside of their file, [`exported`] those that are not as the exporter writes them, [`compose`] joins
//! models into one graph.

pub mod builder;
pub mod check;
pub mod compose;
pub mod exported;
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod proto;
