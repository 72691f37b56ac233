//! A bundle: the directory that a trained model is shipped in.
//!
//! Enters: a directory with `manifest.json`, the three graphs, `vocabulary.json` and `catalog.json`, perhaps
//! `activity.json` and `users.bin`. Leaves: a [`Bundle`] whose files match the sizes and hashes of the manifest, or one
//! line that says why not. Nothing in a bundle is trusted: names are fixed, sizes are bounded, nothing outside the directory
//! is read.

mod manifest;
mod reading;
mod rules;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::activity::{Activity, ActivityError};
use crate::catalog::{Catalog, CatalogError};
use crate::files::{self, FileError};
use crate::vocabulary::{KnownUsers, KnownUsersError, Vocabulary, VocabularyError};

pub use manifest::{
    FeatureShape, FileRecord, GoldenRequest, GoldenScore, Manifest, ModelShape, Network, TrainingRecord,
};
pub use rules::{LONGEST_TEXT, MOST_FEATURES};

/// Format of the manifest that this version writes and reads.
pub const FORMAT: &str = "slirec-bundle/1";
/// Name of the manifest; it stands last when a bundle is written.
pub const MANIFEST: &str = "manifest.json";
/// Graph that runs once per catalogue.
pub const CANDIDATES_GRAPH: &str = "candidates.onnx";
/// Graph that runs once per request.
pub const HISTORY_GRAPH: &str = "history.onnx";
/// Graph that runs once per block of candidates.
pub const SCORES_GRAPH: &str = "scores.onnx";
/// Names and ids.
pub const VOCABULARY: &str = "vocabulary.json";
/// Products.
pub const CATALOG: &str = "catalog.json";

/// What shoppers did, counted; bundles need not have it.
pub const ACTIVITY: &str = "activity.json";
/// Known users with their attributes; bundles need not have it.
pub const USERS: &str = "users.bin";

/// The files that every bundle holds beside its manifest.
pub const FILES: [&str; 5] = [CANDIDATES_GRAPH, CATALOG, HISTORY_GRAPH, SCORES_GRAPH, VOCABULARY];
/// The files that a bundle may hold besides.
pub const OPTIONAL_FILES: [&str; 2] = [ACTIVITY, USERS];

/// A bundle beyond this is none: a million products have a tenth of it.
pub const LARGEST_BUNDLE: u64 = 8 << 30;
/// A manifest beyond this is none: that of the demo model has a hundredth of it.
pub const LARGEST_MANIFEST: u64 = 1 << 20;

/// A bundle that is refused.
#[derive(Debug, Error)]
pub enum BundleError {
    /// A file is missing or cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The counts break a rule.
    #[error(transparent)]
    Activity(#[from] ActivityError),
    /// The catalogue breaks a rule.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The table of known users breaks a rule.
    #[error(transparent)]
    Users(#[from] KnownUsersError),
    /// The vocabulary breaks a rule.
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    /// The manifest and the directory disagree.
    #[error("{path}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// A file, alone or with those before it, is larger than the reader allows.
    #[error("{path}: {found} bytes by the manifest: expected at most {most}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its bytes, or those of all files up to it.
        found: u64,
        /// Bytes that it, or all of them, may have.
        most: u64,
    },
}

/// A bundle that was read whole and matches its manifest.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of `manifest.json`, which fixes every other file.
    pub sha256: String,
    /// The products.
    pub catalog: Catalog,
    /// Names and ids.
    pub vocabulary: Vocabulary,
    /// What shoppers did, if the bundle has it.
    pub activity: Option<Activity>,
    /// Known users, if the bundle has them.
    pub known_users: Option<KnownUsers>,
    /// `candidates.onnx`
    pub candidates_graph: Vec<u8>,
    /// `history.onnx`
    pub history_graph: Vec<u8>,
    /// `scores.onnx`
    pub scores_graph: Vec<u8>,
}

impl Bundle {
    /// Reads and checks a bundle of any size.
    ///
    /// # Errors
    /// [`BundleError`] for the first thing that is wrong.
    pub fn read(directory: &Path) -> Result<Self, BundleError> {
        Self::read_within(directory, LARGEST_BUNDLE)
    }

    /// As [`Bundle::read`]; a bundle whose files have more than `max_bytes`, catalogue or vocabulary more than a
    /// quarter of it, is refused before any of them is read.
    ///
    /// # Errors
    /// [`BundleError`] for the first thing that is wrong.
    pub fn read_within(directory: &Path, max_bytes: u64) -> Result<Self, BundleError> {
        Self::read_approved(directory, max_bytes, |_, _| Ok(()))
    }

