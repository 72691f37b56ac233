//! How bundles are spoiled: a copy of the demo bundle and a case enter, a directory leaves whose manifest fits whatever was
//! done to its files, so that nothing but the content is wrong.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;
use serde_json::{Value, json};
use slirec_onnx::proto::{GraphProto, ModelProto};
use tempfile::TempDir;

/// A way to spoil a bundle, and what the refusal must name.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) make: Box<dyn Fn(&Copy)>,
    pub(crate) expected: &'static str,
}

pub(crate) fn case(name: &'static str, expected: &'static str, make: impl Fn(&Copy) + 'static) -> Case {
    Case { name, make: Box::new(make), expected }
}

/// A case that changes the model of a graph's file.
pub(crate) fn model_case(
    name: &'static str,
    expected: &'static str,
    file: &'static str,
    change: impl Fn(&mut ModelProto) + 'static,
) -> Case {
    case(name, expected, move |bundle| {
        bundle.replace(file, |bytes| {
            let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
            change(&mut model);
            model.encode_to_vec()
        });
    })
}

/// A case that changes the scores graph.
pub(crate) fn graph_case(
    name: &'static str,
    expected: &'static str,
    change: impl Fn(&mut GraphProto) + 'static,
) -> Case {
    model_case(name, expected, "scores.onnx", move |model| change(model.graph.as_mut().unwrap()))
}

/// A bundle of SLi-Rec, of the demo's data.
pub(crate) fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sli_rec_demo")
}

/// A copy of the demo bundle.
pub(crate) struct Copy(TempDir);

impl Copy {
    pub(crate) fn of_demo() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(demo()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn change_manifest(&self, change: impl FnOnce(&mut Value)) {
        let path = self.file("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut manifest);
        fs::write(path, manifest.to_string()).unwrap();
    }

    /// Replaces a file and makes the manifest fit it.
    pub(crate) fn replace(&self, name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let path = self.file(name);
        let bytes = change(fs::read(&path).unwrap());
        fs::write(path, &bytes).unwrap();
        let record = json!({"sha256": slirec_core::files::sha256(&bytes), "bytes": bytes.len()});
        self.change_manifest(|manifest| manifest["files"][name] = record);
    }

    /// As [`Copy::replace`], of a JSON document.
    pub(crate) fn replace_json(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.replace(name, |bytes| {
            let mut document: Value = serde_json::from_slice(&bytes).unwrap();
            change(&mut document);
            document.to_string().into_bytes()
        });
    }
}
