//! Another model while the service runs: put into service, refused, taken back, and never noticed by a request.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use slirec_onnx::proto::{ModelProto, NodeProto, StringStringEntryProto, TensorProto};

use crate::bundle::{Bundle, graph};
use crate::server::{Server, wait_until};

fn serve(bundle: &Bundle) -> Server {
    Server::start_with(&[("SLIREC__MODEL__PATH", bundle.path())])
}

fn version(server: &Server) -> String {
    server.get("/ready").json()["version"].as_str().unwrap().to_owned()
}

#[test]
fn a_reload_serves_the_new_bundle_and_a_rollback_the_old_one() {
    let bundle = Bundle::of_version("first");
    let server = serve(&bundle);
    assert_eq!(server.operate("POST", "/admin/rollback", "").status, 422);
    bundle.set_version("second");
    assert_eq!(version(&server), "first");
    let answer = server.operate("POST", "/admin/reload", "");
    assert_eq!((answer.status, answer.json()["version"].as_str()), (200, Some("second")));
    assert_eq!(version(&server), "second");
    let body = json!({"history": [{"item": "novel", "time": 1_730_807_061}]});
    assert_eq!(server.recommend(&body).json()["model"]["version"], "second");
    assert!(server.metrics().contains("version=\"second\""));
    assert_eq!(server.operate("POST", "/admin/rollback", "").json()["version"], "first");
    assert_eq!(version(&server), "first");
    assert_eq!(server.operate("POST", "/admin/rollback", "").json()["version"], "second");
    assert_eq!(server.metric(r#"slirec_reloads_total{outcome="success"}"#), 3.0);
    assert_eq!(server.metric(r#"slirec_reloads_total{outcome="failure"}"#), 1.0);
}

fn hostile_tensor() -> TensorProto {
    let entry = |key: &str, value: &str| StringStringEntryProto { key: Some(key.into()), value: Some(value.into()) };
    TensorProto {
        name: Some("stolen".into()),
        external_data: vec![entry("location", "/etc/passwd")],
        ..TensorProto::default()
    }
}

/// Floats of the largest initializer of a graph become not-a-number.
fn with_nan(model: &mut ModelProto) {
    let tensors = &mut model.graph.as_mut().unwrap().initializer;
    let largest = tensors.iter_mut().max_by_key(|tensor| tensor.raw_data().len() + tensor.float_data.len()).unwrap();
    match largest.raw_data.as_mut() {
        Some(raw) if raw.len() >= 4 => raw[..4].copy_from_slice(&f32::NAN.to_le_bytes()),
        _ => largest.float_data[0] = f32::NAN,
    }
}

/// A name, how to break a bundle, and what the refusal must name.
type Fault = (&'static str, Box<dyn Fn(&Bundle)>, &'static str);

/// Every way to break a bundle that we know of.
fn faults() -> Vec<Fault> {
    vec![
        ("truncated", Box::new(|b| b.spoil("scores.onnx", |bytes| bytes[..bytes.len() / 2].to_vec())), "scores.onnx"),
        (
            "truncated, with a fitting manifest",
            Box::new(|b| b.replace("history.onnx", |bytes| bytes[..bytes.len() / 2].to_vec())),
            "history.onnx",
        ),
        (
            "a wrong hash",
            Box::new(|b| {
                b.spoil("catalog.json", |mut bytes| {
                    *bytes.last_mut().unwrap() = b' ';
                    bytes
                });
            }),
            "catalog.json: has SHA-256",
        ),
        ("a missing graph", Box::new(|b| fs::remove_file(b.file("candidates.onnx")).unwrap()), "candidates.onnx"),
        ("a missing manifest", Box::new(|b| fs::remove_file(b.file("manifest.json")).unwrap()), "manifest.json"),
        ("a missing vocabulary", Box::new(|b| fs::remove_file(b.file("vocabulary.json")).unwrap()), "vocabulary.json"),
        ("a pickle", Box::new(|b| b.replace("scores.onnx", |_| b"\x80\x04\x95cos\nsystem\n.".to_vec())), "scores.onnx"),
        (
            "a wrong graph in a graph's place",
            Box::new(|b| {
                let other = fs::read(b.file("history.onnx")).unwrap();
                b.replace("scores.onnx", |_| other);
            }),
            "scores.onnx",
        ),
        (
            "wrong shapes",
            Box::new(|b| {
                b.replace(
                    "history.onnx",
                    graph(|model| {
                        let tensors = &mut model.graph.as_mut().unwrap().initializer;
                        let matrix = tensors.iter_mut().find(|tensor| tensor.dims.len() == 2).unwrap();
                        matrix.dims.reverse();
                        matrix.dims[0] += 1;
                    }),
                );
            }),
            "history.onnx",
        ),
        ("weights that are not numbers", Box::new(|b| b.replace("history.onnx", graph(with_nan))), "history.onnx"),
        (
            "embeddings that are not numbers",
            Box::new(|b| b.replace("candidates.onnx", graph(with_nan))),
            "candidates.onnx",
        ),
        (
            "external data",
            Box::new(|b| {
                b.replace(
                    "scores.onnx",
                    graph(|model| model.graph.as_mut().unwrap().initializer.push(hostile_tensor())),
                );
            }),
            "keeps its values in another file",
        ),
        (
            "a foreign operator",
            Box::new(|b| {
                let node =
                    NodeProto { op_type: Some("Run".into()), domain: Some("evil".into()), ..NodeProto::default() };
                b.replace("scores.onnx", graph(|model| model.graph.as_mut().unwrap().node.push(node)));
            }),
            "is of domain `evil`",
        ),
        (
            "golden requests that do not hold",
            Box::new(|b| {
                b.change_manifest(|manifest| manifest["golden_requests"][0]["top"][0]["score"] = json!(0.1234))
            }),
            "golden request 1",
        ),
        (
            "a catalogue with a product twice",
            Box::new(|b| {
                b.replace("catalog.json", |bytes| {
                    let mut catalog: Value = serde_json::from_slice(&bytes).unwrap();
                    let first = catalog["products"][0].clone();
                    catalog["products"].as_array_mut().unwrap().push(first);
                    catalog.to_string().into_bytes()
                });
            }),
            "expected every handle once",
        ),
        (
            "a vocabulary beyond the embeddings",
            Box::new(|b| {
                b.replace("vocabulary.json", |bytes| {
                    let mut vocabulary: Value = serde_json::from_slice(&bytes).unwrap();
                    let items = vocabulary["items"].as_array_mut().unwrap();
                    let first = items[0].clone();
                    for number in 0..100 {
                        let mut item = first.clone();
                        item["handle"] = json!(format!("invented-{number}"));
                        items.insert(0, item);
                    }
                    vocabulary.to_string().into_bytes()
                });
            }),
            "onnx",
        ),
        ("a manifest that is no JSON", Box::new(|b| b.spoil("manifest.json", |_| b"{".to_vec())), "manifest.json"),
        (
            "a manifest that names a path outside",
            Box::new(|b| {
                b.change_manifest(|manifest| {
                    let record = manifest["files"]["scores.onnx"].take();
                    manifest["files"].as_object_mut().unwrap().remove("scores.onnx");
                    manifest["files"]["../scores.onnx"] = record;
                });
            }),
            "../scores.onnx",
        ),
        (
            "a link that leads outside",
            Box::new(|b| {
                fs::remove_file(b.file("catalog.json")).unwrap();
                std::os::unix::fs::symlink("/etc/passwd", b.file("catalog.json")).unwrap();
            }),
            "catalog.json: leads out of the bundle",
        ),
        (
            "another format",
            Box::new(|b| b.change_manifest(|manifest| manifest["format"] = json!("slirec-bundle/9"))),
            "format",
        ),
    ]
}

#[test]
fn every_broken_bundle_is_refused_with_its_reason_while_the_old_one_serves() {
    let bundle = Bundle::of_version("sound");
    let server = serve(&bundle);
    let body = json!({"history": [{"item": "novel", "time": 1_730_807_061}], "now": 1_730_807_100});
    let before = server.recommend(&body).json();
    let faults = faults();
    for (fault, break_it, expected) in &faults {
        let broken = Bundle::of_version("broken");
        break_it(&broken);
        for name in
            ["manifest.json", "catalog.json", "vocabulary.json", "candidates.onnx", "history.onnx", "scores.onnx"]
        {
            let _ = fs::remove_file(bundle.file(name));
            if broken.file(name).is_symlink() {
                std::os::unix::fs::symlink(fs::read_link(broken.file(name)).unwrap(), bundle.file(name)).unwrap();
            } else if broken.file(name).exists() {
                fs::copy(broken.file(name), bundle.file(name)).unwrap();
            }
        }
        let answer = server.operate("POST", "/admin/reload", "");
        assert_eq!(answer.status, 422, "{fault}: {}", answer.text());
        assert!(answer.message().contains(expected), "{fault}: {}", answer.message());
        assert_eq!(answer.message().lines().count(), 1, "{fault}: {}", answer.message());
        assert_eq!(server.recommend(&body).json(), before, "{fault}");
    }
    assert_eq!(server.metric(r#"slirec_reloads_total{outcome="failure"}"#), faults.len() as f64);
    assert_eq!(server.metric("slirec_last_reload_failed"), 1.0);
    fs::remove_file(bundle.file("catalog.json")).unwrap();
    bundle.become_like(&Bundle::of_version("sound again"));
    assert_eq!(server.operate("POST", "/admin/reload", "").status, 200);
    assert_eq!((version(&server).as_str(), server.metric("slirec_last_reload_failed")), ("sound again", 0.0));
}

#[test]
fn sighup_reloads() {
    let bundle = Bundle::of_version("first");
    let server = serve(&bundle);
    bundle.set_version("second");
    server.signal("HUP");
    wait_until("the second version serves", || (version(&server) == "second").then_some(()));
}

#[test]
fn a_changed_pointer_file_brings_its_bundle_and_a_bad_one_changes_nothing() {
    let (first, second) = (Bundle::of_version("first"), Bundle::of_version("second"));
    let folder = tempfile::tempdir().unwrap();
    let pointer = folder.path().join("current");
    let point = |target: &str| {
        let aside = folder.path().join("current.partial");
        fs::write(&aside, format!("{target}\n")).unwrap();
        fs::rename(aside, &pointer).unwrap();
    };
    point(first.path());
    let pointer_path = pointer.to_str().unwrap();
    let server = Server::start_with(&[("SLIREC__MODEL__POINTER", pointer_path), ("SLIREC__MODEL__POLL_SECONDS", "1")]);
    assert_eq!(version(&server), "first");
    let failures = || server.metric(r#"slirec_reloads_total{outcome="failure"}"#);
    point("no/such/bundle");
    wait_until("the bad pointer is refused", || (failures() == 1.0).then_some(()));
    assert_eq!(version(&server), "first");
    point(second.path());
    wait_until("the second version serves", || (version(&server) == "second").then_some(()));
}

#[test]
fn under_load_no_request_fails_while_bundles_come_and_go() {
    let bundle = Bundle::of_version("0");
    let server = Arc::new(serve(&bundle));
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (server, stop, answered) = (Arc::clone(&server), Arc::clone(&stop), Arc::clone(&answered));
            thread::spawn(move || {
                let body = json!({"history": [{"item": "novel", "time": 1_730_807_061}]});
                let mut failures = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let response = server.recommend(&body);
                    answered.fetch_add(1, Ordering::Relaxed);
                    if response.status != 200 || response.json()["items"].as_array().unwrap().len() != 16 {
                        failures.push(response.text());
                    }
                }
                failures
            })
        })
        .collect();
    for number in 1..=10 {
        bundle.set_version(&number.to_string());
        assert_eq!(server.operate("POST", "/admin/reload", "").status, 200);
    }
    assert_eq!(server.operate("POST", "/admin/rollback", "").status, 200);
    assert_eq!(version(&server), "9");
    stop.store(true, Ordering::Relaxed);
    let failures: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    assert!(answered.load(Ordering::Relaxed) >= 20, "{}", answered.load(Ordering::Relaxed));
    assert!(failures.is_empty(), "{} failed: {failures:?}", failures.len());
}
