//! The registry that the service serves from: `models:/NAME@ALIAS` enters, bundles on this disk leave. What was served once
//! is kept here, so that a registry that is down or lies costs nobody an answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use rand::Rng;
use serde::{Deserialize, Serialize};
use slirec_connect::mlflow::{
    BUNDLE_TAG, Client, Connection, MlflowError, ModelReference, ModelSelector, ModelVersion, Transfer, pull,
};
use slirec_core::bundle::{FILES, Manifest, verify_file};
use slirec_core::files;

use crate::config::Settings;

/// File that says which of the bundles was served last.
const CURRENT: &str = "current.json";
/// Between two lines of the log about one download.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// A registry and the bundles that came from it.
#[derive(Debug)]
pub(crate) struct Registry {
    connection: Connection,
    /// For the service's own threads.
    client: Client,
    reference: ModelReference,
    /// Bundles of this reference.
    cache: PathBuf,
    poll: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The version that the alias meant when something was last done about it.
    tried: Option<String>,
    /// When the registry last answered.
    confirmed: Option<SystemTime>,
}

/// A version whose bundle is here.
#[derive(Debug, Clone)]
pub(crate) struct CachedVersion {
    /// Its number in the registry.
    pub(crate) version: String,
    /// Its bundle.
    pub(crate) directory: PathBuf,
}

/// `current.json`
#[derive(Debug, Serialize, Deserialize)]
struct Current {
    reference: String,
    version: String,
    /// Unix seconds.
    confirmed: u64,
}

/// What the registry says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// The version that is known.
    Same,
    /// Another one.
    Another,
}

