//! The whole export: a run with its dataset, or weights from elsewhere, and a catalogue enter; a bundle leaves, sealed
//! once its graphs have scored like the trained network.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use slirec_core::bundle::{self, Manifest};
use slirec_core::catalog::Catalog;
use slirec_core::files::{self, StagedDirectory};

pub use super::source::{Host, Parity, Source};
use super::{ExportError, parity, write_files};
use crate::activity;

/// One past the latest creation time, as for the times of interactions.
const LATEST: u64 = 100_000_000_000;

/// Where a bundle goes and what it is called.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Name of the model.
    pub name: &'a str,
    /// Version of the model.
    pub version: &'a str,
    /// The bundle directory.
    pub output: &'a Path,
    /// Replace an earlier bundle.
    pub replace: bool,
}

/// Writes a bundle and checks it before it gets its name. Leaves its manifest and the SHA-256 of that.
///
/// # Errors
/// [`ExportError`]; there is no bundle then.
pub fn write_bundle(
    source: &Source,
    catalog: &Catalog,
    target: &Target<'_>,
    host: &dyn Host,
) -> Result<(Manifest, String), ExportError> {
    let staged = StagedDirectory::create(target.output, bundle::MANIFEST, target.replace)?;
    source.warning().iter().for_each(|warning| host.warn(warning));
    write_files(staged.path(), &source.sizes, &source.weights, &source.vocabulary, catalog)?;
    if let Some(dataset) = source.dataset_of_same_ids() {
        activity::count(dataset).write(&staged.path().join(bundle::ACTIVITY))?;
    }
    if let Some(users) = &source.known_users {
        users.write(&staged.path().join(bundle::USERS))?;
    }
    // The manifest, which makes a directory a bundle, is written only when the files passed the check.
    let manifest = Manifest {
        format: bundle::FORMAT.to_owned(),
        name: target.name.to_owned(),
        version: target.version.to_owned(),
        created: created(source.created)?,
        model: source.sizes.shape(),
        training: source.training.clone(),
        metrics: BTreeMap::new(),
        files: bundle::record_files(staged.path())?,
        golden_requests: Vec::new(),
        loses_to: Vec::new(),
    };
    let manifest = parity::check(staged.path(), source, catalog, manifest, host)?;
    let manifest = bundle::seal(staged.path(), manifest)?;
    host.sealed(staged.path()).map_err(ExportError::Sealed)?;
    staged.commit()?;
    if !manifest.loses_to.is_empty() {
        let names = manifest.loses_to.join(", ");
        host.warn(&format!("the model does not rank the test rows better than these: {names}; the manifest says so"));
    }
    let sha256 = files::sha256_of_file(&target.output.join(bundle::MANIFEST))?;
    Ok((manifest, sha256))
}

/// RFC 3339 of `SOURCE_DATE_EPOCH`, or else of the data's last interaction: never of the clock, so that the same inputs
/// give the same bytes.
fn created(last_time: f64) -> Result<String, ExportError> {
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.parse().ok().filter(|seconds| *seconds < LATEST).ok_or(ExportError::Epoch(text))?,
        // Times of interactions are checked to lie between 0 and 1e11 when they are read.
        Err(_) => last_time as u64,
    };
    Ok(humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string())
}
