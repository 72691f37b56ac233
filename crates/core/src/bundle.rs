//! A bundle: the directory that a trained model is shipped in.
//!
//! Enters: a directory with `manifest.json`, the three graphs, `vocabulary.json` and `catalog.json`. Leaves: a
//! [`Bundle`] whose files match the sizes and hashes of the manifest, or one line that says why not. Nothing in a
//! bundle is trusted: names are fixed, sizes are bounded, nothing outside the directory is read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::catalog::{Catalog, CatalogError};
use crate::files::{self, FileError};
use crate::vocabulary::{Vocabulary, VocabularyError};

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

/// The files that every bundle holds beside its manifest.
pub const FILES: [&str; 5] = [CANDIDATES_GRAPH, CATALOG, HISTORY_GRAPH, SCORES_GRAPH, VOCABULARY];

/// A file beyond this is not read: 2 GiB is also the limit of an ONNX file.
const LARGEST_FILE: u64 = 2 << 30;
const LARGEST_MANIFEST: u64 = 16 << 20;

/// A bundle that is refused.
#[derive(Debug, Error)]
pub enum BundleError {
    /// A file is missing or cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The catalogue breaks a rule.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
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
}

/// What the manifest records of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// SHA-256, lowercase hexadecimal.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// An item feature of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureShape {
    /// Its name: `category`, or an attribute of the catalogue.
    pub name: String,
    /// Size of its embedding.
    pub embedding_size: usize,
}

/// The sizes of a model that its users must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelShape {
    /// Positions of a history that are used; older ones only move the time features.
    pub longest_history: usize,
    /// Size of the item embedding.
    pub item_embedding_size: usize,
    /// The item features, in the order of the feature ids.
    pub features: Vec<FeatureShape>,
}

/// How the model came to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// SHA-256 of the dataset's manifest, or of the weights file for imported weights.
    pub source_sha256: String,
    /// Seed of the run.
    pub seed: u64,
    /// Epochs that were completed.
    pub epochs: usize,
    /// The epoch whose weights were exported.
    pub best_epoch: usize,
    /// Training interactions.
    pub interactions: u64,
    /// All hyperparameters as they ran.
    pub hyperparameters: serde_json::Value,
}

/// One recommended product of a golden request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenScore {
    /// The product's handle.
    pub handle: String,
    /// Its score.
    pub score: f32,
}

/// A request with the scores that the training network gave it: an engine that differs must not serve the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenRequest {
    /// Handles, oldest first.
    pub items: Vec<String>,
    /// Unix seconds, one for each item.
    pub timestamps: Vec<f64>,
    /// Time of the prediction, Unix seconds.
    pub now: f64,
    /// The best candidates with their scores.
    pub top: Vec<GoldenScore>,
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// Name of the model.
    pub name: String,
    /// Version of the model.
    pub version: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// Sizes.
    pub model: ModelShape,
    /// How it was trained.
    pub training: TrainingRecord,
    /// Metrics by set (`valid`, `test`, …) and name.
    pub metrics: BTreeMap<String, BTreeMap<String, f64>>,
    /// Every other file of the bundle.
    pub files: BTreeMap<String, FileRecord>,
    /// Requests with their answers.
    pub golden_requests: Vec<GoldenRequest>,
}

/// A bundle that was read whole and matches its manifest.
#[derive(Debug)]
pub struct Bundle {
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of `manifest.json`, which fixes every other file.
    pub sha256: String,
    /// The products.
    pub catalog: Catalog,
    /// Names and ids.
    pub vocabulary: Vocabulary,
    /// `candidates.onnx`
    pub candidates_graph: Vec<u8>,
    /// `history.onnx`
    pub history_graph: Vec<u8>,
    /// `scores.onnx`
    pub scores_graph: Vec<u8>,
}

