//! Reading and writing files safely: errors that name the file, JSON that people can read, hashes, and directories
//! that appear whole or not at all.

mod kind;
mod small;
mod staged;

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

pub use kind::{STANDARD, Spooled, is_regular, is_standard};
pub use small::read_small;
pub use staged::{StagedDirectory, StagedFile};

use kind::Kind;

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
    /// What is in the way is no file or directory that could be replaced.
    #[error("{path} is {kind}: expected a file or nothing there; it is not replaced")]
    Special {
        /// What was to be written.
        path: PathBuf,
        /// `a symbolic link to …`, `a socket`, …
        kind: String,
    },
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

/// As [`open_text`]; `count` receives how many bytes of the file have been read, compressed or not, for progress.
pub fn open_text_counted(path: &Path, count: &Arc<AtomicU64>) -> Result<Box<dyn BufRead + Send>, FileError> {
    let input: Box<dyn Read + Send> = if is_standard(path) {
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

/// Reads a whole file; `-` is standard input.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    let read = if is_standard(path) { io::stdin().read_to_end(&mut bytes).map(|_| bytes) } else { fs::read(path) };
    read.map_err(FileError::io("read", path))
}

/// Reads a whole JSON document.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let bytes = read(path)?;
    serde_json::from_slice(&bytes).map_err(|reason| FileError::Json { path: path.to_owned(), reason })
}

/// Writes an indented JSON document with a final line end.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let mut bytes =
        serde_json::to_vec_pretty(value).map_err(|reason| FileError::Json { path: path.to_owned(), reason })?;
    bytes.push(b'\n');
    write_aside(path, &bytes)
}

/// Writes a file under a temporary name and renames it, so that a reader never sees half of it. A device or a pipe is
/// written to, not replaced.
pub fn write_aside(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    if Kind::of(path) == Kind::Stream {
        return kind::pour(&mut &*bytes, path);
    }
    replace(path, bytes).map(|_| ())
}

/// As [`write_aside`], of a file that is no device; leaves it open behind its last byte.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<File, FileError> {
    let aside = sibling(path, "partial");
    let write = || -> io::Result<File> {
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        Ok(file)
    };
    write().map_err(FileError::io("write", path))
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
