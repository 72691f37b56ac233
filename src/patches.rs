//! Changes of products as operators send them: checked batches enter, changes that lie over every bundle leave.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use slirec_connect::lines::StoreError;
use slirec_connect::patches::{Patch, PatchStore, Patches};

/// Changes of a shop's products.
#[derive(Debug)]
pub(crate) struct ProductChanges {
    /// Held for as long as a write to the disk takes.
    store: Mutex<PatchStore>,
    /// Batches so far: those who only count must not wait for the disk.
    batches: AtomicU64,
    /// One batch at a time is tried, kept and put into service.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

impl ProductChanges {
    /// Reads the changes so far. Blocks.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(crate) fn new(path: &Path) -> anyhow::Result<Self> {
        let store = Mutex::new(PatchStore::open(path).context("key admin.products")?);
        Ok(Self { store, batches: AtomicU64::new(0), turn: tokio::sync::Mutex::new(()) })
    }

    /// Keeps a batch. Blocks while it is written to the disk.
    ///
    /// # Errors
    /// [`StoreError`] when it was not kept.
    pub(crate) fn accept(&self, batch: Vec<Patch>) -> Result<(), StoreError> {
        let mut store = self.store();
        store.accept(batch)?;
        self.batches.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// All changes, and how many batches they are. Blocks while one is written.
    pub(crate) fn all(&self) -> (Patches, u64) {
        let store = self.store();
        (store.patches(), self.batches())
    }

    /// Batches so far.
    pub(crate) fn batches(&self) -> u64 {
        self.batches.load(Ordering::Acquire)
    }

    fn store(&self) -> MutexGuard<'_, PatchStore> {
        // Its file is repaired after a failed write, so what a panic left is as good as what a crash leaves.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
