//! The verbs that talk to an MLflow registry, as a user runs them, against the server of the library's tests.

#![cfg(test)]

#[expect(dead_code, reason = "the library's tests use more of the server")]
#[path = "../../connect/tests/mlflow/mock.rs"]
mod mock;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mock::{Fault, MockServer};
use serde_json::Value;

const TOKEN: &str = "tok-secret";
const MODEL: &str = "slirec_shopify_model";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn slirec(server: &MockServer, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slirec"));
    for name in ["DATABRICKS_HOST", "DATABRICKS_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"] {
        command.env_remove(name);
    }
    fs::write(folder.join("token"), format!("{TOKEN}\n")).unwrap();
    command.env("MLFLOW_TRACKING_URI", &server.url).env("MLFLOW_TRACKING_TOKEN_FILE", folder.join("token"));
    let output = command.current_dir(folder).args(arguments).output().unwrap();
    for text in [&output.stdout, &output.stderr] {
        assert!(!String::from_utf8_lossy(text).contains(TOKEN), "no token is ever shown");
    }
    output
}

fn succeeds(server: &MockServer, folder: &Path, arguments: &[&str]) -> String {
    let output = slirec(server, folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn fails(server: &MockServer, folder: &Path, arguments: &[&str]) -> String {
    let output = slirec(server, folder, arguments);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn server() -> MockServer {
    let server = MockServer::start();
    server.state().authorization = Some(format!("Bearer {TOKEN}"));
    server
}

#[test]
fn a_bundle_is_pushed_listed_renamed_and_pulled() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let (folder, demo) = (folder.path(), root().join("models/demo"));
    let push = ["registry", "push", "--bundle", demo.to_str().unwrap(), "--alias", "champion"];
    let pushed = succeeds(&server, folder, &push);
    assert!(pushed.contains("is version 1 of slirec_shopify_model at http://127.0.0.1"), "{pushed}");
    assert!(pushed.contains("models:/slirec_shopify_model@champion is version 1"), "{pushed}");
    let again = succeeds(&server, folder, &push);
    assert!(again.contains("was published already as version 1"), "{again}");
    {
        let state = server.state();
        let run = state.store.runs.values().next().unwrap();
        assert_eq!(run.parameters["seed"], "42");
        assert!(run.metrics.keys().any(|(name, _)| name == "bundle test/ndcg_10"), "{:?}", run.metrics);
        let graph = state.store.files.iter().find(|(path, _)| path.ends_with("/data/model.onnx"));
        assert!(graph.is_some_and(|(_, bytes)| bytes.len() > 10_000));
    }
    succeeds(&server, folder, &["registry", "alias", "challenger", "1"]);
    let list: Value = serde_json::from_str(&succeeds(&server, folder, &["registry", "list", "--json"])).unwrap();
    assert_eq!(list[0]["aliases"], serde_json::json!(["challenger", "champion"]));
    assert_eq!(list[0]["bundle_sha256"].as_str().unwrap().len(), 64);
    succeeds(&server, folder, &["registry", "alias", "challenger", "--delete"]);
    let shown = succeeds(&server, folder, &["registry", "list"]);
    assert!(shown.contains("champion") && !shown.contains("challenger"), "{shown}");

    let pull = ["registry", "pull", "models:/slirec_shopify_model@champion", "--output", "pulled"];
    succeeds(&server, folder, &pull);
    for entry in fs::read_dir(&demo).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(fs::read(entry.path()).unwrap(), fs::read(folder.join("pulled").join(entry.file_name())).unwrap());
    }
    assert!(fails(&server, folder, &pull).contains("--force"));
}

#[test]
fn a_bundle_is_signed_on_its_way_and_pulled_only_for_those_who_trust_the_key() {
    use std::os::unix::fs::PermissionsExt;
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let (folder, demo) = (folder.path(), root().join("models/demo"));
    let fixture = |name: &str| root().join("crates/connect/tests/fixtures/signing").join(name);
    fs::copy(fixture("key.pem"), folder.join("key.pem")).unwrap();
    fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let push = ["registry", "push", "--bundle", demo.to_str().unwrap(), "--alias", "champion"];
    succeeds(&server, folder, &push);
    let signing = [&push[..], &["--sign", "key.pem"]].concat();
    assert!(fails(&server, folder, &signing).contains("key.pem: can be used by others (mode 644)"));
    fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let signed = succeeds(&server, folder, &signing);
    assert!(signed.contains("is version 2 of") && signed.contains("signed with the key 44f769f77d70"), "{signed}");
    assert!(!demo.join("model.sig").exists());
    assert!(succeeds(&server, folder, &signing).contains("was published already as version 2"));
    let secret = fs::read_to_string(folder.join("key.pem")).unwrap();
    assert!(secret.lines().filter(|line| !line.starts_with('-')).all(|line| !signed.contains(line)));

    let key = fixture("key.pub");
    let pull = |version: &str, output: &'static str| {
        let model = format!("models:/{MODEL}/{version}");
        let arguments = ["registry", "pull", &model, "--output", output, "--trust", key.to_str().unwrap()];
        slirec(&server, folder, &arguments)
    };
    let refused = pull("1", "unsigned");
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("version 1 of slirec_shopify_model: model.sig: is not there")
    );
    assert!(!folder.join("unsigned").exists());
    assert!(pull("2", "signed").status.success());
    assert!(folder.join("signed/model.sig").is_file());

    // What has a signature is published with it, and not with one of something else.
    let bundle = folder.join("signed");
    let again = ["registry", "push", "--bundle", bundle.to_str().unwrap()];
    assert!(succeeds(&server, folder, &again).contains("was published already as version 2"));
    fs::copy(fixture("key.sig"), bundle.join("model.sig")).unwrap();
    assert!(fails(&server, folder, &again).contains("signed/model.sig: is of another"));
}

