//! A service that serves from an MLflow registry, which moves on, goes away and lies: the last good model serves in
//! every case.

#[path = "../../crates/connect/tests/mlflow/mock.rs"]
#[allow(dead_code, reason = "the library's own tests use more of it")]
mod mock;
mod published;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;
use slirec_core::bundle::MANIFEST;

use crate::bundle::Bundle;
use crate::server::{Server, run, wait_until};
use mock::Fault;
use published::MODEL;
pub(crate) use published::{CHAMPION, Registry};

const SUCCESS: &str = r#"slirec_registry_checks_total{outcome="success"}"#;
const FAILURE: &str = r#"slirec_registry_checks_total{outcome="failure"}"#;

pub(crate) fn version(server: &Server) -> String {
    server.get("/ready").json()["version"].as_str().unwrap().to_owned()
}

fn answers(server: &Server) {
    let body = json!({"history": [{"item": "novel", "time": 1_730_807_061}]});
    let answer = server.recommend(&body);
    assert_eq!((answer.status, answer.json()["source"].as_str()), (200, Some("model")));
}

fn wait_for_version(server: &Server, wanted: &str) {
    wait_until(wanted, || (version(server) == wanted).then_some(()));
}

/// Waits until the alias was looked at so often more.
fn wait_for_looks(server: &Server, series: &str, looks: f64) {
    let before = server.metric(series);
    wait_until(series, || (server.metric(series) >= before + looks).then_some(()));
}

