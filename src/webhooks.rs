//! Changes of a shop's products: signed deliveries enter, changes that lie over every bundle leave.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, ensure};
use arc_swap::ArcSwap;
use slirec_connect::lines::StoreError;
use slirec_connect::webhooks::{Accepted, ChangeStore, Delivery, Refusal, Verifier};
use slirec_core::bundle::Bundle;
use slirec_core::catalog::Catalog;
use tokio::sync::Notify;

use crate::config::WebhookSettings;
use crate::keys::read_lines;

/// A file beyond this is no list of secrets.
const LARGEST_FILE: u64 = 1 << 16;

/// Deliveries of a shop.
#[derive(Debug)]
pub(crate) struct Webhooks {
    secret: String,
    secret_file: Option<PathBuf>,
    shop: String,
    verifier: ArcSwap<Verifier>,
    /// Held for as long as a write to the disk takes.
    store: Mutex<ChangeStore>,
    /// Products that have changed: those who only count must not wait for the disk.
    products: AtomicUsize,
    changed: Notify,
}

impl Webhooks {
    /// Reads the secrets and the changes so far. Blocks.
    ///
    /// # Errors
    /// When a file cannot be used, or there is no secret in it.
    pub(crate) fn new(settings: &WebhookSettings) -> anyhow::Result<Self> {
        let store = ChangeStore::open(&settings.changes).context("key webhooks.changes")?;
        let webhooks = Self {
            secret: settings.secret.clone(),
            secret_file: settings.secret_file().cloned(),
            shop: settings.shop.clone(),
            verifier: ArcSwap::from_pointee(Verifier::new([])),
            products: AtomicUsize::new(store.len()),
            store: Mutex::new(store),
            changed: Notify::new(),
        };
        webhooks.reload()?;
        Ok(webhooks)
    }

    /// Reads the file of secrets again; on failure the secrets stay what they were.
    ///
    /// # Errors
    /// When the file cannot be read or there is no secret left.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        let secrets = match &self.secret_file {
            Some(path) => read_lines(path, "webhooks.secret_file", LARGEST_FILE)?,
            None => Vec::new(),
        };
        let secrets = secrets.iter().map(|(_, secret)| secret).chain([&self.secret]);
        let mut verifier = Verifier::new(secrets.map(String::as_str));
        ensure!(
            verifier.has_secret(),
            "webhooks.secret and webhooks.secret_file hold no secret: expected at least one"
        );
        if !self.shop.is_empty() {
            verifier = verifier.only_from(&self.shop);
        }
        self.verifier.store(verifier.into());
        Ok(())
    }

    /// Checks who sent a delivery and reads it.
    ///
    /// # Errors
    /// [`Refusal`]
    pub(crate) fn open<'a>(&self, header: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> Result<Delivery, Refusal> {
        self.verifier.load().open(header, body)
    }

    /// Keeps a delivery. Blocks while it is written to the disk.
    ///
    /// # Errors
    /// [`StoreError`] when it was not kept.
    pub(crate) fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let mut store = self.store();
        let accepted = store.accept(delivery)?;
        self.products.store(store.len(), Ordering::Relaxed);
        drop(store);
        if accepted == Accepted::Changed {
            self.follow_again();
        }
        Ok(accepted)
    }

    /// Has the changes laid over the model in service once more.
    pub(crate) fn follow_again(&self) {
        self.changed.notify_one();
    }

    /// Waits for a change that came after the last wait.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A catalogue with all changes. Blocks while one is written.
    pub(crate) fn apply(&self, catalog: &Catalog) -> Catalog {
        self.store().apply(catalog).0
    }

    /// Lays all changes over a bundle. Blocks while one is written. Those that cannot be are named in the log.
    pub(crate) fn apply_to(&self, bundle: &mut Bundle) {
        for problem in self.store().apply_to(bundle) {
            tracing::warn!(problem, "a change of the shop is left out");
        }
    }

    /// When a product changed last, by its GID. Blocks while a change is written.
    pub(crate) fn changed_at(&self, gid: &str) -> Option<f64> {
        self.store().changed_at(gid)
    }

    /// Products that have changed.
    pub(crate) fn changed_products(&self) -> usize {
        self.products.load(Ordering::Relaxed)
    }

    fn store(&self) -> MutexGuard<'_, ChangeStore> {
        // Its file is repaired after a failed write, so what a panic left is as good as what a crash leaves.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
