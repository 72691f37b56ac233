//! What publishing leaves on a server.

use slirec_connect::mlflow::{BUNDLE_TAG, Content, ModelReference, publish};

use crate::mock::MockServer;
use crate::{MODEL, client, client_with, demo_files, listening, publication, published, silent, wait};

#[test]
fn a_bundle_becomes_a_run_a_version_and_an_alias() {
    let server = MockServer::start();
    let (tell, told) = listening();
    let version = wait(publish(&client(&server), &publication(), &tell)).unwrap();
    assert_eq!((version.version.as_str(), version.was_there), ("1", false));
    let state = server.state();
    let run = &state.store.runs[&version.run_id];
    assert_eq!((run.status.as_str(), run.parameters.len(), run.models), ("FINISHED", 130, 1));
    assert_eq!(run.metrics[&("valid/ndcg_10".to_owned(), 2)], 0.1);
    assert_eq!((run.tags["seed"].as_str(), run.tags["mlflow.source.name"].as_str()), ("42", "slirec"));
    let model = &state.store.models[MODEL];
    assert_eq!(model.aliases["champion"], "1");
    assert_eq!(model.versions[0].tags[BUNDLE_TAG], publication().bundle_sha256);
    let root = model.versions[0].source.strip_prefix("mlflow-artifacts:/").unwrap();
    let artifacts = format!("1/{}/artifacts", version.run_id);
    assert!(root.starts_with(&format!("{artifacts}/model-")), "{root}");
    assert!(state.store.files.contains_key(&format!("{artifacts}/report.html")));
    let bundle = demo_files().map(|file| format!("bundle/{file}"));
    let further = ["MLmodel", "code/slirec_mlflow.py", "data/model.onnx"];
    for file in bundle.chain(further.map(str::to_owned)) {
        assert!(state.store.files.contains_key(&format!("{root}/{file}")), "{file}");
    }
    let told = told.lock().unwrap();
    assert!(told.contains(&("data/model.onnx".to_owned(), 700_000)), "progress is told");
}

#[test]
fn the_same_bundle_again_is_found_and_only_its_alias_moves() {
    let server = MockServer::start();
    let first = published(&client(&server)).unwrap();
    let uploads = server.count("PUT ");
    let again = published(&client(&server)).unwrap();
    assert!(again.was_there && again.version == first.version && again.run_id == first.run_id);
    let mut other = publication();
    other.aliases = vec!["challenger".to_owned()];
    assert!(wait(publish(&client(&server), &other, &silent())).unwrap().was_there);
    assert_eq!(server.count("PUT "), uploads);
    assert_eq!(server.state().store.models[MODEL].aliases["challenger"], "1");
    other.bundle_sha256 = "another bundle".to_owned();
    assert_eq!(wait(publish(&client(&server), &other, &silent())).unwrap().version, "2");
    assert_eq!(server.state().store.runs.len(), 2);
}

#[test]
fn a_run_that_was_logged_before_is_gone_on_with() {
    let server = MockServer::start();
    let first = published(&client(&server)).unwrap();
    let mut other = publication();
    other.run_id = Some(first.run_id.clone());
    other.bundle_sha256 = "the same run, another catalogue".to_owned();
    let second = wait(publish(&client(&server), &other, &silent())).unwrap();
    assert_eq!((second.version.as_str(), second.run_id == first.run_id), ("2", true));
    other.run_id = Some("f".repeat(32));
    other.bundle_sha256 = "an unknown run".to_owned();
    let error = wait(publish(&client(&server), &other, &silent())).unwrap_err().to_string();
    assert!(error.starts_with("runs/get: HTTP 404: RESOURCE_DOES_NOT_EXIST"), "{error}");
}

#[test]
fn two_bundles_of_one_run_stand_beside_each_other() {
    let server = MockServer::start();
    let first = published(&client(&server)).unwrap();
    let before = server.state().store.files.clone();
    let mut other = publication();
    other.run_id = Some(first.run_id);
    other.bundle_sha256 = "another bundle".to_owned();
    for file in &mut other.model_files {
        // As long as the first one's, and other bytes.
        let length = usize::try_from(file.content.length().unwrap()).unwrap();
        file.content = Content::Bytes(vec![1; length]);
    }
    wait(publish(&client(&server), &other, &silent())).unwrap();
    let state = server.state();
    let changed: Vec<&String> = before
        .iter()
        .filter(|(path, bytes)| state.store.files.get(*path) != Some(*bytes))
        .map(|(path, _)| path)
        .collect();
    assert!(changed.is_empty(), "the first version's files changed: {changed:?}");
    let source = |version: usize| state.store.models[MODEL].versions[version].source.clone();
    assert_ne!(source(0), source(1));
    let scores = format!("{}/bundle/scores.onnx", source(1).strip_prefix("mlflow-artifacts:/").unwrap());
    assert!(state.store.files[&scores].iter().all(|byte| *byte == 1), "the second version has its own");
}

