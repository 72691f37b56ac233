//! Bundles that must be signed: one that no trusted key signed is served at no start and no reload, and comes from no
//! registry.

use std::fs;
use std::path::{Path, PathBuf};

use slirec_connect::signing::{SigningKey, sign_directory};
use tempfile::TempDir;

use crate::bundle::Bundle;
use crate::registry::{CHAMPION, Registry, version};
use crate::server::{Server, run};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/connect/tests/fixtures/signing").join(name)
}

/// Both halves of a key, the public one where the service looks for it.
struct Keys {
    folder: TempDir,
    private: SigningKey,
}

impl Keys {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::copy(fixture("key.pem"), &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let keys = Self { private: SigningKey::read(&path).unwrap(), folder };
        keys.trust("key.pub");
        keys
    }

    /// Has the service trust another key.
    fn trust(&self, name: &str) {
        fs::copy(fixture(name), self.trusted()).unwrap();
    }

    fn trusted(&self) -> PathBuf {
        self.folder.path().join("trusted.pub")
    }

    fn signed(&self, version: &str) -> Bundle {
        let bundle = Bundle::of_version(version);
        self.sign(&bundle);
        bundle
    }

    fn sign(&self, bundle: &Bundle) {
        sign_directory(Path::new(bundle.path()), &self.private).unwrap();
    }
}

fn variables<'a>(model: &'a str, trusted: &'a Path) -> [(&'a str, &'a str); 2] {
    [("SLIREC__MODEL__PATH", model), ("SLIREC__MODEL__TRUST", trusted.to_str().unwrap())]
}

#[test]
fn a_start_takes_a_signed_bundle_and_none_that_is_unsigned_or_signed_by_a_stranger() {
    let (keys, unsigned) = (Keys::new(), Bundle::new());
    let check = |bundle: &Bundle| run(&["--check"], &variables(bundle.path(), &keys.trusted()));
    let signed = keys.signed("signed");
    assert_eq!(check(&signed).0, Some(0), "{}", check(&signed).1);
    let (code, error) = check(&unsigned);
    assert!(code == Some(1) && error.contains("model.sig: is not there: the bundle is not signed"), "{error}");
    assert!(error.contains("key model.trust"), "{error}");
    keys.trust("stranger.pub");
    let (code, error) = check(&signed);
    assert!(code == Some(1) && error.contains("model.sig: is of the key") && error.contains("not trusted"), "{error}");
}

#[test]
fn keys_that_cannot_be_used_end_the_start_and_are_named() {
    let signed = Keys::new().signed("signed");
    for (name, expected) in [("nowhere.pub", "cannot read"), ("key.pem", "holds no public key")] {
        let path = fixture(name);
        let (code, error) = run(&["--check"], &variables(signed.path(), &path));
        assert!(code == Some(1) && error.contains("key model.trust") && error.contains(expected), "{error}");
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
    let (code, error) = run(&["--check"], &[("SLIREC__MODEL__TRUST", r#"["a.pub",""]"#)]);
    assert!(code == Some(2) && error.contains("`model.trust`: file 2 has no name"), "{error}");
}

#[test]
fn a_reload_refuses_what_is_not_signed_and_reads_the_keys_again() {
    let keys = Keys::new();
    let bundle = keys.signed("first");
    let server = Server::start_with(&variables(bundle.path(), &keys.trusted()));
    let reload = || server.operate("POST", "/admin/reload", "");
    assert_eq!(reload().status, 200);
    bundle.set_version("second");
    let answer = reload();
    assert!(
        answer.status == 422 && answer.text().contains("model.sig: is of another manifest.json"),
        "{}",
        answer.text()
    );
    keys.sign(&bundle);
    fs::write(bundle.file("loader.py"), "").unwrap();
    let answer = reload();
    assert!(answer.status == 422 && answer.text().contains("loader.py: is not signed"), "{}", answer.text());
    fs::remove_file(bundle.file("loader.py")).unwrap();
    keys.trust("stranger.pub");
    let answer = reload();
    assert!(answer.status == 422 && answer.text().contains("not trusted"), "{}", answer.text());
    assert_eq!(version(&server), "first");
    keys.trust("key.pub");
    assert_eq!((reload().status, version(&server).as_str()), (200, "second"));
}

#[test]
fn what_a_registry_has_is_brought_only_when_it_is_signed() {
    let keys = Keys::new();
    let unsigned = Bundle::of_version("first");
    let registry = Registry::with(&unsigned);
    let trusted = keys.trusted();
    let variables =
        [&registry.variables(CHAMPION)[..], &[("SLIREC__MODEL__TRUST", trusted.to_str().unwrap())]].concat();
    let (code, error) = run(&["--check"], &variables);
    assert!(code == Some(1) && error.contains("version 1 of slirec_shopify_model: model.sig: is not there"), "{error}");
    // Without trust it is brought; that it is here already does not help it later.
    assert_eq!(run(&["--check"], &registry.variables(CHAMPION)).0, Some(0));
    assert_eq!(run(&["--check"], &variables).0, Some(1));
    // The same bundle with a signature is another version.
    keys.sign(&unsigned);
    registry.push(&unsigned, true);
    let server = Server::start_with(&variables);
    assert_eq!(server.get("/v1/status").json()["model"]["registry"]["version"], "2");
    registry.push(&Bundle::of_version("third"), true);
    let answer = server.operate("POST", "/admin/reload", "");
    assert!(answer.status == 422 && answer.text().contains("the bundle is not signed"), "{}", answer.text());
    registry.push(&keys.signed("fourth"), true);
    assert_eq!(server.operate("POST", "/admin/reload", "").status, 200);
    assert_eq!(version(&server), "fourth");
}