#[test]
fn the_alias_moves_under_load_and_no_request_fails() {
    let registry = Registry::new();
    let server = registry.serve();
    assert_eq!(version(&server), "first");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                answers(&server);
            }
        });
        registry.push(&Bundle::of_version("second"), true);
        wait_for_version(&server, "second");
        registry.push(&Bundle::of_version("third"), true);
        wait_for_version(&server, "third");
        stop.store(true, Ordering::Relaxed);
        load.join().unwrap();
    });
    assert_eq!(server.metric(r#"slirec_reloads_total{outcome="success"}"#), 2.0);
    // A version without the alias is not fetched, and going back fetches nothing that is here already.
    registry.push(&Bundle::of_version("fourth"), false);
    let downloads = registry.mock.count("/bundle/");
    registry.mock.state().store.models.get_mut(MODEL).unwrap().aliases.insert("champion".into(), "2".into());
    wait_for_version(&server, "second");
    assert_eq!(registry.mock.count("/bundle/"), downloads);
}

#[test]
fn answers_status_metrics_and_log_tell_two_pushed_versions_apart() {
    let registry = Registry::new();
    let server = registry.serve();
    let body = json!({"history": []});
    let told = |version: &str| json!({"name": MODEL, "version": version, "alias": "champion"});
    let series =
        |version: &str| format!(r#"slirec_registry_model_info{{alias="champion",name="{MODEL}",version="{version}"}}"#);
    assert_eq!(server.recommend(&body).json()["model"]["registry"], told("1"));
    registry.push(&Bundle::of_version("second"), true);
    wait_for_version(&server, "second");
    assert_eq!(server.recommend(&body).json()["model"]["registry"], told("2"));
    assert_eq!(server.get("/v1/status").json()["model"]["registry"], told("2"));
    assert_eq!((server.metric(&series("1")), server.metric(&series("2"))), (0.0, 1.0));
    assert_eq!(server.operate("POST", "/admin/reload", "").json()["registry"], told("2"));
    server.signal("INT");
    let (_, log) = server.wait();
    let line = log.lines().find(|line| line.contains("model in service") && line.contains("registry_version"));
    let line: serde_json::Value = serde_json::from_str(line.expect(&log)).unwrap();
    assert_eq!((&line["registry_version"], &line["registry_alias"]), (&json!("2"), &json!("champion")));
}

#[test]
fn a_version_that_is_named_by_its_number_has_no_alias_and_a_directory_has_neither() {
    let registry = Registry::new();
    let server = Server::start_with(&registry.variables("models:/slirec_shopify_model/1"));
    let model = server.recommend(&json!({"history": []})).json()["model"].clone();
    assert_eq!(model["registry"], json!({"name": MODEL, "version": "1"}));
    let model = Server::start().recommend(&json!({"history": []})).json()["model"].clone();
    assert!(model.get("registry").is_none(), "{model}");
}

#[test]
fn a_rollback_stays_until_the_alias_moves_again() {
    let registry = Registry::new();
    let server = registry.serve();
    registry.push(&Bundle::of_version("second"), true);
    wait_for_version(&server, "second");
    assert_eq!(server.operate("POST", "/admin/rollback", "").status, 200);
    wait_for_looks(&server, SUCCESS, 2.0);
    assert_eq!(version(&server), "first");
    registry.push(&Bundle::of_version("third"), true);
    wait_for_version(&server, "third");
}

#[test]
fn a_fixed_version_is_served_whatever_the_alias_means() {
    let registry = Registry::new();
    registry.push(&Bundle::of_version("second"), true);
    let server = Server::start_with(&registry.variables("models:/slirec_shopify_model/1"));
    assert_eq!(version(&server), "first");
    assert_eq!(server.metric(SUCCESS) + server.metric(FAILURE), 0.0);
}

#[test]
fn a_registry_that_fails_in_any_way_leaves_the_model_in_service() {
    let registry = Registry::new();
    let server = registry.serve();
    for fault in Fault::ALL {
        registry.break_down(Some(fault));
        let reload = server.operate("POST", "/admin/reload", "");
        // One that is only slow is waited for.
        assert_eq!(reload.status, if fault == Fault::Slow { 200 } else { 422 }, "{fault:?}: {}", reload.text());
        answers(&server);
        registry.break_down(None);
    }
    assert!(server.metric("slirec_registry_confirmed_timestamp_seconds") > 1.7e9);
    registry.push(&Bundle::of_version("second"), true);
    wait_for_version(&server, "second");
}

#[test]
fn a_service_starts_with_the_last_good_model_while_the_registry_is_down() {
    let registry = Registry::new();
    drop(registry.serve());
    registry.break_down(Some(Fault::LostRequest));
    let server = registry.serve();
    assert_eq!(version(&server), "first");
    answers(&server);
    wait_for_looks(&server, FAILURE, 1.0);
    let confirmed = server.metric("slirec_registry_confirmed_timestamp_seconds");
    assert!(confirmed > 1.7e9, "that of the earlier process: {confirmed}");
    registry.break_down(None);
    registry.push(&Bundle::of_version("second"), true);
    wait_for_version(&server, "second");
}

#[test]
fn without_a_last_good_model_a_registry_that_is_down_is_an_error_that_names_it() {
    let registry = Registry::new();
    registry.break_down(Some(Fault::LostRequest));
    let (code, error) = run(&["--check"], &registry.variables(CHAMPION));
    assert_eq!(code, Some(1));
    for expected in [CHAMPION, &registry.mock.url, "model.path", "after 4 tries"] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

/// What an error says, and how the newest version of the registry comes to be so.
type Spoiled = (&'static str, fn(&Registry));

#[test]
fn versions_that_cannot_be_served_are_refused_and_the_old_model_serves_on() {
    let registry = Registry::new();
    let server = registry.serve();
    let bad: [Spoiled; 5] = [
        ("is no model of ours", |registry| {
            registry.mock.state().store.files.retain(|path, _| !path.contains("/bundle/"));
        }),
        ("scores.onnx: has SHA-256", |registry| {
            let mut state = registry.mock.state();
            for (_, bytes) in state.store.files.iter_mut().filter(|(path, _)| path.ends_with("bundle/scores.onnx")) {
                bytes[9] ^= 1;
            }
        }),
        ("scores.onnx: has 9 bytes", |registry| {
            let mut state = registry.mock.state();
            for (_, bytes) in state.store.files.iter_mut().filter(|(path, _)| path.ends_with("bundle/scores.onnx")) {
                bytes.truncate(9);
            }
        }),
        ("mlflow-artifacts:/1/../../../etc", |registry| {
            registry.mock.state().store.download_uri = Some("mlflow-artifacts:/1/../../../etc".to_owned());
        }),
        ("the version's tag says", |registry| {
            registry.mock.state().replaced.insert(MANIFEST.to_owned(), b"\x80\x04\x95".to_vec());
        }),
    ];
    for (number, (expected, spoil)) in bad.into_iter().enumerate() {
        registry.mock.state().store.download_uri = None;
        registry.mock.state().replaced.clear();
        registry.push(&Bundle::of_version(&format!("bad {number}")), false);
        spoil(&registry);
        let newest = registry.mock.state().store.models[MODEL].versions.len().to_string();
        registry.mock.state().store.models.get_mut(MODEL).unwrap().aliases.insert("champion".into(), newest);
        let answer = server.operate("POST", "/admin/reload", "");
        assert!(answer.status == 422 && answer.text().contains(expected), "{expected}: {}", answer.text());
        assert_eq!(version(&server), "first");
        answers(&server);
    }
    // Once is enough: no look brings the same bad version again.
    let downloads = registry.mock.count("/bundle/");
    wait_for_looks(&server, SUCCESS, 2.0);
    assert_eq!(registry.mock.count("/bundle/"), downloads);
}

#[test]
fn a_registry_whose_numbers_begin_anew_does_not_take_the_last_good_model_away() {
    let registry = Registry::new();
    drop(registry.serve());
    // Version 1 is another bundle now, sound by its hashes, and its scores are not those of its golden requests.
    let wrong = Bundle::of_version("wrong");
    wrong.change_manifest(|manifest| manifest["golden_requests"][0]["top"][0]["score"] = json!(0.001));
    registry.mock.state().store.models.clear();
    registry.push(&wrong, true);
    let server = registry.serve();
    assert_eq!(version(&server), "first");
    drop(server);
    registry.break_down(Some(Fault::LostRequest));
    assert_eq!(version(&registry.serve()), "first");
}

#[test]
fn a_cache_that_cannot_be_written_to_says_so_and_costs_no_model() {
    let registry = Registry::new();
    let server = registry.serve();
    let folder = registry.cache.path().read_dir().unwrap().next().unwrap().unwrap().path();
    // No file can take the place of a folder.
    std::fs::remove_file(folder.join("current.json")).unwrap();
    std::fs::create_dir(folder.join("current.json")).unwrap();
    registry.push(&Bundle::of_version("second"), true);
    wait_for_version(&server, "second");
    wait_for_looks(&server, SUCCESS, 2.0);
    assert_eq!(server.metric(FAILURE), 0.0);
}

#[test]
fn a_bundle_that_was_spoiled_on_disk_is_brought_again() {
    let registry = Registry::new();
    drop(registry.serve());
    let folder = registry.cache.path().read_dir().unwrap().next().unwrap().unwrap().path();
    let bundles = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    bundles.for_each(|bundle| std::fs::write(bundle.join("scores.onnx"), "spoiled").unwrap());
    let server = registry.serve();
    assert_eq!(version(&server), "first");
}

#[test]
fn settings_of_a_registry_that_make_no_sense_are_refused_before_anything_is_bound() {
    for (variables, expected) in [
        (&[("SLIREC__MODEL__PATH", "models:/slirec")][..], "`model.path`: `models:/slirec` is no model"),
        (
            &[("SLIREC__MODEL__PATH", CHAMPION), ("SLIREC__MODEL__POINTER", "current")],
            "`model.pointer`: is set while model.path names a registered model",
        ),
        (&[("SLIREC__REGISTRY__POLL_SECONDS", "0")], "`registry.poll_seconds`: 0"),
    ] {
        let (code, error) = run(&["--check"], variables);
        assert!(code == Some(2) && error.contains(expected), "{error}");
    }
    let (code, error) = run(&["--check"], &[("SLIREC__MODEL__PATH", CHAMPION), ("MLFLOW_TRACKING_URI", "")]);
    assert!(code == Some(1) && error.contains("which server?"), "{error}");
}
