//! The clients in `examples/` that need nothing but Python, run as their documentation says.

use std::path::Path;
use std::process::{Command, Output};

use crate::server::Server;

/// Runs `examples/client.py` with the project's Python, which is needed to build it anyway.
fn python_client(server: &Server, handles: &[&str], key: Option<&str>) -> Output {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/client.py"));
    command.arg(format!("http://{}", server.address)).args(handles).envs(key.map(|key| ("SLIREC_API_KEY", key)));
    command.output().unwrap_or_else(|error| panic!("python3 cannot be run: {error}"))
}

fn handles(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    lines.lines().map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
}

#[test]
fn the_python_example_prints_products_that_were_not_viewed() {
    let server = Server::start();
    let best = handles(&python_client(&server, &["novel", "atlas"], None));
    assert_eq!(best.len(), 5);
    assert!(!best.iter().any(|handle| handle == "novel" || handle == "atlas"), "{best:?}");
    let popular = python_client(&server, &[], None);
    assert!(String::from_utf8_lossy(&popular.stdout).contains("(popular)"), "{popular:?}");
}

#[test]
fn the_python_example_sends_its_key_and_says_why_it_is_refused() {
    let server = Server::start_with(&[("SLIREC__AUTH__KEYS", "example-key-0123456789")]);
    assert_eq!(handles(&python_client(&server, &["novel"], Some("example-key-0123456789"))).len(), 5);
    let refused = python_client(&server, &["novel"], Some("another-key-0123456789"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("error: 401 UNAUTHENTICATED: "), "{refused:?}");
}
