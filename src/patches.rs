//! Changes of products as operators send them: checked batches enter, changes that lie over every bundle leave.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use slirec_connect::lines::StoreError;
use slirec_connect::patches::{Patch, PatchStore};
use slirec_core::bundle::Bundle;

/// Changes of a shop's products.
#[derive(Debug)]
pub(crate) struct Patches {
    /// Held for as long as a write to the disk takes.
    store: Mutex<PatchStore>,
}

impl Patches {
    /// Reads the changes so far. Blocks.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(crate) fn new(path: &Path) -> anyhow::Result<Self> {
        Ok(Self { store: Mutex::new(PatchStore::open(path).context("key admin.products")?) })
    }

    /// Keeps a batch. Blocks while it is written to the disk.
    ///
    /// # Errors
    /// [`StoreError`] when it was not kept.
    pub(crate) fn accept(&self, batch: Vec<Patch>) -> Result<(), StoreError> {
        self.store().accept(batch)
    }

    /// Lays all changes over a bundle; answers how many batches they are. Those that cannot be are named in the log.
    pub(crate) fn apply_to(&self, bundle: &mut Bundle, changed_at: impl Fn(&str) -> Option<f64>) -> u64 {
        let store = self.store();
        for problem in store.apply_to(bundle, changed_at) {
            tracing::warn!(problem, "a change of a product is left out");
        }
        store.version()
    }

    /// Batches so far.
    pub(crate) fn version(&self) -> u64 {
        self.store().version()
    }

    fn store(&self) -> MutexGuard<'_, PatchStore> {
        // Its file is repaired after a failed write, so what a panic left is as good as what a crash leaves.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
