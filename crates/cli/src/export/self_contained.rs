//! `slirec export --self-contained`: a bundle enters; `model.onnx`, checked by the bundle's golden requests, leaves.

use std::fs;
use std::path::Path;

use anyhow::Result;
use slirec_core::bundle::Bundle;
use slirec_core::files::{FileError, StagedFile};
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
    let staged = StagedFile::create(file, replace)?;
    let bundle = Bundle::read(directory)?;
    let graph = self_contained(&bundle, limit)?;
    SelfContainedModel::load(&graph, onnxruntime)?.check_golden(&bundle)?;
    fs::write(staged.path(), &graph).map_err(FileError::io("write", file))?;
    staged.commit()?;
    let (kilobytes, checks) = (graph.len() / 1000, bundle.manifest.golden_requests.len());
    output::print(format!("{}: {kilobytes} kB, checked by {checks} golden requests", file.display()))
}