impl Bundle {
    /// Reads and checks a bundle.
    ///
    /// # Errors
    /// [`BundleError`] for the first thing that is wrong.
    pub fn read(directory: &Path) -> Result<Self, BundleError> {
        let path = directory.join(MANIFEST);
        let bytes = read_bounded(directory, MANIFEST, LARGEST_MANIFEST)?;
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|source| FileError::Json { path: path.clone(), source })?;
        check_manifest(&manifest).map_err(|problem| BundleError::Invalid { path, problem })?;
        let verified = |name: &str| read_verified(directory, name, &manifest.files);
        let catalog_path = directory.join(CATALOG);
        let catalog_text = String::from_utf8(verified(CATALOG)?)
            .map_err(|_| BundleError::Invalid { path: catalog_path.clone(), problem: "is not UTF-8 text".into() })?;
        // Parsed from the bytes that were verified: the file may change meanwhile.
        let vocabulary = Vocabulary::parse(&verified(VOCABULARY)?, &directory.join(VOCABULARY))?;
        check_features(&manifest, &vocabulary)
            .map_err(|problem| BundleError::Invalid { path: directory.join(VOCABULARY), problem })?;
        Ok(Self {
            sha256: files::sha256(&bytes),
            catalog: Catalog::parse(&catalog_text, &catalog_path)?,
            vocabulary,
            candidates_graph: verified(CANDIDATES_GRAPH)?,
            history_graph: verified(HISTORY_GRAPH)?,
            scores_graph: verified(SCORES_GRAPH)?,
            manifest,
        })
    }
}

/// Completes a bundle: records every file of `directory` in the manifest and writes it, last.
///
/// # Errors
/// [`BundleError`] when a file is missing or the manifest cannot be written.
pub fn seal(directory: &Path, mut manifest: Manifest) -> Result<Manifest, BundleError> {
    manifest.files = FILES
        .iter()
        .map(|name| {
            let path = directory.join(name);
            let bytes = fs::metadata(&path).map_err(FileError::io("read", &path))?.len();
            Ok(((*name).to_owned(), FileRecord { sha256: files::sha256_of_file(&path)?, bytes }))
        })
        .collect::<Result<_, FileError>>()?;
    files::write_json(&directory.join(MANIFEST), &manifest)?;
    Ok(manifest)
}

fn check_manifest(manifest: &Manifest) -> Result<(), String> {
    if manifest.format != FORMAT {
        return Err(format!("format is `{}`: expected `{FORMAT}`", manifest.format));
    }
    let listed: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
    if listed != FILES {
        return Err(format!("files are {listed:?}: expected {FILES:?}"));
    }
    if manifest.model.longest_history == 0 {
        return Err("model.longest_history is 0: expected at least 1".into());
    }
    Ok(())
}

fn check_features(manifest: &Manifest, vocabulary: &Vocabulary) -> Result<(), String> {
    let expected: Vec<&str> = manifest.model.features.iter().map(|feature| feature.name.as_str()).collect();
    let found: Vec<&str> = vocabulary.features().iter().map(|feature| feature.name.as_str()).collect();
    if found == expected { Ok(()) } else { Err(format!("features are {found:?}: the manifest has {expected:?}")) }
}

