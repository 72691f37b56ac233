//! What the server keeps: experiments, runs, registered models, files.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};

use super::Answer;

/// A run.
#[derive(Default, Clone)]
pub(crate) struct Run {
    pub(crate) experiment: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) parameters: BTreeMap<String, String>,
    /// Values by name and step.
    pub(crate) metrics: BTreeMap<(String, u64), Value>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) models: usize,
    artifact_root: Option<String>,
}

/// A version of a registered model.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) source: String,
    pub(crate) run_id: String,
    pub(crate) status: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A registered model.
#[derive(Default, Clone)]
pub(crate) struct Model {
    pub(crate) versions: Vec<Version>,
    pub(crate) aliases: BTreeMap<String, String>,
}

/// Everything.
#[derive(Default)]
pub(crate) struct Store {
    /// MLflow 2 fails with 500 for files that are not there.
    pub(crate) is_old: bool,
    pub(crate) own_url: String,
    /// What an alias is said to point to, instead of the version's number.
    pub(crate) shown_number: Option<String>,
    /// Where runs keep their files, instead of behind the server.
    pub(crate) artifact_root: Option<String>,
    /// Where the files of versions are said to be, instead of where they are.
    pub(crate) download_uri: Option<String>,
    pub(crate) experiments: Vec<String>,
    pub(crate) runs: BTreeMap<String, Run>,
    pub(crate) models: BTreeMap<String, Model>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

type Input<'a> = &'a Value;

fn text<'a>(input: Input<'a>, key: &str) -> Option<&'a str> {
    input.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn pairs(input: Input<'_>, key: &str) -> BTreeMap<String, String> {
    let pair = |pair: &Value| Some((text(pair, "key")?.to_owned(), text(pair, "value").unwrap_or_default().to_owned()));
    input.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(pair).collect()
}