#[test]
fn what_is_not_there_or_not_allowed_is_said_in_one_line() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    for (arguments, expected) in [
        (&["registry", "list"][..], "no model `slirec_shopify_model` is registered"),
        (&["registry", "pull", "models:/slirec@champion", "--output", "x"], "RESOURCE_DOES_NOT_EXIST"),
        (&["registry", "pull", "slirec", "--output", "x"], "expected models:/NAME@ALIAS or models:/NAME/VERSION"),
        (&["registry", "alias", "champion", "7"], "RESOURCE_DOES_NOT_EXIST"),
        (&["registry", "list", "--server", "file:///tmp/mlruns"], "expected http"),
        (&["registry", "push", "--bundle", "nowhere"], "nowhere"),
    ] {
        let error = fails(&server, folder, arguments);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    server.state().authorization = Some("Bearer another".to_owned());
    let refused = fails(&server, folder, &["registry", "list"]);
    assert!(refused.contains("HTTP 401: the credentials are missing or refused"), "{refused}");
}

/// A small dataset, made by the verbs themselves.
fn dataset(server: &MockServer, folder: &Path) {
    let catalog = root().join("data/demo/catalog.json");
    let generate = ["interactions", "generate", "--catalog", catalog.to_str().unwrap(), "--output", "i.tsv"];
    succeeds(server, folder, &[&generate[..], &["--users", "60"]].concat());
    succeeds(server, folder, &["prepare", "--interactions", "i.tsv", "--output", "dataset"]);
}

#[test]
fn a_training_logs_its_epochs_live_and_its_bundle_joins_the_same_run() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    dataset(&server, folder);
    let train = ["train", "--dataset", "dataset", "--output", "run", "--epochs", "2", "--mlflow"];
    let shown = succeeds(&server, folder, &train);
    assert!(shown.contains("of experiment slirec at http://127.0.0.1"), "{shown}");
    let steps = |server: &MockServer, wanted: &str| {
        let state = server.state();
        let run = state.store.runs.values().next().unwrap();
        let steps: Vec<u64> = run.metrics.keys().filter(|(name, _)| name == wanted).map(|(_, step)| *step).collect();
        (run.status.clone(), steps)
    };
    assert_eq!(steps(&server, "valid/auc"), ("FINISHED".to_owned(), vec![0, 1, 2]));
    succeeds(
        &server,
        folder,
        &["train", "--dataset", "dataset", "--output", "run", "--epochs", "3", "--resume", "--mlflow"],
    );
    assert_eq!(steps(&server, "train/loss").1, [1, 2, 3]);

    let catalog = root().join("data/demo/catalog.json");
    let export = ["export", "--run", "run", "--dataset", "dataset", "--catalog", catalog.to_str().unwrap()];
    succeeds(&server, folder, &[&export[..], &["--output", "bundle"]].concat());
    succeeds(&server, folder, &["registry", "push", "--bundle", "bundle", "--run", "run"]);
    let state = server.state();
    assert_eq!(state.store.runs.len(), 1, "one run from the first epoch to the version");
    assert!(state.store.files.keys().any(|path| path.ends_with("/artifacts/report.html")));
    assert_eq!(state.store.models[MODEL].versions[0].run_id, *state.store.runs.keys().next().unwrap());
}

