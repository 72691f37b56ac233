//! Pulling: a version of a registered model enters, its bundle on disk leaves, whole and verified, or nothing.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use slirec_core::bundle::{FileRecord, LARGEST_BUNDLE, LARGEST_MANIFEST, MANIFEST, Manifest};
use slirec_core::files::{self, FileError, StagedDirectory};

use super::artifacts::{Location, Transfer};
use super::client::Client;
use super::error::MlflowError;
use super::model_directory::BUNDLE;
use super::registry::ModelVersion;
use super::{BUNDLE_TAG, SIGNED_TAG, connection::ServerKind};
use crate::signing::{LARGEST_SIGNATURE, SIGNATURE, Trust};

/// A bundle that was brought here.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// SHA-256 of its manifest.
    pub sha256: String,
    /// The manifest.
    pub manifest: Manifest,
}

/// Downloads the bundle of a version into a directory, which appears only when it is whole; `tell` is called for every piece.
/// With `trust`, none is taken that is not signed by one of its keys.
///
/// # Errors
/// [`MlflowError::NotOurs`] for a model of another program, [`MlflowError::File`] for files that are not what the manifest
/// says or not signed, and whatever the network brings.
pub async fn pull(
    client: &Client,
    model: &str,
    version: &ModelVersion,
    directory: &Path,
    replace: bool,
    trust: Option<&Trust>,
    tell: &Transfer,
) -> Result<Pulled, MlflowError> {
    Pull { client, model, version, trust, tell }.run(directory, replace).await
}

struct Pull<'a> {
    client: &'a Client,
    model: &'a str,
    version: &'a ModelVersion,
    trust: Option<&'a Trust>,
    tell: &'a Transfer,
}

impl Pull<'_> {
    async fn run(&self, directory: &Path, replace: bool) -> Result<Pulled, MlflowError> {
        if self.version.status != "READY" {
            return Err(self.not_ours(format!("its status is {}: expected READY", self.version.status)));
        }
        let location = self.location().await?;
        let bytes = self.small(&location, MANIFEST, LARGEST_MANIFEST).await?;
        let sha256 = files::sha256(&bytes);
        let tagged = self.version.tags.get(BUNDLE_TAG);
        if let Some(tagged) = tagged.filter(|tagged| **tagged != sha256) {
            return Err(self.file(MANIFEST, format!("has SHA-256 {sha256}: the version's tag says {tagged}")));
        }
        let staged = StagedDirectory::create(directory, MANIFEST, replace)?;
        let path = staged.path().join(MANIFEST);
        fs::write(&path, &bytes).map_err(FileError::io("write", &path))?;
        let (manifest, _) = Manifest::read(staged.path()).map_err(|error| self.not_ours(error.to_string()))?;
        let signature = match self.version.tags.contains_key(SIGNED_TAG) {
            true => Some(self.small(&location, SIGNATURE, LARGEST_SIGNATURE).await?),
            false => None,
        };
        self.check_signature(signature.as_deref(), &manifest, &sha256)?;
        if let Some(signature) = signature {
            let path = staged.path().join(SIGNATURE);
            fs::write(&path, signature).map_err(FileError::io("write", &path))?;
        }
        let total = manifest.files.values().fold(0_u64, |total, record| total.saturating_add(record.bytes));
        if total > LARGEST_BUNDLE {
            return Err(self.file(MANIFEST, format!("lists {total} bytes: expected at most {LARGEST_BUNDLE}")));
        }
        // The names are fixed ones, as reading the manifest made sure.
        for (file, record) in &manifest.files {
            self.bring(&location, file, record, &staged.path().join(file)).await?;
        }
        staged.commit()?;
        Ok(Pulled { sha256, manifest })
    }

    /// A file of the bundle that is read whole.
    async fn small(&self, location: &Location, file: &str, largest: u64) -> Result<Vec<u8>, MlflowError> {
        let silent: Transfer = std::sync::Arc::new(|_, _| ());
        let name = format!("{BUNDLE}/{file}");
        let fetched = self.client.download(location, &name, largest, || Ok(Vec::new()), &silent).await;
        fetched.map_err(|error| match error.is_missing() {
            true => self.not_ours(format!("it has no {name}")),
            false => error,
        })
    }

    /// Before anything large is brought.
    fn check_signature(&self, signature: Option<&[u8]>, manifest: &Manifest, sha256: &str) -> Result<(), MlflowError> {
        let Some(trust) = self.trust else { return Ok(()) };
        let unsigned = || "is not there: the bundle is not signed, expected the signature of a trusted key".to_owned();
        let checked =
            signature.ok_or_else(unsigned).and_then(|signature| trust.check(signature, manifest, sha256).map(drop));
        checked.map_err(|problem| self.file(SIGNATURE, problem))
    }

    /// Where the version's files are. Nothing of it becomes a path on this machine.
    async fn location(&self) -> Result<Location, MlflowError> {
        #[derive(Deserialize)]
        struct Answer {
            artifact_uri: String,
        }
        let (name, version) = (self.model.to_owned(), self.version.version.clone());
        if self.client.connection().kind() == ServerKind::Databricks {
            return Ok(Location::UnityCatalog { name, version });
        }
        let query = [("name", self.model), ("version", &self.version.version)];
        let Answer { artifact_uri } = self.client.get("model-versions/get-download-uri", &query).await?;
        let Some(location) = Location::proxied(&artifact_uri)? else {
            return Ok(Location::Version { name, version });
        };
        let there = self.client.list(&location).await?.unwrap_or_default();
        if !there.contains_key(BUNDLE) {
            let found: Vec<&str> = there.keys().take(10).map(String::as_str).collect();
            return Err(self.not_ours(format!("it holds {found:?}: expected `{BUNDLE}`")));
        }
        Ok(location)
    }

    async fn bring(
        &self,
        location: &Location,
        file: &str,
        record: &FileRecord,
        path: &Path,
    ) -> Result<(), MlflowError> {
        let open = || Ok(Hashed::create(path).map_err(FileError::io("write", path))?);
        let written =
            self.client.download(location, &format!("{BUNDLE}/{file}"), record.bytes, open, self.tell).await?;
        let (bytes, sha256) = written.finish().map_err(FileError::io("write", path))?;
        if bytes != record.bytes {
            return Err(self.file(file, format!("has {bytes} bytes: the manifest has {}", record.bytes)));
        }
        if sha256 != record.sha256 {
            return Err(self.file(file, format!("has SHA-256 {sha256}: the manifest has {}", record.sha256)));
        }
        Ok(())
    }

    fn not_ours(&self, problem: String) -> MlflowError {
        let (model, version) = (self.model.to_owned(), self.version.version.clone());
        MlflowError::NotOurs { model, version, problem }
    }

    fn file(&self, file: &str, problem: String) -> MlflowError {
        let (model, version) = (self.model.to_owned(), self.version.version.clone());
        MlflowError::File { model, version, file: file.to_owned(), problem }
    }
}

/// A file that is hashed while it is written.
struct Hashed {
    file: BufWriter<File>,
    hasher: Sha256,
    bytes: u64,
}

impl Hashed {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(File::create(path)?), hasher: Sha256::new(), bytes: 0 })
    }

    fn finish(mut self) -> io::Result<(u64, String)> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok((self.bytes, files::hexadecimal(&self.hasher.finalize())))
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
