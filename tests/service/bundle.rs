//! Bundles for tests to change: a copy of the served one, whose manifest can be made to fit whatever was done to its
//! files.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use slirec_onnx::proto::ModelProto;
use tempfile::TempDir;

/// A copy of the bundle that tests serve.
pub(crate) struct Bundle {
    folder: TempDir,
}

impl Bundle {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&served(), folder.path());
        Self { folder }
    }

    /// A copy that calls itself by another version.
    pub(crate) fn of_version(version: &str) -> Self {
        let bundle = Self::new();
        bundle.set_version(version);
        bundle
    }

    pub(crate) fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn set_version(&self, version: &str) {
        self.change_manifest(|manifest| manifest["version"] = json!(version));
    }

    pub(crate) fn change_manifest(&self, change: impl FnOnce(&mut Value)) {
        let path = self.file("manifest.json");
        let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut manifest);
        // Renamed into place, as those who publish bundles do.
        let aside = self.file("manifest.json.partial");
        fs::write(&aside, manifest.to_string()).unwrap();
        fs::rename(aside, path).unwrap();
    }

    /// Replaces a file and leaves the manifest as it was.
    pub(crate) fn spoil(&self, name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let path = self.file(name);
        let bytes = change(fs::read(&path).unwrap());
        fs::write(path, bytes).unwrap();
    }

    /// Replaces a file and makes the manifest fit it: only the content is wrong then.
    pub(crate) fn replace(&self, name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        self.spoil(name, change);
        let bytes = fs::read(self.file(name)).unwrap();
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        self.change_manifest(|manifest| manifest["files"][name] = json!({"sha256": sha256, "bytes": bytes.len()}));
    }

    /// Adds a file, in the manifest too.
    pub(crate) fn add(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.file(name), content).unwrap();
        self.replace(name, |bytes| bytes);
    }

    /// Takes a file away, from the manifest too.
    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).unwrap();
        self.change_manifest(|manifest| {
            manifest["files"].as_object_mut().unwrap().remove(name);
        });
    }

    /// The bytes of its signature.
    pub(crate) fn signature(&self) -> Option<Vec<u8>> {
        fs::read(self.file("model.sig")).ok()
    }

    /// Makes this bundle the same as another.
    pub(crate) fn become_like(&self, other: &Self) {
        copy(other.folder.path(), self.folder.path());
    }
}

/// Rewrites a graph.
pub(crate) fn graph(change: impl FnOnce(&mut ModelProto)) -> impl FnOnce(Vec<u8>) -> Vec<u8> {
    move |bytes| {
        let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
        change(&mut model);
        model.encode_to_vec()
    }
}

/// The bundle that tests serve.
pub(crate) fn served() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::env::var("SLIREC__MODEL__PATH").map_or(root.join("models/demo"), Into::into)
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
