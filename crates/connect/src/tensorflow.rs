//! TensorFlow checkpoints of the V2 format, without TensorFlow. `PREFIX.index` and its data shards enter; named float
//! tensors leave.
//!
//! The index is a LevelDB table (see `table`) of protobuf records, one a tensor, under its name; the shards hold the
//! values behind each other. Every block and every tensor has a CRC-32C: a bit that changed is found and named.
//! Format: `tensorflow/core/util/tensor_bundle` and `tensorflow/core/protobuf/tensor_bundle.proto`.

mod entry;
mod table;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use slirec_core::files::FileError;
use thiserror::Error;

pub use table::TableError;

use entry::{Entry, Header};

/// The largest index that is read, in bytes: some hundred bytes a tensor.
const LARGEST_INDEX: u64 = 64 << 20;
/// The largest tensor that is read, in bytes: an embedding of 16 million items.
const LARGEST_TENSOR: u64 = 2 << 30;

/// A checkpoint that cannot be used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// A file is missing or cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The index is no table, or is damaged.
    #[error("{path}: {source}")]
    Table {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        source: TableError,
    },
    /// A record of the index or the content of a shard is wrong.
    #[error("{path}: {problem}")]
    Invalid {
        /// The index or a shard.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
}

/// A tensor of 32-bit floats.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<f32>,
}

/// An opened checkpoint: the index is read, the shards are not.
#[derive(Debug)]
pub struct Checkpoint {
    index: PathBuf,
    prefix: PathBuf,
    shards: u32,
    entries: BTreeMap<String, Entry>,
}

impl Checkpoint {
    /// Reads and checks the index of the checkpoint with this prefix, such as `best_model`.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the file, the place and what is wrong.
    pub fn open(prefix: &Path) -> Result<Self, CheckpointError> {
        // People name any of the files: the index stands beside the others.
        let prefix = match prefix.extension().and_then(|extension| extension.to_str()) {
            Some("index" | "meta") => prefix.with_extension(""),
            _ => prefix.to_owned(),
        };
        let index = with_suffix(&prefix, ".index");
        let bytes = read_bounded(&index)?;
        let records = table::read(&bytes).map_err(|source| CheckpointError::Table { path: index.clone(), source })?;
        let invalid = |problem| CheckpointError::Invalid { path: index.clone(), problem };
        let mut header = None;
        let mut entries = BTreeMap::new();
        for (key, value) in records {
            if key.is_empty() {
                header = Some(Header::parse(&value).map_err(invalid)?);
                continue;
            }
            let name = String::from_utf8(key).map_err(|error| {
                let shown = String::from_utf8_lossy(error.as_bytes()).into_owned();
                invalid(format!("tensor name `{shown}` is not UTF-8"))
            })?;
            let entry = Entry::parse(&value).map_err(|problem| invalid(format!("tensor `{name}`: {problem}")))?;
            entries.insert(name, entry);
        }
        let header = header.ok_or_else(|| invalid("has no header record: expected one under the empty name".into()))?;
        Ok(Self { index, prefix, shards: header.shards, entries })
    }

    /// Names of the tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Where the index was read.
    pub fn index(&self) -> &Path {
        &self.index
    }

    /// Reads the tensors whose names `wanted` accepts, in order of their names.
    ///
    /// # Errors
    /// [`CheckpointError`] for the first that is damaged, of another type or beyond its shard.
    pub fn tensors(&self, wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
        let mut shards: BTreeMap<u32, (PathBuf, File, u64)> = BTreeMap::new();
        let mut tensors = BTreeMap::new();
        for (name, entry) in self.entries.iter().filter(|(name, _)| wanted(name)) {
            let of_index = |problem| CheckpointError::Invalid {
                path: self.index.clone(),
                problem: format!("tensor `{name}` {problem}"),
            };
            let (shape, bytes) = entry.float_shape(LARGEST_TENSOR).map_err(of_index)?;
            if entry.shard >= self.shards {
                return Err(of_index(format!("lies in shard {}: expected 0 to {}", entry.shard, self.shards - 1)));
            }
            let (path, file, length) = match shards.entry(entry.shard) {
                MapEntry::Occupied(opened) => opened.into_mut(),
                MapEntry::Vacant(place) => place.insert(self.open_shard(entry.shard)?),
            };
            let of_shard = |problem| CheckpointError::Invalid {
                path: path.clone(),
                problem: format!("tensor `{name}` {problem}"),
            };
            let end = entry.offset.saturating_add(bytes);
            if end > *length {
                let problem =
                    format!("should end at byte {end}: the file has {length}, it is cut off or of another checkpoint");
                return Err(of_shard(problem));
            }
            let mut content = vec![0; usize::try_from(bytes).unwrap_or_default()];
            file.seek(SeekFrom::Start(entry.offset)).map_err(FileError::io("read", path))?;
            file.read_exact(&mut content).map_err(FileError::io("read", path))?;
            let crc = table::masked_crc(&[&content]);
            if crc != entry.crc {
                let problem = format!("has CRC {crc:08x}: the index has {:08x}, its values were changed", entry.crc);
                return Err(of_shard(problem));
            }
            let values = content.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            tensors.insert(name.clone(), Tensor { shape, values });
        }
        Ok(tensors)
    }

    fn open_shard(&self, shard: u32) -> Result<(PathBuf, File, u64), CheckpointError> {
        let path = with_suffix(&self.prefix, &format!(".data-{shard:05}-of-{:05}", self.shards));
        let file = File::open(&path).map_err(FileError::io("read", &path))?;
        let length = file.metadata().map_err(FileError::io("read", &path))?.len();
        Ok((path, file, length))
    }
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let file = File::open(path).map_err(FileError::io("read", path))?;
    let mut bytes = Vec::new();
    file.take(LARGEST_INDEX + 1).read_to_end(&mut bytes).map_err(FileError::io("read", path))?;
    if bytes.len() as u64 > LARGEST_INDEX {
        let problem = format!("is larger than {LARGEST_INDEX} bytes: expected the index of a checkpoint");
        return Err(CheckpointError::Invalid { path: path.to_owned(), problem });
    }
    Ok(bytes)
}
