//! Files that the running service reads and writes: work on them enters, its outcome leaves in time. The work runs on
//! threads that may wait, so that a volume that hangs delays neither requests nor signals.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Longest wait for small files.
pub(crate) const SMALL_FILES: Duration = Duration::from_secs(10);

/// Work on files, by what it is for.
#[derive(Debug)]
pub(crate) struct Files {
    /// `auth.file`
    pub(crate) keys: FileWork,
    /// `tls.certificate`, `tls.key`
    pub(crate) certificate: FileWork,
    /// `webhooks.secret_file`
    pub(crate) secrets: FileWork,
    /// `webhooks.changes`
    pub(crate) changes: FileWork,
    /// `admin.products`
    pub(crate) products: FileWork,
    /// `model.pointer`
    pub(crate) pointer: FileWork,
    /// `registry.cache`
    pub(crate) cache: FileWork,
}

impl Files {
    /// Nothing is read yet.
    pub(crate) fn new() -> Self {
        Self {
            keys: FileWork::new("auth.file"),
            certificate: FileWork::new("tls.certificate, tls.key"),
            secrets: FileWork::new("webhooks.secret_file"),
            changes: FileWork::new("webhooks.changes"),
            products: FileWork::new("admin.products"),
            pointer: FileWork::new("model.pointer"),
            cache: FileWork::new("registry.cache"),
        }
    }
}

/// Work on files for one purpose: one at a time, so that what hangs blocks one thread, and not one more with each
/// try.
#[derive(Debug)]
pub(crate) struct FileWork {
    keys: &'static str,
    one: Arc<Semaphore>,
}

impl FileWork {
    fn new(keys: &'static str) -> Self {
        Self { keys, one: Arc::new(Semaphore::new(1)) }
    }

    /// Runs work that may block.
    ///
    /// # Errors
    /// Those of the work; or that it, or what was begun before, took longer than `limit`: then its outcome is lost.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let one = Arc::clone(&self.one);
        let done = async move {
            let permit = one.acquire_owned().await.context("no files are read any more")?;
            let work = tokio::task::spawn_blocking(move || {
                let done = work();
                drop(permit);
                done
            });
            work.await.context("reading broke off")?
        };
        match timeout(limit, done).await {
            Ok(done) => done,
            Err(_) => {
                let (keys, seconds) = (self.keys, limit.as_secs());
                bail!(
                    "no answer from the disk for {seconds} seconds (key {keys}): expected a volume that does not hang"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_that_hangs_is_given_up_and_holds_up_one_thread_only() {
        let work = FileWork::new("auth.file");
        let (release, released) = mpsc::channel::<()>();
        let moment = Duration::from_millis(20);
        let hangs = work.run(moment, move || Ok(released.recv()?)).await.unwrap_err().to_string();
        assert!(hangs.contains("(key auth.file)"), "{hangs}");
        let (sender, began) = mpsc::channel();
        for _ in 0..3 {
            let sender = sender.clone();
            assert!(work.run(moment, move || Ok(sender.send(())?)).await.is_err());
        }
        assert!(began.try_recv().is_err());
        release.send(()).unwrap();
        assert_eq!(work.run(SMALL_FILES, || Ok(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn another_purpose_is_not_held_up() {
        let files = Files::new();
        let (release, released) = mpsc::channel::<()>();
        assert!(files.keys.run(Duration::from_millis(20), move || Ok(released.recv()?)).await.is_err());
        assert_eq!(files.pointer.run(SMALL_FILES, || Ok(7)).await.unwrap(), 7);
        release.send(()).unwrap();
    }
}
