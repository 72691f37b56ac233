//! Signatures of bundles in the form of the OpenSSF Model Signing specification: a bundle and a private key enter,
//! `model.sig` leaves; a bundle, its `model.sig` and public keys enter, a refusal leaves, or the key that signed.
//!
//! `model.sig` is a sigstore bundle (JSON) with a DSSE envelope around an in-toto statement, which lists every file of
//! the bundle with its SHA-256 (`https://model_signing/signature/v1.0`). The Python package `model-signing` verifies
//! what is made here, and the other way round. Keys are those of its method `key`: ECDSA on the curves P-256 and P-384;
//! it has no Ed25519.

mod envelope;
mod error;
mod key;
mod public_key;
mod statement;
mod trust;

pub use error::SigningError;
pub use key::SigningKey;
pub use public_key::PublicKey;
pub use trust::{Trust, covered};

use std::path::Path;

use slirec_core::bundle::Manifest;
use slirec_core::files;

/// Name of the signature beside the files that it is of.
pub const SIGNATURE: &str = "model.sig";
/// A signature beyond this is none: that of a bundle has a five-hundredth of it.
pub const LARGEST_SIGNATURE: u64 = 1 << 20;

/// Makes the signature of a bundle; `sha256` is the manifest's own.
///
/// # Errors
/// [`SigningError`] when the key fails.
pub fn sign(manifest: &Manifest, sha256: &str, key: &SigningKey) -> Result<Vec<u8>, SigningError> {
    envelope::write(&statement::write(manifest, sha256)?, key)
}

/// Signs a complete bundle in its directory.
///
/// # Errors
/// [`SigningError`] when it is no bundle, or the signature cannot be made or written.
pub fn sign_directory(directory: &Path, key: &SigningKey) -> Result<(), SigningError> {
    let (manifest, sha256) = Manifest::read(directory)?;
    Ok(files::write_aside(&directory.join(SIGNATURE), &sign(&manifest, &sha256, key)?)?)
}
