//! Encrypted connections. The fixtures' certificates are of `localhost`, for tests only.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use crate::server::{Server, run, wait_until};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a client that trusts one certificate only reads in answer to a request; none when it does not trust the
/// service.
fn asked_by_one_who_trusts(certificate: &Path, server: &Server) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = server.connect();
    let mut stream = Stream::new(&mut session, &mut socket);
    stream.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    Some(answer)
}

fn trusts(certificate: &Path, server: &Server) -> bool {
    asked_by_one_who_trusts(certificate, server).is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

#[test]
fn clients_that_encrypt_are_answered_and_others_are_not() {
    let (certificate, key) = (fixture("certificate.pem"), fixture("key.pem"));
    let variables = [("SLIREC__TLS__CERTIFICATE", text(&certificate)), ("SLIREC__TLS__KEY", text(&key))];
    let server = Server::start_with(&variables);
    let answer = asked_by_one_who_trusts(&certificate, &server).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut plain = server.connect();
    plain.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    let ports = [server.address.port().to_string(), server.admin.port().to_string()];
    assert_eq!(run(&["--probe", "--port", &ports[0], "--admin-port", &ports[1]], &variables).0, Some(0));
}

#[test]
fn a_certificate_or_key_that_cannot_be_used_is_named() {
    let certificate = fixture("certificate.pem");
    for (key, expected) in [("no/such/key.pem", "(key tls.key)"), ("", "`tls.key`: is empty")] {
        let variables = [("SLIREC__TLS__CERTIFICATE", text(&certificate)), ("SLIREC__TLS__KEY", key)];
        let (code, message) = run(&["--port", "0"], &variables);
        assert!(code == Some(1) || code == Some(2), "{code:?}");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_renewed_certificate_is_shown_after_a_reload_and_half_a_renewal_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let (first, renewed) = (fixture("certificate.pem"), fixture("renewed_certificate.pem"));
    fs::copy(&first, &certificate).unwrap();
    fs::copy(fixture("key.pem"), &key).unwrap();
    let variables = [("SLIREC__TLS__CERTIFICATE", text(&certificate)), ("SLIREC__TLS__KEY", text(&key))];
    let server = Server::start_with(&variables);
    assert!(trusts(&first, &server) && !trusts(&renewed, &server));

    fs::copy(&renewed, &certificate).unwrap();
    let refused = server.operate("POST", "/admin/reload", "");
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.message().contains("(key tls.certificate)"), "{}", refused.message());
    assert_eq!(server.metric("slirec_last_reload_failed"), 1.0);
    assert!(trusts(&first, &server) && !trusts(&renewed, &server));

    fs::copy(fixture("renewed_key.pem"), &key).unwrap();
    server.signal("HUP");
    wait_until("the renewed certificate is shown", || trusts(&renewed, &server).then_some(()));
    assert!(!trusts(&first, &server));
    wait_until("the reload is counted", || (server.metric("slirec_last_reload_failed") == 0.0).then_some(()));
}

#[test]
fn a_check_reads_the_certificate_too() {
    let (certificate, other) = (fixture("certificate.pem"), fixture("renewed_key.pem"));
    let variables = [("SLIREC__TLS__CERTIFICATE", text(&certificate)), ("SLIREC__TLS__KEY", text(&other))];
    let (code, message) = run(&["--check"], &variables);
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("(key tls.certificate)"), "{message}");
}
