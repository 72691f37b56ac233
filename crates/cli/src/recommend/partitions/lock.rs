//! One run at a time for a directory of recommendations: the directory enters, a lock leaves that ends with its process,
//! however that ends.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Result, bail};
use slirec_core::files::FileError;

/// The lock's file, which stays: another run may be waiting to lock it. The underscore hides it from readers of Parquet.
const LOCK: &str = "_recommendations.lock";

/// Keeps other runs out of a directory until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// The operating system's lock goes with it.
    _file: File,
}

impl Lock {
    /// Locks a directory, which must be there.
    ///
    /// # Errors
    /// When another run has it, or where files cannot be locked.
    pub(super) fn of(directory: &Path) -> Result<Self> {
        let path = directory.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(FileError::io("write", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => bail!(
                "{}: another run writes recommendations there: wait for its end, or choose another output",
                directory.display()
            ),
            Err(TryLockError::Error(reason)) => Err(FileError::io("lock", &path)(reason).into()),
        }
    }
}