/// Reads an ordinary file that really lies in the directory: links that lead elsewhere, pipes and devices are refused.
fn read_bounded(directory: &Path, name: &str, limit: u64) -> Result<Vec<u8>, BundleError> {
    let path = directory.join(name);
    let invalid = |problem: String| BundleError::Invalid { path: path.clone(), problem };
    let real = |path: &Path| path.canonicalize().map_err(FileError::io("read", path));
    let file = real(&path)?;
    if !file.starts_with(real(directory)?) {
        return Err(invalid("leads out of the bundle: expected a file inside".to_owned()));
    }
    if !file.is_file() {
        return Err(invalid("is not an ordinary file".to_owned()));
    }
    let file = File::open(&file).map_err(FileError::io("read", &path))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(FileError::io("read", &path))?;
    if bytes.len() as u64 > limit {
        return Err(invalid(format!("is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// Reads one of the fixed [`FILES`] and compares it with its record.
fn read_verified(directory: &Path, name: &str, records: &BTreeMap<String, FileRecord>) -> Result<Vec<u8>, BundleError> {
    let path = directory.join(name);
    let invalid = |problem| BundleError::Invalid { path: path.clone(), problem };
    let record = records.get(name).ok_or_else(|| invalid("is not in the manifest".into()))?;
    let bytes = read_bounded(directory, name, record.bytes.min(LARGEST_FILE))?;
    if bytes.len() as u64 != record.bytes {
        return Err(invalid(format!("has {} bytes: the manifest has {}", bytes.len(), record.bytes)));
    }
    let sha256 = files::sha256(&bytes);
    if sha256 != record.sha256 {
        return Err(invalid(format!("has SHA-256 {sha256}: the manifest has {}", record.sha256)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{Feature, Item};

    fn write_bundle(directory: &Path) {
        let catalog = r#"{"format": "slirec-catalog/1", "products": []}"#;
        fs::write(directory.join(CATALOG), catalog).unwrap();
        let features = vec![Feature { name: "category".into(), values: vec!["Books".into()] }];
        let items = vec![Item { handle: "novel".into(), interactions: 1, features: vec![1] }];
        Vocabulary::new(features, items).unwrap().write(&directory.join(VOCABULARY)).unwrap();
        for graph in [CANDIDATES_GRAPH, HISTORY_GRAPH, SCORES_GRAPH] {
            fs::write(directory.join(graph), graph).unwrap();
        }
        seal(directory, manifest()).unwrap();
    }

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT.into(),
            name: "test".into(),
            version: "1".into(),
            created: "2026-11-24T00:00:00Z".into(),
            model: ModelShape {
                longest_history: 50,
                item_embedding_size: 32,
                features: vec![FeatureShape { name: "category".into(), embedding_size: 8 }],
            },
            training: TrainingRecord {
                source_sha256: String::new(),
                seed: 1,
                epochs: 1,
                best_epoch: 1,
                interactions: 1,
                hyperparameters: serde_json::Value::Null,
            },
            metrics: BTreeMap::new(),
            files: BTreeMap::new(),
            golden_requests: Vec::new(),
        }
    }

    fn refusal(change: impl FnOnce(&Path)) -> String {
        let folder = tempfile::tempdir().unwrap();
        write_bundle(folder.path());
        change(folder.path());
        Bundle::read(folder.path()).expect_err("the bundle is broken").to_string()
    }

    #[test]
    fn a_sealed_bundle_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        write_bundle(folder.path());
        let bundle = Bundle::read(folder.path()).unwrap();
        assert_eq!(bundle.scores_graph, SCORES_GRAPH.as_bytes());
        assert_eq!(bundle.vocabulary.item_id("novel"), 1);
    }

    #[test]
    fn a_changed_file_is_refused_by_its_hash() {
        let message = refusal(|folder| fs::write(folder.join(SCORES_GRAPH), "SCORES.onnx").unwrap());
        assert!(message.contains("scores.onnx: has SHA-256"), "{message}");
    }

    #[test]
    fn a_truncated_a_longer_and_a_missing_file_are_refused() {
        assert!(refusal(|folder| fs::write(folder.join(HISTORY_GRAPH), "h").unwrap()).contains("has 1 bytes"));
        let longer = refusal(|folder| fs::write(folder.join(HISTORY_GRAPH), [0; 999]).unwrap());
        assert!(longer.contains("is larger than 12 bytes"), "{longer}");
        assert!(refusal(|folder| fs::remove_file(folder.join(CATALOG)).unwrap()).contains("cannot read"));
        assert!(refusal(|folder| fs::remove_file(folder.join(MANIFEST)).unwrap()).contains("manifest.json"));
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_of_the_bundle_and_what_is_no_file_are_refused() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::write(outside.path(), "scores.onnx").unwrap();
        let message = refusal(|folder| {
            fs::remove_file(folder.join(SCORES_GRAPH)).unwrap();
            std::os::unix::fs::symlink(outside.path(), folder.join(SCORES_GRAPH)).unwrap();
        });
        assert!(message.contains("scores.onnx: leads out of the bundle"), "{message}");
        let message = refusal(|folder| {
            fs::remove_file(folder.join(SCORES_GRAPH)).unwrap();
            fs::create_dir(folder.join(SCORES_GRAPH)).unwrap();
        });
        assert!(message.contains("scores.onnx: is not an ordinary file"), "{message}");
        let folder = tempfile::tempdir().unwrap();
        write_bundle(folder.path());
        fs::rename(folder.path().join(SCORES_GRAPH), folder.path().join("scores-1")).unwrap();
        std::os::unix::fs::symlink("scores-1", folder.path().join(SCORES_GRAPH)).unwrap();
        assert!(Bundle::read(folder.path()).is_ok());
    }

    #[test]
    fn a_manifest_that_names_other_files_is_refused() {
        let message = refusal(|folder| {
            let path = folder.join(MANIFEST);
            let text = fs::read_to_string(&path).unwrap().replace("scores.onnx", "../scores.onnx");
            fs::write(path, text).unwrap();
        });
        assert!(message.contains("../scores.onnx"), "{message}");
    }
}
