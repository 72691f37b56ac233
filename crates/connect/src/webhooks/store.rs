//! Changes on disk: accepted deliveries enter, in any order and any number of times; the last state of each product is
//! kept, and is there again after a restart.
//!
//! The file is JSON lines, appended and flushed to the disk before a delivery counts as accepted. When it holds many
//! outdated lines it is written anew. A last line that is cut off, as a crash leaves it, is dropped: its delivery was never
//! acknowledged, so it will come again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use slirec_core::files::{self, FileError};
use thiserror::Error;

use super::payload::Change;
use super::signature::Delivery;

/// Deliveries that are remembered: Shopify repeats one for four hours.
const REMEMBERED: usize = 20_000;
/// Outdated lines that are borne before the file is written anew.
const OUTDATED: usize = 10_000;

/// A store that cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line in the midst of the file is damaged.
    #[error("{path}:{line}: {problem}: expected a change of a product; move the file away to start anew")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It changed the catalogue: what is served must follow.
    Changed,
    /// It was accepted before.
    Repeated,
    /// A newer state of the product is known.
    Late,
    /// It says nothing of products.
    Unrelated,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    webhook_id: String,
    /// Unix seconds.
    at: f64,
    change: Change,
}

/// All changes since the store was made.
#[derive(Debug)]
pub struct ChangeStore {
    path: PathBuf,
    file: File,
    lines: usize,
    /// The last state of each product, by GID.
    last: HashMap<String, Line>,
    seen: HashSet<String>,
    /// In order of arrival, so that the oldest is forgotten.
    seen_order: VecDeque<String>,
}

impl ChangeStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// [`StoreError`] naming the file and line.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(FileError::io("open", path))?;
        let text = files::read_small(path, u64::MAX)?;
        // Whatever stands behind the last line end was being written when the program died.
        let whole = memchr::memrchr(b'\n', &text).map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(FileError::io("repair", path))?;
        }
        file.seek(SeekFrom::End(0)).map_err(FileError::io("open", path))?;
        let mut store = Self {
            path: path.to_owned(),
            file,
            lines: 0,
            last: HashMap::new(),
            seen: HashSet::new(),
            seen_order: VecDeque::new(),
        };
        for (number, line) in (1..).zip(text.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n')) {
            let line = serde_json::from_slice(line).map_err(|error| StoreError::Line {
                path: path.to_owned(),
                line: number,
                problem: error.to_string(),
            })?;
            store.remember(line);
        }
        Ok(store)
    }

    /// Takes a delivery; when it returns, the change is on the disk and the delivery may be acknowledged.
    ///
    /// # Errors
    /// [`StoreError::File`] when it cannot be written: then it must not be acknowledged, and will come again.
    pub fn accept(&mut self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let Delivery { webhook_id, at, change } = delivery;
        let Some(change) = change else { return Ok(Accepted::Unrelated) };
        if self.seen.contains(&webhook_id) {
            return Ok(Accepted::Repeated);
        }
        if self.last.get(&change.gid).is_some_and(|known| is_newer(known, at, &change)) {
            return Ok(Accepted::Late);
        }
        let line = Line { webhook_id, at, change };
        self.append(&line)?;
        self.remember(line);
        if self.lines > self.last.len() + OUTDATED {
            // The change is on the disk all the same: a file that cannot be written anew only stays longer.
            let _ = self.compact();
        }
        Ok(Accepted::Changed)
    }

    /// Products that have changed.
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// The last change of each product, in order of the times.
    pub(super) fn changes(&self) -> Vec<&Change> {
        let mut lines: Vec<&Line> = self.last.values().collect();
        lines.sort_by(|left, right| left.at.total_cmp(&right.at).then(left.change.gid.cmp(&right.change.gid)));
        lines.into_iter().map(|line| &line.change).collect()
    }

    fn append(&mut self, line: &Line) -> Result<(), StoreError> {
        let mut bytes = text(line, &self.path)?;
        bytes.push(b'\n');
        let mut write = || -> std::io::Result<()> {
            let end = self.file.stream_position()?;
            let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
            if written.is_err() {
                // Half a line in the midst of the file would make it unreadable.
                self.file.set_len(end)?;
                self.file.seek(SeekFrom::Start(end))?;
            }
            written
        };
        Ok(write().map_err(FileError::io("write", &self.path))?)
    }

    fn remember(&mut self, line: Line) {
        self.lines += 1;
        if self.seen.insert(line.webhook_id.clone()) {
            self.seen_order.push_back(line.webhook_id.clone());
        }
        if self.seen_order.len() > REMEMBERED
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        match self.last.get(&line.change.gid) {
            Some(known) if is_newer(known, line.at, &line.change) => {}
            _ => drop(self.last.insert(line.change.gid.clone(), line)),
        }
    }

    /// Writes the file anew with the last state of each product.
    fn compact(&mut self) -> Result<(), StoreError> {
        let mut lines: Vec<&Line> = self.last.values().collect();
        lines.sort_by(|left, right| left.at.total_cmp(&right.at).then(left.change.gid.cmp(&right.change.gid)));
        let mut bytes = Vec::new();
        for line in &lines {
            bytes.extend(text(line, &self.path)?);
            bytes.push(b'\n');
        }
        let count = lines.len();
        files::write_aside(&self.path, &bytes)?;
        let mut file =
            File::options().read(true).write(true).open(&self.path).map_err(FileError::io("open", &self.path))?;
        file.seek(SeekFrom::End(0)).map_err(FileError::io("open", &self.path))?;
        (self.file, self.lines) = (file, count);
        Ok(())
    }
}

/// Whether what is known is newer than a change. A product that was deleted stays so at the same moment.
fn is_newer(known: &Line, at: f64, change: &Change) -> bool {
    known.at > at || known.at == at && known.change.product.is_none() && change.product.is_some()
}

fn text(line: &Line, path: &Path) -> Result<Vec<u8>, FileError> {
    serde_json::to_vec(line).map_err(|reason| FileError::Json { path: path.to_owned(), reason })
}
