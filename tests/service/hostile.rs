//! Bundles that were made to do harm, at the start and at a reload: the service says why it does not serve them, and
//! the old model serves on. `crates/engine/tests/hostile` has many more of them, without a process for each.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slirec_onnx::builder::{Body, graph as body_attribute};
use slirec_onnx::proto::{GraphProto, ModelProto, NodeProto};

use crate::bundle::{Bundle, graph};
use crate::server::{Server, run};

/// Most memory that the service may ever hold, in kilobytes: its own and that of a refused bundle.
const MOST_KILOBYTES: u64 = 500 << 10;

/// A name, how to spoil a bundle, and what the refusal must name.
type Fault = (&'static str, fn(&Bundle), &'static str);

/// Nodes before those of the scores graph.
fn begin_with(bundle: &Bundle, build: impl FnOnce(&mut Body)) {
    let mut body = Body::new("hostile_");
    build(&mut body);
    let nodes: Vec<NodeProto> = body.into_graph("", Vec::new(), Vec::new()).node;
    let change = |model: &mut ModelProto| {
        model.graph.as_mut().unwrap().node.splice(0..0, nodes);
    };
    bundle.replace("scores.onnx", graph(change));
}

fn faults() -> Vec<Fault> {
    vec![
        ("a sound bundle", |_| {}, ""),
        (
            "a loop of 2^62",
            |bundle| {
                begin_with(bundle, |body| {
                    let times = body.integers(&[1 << 62]);
                    let attributes = vec![body_attribute("body", GraphProto::default())];
                    body.named("Loop", &[&times], &["hostile"], attributes);
                });
            },
            "operator `Loop`",
        ),
        (
            "a constant of gigabytes",
            |bundle| {
                begin_with(bundle, |body| {
                    let size = body.integers(&[1_000_000_000]);
                    body.node("ConstantOfShape", &[&size]);
                });
            },
            "would compute 1000000000 values",
        ),
        (
            "no golden requests",
            |bundle| bundle.change_manifest(|manifest| manifest["golden_requests"] = json!([])),
            "golden_requests has 0 requests: expected 1 to 64",
        ),
        (
            "sixty thousand golden requests",
            |bundle| {
                bundle.change_manifest(|manifest| {
                    let golden = manifest["golden_requests"][0].clone();
                    manifest["golden_requests"] = Value::Array(vec![golden; 60_000]);
                });
            },
            "manifest.json: has",
        ),
        (
            "a name of a megabyte",
            |bundle| bundle.change_manifest(|manifest| manifest["name"] = json!("a".repeat(1_000_000))),
            "name has 1000000 bytes",
        ),
        (
            "a file of a terabyte with nothing in it",
            |bundle| {
                fs::File::options().write(true).open(bundle.file("history.onnx")).unwrap().set_len(1 << 40).unwrap();
                bundle.change_manifest(|manifest| manifest["files"]["history.onnx"]["bytes"] = json!(1_u64 << 40));
            },
            "history.onnx: 1099511627776 bytes by the manifest: expected at most 268435456",
        ),
        (
            "a pipe",
            |bundle| {
                fs::remove_file(bundle.file("catalog.json")).unwrap();
                assert!(Command::new("mkfifo").arg(bundle.file("catalog.json")).status().unwrap().success());
            },
            "catalog.json: is a pipe",
        ),
    ]
}

#[test]
fn hostile_bundles_end_the_start_with_their_reason() {
    for (fault, spoil, expected) in faults().into_iter().skip(1).step_by(3) {
        let bundle = Bundle::new();
        spoil(&bundle);
        let (code, message) = run(&["--model", bundle.path(), "--port", "0"], &[]);
        assert_eq!(code, Some(1), "{fault}: {message}");
        assert!(message.contains(expected), "{fault}: {message}");
        assert!(message.trim_end().lines().count() == 1 && message.len() < 2_000, "{fault}: {message}");
    }
}

#[test]
fn hostile_bundles_are_refused_by_a_reload_in_little_time_and_memory_while_the_old_one_serves() {
    let folder = tempfile::tempdir().unwrap();
    let pointer = folder.path().join("current");
    let sound = Bundle::of_version("sound");
    fs::write(&pointer, sound.path()).unwrap();
    // Looked at by the reloads of this test alone.
    let settings = [("SLIREC__MODEL__POINTER", pointer.to_str().unwrap()), ("SLIREC__MODEL__POLL_SECONDS", "86400")];
    let server = Server::start_with(&settings);
    let mut slowest = (Duration::ZERO, "");
    for (fault, spoil, expected) in faults() {
        let bundle = Bundle::of_version("hostile");
        spoil(&bundle);
        let hostile = if expected.is_empty() { sound.path() } else { bundle.path() };
        // In one step: the service looks at the pointer once more when it has started, and is to find no half of it.
        let aside = pointer.with_extension("new");
        fs::write(&aside, hostile).unwrap();
        fs::rename(&aside, &pointer).unwrap();
        let started = Instant::now();
        let answer = server.operate("POST", "/admin/reload", "");
        let took = started.elapsed();
        if expected.is_empty() {
            assert_eq!(answer.status, 200, "{fault}: {}", answer.text());
        } else {
            slowest = slowest.max((took, fault));
            assert_eq!(answer.status, 422, "{fault}: {}", answer.text());
            assert!(answer.message().contains(expected), "{fault}: {}", answer.message());
            assert!(answer.text().len() < 4_000, "{fault}: {} bytes", answer.text().len());
        }
        let body = json!({"history": [{"item": "novel", "time": 1_730_807_061}]});
        assert_eq!(server.recommend(&body).json()["model"]["version"], "sound", "{fault}");
    }
    let peak = server.peak_kilobytes();
    println!("slowest refusal {:?} ({}), peak memory of the service {} MB", slowest.0, slowest.1, peak >> 10);
    assert!(peak < MOST_KILOBYTES, "{peak} kilobytes");
}
