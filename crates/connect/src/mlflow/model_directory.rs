//! The directory that MLflow itself loads and serves: `MLmodel` with the original's signature, a graph, a small loader and
//! what Python needs for it.
//!
//! | file | what |
//! |---|---|
//! | `MLmodel` | flavour, signature, input example |
//! | `code/slirec_mlflow.py` | the loader: feeds the graph, runs nothing else |
//! | `data/model.onnx` | handles and times in, GIDs and scores out |
//! | `bundle/` | the bundle, for `slirec-server` and `slirec registry pull` |
//! | `requirements.txt`, `conda.yaml`, `python_env.yaml` | ONNX Runtime and MLflow, pinned |
//! | `input_example.json`, `serving_input_example.json` | a row |

use serde_json::{Value, json};
use slirec_core::files;
use slirec_core::vocabulary::{UserFeature, UserKind};

/// What makes a directory a model; it is uploaded last.
pub const MLMODEL: &str = "MLmodel";
/// Where the bundle is.
pub const BUNDLE: &str = "bundle";
/// Where the graph is.
pub const GRAPH: &str = "data/model.onnx";

/// The loader module, also a file of this repository with its own test.
pub const LOADER: &str = include_str!("slirec_mlflow.py");

/// Versions that the tests run with. Python itself must be one that both have wheels for.
const REQUIREMENTS: [&str; 2] = ["mlflow==3.17.2", "onnxruntime==1.32.0"];
const PYTHON: &str = "3.11.7";
/// The oldest version of MLflow that reads what is written here.
const WRITTEN_FOR: &str = "2.18.0";

/// What differs from one model directory to another.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// Its folder among the run's artifacts.
    pub folder: &'a str,
    /// The run that it belongs to.
    pub run_id: &'a str,
    /// SHA-256 of the bundle's manifest.
    pub bundle_sha256: &'a str,
    /// When the bundle was made, RFC 3339.
    pub created: &'a str,
    /// Handles and times of a row, for the example.
    pub example: (&'a [String], &'a [String]),
    /// Attributes of shoppers that the model reads.
    pub users: &'a [UserFeature],
}

/// The small files, by path; the graph and the bundle are the caller's. [`MLMODEL`] is the last.
pub fn files(identity: &Identity<'_>) -> Vec<(&'static str, String)> {
    let requirements = REQUIREMENTS.join("\n") + "\n";
    let pip: String = REQUIREMENTS.iter().map(|requirement| format!("  - {requirement}\n")).collect();
    let conda =
        format!("channels:\n- conda-forge\ndependencies:\n- python={PYTHON}\n- pip\n- pip:\n{pip}name: mlflow-env\n");
    let environment = format!(
        "python: {PYTHON}\nbuild_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r requirements.txt\n"
    );
    let (items, timestamps) = identity.example;
    let example = json!({"columns": ["userId", "items", "timestamps"], "data": [["user-1", items, timestamps]]});
    vec![
        ("code/slirec_mlflow.py", LOADER.to_owned()),
        ("requirements.txt", requirements),
        ("conda.yaml", conda),
        ("python_env.yaml", environment),
        ("input_example.json", example.to_string()),
        ("serving_input_example.json", json!({"dataframe_split": example}).to_string()),
        (MLMODEL, mlmodel(identity).to_string()),
    ]
}

/// `MLmodel`. MLflow reads YAML, of which JSON is a part.
pub fn mlmodel(identity: &Identity<'_>) -> Value {
    let uuid = files::sha256(format!("{} {}", identity.run_id, identity.bundle_sha256).as_bytes());
    json!({
        "artifact_path": identity.folder,
        "flavors": {"python_function": {
            "code": "code",
            "data": "data",
            "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
            "loader_module": "slirec_mlflow",
            "python_version": PYTHON,
        }},
        "metadata": {"bundle": BUNDLE, "bundle_sha256": identity.bundle_sha256},
        "mlflow_version": WRITTEN_FOR,
        "model_uuid": uuid.get(..32),
        "run_id": identity.run_id,
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "pandas_orient": "split",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
        },
        "signature": signature(identity.users),
        // MLflow writes no time zone.
        "utc_time_created": identity.created.replace('T', " ").trim_end_matches('Z'),
    })
}

