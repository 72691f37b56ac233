//! What hangs outside of the service: files that cannot be read to their end, a registry that does not answer. Nothing
//! of it delays requests or the end of the service.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::bundle::Bundle;
use crate::server::{Server, command, run, wait_until};

const KEY: &str = "a-key-of-a-client-0001";

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_pipe_in_place_of_a_file_ends_the_start_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    let pipe = pipe.to_str().unwrap();
    let changes = folder.path().join("changes");
    for (variables, setting) in [
        (vec![("SLIREC__MODEL__POINTER", pipe)], "model.pointer"),
        (vec![("SLIREC__AUTH__FILE", pipe)], "auth.file"),
        (
            vec![("SLIREC__WEBHOOKS__SECRET_FILE", pipe), ("SLIREC__WEBHOOKS__CHANGES", changes.to_str().unwrap())],
            "webhooks.secret_file",
        ),
        (vec![("SLIREC__WEBHOOKS__SECRET", KEY), ("SLIREC__WEBHOOKS__CHANGES", pipe)], "webhooks.changes"),
        (vec![("SLIREC__TLS__CERTIFICATE", pipe), ("SLIREC__TLS__KEY", pipe)], "tls.certificate"),
    ] {
        let (code, message) = run(&["--port", "0"], &variables);
        assert_eq!(code, Some(1), "{message}");
        assert!(message.contains("found a pipe, expected a file") && message.contains(setting), "{message}");
        assert!(message.contains(pipe), "{message}");
    }
}

#[test]
fn a_bundle_of_pipes_is_refused() {
    let bundle = Bundle::new();
    for name in ["manifest.json", "scores.onnx"] {
        let whole = fs::read(bundle.file(name)).unwrap();
        fs::remove_file(bundle.file(name)).unwrap();
        make_pipe(&bundle.file(name));
        let (code, message) = run(&["--model", bundle.path(), "--port", "0"], &[]);
        assert_eq!(code, Some(1), "{message}");
        assert!(message.contains(name) && message.contains("is a pipe: expected an ordinary file"), "{message}");
        fs::remove_file(bundle.file(name)).unwrap();
        fs::write(bundle.file(name), whole).unwrap();
    }
}

#[test]
fn a_pointer_that_becomes_a_pipe_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Bundle::of_version("first"), Bundle::of_version("second"));
    let pointer = folder.path().join("pointer");
    fs::write(&pointer, first.path()).unwrap();
    let variables = [("SLIREC__MODEL__POINTER", pointer.to_str().unwrap()), ("SLIREC__MODEL__POLL_SECONDS", "1")];
    let server = Server::start_with(&variables);
    fs::remove_file(&pointer).unwrap();
    make_pipe(&pointer);
    let refused = server.operate("POST", "/admin/reload", "");
    assert_eq!(refused.status, 422);
    assert!(refused.message().contains("found a pipe"), "{}", refused.message());
    assert_eq!((server.get("/ready").status, server.operate("GET", "/ready", "").status), (200, 200));
    // A new one is renamed into place.
    let aside = folder.path().join("aside");
    fs::write(&aside, second.path()).unwrap();
    fs::rename(&aside, &pointer).unwrap();
    wait_until("the second bundle is served", || (server.get("/ready").json()["version"] == "second").then_some(()));
    server.signal("INT");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn keys_that_become_a_pipe_stay_what_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    fs::write(&path, KEY).unwrap();
    let server = Server::start_with(&[("SLIREC__AUTH__FILE", path.to_str().unwrap())]);
    fs::remove_file(&path).unwrap();
    make_pipe(&path);
    let refused = server.operate("POST", "/admin/reload", "");
    assert_eq!(refused.status, 422);
    assert!(refused.message().contains("found a pipe, expected a file (key auth.file)"), "{}", refused.message());
    let status = crate::client::exchange(server.address, "GET", "/v1/status", &[("X-Api-Key", KEY)], b"").status;
    assert_eq!(status, 200);
}

/// A registry that takes connections and never answers.
fn silent_registry() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

#[test]
fn a_signal_ends_a_start_that_waits() {
    let (registry, address) = silent_registry();
    let folder = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let variables = [
            ("SLIREC__MODEL__PATH", "models:/slirec@champion"),
            ("MLFLOW_TRACKING_URI", address.as_str()),
            ("SLIREC__REGISTRY__CACHE", folder.path().to_str().unwrap()),
        ];
        let mut child = command(&["--port", "0"], &variables).spawn().unwrap();
        let _asked = registry.accept().unwrap();
        let sent = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let status = wait_until("the process ends", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}

#[test]
fn a_registry_that_does_not_answer_is_given_up_in_time() {
    let (_registry, address) = silent_registry();
    let folder = tempfile::tempdir().unwrap();
    let started = std::time::Instant::now();
    let (code, message) = run(
        &["--port", "0"],
        &[
            ("SLIREC__MODEL__PATH", "models:/slirec@champion"),
            ("MLFLOW_TRACKING_URI", &address),
            ("SLIREC__REGISTRY__CACHE", folder.path().to_str().unwrap()),
            ("SLIREC__REGISTRY__DOWNLOAD_SECONDS", "1"),
            ("SLIREC__REGISTRY__TIMEOUT_SECONDS", "3600"),
        ],
    );
    assert_eq!(code, Some(1));
    assert!(message.contains("(key registry.download_seconds)"), "{message}");
    assert!(started.elapsed() < Duration::from_secs(600));
}
