//! Fuzz targets: any bytes enter; nothing leaves, or a panic where the code that reads them failed.
//!
//! `make fuzz TARGET=NAME` has libFuzzer make up the bytes; `tests/kept_inputs.rs` runs what lies in `kept/NAME` as an
//! ordinary test. Where a target reads in several ways, the first byte says in which.

mod checkpoint;
mod events;
mod files;
mod rules;
mod service;
mod signature;
mod webhook;

/// A function of bytes.
pub type Target = fn(&[u8]);

/// All targets by their names.
pub const TARGETS: [(&str, Target); 18] = [
    ("v1", service::v1),
    ("invocations", service::invocations),
    ("infer", service::infer),
    ("products", service::products),
    ("webhook", webhook::webhook),
    ("filter", rules::filter),
    ("scenarios", rules::scenarios),
    ("pickle", files::pickle),
    ("checkpoint", checkpoint::checkpoint),
    ("onnx", files::onnx),
    ("manifest", files::manifest),
    ("catalogue", files::catalogue),
    ("signature", signature::signature),
    ("snowplow", events::snowplow),
    ("orders", events::orders),
    ("table", events::table),
    ("product_list", events::product_list),
    ("parquet", events::parquet),
];

/// Runs one of them.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("there is such a target");
    target(data);
}

/// The choice that the first byte makes, and the bytes behind it. In kept inputs it is a digit or a letter.
fn choose<'a, T>(data: &'a [u8], choices: &'a [T]) -> Option<(&'a T, &'a [u8])> {
    let (first, rest) = data.split_first()?;
    Some((choices.get(usize::from(first.wrapping_sub(b'0')) % choices.len())?, rest))
}

/// A message for people is short, whatever the bytes were.
fn said(message: &impl std::fmt::Display) {
    let message = message.to_string();
    assert!(message.len() < 4_000, "a message of {} bytes", message.len());
}

/// A file of the repository.
fn file(name: &str) -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = if here.ends_with("fuzz") { here.join("..") } else { here.to_owned() };
    root.join(name)
}
