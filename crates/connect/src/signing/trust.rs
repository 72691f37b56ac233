//! Trust: public keys enter, and bundles; a refusal leaves, or whose signature it is.
//!
//! A signature is compared with the manifest that was read, not with files: what is loaded afterwards is compared with
//! this manifest while it is read, so nothing is loaded that was not signed, whatever happens to the directory meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use slirec_core::bundle::{MANIFEST, Manifest};
use slirec_core::files::{self, FileError};
use slirec_core::text::shortened;

use super::{LARGEST_SIGNATURE, PublicKey, SIGNATURE, SigningError, envelope, statement};

/// Keys whose signatures are taken.
#[derive(Debug, Clone)]
pub struct Trust {
    keys: Vec<PublicKey>,
}

impl Trust {
    /// Reads the keys of PEM files.
    ///
    /// # Errors
    /// [`SigningError`] for the first file that cannot be used.
    pub fn read<P: AsRef<Path>>(files: &[P]) -> Result<Self, SigningError> {
        let mut keys = Vec::new();
        for file in files {
            keys.extend(PublicKey::read_all(file.as_ref())?);
        }
        Ok(Self { keys })
    }

    /// Refuses a bundle unless a signature, the bytes of `model.sig`, is one of these keys' and of exactly its files.
    /// Leaves the fingerprint of the key.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn check(&self, signature: &[u8], manifest: &Manifest, sha256: &str) -> Result<&str, String> {
        self.verify(signature, manifest, sha256).map_err(|problem| shortened(&problem))
    }

    fn verify(&self, signature: &[u8], manifest: &Manifest, sha256: &str) -> Result<&str, String> {
        let opened = envelope::open(signature)?;
        let key = self
            .keys
            .iter()
            .find(|key| key.fingerprint() == opened.hint)
            .ok_or_else(|| format!("is of the key `{}`, which is not trusted", opened.hint))?;
        if !key.signed(&opened.message(), &opened.signature) {
            return Err(format!("is not what the key {} signed", key.fingerprint()));
        }
        statement::check(&opened.statement, manifest, sha256)?;
        Ok(key.fingerprint())
    }

    /// As [`Trust::check`], of a bundle in a directory, which may hold nothing but the bundle's files and the signature.
    ///
    /// # Errors
    /// [`SigningError`] with the file that is wrong.
    pub fn check_directory(&self, directory: &Path, manifest: &Manifest, sha256: &str) -> Result<&str, SigningError> {
        let path = directory.join(SIGNATURE);
        check_entries(directory, manifest)?;
        if !path.exists() {
            let problem = "is not there: the bundle is not signed, expected the signature of a trusted key";
            return Err(SigningError::refused(path, problem));
        }
        let signature = files::read_small(&path, LARGEST_SIGNATURE)?;
        self.check(&signature, manifest, sha256).map_err(|problem| SigningError::refused(path, problem))
    }
}

/// Who is said to have signed a bundle with a signature that is of exactly its files; no key is asked whether that is so.
///
/// # Errors
/// What was found and what was expected.
pub fn covered(signature: &[u8], manifest: &Manifest, sha256: &str) -> Result<String, String> {
    let opened = envelope::open(signature).map_err(|problem| shortened(&problem))?;
    statement::check(&opened.statement, manifest, sha256).map_err(|problem| shortened(&problem))?;
    Ok(opened.hint)
}

/// Refuses whatever lies beside the files that are signed, and links.
fn check_entries(directory: &Path, manifest: &Manifest) -> Result<(), SigningError> {
    let known: Vec<&str> = manifest.file_names().chain([MANIFEST, SIGNATURE]).collect();
    let entries = fs::read_dir(directory).map_err(FileError::io("read", directory))?;
    for entry in entries {
        let entry = entry.map_err(FileError::io("read", directory))?;
        let path: PathBuf = entry.path();
        if !entry.file_name().to_str().is_some_and(|name| known.contains(&name)) {
            return Err(SigningError::refused(path, "is not signed: expected nothing but the signed files"));
        }
        if !entry.file_type().map_err(FileError::io("read", &path))?.is_file() {
            return Err(SigningError::refused(path, "is no ordinary file, as all that is signed"));
        }
    }
    Ok(())
}
