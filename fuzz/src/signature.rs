//! Signatures of bundles: bytes enter that pretend to be one, or a key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use slirec_connect::signing::{PublicKey, Trust, covered};
use slirec_core::bundle::Manifest;

use super::{choose, file, said};

/// A signature, the statement inside one, or a file of public keys; the first byte says which. No signature that was made
/// up is ever taken.
pub fn signature(data: &[u8]) {
    let Some((kind, bytes)) = choose(data, &[0, 1, 2]) else { return };
    if *kind == 2 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pub");
        std::fs::write(&path, bytes).unwrap();
        return PublicKey::read_all(&path).map_or_else(|error| said(&error), drop);
    }
    let trust = Trust::read(&[file("crates/connect/tests/fixtures/signing/key.pub")]).unwrap();
    let (manifest, sha256) = Manifest::read(&file("tests/fixtures/bundle_v1")).unwrap();
    let envelope = match kind {
        0 => bytes.to_vec(),
        _ => envelope(bytes),
    };
    if let Err(problem) = covered(&envelope, &manifest, &sha256) {
        said(&problem);
    }
    let genuine = std::fs::read(file("crates/connect/tests/fixtures/signing/key.sig")).unwrap();
    match trust.check(&envelope, &manifest, &sha256) {
        Ok(_) => assert_eq!(signed(&envelope), signed(&genuine), "a signature that the key did not make"),
        Err(problem) => said(&problem),
    }
}

/// A statement in an envelope that names the trusted key.
fn envelope(statement: &[u8]) -> Vec<u8> {
    let key = PublicKey::read_all(&file("crates/connect/tests/fixtures/signing/key.pub")).unwrap().remove(0);
    let envelope = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": key.fingerprint()}},
        "dsseEnvelope": {
            "payload": STANDARD.encode(statement),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": ""}],
        },
    });
    envelope.to_string().into_bytes()
}

/// What was signed in an envelope.
fn signed(envelope: &[u8]) -> serde_json::Value {
    let envelope: serde_json::Value = serde_json::from_slice(envelope).unwrap();
    envelope["dsseEnvelope"]["payload"].clone()
}