    /// As [`Bundle::read_within`], of a bundle whose manifest, with its SHA-256, `approve` has seen first: nothing else
    /// of it is read before, and what is read then is what this manifest says.
    ///
    /// # Errors
    /// What `approve` says, or [`BundleError`] for the first thing that is wrong.
    pub fn read_approved<E: From<BundleError>>(
        directory: &Path,
        max_bytes: u64,
        approve: impl FnOnce(&Manifest, &str) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (manifest, sha256) = Manifest::read(directory)?;
        approve(&manifest, &sha256)?;
        reading::check_sizes(directory, &manifest.files, max_bytes)?;
        Ok(Self::read_files(directory, manifest, sha256)?)
    }

    /// Reads the files of a bundle that is not sealed yet, so that it can be tried before it gets its manifest.
    ///
    /// # Errors
    /// [`BundleError`] for the first thing that is wrong.
    pub fn read_unsealed(directory: &Path, manifest: Manifest) -> Result<Self, BundleError> {
        Self::read_files(directory, manifest, String::new())
    }

    fn read_files(directory: &Path, manifest: Manifest, sha256: String) -> Result<Self, BundleError> {
        let verified = |name: &str| reading::read_verified(directory, name, &manifest.files);
        let catalog_path = directory.join(CATALOG);
        let catalog_text = String::from_utf8(verified(CATALOG)?)
            .map_err(|_| BundleError::Invalid { path: catalog_path.clone(), problem: "is not UTF-8 text".into() })?;
        // Parsed from the bytes that were verified: the file may change meanwhile.
        let vocabulary = Vocabulary::parse(&verified(VOCABULARY)?, &directory.join(VOCABULARY))?;
        check_features(&manifest, &vocabulary)
            .map_err(|problem| BundleError::Invalid { path: directory.join(VOCABULARY), problem })?;
        let optional = |name: &str| {
            let is_there = manifest.files.contains_key(name);
            is_there.then(|| Ok::<_, BundleError>((verified(name)?, directory.join(name)))).transpose()
        };
        let activity = optional(ACTIVITY)?;
        let activity = activity.map(|(bytes, path)| Activity::parse(&bytes, vocabulary.items().len(), &path));
        let users = optional(USERS)?;
        let users = users.map(|(bytes, path)| KnownUsers::parse(bytes, vocabulary.user_features(), &path));
        Ok(Self {
            sha256,
            activity: activity.transpose()?,
            known_users: users.transpose()?,
            catalog: Catalog::parse(&catalog_text, &catalog_path)?,
            vocabulary,
            candidates_graph: verified(CANDIDATES_GRAPH)?,
            history_graph: verified(HISTORY_GRAPH)?,
            scores_graph: verified(SCORES_GRAPH)?,
            manifest,
        })
    }
}

/// Compares one of a bundle's files with its record in the manifest.
///
/// # Errors
/// [`BundleError`] when it is missing or has another size or hash.
pub fn verify_file(directory: &Path, name: &str, manifest: &Manifest) -> Result<(), BundleError> {
    reading::verify(directory, name, &manifest.files)
}

/// Size and hash of every file of a bundle, for its manifest.
///
/// # Errors
/// [`BundleError`] when a file is missing.
pub fn record_files(directory: &Path) -> Result<BTreeMap<String, FileRecord>, BundleError> {
    let record = |name: &str| -> Result<(String, FileRecord), BundleError> {
        let path = directory.join(name);
        let bytes = fs::metadata(&path).map_err(FileError::io("read", &path))?.len();
        Ok((name.to_owned(), FileRecord { sha256: files::sha256_of_file(&path)?, bytes }))
    };
    file_names(|name| directory.join(name).exists()).map(record).collect()
}

/// Names of the files beside the manifest: those of every bundle, and of the optional ones those that it has.
fn file_names(has: impl Fn(&str) -> bool) -> impl Iterator<Item = &'static str> {
    FILES.into_iter().chain(OPTIONAL_FILES.into_iter().filter(move |name| has(name)))
}

/// Completes a bundle: records every file of `directory` in the manifest and writes it, last.
///
/// # Errors
/// [`BundleError`] when a file is missing or the manifest cannot be written.
pub fn seal(directory: &Path, mut manifest: Manifest) -> Result<Manifest, BundleError> {
    manifest.files = record_files(directory)?;
    files::write_json(&directory.join(MANIFEST), &manifest)?;
    Ok(manifest)
}

fn check_features(manifest: &Manifest, vocabulary: &Vocabulary) -> Result<(), String> {
    let expected: Vec<&str> = manifest.model.features.iter().map(|feature| feature.name.as_str()).collect();
    let found: Vec<&str> = vocabulary.features().iter().map(|feature| feature.name.as_str()).collect();
    if found != expected {
        return Err(format!("features are {found:?}: the manifest has {expected:?}"));
    }
    let expected: Vec<&str> = manifest.model.user_features.iter().map(|feature| feature.name.as_str()).collect();
    let found: Vec<&str> = vocabulary.user_features().iter().map(|feature| feature.name.as_str()).collect();
    if found == expected { Ok(()) } else { Err(format!("user_features are {found:?}: the manifest has {expected:?}")) }
}

#[cfg(test)]
mod tests;
