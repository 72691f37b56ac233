//! Bundles that are signed: with signatures of the reference tool and our own, untouched and tampered with.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use slirec_connect::signing::{PublicKey, SIGNATURE, SigningKey, Trust, covered, sign_directory};
use slirec_core::bundle::{self, Bundle, BundleError, LARGEST_BUNDLE, Manifest};
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/signing").join(name)
}

fn trust(keys: &[&str]) -> Trust {
    Trust::read(&keys.iter().map(|key| fixture(key)).collect::<Vec<_>>()).unwrap()
}

/// A copy of the private key with these permissions.
fn private_key(folder: &Path, mode: u32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("private.pem");
    fs::copy(fixture("key.pem"), &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// A bundle with a signature of the reference tool, or none.
fn bundle(signature: Option<&str>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/bundle_v1");
    for entry in fs::read_dir(original).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    if let Some(signature) = signature {
        fs::copy(fixture(signature), folder.path().join(SIGNATURE)).unwrap();
    }
    folder
}

/// Reads a bundle as the service does.
fn read(folder: &Path, trust: &Trust) -> Result<(), String> {
    let read = Bundle::read_approved(folder, LARGEST_BUNDLE, |manifest, sha256| {
        let signed = trust.check_directory(folder, manifest, sha256);
        signed.map(drop).map_err(|error| BundleError::Invalid { path: folder.into(), problem: error.to_string() })
    });
    read.map(drop).map_err(|error| error.to_string())
}

#[test]
fn what_the_reference_tool_signed_is_trusted() {
    for (signature, keys) in [("key.sig", &["key.pub"][..]), ("p384.sig", &["key.pub", "p384.pub"])] {
        let folder = bundle(Some(signature));
        read(folder.path(), &trust(keys)).unwrap();
        let (manifest, sha256) = Manifest::read(folder.path()).unwrap();
        let bytes = fs::read(folder.path().join(SIGNATURE)).unwrap();
        let key = PublicKey::read_all(&fixture(keys.last().unwrap())).unwrap().remove(0);
        assert_eq!(trust(keys).check(&bytes, &manifest, &sha256), Ok(key.fingerprint()));
        assert_eq!(covered(&bytes, &manifest, &sha256).as_deref(), Ok(key.fingerprint()));
    }
}

#[test]
fn what_we_sign_is_trusted_and_has_the_form_of_the_reference_tool() {
    let folder = bundle(None);
    let keys = tempfile::tempdir().unwrap();
    let key = SigningKey::read(&private_key(keys.path(), 0o640)).unwrap();
    sign_directory(folder.path(), &key).unwrap();
    read(folder.path(), &trust(&["key.pub"])).unwrap();
    assert!(read(folder.path(), &trust(&["p384.pub"])).unwrap_err().contains("which is not trusted"));
    let (ours, theirs) = (opened(&folder.path().join(SIGNATURE)), opened(&fixture("key.sig")));
    for place in ["/mediaType", "/verificationMaterial", "/dsseEnvelope/payloadType"] {
        assert_eq!(ours.0.pointer(place), theirs.0.pointer(place), "{place}");
    }
    for place in
        ["/_type", "/predicateType", "/subject/0/digest", "/predicate/resources", "/predicate/serialization/method"]
    {
        assert_eq!(ours.1.pointer(place), theirs.1.pointer(place), "{place}");
    }
}

/// The sigstore bundle and its statement.
fn opened(path: &Path) -> (Value, Value) {
    let bundle: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let statement = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    (bundle, serde_json::from_slice(&statement).unwrap())
}

/// Changes the sigstore bundle of a signed directory.
fn change_signature(folder: &Path, change: impl FnOnce(&mut Value)) {
    let (mut bundle, _) = opened(&folder.join(SIGNATURE));
    change(&mut bundle);
    fs::write(folder.join(SIGNATURE), bundle.to_string()).unwrap();
}

/// Changes the statement of a signed directory, whose signature stays.
fn change_statement(folder: &Path, change: impl FnOnce(&mut Value)) {
    let (_, mut statement) = opened(&folder.join(SIGNATURE));
    change(&mut statement);
    let payload = STANDARD.encode(statement.to_string());
    change_signature(folder, |bundle| bundle["dsseEnvelope"]["payload"] = payload.into());
}

fn append(path: PathBuf) {
    let bytes = [fs::read(&path).unwrap(), b" ".to_vec()].concat();
    fs::write(path, bytes).unwrap();
}

/// Puts a signature of the fixtures into the place of the right one.
fn signed_by(folder: &Path, name: &str) {
    fs::copy(fixture(name), folder.join(SIGNATURE)).unwrap();
}

fn stranger() -> String {
    PublicKey::read_all(&fixture("stranger.pub")).unwrap().remove(0).fingerprint().to_owned()
}

/// What was done, how, and what the refusal says.
type Tampering = (&'static str, fn(&Path), &'static str);

const WITH_FILES: [Tampering; 11] = [
    ("a graph was changed", |bundle| append(bundle.join("scores.onnx")), "scores.onnx: has"),
    (
        "a graph was changed, and the manifest with it",
        |bundle| {
            append(bundle.join("scores.onnx"));
            let (manifest, _) = Manifest::read(bundle).unwrap();
            bundle::seal(bundle, manifest).unwrap();
        },
        "model.sig: is of another manifest.json",
    ),
    ("the manifest has one more space", |bundle| append(bundle.join("manifest.json")), "is of another manifest.json"),
    (
        "two graphs were exchanged",
        |bundle| {
            fs::rename(bundle.join("scores.onnx"), bundle.join("aside")).unwrap();
            fs::rename(bundle.join("history.onnx"), bundle.join("scores.onnx")).unwrap();
            fs::rename(bundle.join("aside"), bundle.join("history.onnx")).unwrap();
        },
        "history.onnx: has",
    ),
    ("a file is missing", |bundle| fs::remove_file(bundle.join("catalog.json")).unwrap(), "catalog.json"),
    ("a file came along", |bundle| fs::write(bundle.join("loader.py"), "").unwrap(), "loader.py: is not signed"),
    (
        "counts came along",
        |bundle| fs::write(bundle.join("activity.json"), "{}").unwrap(),
        "activity.json: is not signed",
    ),
    // The reference tool passes these over.
    (
        "a hidden file came along",
        |bundle| fs::write(bundle.join(".gitignore"), "").unwrap(),
        ".gitignore: is not signed",
    ),
    ("a folder came along", |bundle| fs::create_dir(bundle.join(".git")).unwrap(), ".git: is not signed"),
    (
        "a file is a link to the same bytes",
        |bundle| {
            let elsewhere = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/bundle_v1/scores.onnx");
            fs::remove_file(bundle.join("scores.onnx")).unwrap();
            std::os::unix::fs::symlink(elsewhere, bundle.join("scores.onnx")).unwrap();
        },
        "scores.onnx: is no ordinary file",
    ),
    (
        "the signature is a link",
        |bundle| {
            fs::remove_file(bundle.join(SIGNATURE)).unwrap();
            std::os::unix::fs::symlink(fixture("key.sig"), bundle.join(SIGNATURE)).unwrap();
        },
        "model.sig: is no ordinary file",
    ),
];

const WITH_SIGNATURES: [Tampering; 15] = [
    ("there is no signature", |bundle| fs::remove_file(bundle.join(SIGNATURE)).unwrap(), "the bundle is not signed"),
    ("it is empty", |bundle| fs::write(bundle.join(SIGNATURE), "").unwrap(), "is no signature of a model"),
    ("it is huge", |bundle| fs::write(bundle.join(SIGNATURE), vec![b' '; 2 << 20]).unwrap(), "model.sig"),
    (
        "it is cut off",
        |bundle| {
            let bytes = fs::read(bundle.join(SIGNATURE)).unwrap();
            fs::write(bundle.join(SIGNATURE), &bytes[..bytes.len() / 2]).unwrap();
        },
        "is no signature of a model",
    ),
    ("a stranger signed", |bundle| signed_by(bundle, "stranger.sig"), "which is not trusted"),
    (
        "a stranger signed, in the name of the key",
        |bundle| {
            let (right, _) = opened(&bundle.join(SIGNATURE));
            signed_by(bundle, "stranger.sig");
            let material = right["verificationMaterial"].clone();
            change_signature(bundle, |changed| changed["verificationMaterial"] = material);
        },
        "is not what the key",
    ),
    (
        "it has the name of a stranger",
        |bundle| {
            let hint = stranger();
            change_signature(bundle, |changed| changed["verificationMaterial"]["publicKey"]["hint"] = hint.into());
        },
        "which is not trusted",
    ),
    (
        "it names no key",
        |bundle| change_signature(bundle, |changed| changed["verificationMaterial"]["publicKey"] = json!({})),
        "hint",
    ),
    (
        "a digest was changed",
        |bundle| change_statement(bundle, |changed| changed["predicate"]["resources"][0]["digest"] = "00".into()),
        "is not what the key",
    ),
    (
        "it is of another type",
        |bundle| change_statement(bundle, |changed| changed["predicateType"] = "https://example.com/v1".into()),
        "is not what the key",
    ),
    (
        "a bit of the signature was changed",
        |bundle| {
            change_signature(bundle, |changed| {
                let place = &mut changed["dsseEnvelope"]["signatures"][0]["sig"];
                let mut bytes = STANDARD.decode(place.as_str().unwrap()).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                *place = STANDARD.encode(bytes).into();
            });
        },
        "is not what the key",
    ),
    (
        "there is a second signature",
        |bundle| {
            change_signature(bundle, |changed| {
                let signatures = changed["dsseEnvelope"]["signatures"].as_array_mut().unwrap();
                signatures.push(signatures[0].clone());
            });
        },
        "has 2 signatures: expected one",
    ),
    (
        "the envelope is around something else",
        |bundle| change_signature(bundle, |changed| changed["dsseEnvelope"]["payloadType"] = "text/plain".into()),
        "is around `text/plain`",
    ),
    ("the key signed a part alone", |bundle| signed_by(bundle, "part.sig"), "does not list scores.onnx"),
    ("the key signed shards", |bundle| signed_by(bundle, "shards.sig"), "model.sig: "),
];

#[test]
fn whatever_was_tampered_with_is_refused_and_named() {
    let trust = trust(&["key.pub", "p384.pub"]);
    for (what, tamper, expected) in WITH_FILES.into_iter().chain(WITH_SIGNATURES) {
        let folder = bundle(Some("key.sig"));
        read(folder.path(), &trust).unwrap();
        tamper(folder.path());
        let refusal = read(folder.path(), &trust).expect_err(what);
        assert!(refusal.contains(expected), "{what}: {refusal}");
    }
}

#[test]
fn the_signature_of_another_bundle_is_refused() {
    let keys = tempfile::tempdir().unwrap();
    let key = SigningKey::read(&private_key(keys.path(), 0o600)).unwrap();
    let (right, other) = (bundle(Some("key.sig")), bundle(None));
    let (manifest, _) = Manifest::read(other.path()).unwrap();
    bundle::seal(other.path(), Manifest { version: "2".to_owned(), ..manifest }).unwrap();
    sign_directory(other.path(), &key).unwrap();
    read(other.path(), &trust(&["key.pub"])).unwrap();
    fs::copy(other.path().join(SIGNATURE), right.path().join(SIGNATURE)).unwrap();
    let refusal = read(right.path(), &trust(&["key.pub"])).unwrap_err();
    assert!(refusal.contains("is of another manifest.json"), "{refusal}");
}

#[test]
fn keys_of_other_kinds_and_files_without_keys_are_refused() {
    let refusal = |name: &str| PublicKey::read_all(&fixture(name)).unwrap_err().to_string();
    assert!(refusal("ed25519.pub").contains("ed25519.pub: expected a key on the curve P-256 or P-384"));
    assert!(refusal("key.pem").contains("holds no public key"));
    assert!(refusal("nowhere.pub").contains("nowhere.pub"));
    let folder = tempfile::tempdir().unwrap();
    let both = folder.path().join("both.pub");
    let text = ["key.pub", "p384.pub"].map(|name| fs::read_to_string(fixture(name)).unwrap()).concat();
    fs::write(&both, &text).unwrap();
    assert_eq!(PublicKey::read_all(&both).unwrap().len(), 2);
    fs::write(&both, text.replace("-----END PUBLIC KEY-----", "")).unwrap();
    assert!(PublicKey::read_all(&both).is_err());
}

#[test]
fn a_private_key_that_others_can_use_is_refused_and_none_is_ever_shown() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [0o644, 0o660, 0o604, 0o602] {
        let refusal = SigningKey::read(&private_key(folder.path(), mode)).unwrap_err().to_string();
        assert!(refusal.contains("can be used by others"), "{mode:o}: {refusal}");
    }
    fs::remove_file(folder.path().join("private.pem")).unwrap();
    let path = private_key(folder.path(), 0o400);
    let shown = format!("{:?}", SigningKey::read(&path).unwrap());
    let secret = fs::read_to_string(&path).unwrap();
    assert!(secret.lines().filter(|line| !line.starts_with('-')).all(|line| !shown.contains(line)), "{shown}");
    fs::remove_file(&path).unwrap();
    let path = private_key(folder.path(), 0o600);
    fs::write(&path, fs::read(fixture("key.pub")).unwrap()).unwrap();
    let refusal = SigningKey::read(&path).unwrap_err().to_string();
    assert!(refusal.contains("private.pem: holds no private key"), "{refusal}");
}
