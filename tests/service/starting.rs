//! Starts that must not happen: bad configuration, bad bundles, a port that is taken. One line says why.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::bundle::Bundle;
use crate::server::{Server, command, run};

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
    assert_eq!(message.matches("os error").count(), 1, "{message}");
    one_line(&message);
}

#[test]
fn a_card_that_is_required_and_missing_ends_the_start_with_what_is_missing() {
    let without_card = ("CUDA_VISIBLE_DEVICES", "");
    let (code, message) = run(&["--port", "0"], &[("SLIREC__ENGINE__EXECUTION_PROVIDERS", "cuda,cpu"), without_card]);
    assert_eq!(code, Some(1));
    assert!(message.contains("execution provider `cuda` cannot be used: "), "{message}");
    assert!(message.contains("(engine.require_provider = false: the processor instead)"), "{message}");
    one_line(&message);
}

#[test]
fn a_card_that_is_not_required_and_missing_leaves_the_processor_with_a_warning_and_a_label() {
    let server = Server::start_with(&[
        ("SLIREC__ENGINE__EXECUTION_PROVIDERS", "cuda,cpu"),
        ("SLIREC__ENGINE__REQUIRE_PROVIDER", "false"),
        ("CUDA_VISIBLE_DEVICES", ""),
    ]);
    let status = server.get("/v1/status").json();
    assert_eq!((&status["model"]["execution_provider"], &status["model"]["device"]), (&"cpu".into(), &Value::Null));
    assert!(server.metrics().contains("provider=\"cpu\""));
    // The lines of the start were read while the test waited for the address.
    assert_eq!(server.operate("POST", "/admin/reload", "").status, 200);
    server.signal("INT");
    let (_, log) = server.wait();
    let warned = |line: &&str| line.contains("falling back to the processor") && line.contains("\"missing\":\"");
    assert_eq!(log.lines().filter(warned).count(), 1, "{log}");
}

#[test]
fn the_measurement_of_a_card_says_when_there_is_none() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/test-cuda.sh");
    let output = Command::new(script)
        .envs([("SLIREC_SERVER", env!("CARGO_BIN_EXE_slirec-server")), ("CUDA_VISIBLE_DEVICES", "")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let expected = [
        "card hidden: does not start: error: ",
        "card hidden, engine.require_provider = false: serves on the processor",
        "no card: nothing was measured; error: ",
    ];
    for (line, expected) in said.lines().zip(expected) {
        assert!(line.starts_with(expected), "{said}");
    }
    assert_eq!((said.lines().count(), output.stdout.len()), (expected.len(), 0), "{said}");
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
fn serve_may_be_said_and_nothing_else() {
    let server = Server::start_command(command(&["serve", "--port", "0"], &[]));
    assert_eq!(server.get("/ping").status, 200);
    let help = command(&["--help"], &[]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("`serve`") && help.contains("SageMaker"), "{help}");
    let (code, message) = run(&["train"], &[]);
    assert_eq!(code, Some(2));
    assert!(message.contains("'train'") && message.contains("serve"), "{message}");
}

#[test]
fn flags_win_over_the_environment() {
    // The helper passes `--port 0`.
    let server = Server::start_with(&[("SLIREC__SERVER__PORT", "1")]);
    assert_ne!(server.address.port(), 1);
}

#[test]
fn values_of_another_type_are_not_made_to_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.toml");
    for (section, line, expected) in [
        ("server", "port = true", "`server.port`: found true: expected a whole number"),
        ("server", "port = 8080.5", "`server.port`: found 8080.5: expected a whole number"),
        ("server", "port = \"8080\"", "`server.port`: found \"8080\": expected a whole number"),
        ("server", "metrics = 1", "`server.metrics`: found 1: expected true or false"),
        ("limits", "queue_wait_ms = \"fast\"", "`limits.queue_wait_ms`: found \"fast\": expected a number"),
        ("limits", "queue_wait_ms = true", "`limits.queue_wait_ms`: found true: expected a number"),
        ("server", "host = 127", "`server.host`: found a number: expected a text"),
        ("model", "path = [\"a\"]", "`model.path`: found a list: expected a text"),
        ("webhooks", "secret = 12345678", "`webhooks.secret`: found a number: expected a text"),
        ("auth", "keys = [1]", "`auth.keys`: found a list of something else: expected a list of texts"),
        ("auth", "keys = 5", "`auth.keys`: found a number: expected a list of texts"),
    ] {
        fs::write(&path, format!("[{section}]\n{line}\n")).unwrap();
        let (code, message) = run(&["--config", path.to_str().unwrap(), "--check"], &[]);
        assert_eq!(code, Some(2), "{line}: {message}");
        assert!(message.contains(&format!("service.toml: {expected}")), "{line}: {message}");
        one_line(&message);
    }
    for (variable, value, expected) in [
        ("SLIREC__SERVER__PORT", "on", "`server.port`: found \"on\": expected a whole number"),
        ("SLIREC__INVOCATIONS__LIMIT", "2.5", "`invocations.limit`: found \"2.5\": expected a whole number"),
        ("SLIREC__SERVER__METRICS", "maybe", "`server.metrics`: found \"maybe\": expected true or false"),
    ] {
        let (code, message) = run(&["--check"], &[(variable, value)]);
        assert_eq!(code, Some(2), "{variable}: {message}");
        assert!(message.contains(&format!("the environment (SLIREC__…): {expected}")), "{message}");
    }
}

#[test]
fn a_number_that_may_have_a_fraction_may_be_whole_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.toml");
    let arguments = ["--config", path.to_str().unwrap(), "--check"];
    for value in ["0", "0.7", "1", "60000.0"] {
        fs::write(&path, format!("[limits]\nqueue_wait_ms = {value}\n")).unwrap();
        assert_eq!(run(&arguments, &[]).0, Some(0), "{value}");
        fs::write(&path, "").unwrap();
        assert_eq!(run(&arguments, &[("SLIREC__LIMITS__QUEUE_WAIT_MS", value)]).0, Some(0), "{value}");
    }
}