#[test]
fn a_server_that_fails_while_training_costs_a_warning_and_not_the_training() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    dataset(&server, folder);
    let train = ["train", "--dataset", "dataset", "--output", "run", "--epochs", "1", "--mlflow", "shop"];
    // Experiment, run and parameters are made; then nothing answers.
    server.state().faults = std::iter::repeat_n(None, 4).collect();
    server.state().always = Some(Fault::Failed);
    let output = slirec(&server, folder, &train);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    assert!(error.contains("warning: runs/log-batch: no answer from the MLflow server"), "{error}");
    assert!(error.contains("`slirec registry push --run` logs what is in metrics.jsonl"), "{error}");
    // A server that is down when it is asked for is an error.
    let refused = fails(&server, folder, &[&train[..], &["--force"]].concat());
    assert!(refused.contains("--mlflow: the training cannot be logged"), "{refused}");
}

#[test]
fn a_bundle_of_another_run_is_not_pushed_with_this_one() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    dataset(&server, folder);
    succeeds(&server, folder, &["train", "--dataset", "dataset", "--output", "run", "--epochs", "1"]);
    let demo = root().join("models/demo");
    let error = fails(&server, folder, &["registry", "push", "--bundle", demo.to_str().unwrap(), "--run", "run"]);
    assert!(error.contains("the bundle did not come from this run"), "{error}");
    assert!(server.state().store.models.is_empty(), "nothing was published");
}

/// The demo bundle with other figures on its test rows: NDCG@10, and the upper end of its difference to a baseline.
fn measured_bundle(folder: &Path, name: &str, ndcg: f64, difference_high: f64) {
    let (from, to) = (root().join("models/demo"), folder.join(name));
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(&from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let manifest = to.join("manifest.json");
    let mut text: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    text["version"] = name.into();
    let difference = serde_json::json!({
        "model_less_this": difference_high - 0.01,
        "model_less_this_low": difference_high - 0.02,
        "model_less_this_high": difference_high,
    });
    text["metrics"] = serde_json::json!({
        "test": { "ndcg@10": ndcg, "measured_rows": 149.0 },
        "test transitions": difference,
    });
    fs::write(manifest, serde_json::to_vec_pretty(&text).unwrap()).unwrap();
}

#[test]
fn an_alias_is_not_moved_to_a_model_that_loses_unless_it_is_forced() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    measured_bundle(folder, "beaten", 0.5, -0.001);
    measured_bundle(folder, "good", 0.41, 0.0);
    measured_bundle(folder, "worse", 0.4, 0.02);
    measured_bundle(folder, "better", 0.42, 0.02);
    let push = |bundle, more: &[&'static str]| [&["registry", "push", "--bundle", bundle][..], more].concat();
    let champion: &[&str] = &["--alias", "champion"];

    let refused = fails(&server, folder, &push("beaten", champion));
    assert!(
        refused.contains("beaten takes no alias: it loses to transitions") && refused.contains("--force"),
        "{refused}"
    );
    assert!(server.state().store.runs.is_empty(), "nothing was published");
    succeeds(&server, folder, &push("good", champion));
    let refused = fails(&server, folder, &push("worse", champion));
    assert!(
        refused.contains("it loses to version 1: NDCG@10 on the same test rows is 0.4000 instead of 0.4100"),
        "{refused}"
    );
    let unnamed = succeeds(&server, folder, &push("worse", &[]));
    assert!(unnamed.contains("is version 2"), "without an alias everything is published: {unnamed}");
    let better = succeeds(&server, folder, &push("better", champion));
    assert!(better.contains("@champion is version 3"), "{better}");
    let forced = succeeds(&server, folder, &push("worse", &["--alias", "champion", "--force"]));
    assert!(forced.contains("@champion is version 2"), "{forced}");
}
