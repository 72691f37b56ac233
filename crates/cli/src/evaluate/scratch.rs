//! A directory for what is needed meanwhile: a place leaves that is gone when it is dropped, and with it those that ended
//! processes left. A lock on a directory says that its process lives.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

const PREFIX: &str = "slirec-evaluate-cold-";

/// A directory of this process.
pub(super) struct Scratch {
    directory: TempDir,
    /// Held as long as the directory is used; the system gives it up when the process ends, however that happens.
    _lock: File,
}

impl Scratch {
    /// Makes a directory, and removes those of processes that are no more.
    pub(super) fn new() -> Result<Self> {
        let all = std::env::temp_dir();
        remove_left(&all);
        Self::new_in(&all)
            .with_context(|| format!("{}: no directory can be made for what is needed meanwhile", all.display()))
    }

    fn new_in(all: &Path) -> io::Result<Self> {
        loop {
            let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(all)?;
            let lock = File::open(directory.path())?;
            lock.lock()?;
            // Another process may have taken it for one that was left, before it was locked.
            if directory.path().is_dir() {
                return Ok(Self { directory, _lock: lock });
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes the directories that nobody holds. Others may not be ours to remove, which does no harm.
fn remove_left(all: &Path) {
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
