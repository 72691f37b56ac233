//! What comes back from a server, and what does not.

use std::fs;

use slirec_connect::mlflow::{BUNDLE_TAG, ModelReference, pull};
use slirec_core::bundle::{Bundle, MANIFEST};

use crate::mock::MockServer;
use crate::{MODEL, client, demo, demo_files, published, silent, wait};

/// Publishes the demo, changes the server, and tries to pull.
fn refusal(change: impl FnOnce(&MockServer)) -> String {
    let server = MockServer::start();
    published(&client(&server)).unwrap();
    change(&server);
    let folder = tempfile::tempdir().unwrap();
    let error = pull_into(&server, &folder.path().join("bundle")).expect_err("it must not be taken");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    error
}

fn pull_into(server: &MockServer, directory: &std::path::Path) -> Result<String, String> {
    let client = client(server);
    let champion: ModelReference = format!("models:/{MODEL}@champion").parse().unwrap();
    let pulled = wait(async {
        let version = client.resolve(&champion).await?;
        pull(&client, MODEL, &version, directory, false, None, &silent()).await
    });
    pulled.map(|pulled| pulled.sha256).map_err(|error| error.to_string())
}

fn replace(server: &MockServer, file: &str, bytes: Vec<u8>) {
    server.state().replaced.insert(file.to_owned(), bytes);
}

#[test]
fn a_published_bundle_comes_back_byte_for_byte() {
    let server = MockServer::start();
    published(&client(&server)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("bundle");
    let sha256 = pull_into(&server, &target).unwrap();
    assert_eq!(Bundle::read(&target).unwrap().sha256, sha256);
    for file in demo_files() {
        assert_eq!(fs::read(target.join(file)).unwrap(), fs::read(demo().join(file)).unwrap(), "{file}");
    }
    assert!(pull_into(&server, &target).unwrap_err().contains("exists already"));
}

#[test]
fn files_behind_a_store_of_the_server_s_own_are_read_through_the_server() {
    let server = MockServer::start();
    published(&client(&server)).unwrap();
    {
        let mut state = server.state();
        let source = state.store.models[MODEL].versions[0].source.clone();
        state.store.download_uri = Some("s3://bucket/somewhere".to_owned());
        let root = format!("{}/", source.strip_prefix("mlflow-artifacts:/").unwrap());
        let moved = state.store.files.iter().filter_map(|(path, bytes)| {
            Some((format!("elsewhere/{MODEL}/1/{}", path.strip_prefix(&root)?), bytes.clone()))
        });
        let moved: Vec<(String, Vec<u8>)> = moved.collect();
        state.store.files.clear();
        state.store.files.extend(moved);
    }
    let folder = tempfile::tempdir().unwrap();
    pull_into(&server, &folder.path().join("bundle")).unwrap();
}

#[test]
fn a_model_that_is_not_ours_is_refused_with_what_it_holds() {
    for is_old in [false, true] {
        let error = refusal(|server| {
            let mut state = server.state();
            state.store.is_old = is_old;
            state.store.files.retain(|path, _| !path.contains("/bundle/"));
        });
        assert!(error.contains("version 1 of slirec_shopify_model is no model of ours"), "{error}");
        assert!(error.contains("\"MLmodel\""), "{error}");
    }
    let error = refusal(|server| replace(server, MANIFEST, b"\x80\x04pickle".to_vec()));
    assert!(error.contains("the version's tag says"), "{error}");
    let error = refusal(|server| {
        server.state().store.models.get_mut(MODEL).unwrap().versions[0].tags.clear();
        replace(server, MANIFEST, b"{\"format\": \"theirs/1\"}".to_vec());
    });
    assert!(error.contains("is no model of ours"), "{error}");
    let error = refusal(|server| {
        server.state().store.models.get_mut(MODEL).unwrap().versions[0].status = "FAILED_REGISTRATION".to_owned();
    });
    assert!(error.contains("FAILED_REGISTRATION: expected READY"), "{error}");
}

#[test]
fn files_that_are_not_what_the_manifest_says_are_refused() {
    let size = fs::metadata(demo().join("scores.onnx")).unwrap().len();
    let other = refusal(|server| replace(server, "scores.onnx", vec![1; usize::try_from(size).unwrap()]));
    assert!(other.contains("scores.onnx: has SHA-256"), "{other}");
    let short = refusal(|server| replace(server, "scores.onnx", vec![1; 10]));
    assert!(short.contains(&format!("scores.onnx: has 10 bytes: the manifest has {size}")), "{short}");
    let long = refusal(|server| replace(server, "scores.onnx", vec![1; 10_000_000]));
    assert!(long.contains(&format!("scores.onnx has more than the expected {size} bytes")), "{long}");
}

/// A manifest that was changed in the registry: it is the hash's tag that goes first.
fn forged(change: impl Fn(&str) -> String) -> String {
    refusal(|server| {
        let text = fs::read_to_string(demo().join(MANIFEST)).unwrap();
        let forged = change(&text);
        assert_ne!(forged, text);
        server.state().store.models.get_mut(MODEL).unwrap().versions[0].tags.remove(BUNDLE_TAG);
        replace(server, MANIFEST, forged.into_bytes());
    })
}

#[test]
fn manifests_that_name_other_places_or_absurd_sizes_are_refused() {
    let elsewhere = forged(|text| text.replace("\"scores.onnx\"", "\"../../scores.onnx\""));
    assert!(elsewhere.contains("../../scores.onnx"), "{elsewhere}");
    let size = fs::metadata(demo().join("scores.onnx")).unwrap().len().to_string();
    let absurd = forged(|text| text.replace(&format!("\"bytes\": {size}"), "\"bytes\": 999999999999"));
    assert!(absurd.contains("expected at most 8589934592"), "{absurd}");
}

#[test]
fn places_that_leave_the_server_are_refused() {
    for place in ["mlflow-artifacts:/1/../../../etc", "mlflow-artifacts://elsewhere.example/1/model"] {
        let error = refusal(|server| server.state().store.download_uri = Some(place.to_owned()));
        assert!(error.contains(place), "{error}");
    }
}

#[test]
fn version_numbers_that_are_none_are_refused() {
    for number in ["1/../../../../tmp/stolen", "../1", "", "-1", "latest"] {
        let error = refusal(|server| server.state().store.shown_number = Some(number.to_owned()));
        assert!(error.contains("expected a number"), "{number}: {error}");
    }
}
