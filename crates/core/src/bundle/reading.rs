//! The files of a bundle: a directory and the manifest's records enter, bytes that are what the records say leave.
//!
//! Kinds and sizes of all files are compared before the first of them is read.

use std::collections::BTreeMap;
use std::fs::{self, File, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{
    ACTIVITY, BundleError, CATALOG, FileRecord, LARGEST_MANIFEST, MANIFEST, Manifest, VOCABULARY, file_names, rules,
};
use crate::files::{self, FileError};
use crate::text::shortened;

impl Manifest {
    /// Reads and checks the manifest of a bundle, not the files that it lists. The hash is its SHA-256.
    ///
    /// # Errors
    /// [`BundleError`] when it is missing, of another format, lists other files than a bundle's, has no golden
    /// requests, or sizes and texts beyond all reason.
    pub fn read(directory: &Path) -> Result<(Self, String), BundleError> {
        let path = directory.join(MANIFEST);
        let bytes = read_bounded(directory, MANIFEST, LARGEST_MANIFEST)?;
        let parsed = serde_json::from_slice(&bytes).map_err(|error| shortened(&error.to_string()));
        let checked = parsed.and_then(|manifest| rules::check(&manifest).map(|()| manifest));
        let manifest = checked.map_err(|problem| BundleError::Invalid { path, problem })?;
        Ok((manifest, files::sha256(&bytes)))
    }
}

/// Refuses directories whose files are not of the kind and size that the manifest lists, or too large: all of them
/// together may have `max_bytes`, those that are text a quarter of it each, as a parsed text takes several times its
/// bytes.
pub(super) fn check_sizes(
    directory: &Path,
    records: &BTreeMap<String, FileRecord>,
    max_bytes: u64,
) -> Result<(), BundleError> {
    let mut total = 0_u64;
    for name in file_names(|name| records.contains_key(name)) {
        let path = directory.join(name);
        let bytes = record(&path, name, records)?.bytes;
        let most = if [ACTIVITY, CATALOG, VOCABULARY].contains(&name) { max_bytes / 4 } else { max_bytes };
        total = total.saturating_add(bytes);
        for (found, most) in [(bytes, most), (total, max_bytes)] {
            if found > most {
                return Err(BundleError::TooLarge { path, found, most });
            }
        }
        ordinary(directory, name, bytes)?;
    }
    Ok(())
}

/// Reads an ordinary file of at most `limit` bytes.
pub(super) fn read_bounded(directory: &Path, name: &str, limit: u64) -> Result<Vec<u8>, BundleError> {
    let path = directory.join(name);
    let (real, length) = real_file(directory, name)?;
    if length > limit {
        return Err(invalid(path, format!("has {length} bytes: expected at most {limit}")));
    }
    let file = File::open(&real).map_err(FileError::io("read", &path))?;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    // It may grow meanwhile.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(FileError::io("read", &path))?;
    if bytes.len() as u64 > limit {
        return Err(invalid(path, format!("has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Reads one of the fixed files and compares it with its record.
pub(super) fn read_verified(
    directory: &Path,
    name: &str,
    records: &BTreeMap<String, FileRecord>,
) -> Result<Vec<u8>, BundleError> {
    let path = directory.join(name);
    let record = record(&path, name, records)?;
    ordinary(directory, name, record.bytes)?;
    let bytes = read_bounded(directory, name, record.bytes)?;
    if bytes.len() as u64 != record.bytes {
        return Err(other_size(path, bytes.len() as u64, record.bytes));
    }
    compare(path, &files::sha256(&bytes), record)?;
    Ok(bytes)
}

/// Compares one of the fixed files with its record, without holding it.
pub(super) fn verify(directory: &Path, name: &str, records: &BTreeMap<String, FileRecord>) -> Result<(), BundleError> {
    let path = directory.join(name);
    let record = record(&path, name, records)?;
    let real = ordinary(directory, name, record.bytes)?;
    compare(path, &files::sha256_of_file(&real)?, record)
}

fn record<'a>(
    path: &Path,
    name: &str,
    records: &'a BTreeMap<String, FileRecord>,
) -> Result<&'a FileRecord, BundleError> {
    records.get(name).ok_or_else(|| invalid(path.to_owned(), "is not in the manifest".to_owned()))
}

fn compare(path: PathBuf, sha256: &str, record: &FileRecord) -> Result<(), BundleError> {
    if sha256 == record.sha256 {
        return Ok(());
    }
    Err(invalid(path, format!("has SHA-256 {sha256}: the manifest has {}", record.sha256)))
}

/// A file of this size.
fn ordinary(directory: &Path, name: &str, bytes: u64) -> Result<PathBuf, BundleError> {
    let (real, length) = real_file(directory, name)?;
    if length == bytes { Ok(real) } else { Err(other_size(directory.join(name), length, bytes)) }
}

/// An ordinary file that really lies in the directory, and its size: links that lead elsewhere, pipes and devices are
/// refused. Links within the directory are followed: Kubernetes mounts volumes so.
fn real_file(directory: &Path, name: &str) -> Result<(PathBuf, u64), BundleError> {
    let path = directory.join(name);
    let real = |path: &Path| path.canonicalize().map_err(FileError::io("read", path));
    let file = real(&path)?;
    if !file.starts_with(real(directory)?) {
        return Err(invalid(path, "leads out of the bundle: expected a file inside".to_owned()));
    }
    let metadata = fs::metadata(&file).map_err(FileError::io("read", &path))?;
    if !metadata.is_file() {
        return Err(invalid(path, format!("is {}: expected an ordinary file", kind(metadata.file_type()))));
    }
    Ok((file, metadata.len()))
}

/// What is no ordinary file.
fn kind(file: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if file.is_fifo() {
            return "a pipe";
        }
        if file.is_socket() {
            return "a socket";
        }
        if file.is_block_device() || file.is_char_device() {
            return "a device";
        }
    }
    if file.is_dir() { "a directory" } else { "of another kind" }
}

fn other_size(path: PathBuf, found: u64, expected: u64) -> BundleError {
    invalid(path, format!("has {found} bytes: the manifest has {expected}"))
}

fn invalid(path: PathBuf, problem: String) -> BundleError {
    BundleError::Invalid { path, problem }
}
