//! `slirec export --self-contained`: a bundle enters; `model.onnx`, proven by the bundle's golden requests, leaves.

use std::path::Path;

use anyhow::{Result, ensure};
use slirec_core::bundle::Bundle;
use slirec_core::files;
use slirec_engine::{SelfContainedModel, self_contained};

use crate::output;

/// Writes the graph once ONNX Runtime has answered the golden requests with it.
pub(crate) fn write(
    directory: &Path,
    file: &Path,
    limit: usize,
    onnxruntime: Option<&Path>,
    replace: bool,
) -> Result<()> {
    ensure!(replace || !file.exists(), "{} exists: --force replaces it", file.display());
    let bundle = Bundle::read(directory)?;
    let graph = self_contained(&bundle, limit)?;
    SelfContainedModel::load(&graph, onnxruntime)?.check_golden(&bundle)?;
    files::write_aside(file, &graph)?;
    let (kilobytes, proofs) = (graph.len() / 1000, bundle.manifest.golden_requests.len());
    output::print(format!("{}: {kilobytes} kB, proven by {proofs} golden requests", file.display()))
}
