//! Private keys: a PEM file enters, a key that signs leaves. Nothing of it is shown or logged.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign;
use slirec_core::files::FileError;

use super::SigningError;
use super::public_key::{PublicKey, USABLE};

/// A private key is shorter.
const LARGEST_FILE: u64 = 1 << 16;

/// A private key on the curve P-256 or P-384.
pub struct SigningKey {
    key: Arc<dyn sign::SigningKey>,
    public: PublicKey,
}

impl SigningKey {
    /// Reads a PEM file: PKCS#8 (`BEGIN PRIVATE KEY`), not encrypted. It may be a pipe. A file that other users than its
    /// owner and group can read, or than its owner can write, is refused.
    ///
    /// # Errors
    /// [`SigningError`] with what is wrong, never with what is in the file.
    pub fn read(path: &Path) -> Result<Self, SigningError> {
        let file = File::open(path).map_err(FileError::io("read", path))?;
        let metadata = file.metadata().map_err(FileError::io("read", path))?;
        check_mode(path, &metadata)?;
        let mut pem = Vec::new();
        file.take(LARGEST_FILE).read_to_end(&mut pem).map_err(FileError::io("read", path))?;
        let encoded = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
            let expected = "expected PEM with BEGIN PRIVATE KEY (PKCS#8, not encrypted)";
            SigningError::key(path, format!("holds no private key: {expected}"))
        })?;
        let unusable = || SigningError::key(path, format!("expected {USABLE}"));
        let key = any_ecdsa_type(&encoded).map_err(|_| unusable())?;
        let public = key.public_key().and_then(|encoded| PublicKey::new(&encoded)).ok_or_else(unusable)?;
        Ok(Self { key, public })
    }

    /// The other half of it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let schemes = [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ECDSA_NISTP384_SHA384];
        let signer = self.key.choose_scheme(&schemes).ok_or_else(|| SigningError::Sign("unknown curve".to_owned()))?;
        signer.sign(message).map_err(|error| SigningError::Sign(error.to_string()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// A key that everyone on the machine can read signs for everyone. The group may read: secrets are mounted so.
#[cfg(unix)]
fn check_mode(path: &Path, metadata: &Metadata) -> Result<(), SigningError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode();
    if metadata.is_file() && mode & 0o037 != 0 {
        let problem =
            format!("can be used by others (mode {:o}): expected a file of its owner alone, chmod 600", mode & 0o777);
        return Err(SigningError::key(path, problem));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &Metadata) -> Result<(), SigningError> {
    Ok(())
}