#[test]
fn credentials_are_sent_as_the_variables_say_and_never_shown() {
    let server = MockServer::start();
    for (variables, sent) in [
        (&[("MLFLOW_TRACKING_TOKEN", "tok")][..], "Bearer tok"),
        (&[("MLFLOW_TRACKING_USERNAME", "me"), ("MLFLOW_TRACKING_PASSWORD", "word")], "Basic bWU6d29yZA=="),
    ] {
        server.state().authorization = Some(sent.to_owned());
        published(&client_with(&server, variables)).unwrap();
        let refused = published(&client(&server)).unwrap_err().to_string();
        assert!(refused.contains("HTTP 401: the credentials are missing or refused"), "{refused}");
        let shown = format!("{:?}", client_with(&server, variables));
        assert!(!shown.contains("\"word\"") && !shown.contains("tok\"") && !shown.contains("Bearer tok"), "{shown}");
    }
}

#[test]
fn artifacts_that_only_others_can_write_are_said_to_be_so() {
    let server = MockServer::start();
    server.state().store.artifact_root = Some("s3://bucket".to_owned());
    let error = published(&client(&server)).unwrap_err().to_string();
    assert!(error.contains("s3://bucket/1/") && error.contains("--artifacts-destination"), "{error}");
}

#[test]
fn versions_are_listed_over_all_pages_and_aliases_move() {
    let server = MockServer::start();
    let mut publication = publication();
    publication.aliases.clear();
    for number in 1..=5 {
        publication.bundle_sha256 = format!("bundle {number}");
        wait(publish(&client(&server), &publication, &silent())).unwrap();
    }
    let client = client(&server);
    let versions = wait(client.versions(MODEL)).unwrap();
    let numbers: Vec<&str> = versions.iter().map(|version| version.version.as_str()).collect();
    assert_eq!(numbers, ["5", "4", "3", "2", "1"]);
    wait(client.set_alias(MODEL, "champion", "4")).unwrap();
    assert_eq!(wait(client.registered_model(MODEL)).unwrap().unwrap().aliases["champion"], "4");
    let champion: ModelReference = "models:/slirec_shopify_model@champion".parse().unwrap();
    assert_eq!(wait(client.resolve(&champion)).unwrap().version, "4");
    wait(client.delete_alias(MODEL, "champion")).unwrap();
    assert!(wait(client.resolve(&champion)).is_err());
    for (alias, version) in [("latest", "1"), ("v1", "1"), ("champion", "99"), ("a/b", "1")] {
        assert!(wait(client.set_alias(MODEL, alias, version)).is_err(), "{alias}");
    }
    assert_eq!(wait(client.registered_model("unknown")).unwrap(), None);
}

#[test]
fn in_unity_catalog_a_version_is_made_filled_and_declared_complete() {
    let server = MockServer::start();
    server.state().authorization = Some("Bearer dapi".to_owned());
    let variables = [("DATABRICKS_HOST", server.url.clone()), ("DATABRICKS_TOKEN", "dapi".to_owned())];
    let variable = |name: &str| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| value.clone());
    let connection = slirec_connect::mlflow::Connection::from_variables(None, &variable).unwrap();
    let client = slirec_connect::mlflow::Client::new(connection).unwrap();
    let plain = published(&client).unwrap_err().to_string();
    assert!(plain.contains("catalog.schema.model"), "{plain}");
    let mut publication = publication();
    publication.model = "main.shop.slirec".to_owned();
    let version = wait(publish(&client, &publication, &silent())).unwrap();
    assert_eq!(version.version, "1");
    let folder = tempfile::tempdir().unwrap();
    let found = wait(client.resolve(&"models:/main.shop.slirec@champion".parse().unwrap())).unwrap();
    let target = folder.path().join("bundle");
    let pulled =
        wait(slirec_connect::mlflow::pull(&client, &publication.model, &found, &target, false, None, &silent()))
            .unwrap();
    assert_eq!(pulled.sha256, publication.bundle_sha256);
    let state = server.state();
    assert!(state.violations.is_empty(), "{:?}", state.violations);
    assert!(state.store.files.contains_key("Models/main/shop/slirec/1/MLmodel"));
    assert!(state.store.files.contains_key(&format!("{}/report.html", version.run_id)));
    assert!(state.requests.iter().any(|request| request.contains("unity-catalog/model-versions/finalize")));
}
