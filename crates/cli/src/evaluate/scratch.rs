//! The temporary directory of an evaluation: nothing enters; a directory leaves that is removed when it is dropped. Those of
//! processes that were killed are removed by the next evaluation: no process holds the lock on them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// Another prefix than that of earlier versions, which locked nothing: their directories are never taken for abandoned ones.
const PREFIX: &str = "slirec-cold-start-";

/// A directory of this process.
pub(super) struct Scratch {
    directory: TempDir,
    /// Held as long as the directory is used; the system gives it up when the process ends, however that happens.
    _lock: File,
}

impl Scratch {
    /// Makes a directory, and removes those of processes that have ended.
    pub(super) fn new() -> Result<Self> {
        let all = std::env::temp_dir();
        remove_abandoned(&all);
        Self::new_in(&all).with_context(|| format!("{}: no temporary directory can be made", all.display()))
    }

    fn new_in(all: &Path) -> io::Result<Self> {
        loop {
            let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(all)?;
            // Until it is locked, another evaluation may take it for an abandoned one and remove it.
            let lock = match File::open(directory.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            lock.lock()?;
            if directory.path().is_dir() {
                return Ok(Self { directory, _lock: lock });
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes the directories that no process has locked. One that cannot be opened, locked or removed, such as that of another
/// user, is left as it is.
fn remove_abandoned(all: &Path) {
    let is_ours = |path: &PathBuf| {
        let named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
        named && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
    };
    let entries = fs::read_dir(all).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(is_ours) {
        if File::open(&path).is_ok_and(|directory| directory.try_lock().is_ok() && fs::remove_dir_all(&path).is_ok()) {
            note!("{}: was left by an evaluation that did not end, and is removed", path.display());
        }
    }
}
