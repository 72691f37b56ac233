//! Files of runs.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};

use super::{Answer, Input, Store, text};

impl Store {
    /// Entries of a folder.
    pub(in super::super) fn list(&self, folder: &str) -> Answer {
        Answer::json(&json!({"files": self.entries(folder, "")}))
    }

    pub(super) fn list_run(&self, input: Input<'_>) -> Answer {
        let id = required!(input, "run_id");
        let Some(run) = self.runs.get(&id) else { return Answer::missing("run") };
        let root = format!("{}/{id}/artifacts", run.experiment);
        let path = text(input, "path").unwrap_or_default();
        let entries = self.entries(&format!("{root}/{path}"), &format!("{path}/"));
        Answer::json(&json!({"root_uri": format!("mlflow-artifacts:/{root}"), "files": entries}))
    }

    pub(super) fn entries(&self, folder: &str, prefix: &str) -> Vec<Value> {
        let mut entries = BTreeMap::new();
        for (path, bytes) in &self.files {
            let Some(rest) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else { continue };
            match rest.split_once('/') {
                Some((name, _)) => entries.insert(name, json!({"path": format!("{prefix}{name}"), "is_dir": true})),
                None => entries.insert(
                    rest,
                    json!({"path": format!("{prefix}{rest}"), "is_dir": false, "file_size": bytes.len()}),
                ),
            };
        }
        entries.into_values().collect()
    }

    pub(in super::super) fn file(&mut self, method: &Method, path: &str, body: &[u8]) -> Answer {
        if *method == Method::PUT {
            self.files.insert(path.to_owned(), body.to_vec());
            return Answer { status: 200, content_type: "application/json", body: b"{}".to_vec() };
        }
        match self.files.get(path) {
            Some(bytes) => Answer { status: 200, content_type: "application/octet-stream", body: bytes.clone() },
            None if self.is_old => Answer::text(500, "<h1>Internal Server Error</h1>"),
            None => Answer::missing("artifact"),
        }
    }
}
