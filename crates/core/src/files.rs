//! Reading and writing files safely: errors that name the file, JSON that people can read, hashes, and directories
//! that appear whole or not at all.

mod small;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use small::read_small;

/// A file that could not be read, written or understood.
#[derive(Debug, Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {reason}")]
    Io {
        /// `read`, `write`, …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why. Not named `source`: it is part of the message, and a chain of causes would say it twice.
        reason: io::Error,
    },
    /// The file is not the JSON document that was expected.
    #[error("{path}: {reason}")]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, column, what was found and expected.
        reason: serde_json::Error,
    },
    /// The path names something that is not an ordinary file.
    #[error("cannot read {path}: found {found}, expected a file")]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// `a directory`, `a pipe`, …
        found: &'static str,
    },
    /// The file is larger than what it should hold.
    #[error("cannot read {path}: found more than {most} bytes, expected at most as many")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes.
        most: u64,
    },
    /// The target of a directory that is to be written exists already.
    #[error("{0} exists already: choose another output, or replace it with --force")]
    Exists(PathBuf),
    /// A directory is in the way that this program did not write.
    #[error("{0} does not look like an earlier output of this command: refusing to replace it")]
    NotOurs(PathBuf),
}

impl FileError {
    /// An I/O error with what was being done to which file.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |reason| Self::Io { action, path, reason }
    }
}

/// Opens text for reading line by line; gzip is recognised by its first two bytes, `-` is standard input.
pub fn open_text(path: &Path) -> Result<Box<dyn BufRead + Send>, FileError> {
    open_text_counted(path, &Arc::default())
}

/// As [`open_text`]; `count` tells how many bytes of the file have been read, compressed or not, for progress.
pub fn open_text_counted(path: &Path, count: &Arc<AtomicU64>) -> Result<Box<dyn BufRead + Send>, FileError> {
    let input: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(FileError::io("read", path))?)
    };
    let mut reader = BufReader::with_capacity(1 << 18, Counted { input, count: Arc::clone(count) });
    let start = reader.fill_buf().map_err(FileError::io("read", path))?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 18, MultiGzDecoder::new(reader))));
    }
    Ok(Box::new(reader))
}

/// Counts what is read through it.
struct Counted<R> {
    input: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        // A length in memory always fits 64 bits.
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Reads a whole JSON document.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let bytes = fs::read(path).map_err(FileError::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|reason| FileError::Json { path: path.to_owned(), reason })
}

/// Writes an indented JSON document with a final line end.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let mut bytes =
        serde_json::to_vec_pretty(value).map_err(|reason| FileError::Json { path: path.to_owned(), reason })?;
    bytes.push(b'\n');
    write_aside(path, &bytes)
}