fn tags(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

macro_rules! required {
    ($input:expr, $key:literal) => {
        match text($input, $key) {
            Some(text) => text.to_owned(),
            None => return Answer::invalid(concat!("Missing value for required parameter '", $key, "'.")),
        }
    };
}

// Behind the macro, which they use.
#[path = "store/files.rs"]
mod files;
#[path = "store/models.rs"]
mod models;

use models::shown_version;

impl Store {
    pub(super) fn call(&mut self, method: &Method, operation: &str, input: Input<'_>) -> Answer {
        let operation = operation.strip_prefix("unity-catalog/").unwrap_or(operation);
        match (method.as_str(), operation) {
            ("POST", "experiments/create") => self.create_experiment(input),
            ("GET", "experiments/get-by-name") => self.experiment(input),
            ("POST", "runs/create") => self.create_run(input),
            ("GET", "runs/get") => self.with_run(input, |id, run| json!({"run": shown(id, run)})),
            ("POST", "runs/search") => self.search_runs(input),
            ("POST", "runs/update") => self.with_run(input, |id, run| {
                run.status = text(input, "status").unwrap_or_default().to_owned();
                json!({"run_info": shown(id, run)["info"]})
            }),
            ("POST", "runs/log-batch") => self.log_batch(input),
            ("POST", "runs/log-model") => self.with_run(input, |_, run| {
                run.models += 1;
                json!({})
            }),
            ("POST", "artifacts/credentials-for-write") => {
                let path = input["path"][0].as_str().unwrap();
                let uri = format!("{}/signed/{}/{path}", self.own_url, input["run_id"].as_str().unwrap());
                Answer::json(
                    &json!({"credential_infos": [{"signed_uri": uri, "type": "AWS_PRESIGNED_URL", "headers": []}]}),
                )
            }
            ("GET", "artifacts/list") => self.list_run(input),
            ("POST", "registered-models/create") => self.register(input),
            ("GET", "registered-models/get") => self.registered_model(input),
            ("POST" | "DELETE" | "GET", "registered-models/alias") => self.alias(method, input),
            ("POST", "model-versions/create") => self.create_version(input),
            ("POST", "model-versions/finalize") => self.version(input, |_, version| {
                version.status = "READY".to_owned();
                json!({})
            }),
            ("GET", "model-versions/get") => {
                let name = required!(input, "name");
                self.version(input, |number, version| json!({"model_version": shown_version(&name, number, version)}))
            }
            ("GET", "model-versions/get-download-uri") => {
                let elsewhere = self.download_uri.clone();
                self.version(input, |_, version| json!({"artifact_uri": elsewhere.unwrap_or(version.source.clone())}))
            }
            ("GET", "model-versions/search") => self.search_versions(input),
            _ => Answer::missing_page(),
        }
    }

    fn create_experiment(&mut self, input: Input<'_>) -> Answer {
        let name = required!(input, "name");
        if self.experiments.contains(&name) {
            return Answer::error(400, "RESOURCE_ALREADY_EXISTS", "already exists");
        }
        self.experiments.push(name);
        Answer::json(&json!({"experiment_id": self.experiments.len().to_string()}))
    }

    fn experiment(&mut self, input: Input<'_>) -> Answer {
        let name = required!(input, "experiment_name");
        match self.experiments.iter().position(|found| *found == name) {
            Some(place) => Answer::json(&json!({"experiment": {"experiment_id": (place + 1).to_string(), "name": name,
                "artifact_location": format!("mlflow-artifacts:/{}", place + 1), "lifecycle_stage": "active"}})),
            None => Answer::missing("experiment"),
        }
    }

    fn create_run(&mut self, input: Input<'_>) -> Answer {
        let experiment = required!(input, "experiment_id");
        if !experiment.parse::<usize>().is_ok_and(|id| id > 0 && id <= self.experiments.len()) {
            return Answer::missing("experiment");
        }
        let id = format!("{:032x}", self.runs.len() + 1);
        let name = text(input, "run_name").unwrap_or("a-name").to_owned();
        let (status, artifact_root) = ("RUNNING".to_owned(), self.artifact_root.clone());
        let mut run = Run { experiment, name, status, tags: pairs(input, "tags"), artifact_root, ..Run::default() };
        run.tags.insert("mlflow.runName".to_owned(), run.name.clone());
        let answer = Answer::json(&json!({"run": shown(&id, &run)}));
        self.runs.insert(id, run);
        answer
    }

    fn with_run(&mut self, input: Input<'_>, act: impl FnOnce(&str, &mut Run) -> Value) -> Answer {
        let id = required!(input, "run_id");
        match self.runs.get_mut(&id) {
            Some(run) => Answer::json(&act(&id, run)),
            None => Answer::missing("run"),
        }
    }

    fn search_runs(&self, input: Input<'_>) -> Answer {
        let filter = text(input, "filter").unwrap_or_default();
        let holds = |run: &Run, condition: &str| {
            let (key, value) = condition.split_once(" = ").unwrap();
            let key = key.strip_prefix("tags.\"").and_then(|key| key.strip_suffix('"')).unwrap();
            run.tags.get(key).is_some_and(|found| format!("'{found}'") == value)
        };
        let fits = |run: &Run| {
            input["experiment_ids"][0] == run.experiment && filter.split(" and ").all(|condition| holds(run, condition))
        };
        let runs: Vec<Value> =
            self.runs.iter().rev().filter(|(_, run)| fits(run)).take(1).map(|(id, run)| shown(id, run)).collect();
        Answer::json(&if runs.is_empty() { json!({}) } else { json!({"runs": runs}) })
    }

    fn log_batch(&mut self, input: Input<'_>) -> Answer {
        for (key, most) in [("params", 100), ("tags", 100), ("metrics", 1000)] {
            let count = input.get(key).and_then(Value::as_array).map_or(0, Vec::len);
            // A recording leaves the middle of its list out.
            let left_out = input[key].as_array().is_some_and(|list| list.last().is_some_and(Value::is_string));
            if count > most || left_out {
                return Answer::invalid(&format!("A batch logging request can contain at most {most} {key}."));
            }
        }
        self.with_run(input, |_, run| {
            run.parameters.extend(pairs(input, "params"));
            run.tags.extend(pairs(input, "tags"));
            for metric in input.get("metrics").and_then(Value::as_array).into_iter().flatten() {
                let key = (metric["key"].as_str().unwrap().to_owned(), metric["step"].as_u64().unwrap());
                run.metrics.insert(key, metric["value"].clone());
            }
            json!({})
        })
    }
}

fn shown(id: &str, run: &Run) -> Value {
    let root = run.artifact_root.as_deref().unwrap_or("mlflow-artifacts:");
    let uri = format!("{root}/{}/{id}/artifacts", run.experiment);
    json!({
        "info": {"run_id": id, "run_uuid": id, "experiment_id": run.experiment, "run_name": run.name,
                 "status": run.status, "artifact_uri": uri, "lifecycle_stage": "active"},
        "data": {"tags": tags(&run.tags)},
    })
}