impl Registry {
    /// The registry that the settings name; none when the bundle is a directory. Nothing is asked yet.
    ///
    /// # Errors
    /// When there is no address, or it or the credentials cannot be used.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(reference) = settings.model.reference()? else { return Ok(None) };
        let variable = |name: &str| std::env::var(name).ok();
        let connection = Connection::from_variables(settings.registry.server(), &variable);
        let mut connection = connection.with_context(|| format!("{reference} (key model.path)"))?;
        connection.timeout = settings.registry.timeout();
        // Names may hold what no path can.
        let name: String =
            reference.name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
        let hash = files::sha256(format!("{} {reference}", connection.address()).as_bytes());
        let folder = format!("{name}-{}", hash.get(..12).unwrap_or_default());
        let registry = Self {
            client: Client::new(connection.clone())?,
            connection,
            reference,
            cache: settings.registry.cache.join(folder),
            poll: settings.registry.poll(),
            state: Mutex::default(),
        };
        let confirmed = registry.current().map(|current| UNIX_EPOCH + Duration::from_secs(current.confirmed));
        registry.state().confirmed = confirmed;
        Ok(Some(registry))
    }

    /// Whether the reference may mean another version tomorrow.
    pub(crate) fn may_change(&self) -> bool {
        matches!(self.reference.selector, ModelSelector::Alias(_))
    }

    /// The version that the reference means now, brought here if it is not yet. Blocks.
    ///
    /// # Errors
    /// When the registry cannot be asked, or the version is none of ours.
    pub(crate) fn fetch(&self) -> anyhow::Result<CachedVersion> {
        // A runtime and connections of its own: this runs before the service's exist, and beside them.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = Client::new(self.connection.clone())?;
        let fetched = runtime.block_on(self.fetch_with(&client));
        if fetched.as_ref().is_err_and(is_passing) {
            // The next look tries again; a version that cannot be served is not brought again and again.
            self.state().tried = None;
        }
        fetched.with_context(|| format!("{} at {} (key model.path)", self.reference, self.connection.address()))
    }

    async fn fetch_with(&self, client: &Client) -> anyhow::Result<CachedVersion> {
        let version = client.resolve(&self.reference).await?;
        *self.state() = State { tried: Some(version.version.clone()), confirmed: Some(SystemTime::now()) };
        let directory = self.cache.join(format!("version-{}", version.version));
        if !is_whole(&directory, &version) {
            fs::create_dir_all(&self.cache).with_context(|| format!("cannot create {}", self.cache.display()))?;
            let (name, number) = (self.reference.name.clone(), version.version.clone());
            tracing::info!(model = name, version = number, "bringing the model from the registry");
            pull(client, &self.reference.name, &version, &directory, true, &telling(name, number)).await?;
        }
        Ok(CachedVersion { version: version.version, directory })
    }

    /// Remembers a version that was put into service, and forgets all but it and the one before.
    ///
    /// # Errors
    /// When the cache cannot be written.
    pub(crate) fn keep(&self, version: &CachedVersion) -> anyhow::Result<()> {
        let before = self.current().map(|current| current.version);
        self.write_current(&version.version)?;
        let kept = [Some(version.version.clone()), before];
        let entries = fs::read_dir(&self.cache).into_iter().flatten().filter_map(Result::ok);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let of_version = name.strip_prefix("version-").map(str::to_owned);
            if of_version.is_some() && !kept.contains(&of_version) {
                // What is in the way of nobody may stay.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }

    /// The version that was put into service last, perhaps by an earlier process.
    pub(crate) fn last_good(&self) -> Option<CachedVersion> {
        let version = self.current()?.version;
        Some(CachedVersion { directory: self.cache.join(format!("version-{version}")), version })
    }

    /// Asks the registry whether the alias means another version than when something was last done about it.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) async fn look(&self) -> anyhow::Result<Look> {
        let version = self.client.resolve(&self.reference).await?.version;
        self.state().confirmed = Some(SystemTime::now());
        if self.state().tried != Some(version) {
            return Ok(Look::Another);
        }
        // For the next start: how long ago the registry was heard.
        if let Some(current) = self.current() {
            self.write_current(&current.version)?;
        }
        Ok(Look::Same)
    }

    /// When the registry last answered; for a service that started without it, when it answered an earlier one.
    pub(crate) fn confirmed(&self) -> SystemTime {
        self.state().confirmed.unwrap_or(UNIX_EPOCH)
    }

    /// Until the next look: a fifth more or less, so that many services do not ask at once.
    pub(crate) fn pause(&self) -> Duration {
        self.poll.mul_f64(rand::rng().random_range(0.8..1.2))
    }

    fn current(&self) -> Option<Current> {
        let current: Current = files::read_json(&self.cache.join(CURRENT)).ok()?;
        let is_number = !current.version.is_empty() && current.version.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && current.reference == self.reference.to_string()).then_some(current)
    }

    fn write_current(&self, version: &str) -> anyhow::Result<()> {
        let confirmed = self.confirmed().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let current = Current { reference: self.reference.to_string(), version: version.to_owned(), confirmed };
        Ok(files::write_json(&self.cache.join(CURRENT), &current)?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a failure may be gone soon.
fn is_passing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(MlflowError::Connection { .. }))
}

/// Whether the bundle of a version was brought here before and is still what it was.
fn is_whole(directory: &Path, version: &ModelVersion) -> bool {
    let Ok((manifest, sha256)) = Manifest::read(directory) else { return false };
    version.tags.get(BUNDLE_TAG).is_some_and(|tagged| *tagged == sha256)
        && FILES.iter().all(|file| verify_file(directory, file, &manifest).is_ok())
}

/// Lines of the log about a download that takes its time.
fn telling(model: String, version: String) -> Transfer {
    let last = Mutex::new(std::time::Instant::now());
    std::sync::Arc::new(move |file: &str, bytes: u64| {
        let Ok(mut last) = last.lock() else { return };
        if last.elapsed() >= TOLD_EVERY {
            *last = std::time::Instant::now();
            tracing::info!(model, version, file, bytes, "bringing the model from the registry");
        }
    })
}