/// Writes a file under a temporary name and renames it, so that a reader never sees half of it.
pub fn write_aside(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let aside = sibling(path, "partial");
    let write = || -> io::Result<()> {
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    write().map_err(FileError::io("write", path))
}

/// A file that is written beside its target and takes the target's name when it is complete. Dropped without
/// [`StagedFile::commit`], it removes itself.
#[derive(Debug)]
pub struct StagedFile {
    staged: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl StagedFile {
    /// Prepares to write `target`; the file at [`StagedFile::path`] is the caller's to create.
    ///
    /// # Errors
    /// [`FileError::Exists`] when the target exists and is not to be replaced.
    pub fn create(target: &Path, replace: bool) -> Result<Self, FileError> {
        if target.exists() && !replace {
            return Err(FileError::Exists(target.to_owned()));
        }
        Ok(Self { staged: sibling(target, "partial"), target: target.to_owned(), committed: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.staged
    }

    /// Gives the file its name.
    pub fn commit(mut self) -> Result<(), FileError> {
        fs::rename(&self.staged, &self.target).map_err(FileError::io("write", &self.target))?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.committed {
            // Best effort: the name already says that it is partial.
            let _ = fs::remove_file(&self.staged);
        }
    }
}

/// SHA-256 of a file as lowercase hexadecimal, read in blocks.
pub fn sha256_of_file(path: &Path) -> Result<String, FileError> {
    let mut file = File::open(path).map_err(FileError::io("read", path))?;
    let mut hasher = Sha256::new();
    let mut block = vec![0_u8; 1 << 16];
    loop {
        let count = file.read(&mut block).map_err(FileError::io("read", path))?;
        match block.get(..count) {
            Some(bytes) if count > 0 => hasher.update(bytes),
            _ => return Ok(hexadecimal(&hasher.finalize())),
        }
    }
}

/// SHA-256 of bytes as lowercase hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as lowercase hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A directory that is written beside its target and takes the target's name when it is complete.
///
/// Dropped without [`StagedDirectory::commit`], it removes itself; a killed process leaves `NAME.partial`, which
/// nothing reads and the next run clears away.
#[derive(Debug)]
pub struct StagedDirectory {
    staged: PathBuf,
    target: PathBuf,
    replace: bool,
    committed: bool,
}

impl StagedDirectory {
    /// Starts a directory that will become `target`. `marker` is the file that every such directory holds: with
    /// `replace` an existing directory gives way only if it holds that file (or nothing at all).
    ///
    /// # Errors
    /// [`FileError::Exists`] without `replace`, [`FileError::NotOurs`] when the marker is missing.
    pub fn create(target: &Path, marker: &str, replace: bool) -> Result<Self, FileError> {
        if target.exists() {
            let empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
            if !replace && !empty {
                return Err(FileError::Exists(target.to_owned()));
            }
            if !empty && !target.join(marker).is_file() {
                return Err(FileError::NotOurs(target.to_owned()));
            }
        }
        let staged = sibling(target, "partial");
        if staged.exists() {
            fs::remove_dir_all(&staged).map_err(FileError::io("clear away", &staged))?;
        }
        fs::create_dir_all(&staged).map_err(FileError::io("create", &staged))?;
        Ok(Self { staged, target: target.to_owned(), replace, committed: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.staged
    }

    /// Gives the directory its name.
    pub fn commit(mut self) -> Result<(), FileError> {
        let replaced = sibling(&self.target, "replaced");
        if self.target.exists() {
            let empty = fs::read_dir(&self.target).is_ok_and(|mut entries| entries.next().is_none());
            if !self.replace && !empty {
                return Err(FileError::Exists(self.target.clone()));
            }
            if replaced.exists() {
                fs::remove_dir_all(&replaced).map_err(FileError::io("clear away", &replaced))?;
            }
            fs::rename(&self.target, &replaced).map_err(FileError::io("replace", &self.target))?;
        }
        fs::rename(&self.staged, &self.target).map_err(FileError::io("write", &self.target))?;
        self.committed = true;
        if replaced.exists() {
            fs::remove_dir_all(&replaced).map_err(FileError::io("clear away", &replaced))?;
        }
        Ok(())
    }
}

impl Drop for StagedDirectory {
    fn drop(&mut self) {
        if !self.committed {
            // Best effort: the name already says that it is partial.
            let _ = fs::remove_dir_all(&self.staged);
        }
    }
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{name}.{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_causes_says_the_reason_once() {
        let error = read_json::<String>(Path::new("no/such/file")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read no/such/file: No such file or directory (os error 2)");
        assert!(std::error::Error::source(&error).is_none());
    }

    #[test]
    fn a_staged_directory_appears_only_when_committed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("dataset");
        let staged = StagedDirectory::create(&target, "manifest.json", false).unwrap();
        fs::write(staged.path().join("manifest.json"), "{}").unwrap();
        assert!(!target.exists());
        staged.commit().unwrap();
        assert!(target.join("manifest.json").exists());
    }

    #[test]
    fn a_dropped_directory_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("dataset");
        drop(StagedDirectory::create(&target, "manifest.json", false).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_existing_directory_is_replaced_only_on_request_and_only_if_it_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("dataset");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("precious.txt"), "mine").unwrap();
        let create = |replace| StagedDirectory::create(&target, "manifest.json", replace);
        assert!(matches!(create(false), Err(FileError::Exists(_))));
        assert!(matches!(create(true), Err(FileError::NotOurs(_))));
        fs::write(target.join("manifest.json"), "{}").unwrap();
        create(true).unwrap().commit().unwrap();
        assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
    }

    #[test]
    fn a_staged_file_appears_when_committed_and_leaves_nothing_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("catalog.json");
        let staged = StagedFile::create(&target, false).unwrap();
        fs::write(staged.path(), "{}").unwrap();
        drop(staged);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let staged = StagedFile::create(&target, false).unwrap();
        fs::write(staged.path(), "{}").unwrap();
        staged.commit().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "{}");
        assert!(matches!(StagedFile::create(&target, false), Err(FileError::Exists(_))));
        assert!(StagedFile::create(&target, true).is_ok());
    }

    #[test]
    fn gzip_text_is_recognised_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("interactions.tsv");
        let mut encoder = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        encoder.write_all(b"first\nsecond\n").unwrap();
        encoder.finish().unwrap();
        let count = Arc::default();
        let lines: Vec<String> = open_text_counted(&path, &count).unwrap().lines().map(Result::unwrap).collect();
        assert_eq!(lines, ["first", "second"]);
        assert_eq!(count.load(Ordering::Relaxed), fs::metadata(&path).unwrap().len());
    }

    #[test]
    fn a_hash_of_a_file_is_the_hash_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        fs::write(&path, "abc").unwrap();
        assert_eq!(sha256_of_file(&path).unwrap(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sha256(b"abc"), sha256_of_file(&path).unwrap());
    }
}