/// The original's signature, by which Nussknacker's enricher knows its inputs and outputs: exactly so, and behind it what may
/// be told of a shopper.
fn signature(users: &[UserFeature]) -> Value {
    let text = |name: &str| json!({"type": "string", "name": name, "required": true});
    let list = |name: &str, of: &str| json!({"type": "array", "items": {"type": of}, "name": name, "required": true});
    let of_user = |feature: &UserFeature| {
        let name = format!("user.{}", feature.attribute());
        match feature.kind() {
            UserKind::Number => json!({"type": "double", "name": name, "required": false}),
            UserKind::Text => json!({"type": "string", "name": name, "required": false}),
            UserKind::List => json!({"type": "array", "items": {"type": "string"}, "name": name, "required": false}),
        }
    };
    // The parts of a list are one column.
    let users = users.chunk_by(|one, other| one.attribute() == other.attribute()).filter_map(<[_]>::first);
    let inputs = [text("userId"), list("items", "string"), list("timestamps", "string")];
    let inputs = Value::Array(inputs.into_iter().chain(users.map(of_user)).collect());
    let outputs = json!([list("itemIds", "string"), list("preds", "double")]);
    json!({"inputs": inputs.to_string(), "outputs": outputs.to_string(), "params": null})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_original_as_mlflow_recorded_it() {
        let recorded = include_str!("../../../../tests/fixtures/mlflow_registry/minimal_client_run_3.17.2.json");
        let recorded: Value = serde_json::from_str(recorded).unwrap();
        let exchanges = recorded["exchanges"].as_array().unwrap();
        let logged = exchanges.iter().find_map(|exchange| exchange["request"]["json"]["model_json"].as_str()).unwrap();
        let logged: Value = serde_json::from_str(logged).unwrap();
        let parsed =
            |signature: &Value, key: &str| -> Value { serde_json::from_str(signature[key].as_str().unwrap()).unwrap() };
        for key in ["inputs", "outputs"] {
            assert_eq!(parsed(&signature(&[]), key), parsed(&logged["signature"], key));
        }
    }

    #[test]
    fn attributes_of_shoppers_are_columns_that_need_not_be_there() {
        use std::collections::BTreeSet;

        use slirec_core::vocabulary::UserValues;
        let likes = ["art", "tea"].map(str::to_owned).into_iter().collect::<BTreeSet<_>>();
        let users = [
            vec![UserFeature::new("country", UserValues::Texts(vec!["DE".to_owned()]))],
            vec![UserFeature::new("age", UserValues::Bounds(vec![30.0]))],
            UserFeature::of_lists("likes", &[likes.clone(), likes]),
        ]
        .concat();
        let inputs: Value = serde_json::from_str(signature(&users)["inputs"].as_str().unwrap()).unwrap();
        let expected = json!([
            {"type": "string", "name": "user.country", "required": false},
            {"type": "double", "name": "user.age", "required": false},
            {"type": "array", "items": {"type": "string"}, "name": "user.likes", "required": false},
        ]);
        assert_eq!(inputs.as_array().unwrap()[3..], expected.as_array().unwrap()[..]);
    }

    #[test]
    fn the_same_bundle_in_the_same_run_gives_the_same_bytes_with_mlmodel_last() {
        let (items, times) = (["novel".to_owned()], ["1730807061".to_owned()]);
        let identity = Identity {
            folder: "model-ab",
            run_id: "cd1d5cae19e543ce9b3f1326ff0dd273",
            bundle_sha256: "ab",
            created: "2026-11-24T00:00:00Z",
            example: (&items, &times),
            users: &[],
        };
        let written = files(&identity);
        assert_eq!(written, files(&identity));
        assert_eq!(written.last().unwrap().0, MLMODEL);
        let model: Value = serde_json::from_str(&written.last().unwrap().1).unwrap();
        assert_eq!(model["utc_time_created"], "2026-11-24 00:00:00");
        assert_eq!(model["model_uuid"].as_str().unwrap().len(), 32);
    }
}