#[test]
fn values_that_could_never_work_end_the_start() {
    for (variable, value, expected) in [
        ("SLIREC__LIMITS__QUEUE_WAIT_MS", "NaN", "`limits.queue_wait_ms`: NaN: expected 0 to 60000"),
        ("SLIREC__LIMITS__QUEUE_WAIT_MS", "-0.1", "`limits.queue_wait_ms`: -0.1: expected 0 to 60000"),
        ("SLIREC__LOG__LEVEL", "warning", "`log.level`: `warning` is no level: expected "),
        ("SLIREC__LOG__LEVEL", "", "`log.level`: `` is no level: expected "),
        (
            "SLIREC__CORS__ORIGINS",
            "https://shop.example/",
            "`cors.origins`: `https://shop.example/`: expected an origin",
        ),
        ("SLIREC__CORS__ORIGINS", "https://Shop.example", "`cors.origins`: `https://Shop.example`: expected an origin"),
        ("SLIREC__CORS__ORIGINS", "https://*.shop.example", "`cors.origins`: "),
        ("SLIREC__WEBHOOKS__SHOP", "https://a.myshopify.com", "`webhooks.shop`: `https://a.myshopify.com`: expected "),
        ("SLIREC__AUTH__KEYS", "", "`auth.keys`: is empty"),
        ("SLIREC__ADMIN__KEYS", "", "`admin.keys`: is empty"),
        ("SLIREC__AUTH__KEYS", "a key with spaces 0123", "`auth.keys`: key 1 has spaces"),
        ("SLIREC__ADMIN__PORT", "7000", "`admin.port`: 7000 is the port of server.port too: expected another"),
        (
            "SLIREC__SERVER__MAX_BODY_BYTES",
            "536870912",
            "`limits.memory_bytes`: 268435456: expected at least 5726623064, what a body of server.max_body_bytes,",
        ),
        ("SLIREC__TLS__KEY", "key.pem", "`tls.certificate`: is empty while tls.key is set"),
    ] {
        let (code, message) = run(&["--port", "7000", "--check"], &[(variable, value)]);
        assert_eq!(code, Some(2), "{variable}={value}: {message}");
        assert!(message.contains(expected), "{variable}={value}: {message}");
        one_line(&message);
    }
}

#[test]
fn a_file_that_is_no_toml_is_named_with_the_place_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.toml");
    fs::write(&path, "[server]\nport = 1\nport = 2\n").unwrap();
    let (code, message) = run(&["--config", path.to_str().unwrap()], &[]);
    assert_eq!(code, Some(2));
    assert!(
        message.contains(&format!("{}: TOML parse error at line 3, column 1: duplicate key", path.display())),
        "{message}"
    );
    one_line(&message);
}
