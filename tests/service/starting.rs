//! Starts that must not happen: bad configuration, bad bundles, a port that is taken. One line says why.

use std::fs;
use std::net::TcpListener;

use crate::bundle::Bundle;
use crate::server::{Server, run};

fn one_line(message: &str) {
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
}

#[test]
fn an_unknown_key_ends_the_start_with_its_name_and_source() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.toml");
    fs::write(&path, "[server]\nprot = 9000\n").unwrap();
    let (code, message) = run(&["--config", path.to_str().unwrap()], &[]);
    assert_eq!(code, Some(2));
    assert!(message.contains("service.toml: unknown key `server.prot`"), "{message}");
    one_line(&message);
}

#[test]
fn a_wrong_value_ends_the_start_with_its_key_and_source() {
    for (variable, value, expected) in [
        ("SLIREC__SERVER__PORT", "http", "the environment (SLIREC__…): `server.port`: "),
        ("SLIREC__ENGINE__QUEUE_LENGTH", "0", "`engine.queue_length`: 0: expected 1 to"),
        (
            "SLIREC__ENGINE__EXECUTION_PROVIDERS",
            "cpu,tpu",
            "`engine.execution_providers`: `tpu`: expected `cuda` or `cpu`",
        ),
        ("SLIREC__LOG__LEVEL", "a=b=c", "`log.level`: "),
        ("SLIREC__SERVER__COLOUR", "red", "unknown key `server.colour`"),
    ] {
        let (code, message) = run(&[], &[(variable, value)]);
        assert_eq!(code, Some(2), "{variable}");
        assert!(message.contains(expected), "{variable}: {message}");
        one_line(&message);
    }
}

#[test]
fn a_missing_configuration_file_is_named() {
    let (code, message) = run(&["--config", "no/such/file.toml"], &[]);
    assert_eq!(code, Some(2));
    assert!(message.contains("no/such/file.toml"), "{message}");
}

#[test]
fn a_missing_bundle_is_named() {
    let (code, message) = run(&["--model", "no/such/bundle"], &[]);
    assert_eq!(code, Some(1));
    assert!(message.contains("no/such/bundle"), "{message}");
    one_line(&message);
}

#[test]
fn a_changed_bundle_is_refused() {
    let bundle = Bundle::new();
    bundle.spoil("scores.onnx", |mut bytes| {
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    });
    let (code, message) = run(&["--model", bundle.path(), "--port", "0"], &[]);
    assert_eq!(code, Some(1));
    assert!(message.contains("scores.onnx: has SHA-256"), "{message}");
    one_line(&message);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (code, message) = run(&["--port", &port], &[]);
    assert_eq!(code, Some(1));
    assert!(message.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{message}");
}

#[test]
fn an_admin_port_that_was_asked_for_must_be_free() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().port();
    let (code, message) = run(&["--port", "0", "--admin-port", &taken.to_string()], &[]);
    assert_eq!(code, Some(1));
    assert!(
        message.contains(&format!("cannot listen on 127.0.0.1:{taken} (keys admin.host, admin.port)")),
        "{message}"
    );
}

#[test]
fn check_ends_after_it_has_checked() {
    let (code, message) = run(&["--check"], &[]);
    assert_eq!((code, message.as_str()), (Some(0), ""));
}

#[test]
fn flags_win_over_the_environment() {
    // The helper passes `--port 0`.
    let server = Server::start_with(&[("SLIREC__SERVER__PORT", "1")]);
    assert_ne!(server.address.port(), 1);
}
