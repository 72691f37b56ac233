//! Encrypted connections, in builds with the feature `tls`. The fixture's certificate is of `localhost`, for tests only.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use crate::server::{Server, run};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn clients_that_encrypt_are_answered_and_others_are_not() {
    let (certificate, key) = (fixture("certificate.pem"), fixture("key.pem"));
    let variables = [("SLIREC__TLS__CERTIFICATE", text(&certificate)), ("SLIREC__TLS__KEY", text(&key))];
    let server = Server::start_with(&variables);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&certificate).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = server.connect();
    let mut stream = Stream::new(&mut session, &mut socket);
    stream.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
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
