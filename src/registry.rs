//! The registry that the service serves from: `models:/NAME@ALIAS` enters, bundles on this disk leave. What was served
//! once is kept here, so that an unreachable or wrong registry fails no request.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use rand::Rng;
use serde::{Deserialize, Serialize};
use slirec_connect::mlflow::{
    BUNDLE_TAG, Client, Connection, MlflowError, ModelReference, ModelSelector, ModelVersion, Transfer, pull,
};
use slirec_connect::signing::Trust;
use slirec_core::bundle::{Manifest, verify_file};
use slirec_core::files::{self, FileError};
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::config::Settings;

/// File that says which of the bundles was served last.
const CURRENT: &str = "current.json";
/// It is shorter.
const LARGEST_CURRENT: u64 = 1 << 16;
/// What directories of bundles begin with.
const PREFIX: &str = "version-";
/// Where a bundle is until its hash is known.
const INCOMING: &str = "incoming";
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
    /// Longest time in which a version is brought.
    download: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The version that the alias meant when something was last done about it.
    tried: Option<String>,
    /// When the registry last answered.
    confirmed: Option<SystemTime>,
}

/// What a model that came from a registry is called there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Registered {
    #[schema(example = "slirec_shopify_model")]
    pub(crate) name: String,
    /// Number of the version.
    #[schema(example = "12")]
    pub(crate) version: String,
    /// The alias that it was brought by; left out for a version that was named by its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "champion")]
    pub(crate) alias: Option<String>,
}

/// A version whose bundle is here.
#[derive(Debug, Clone)]
pub(crate) struct CachedVersion {
    /// Its number in the registry.
    pub(crate) version: String,
    /// SHA-256 of its manifest.
    sha256: String,
    /// Its bundle.
    pub(crate) directory: PathBuf,
}

/// `current.json`
#[derive(Debug, Serialize, Deserialize)]
struct Current {
    reference: String,
    version: String,
    /// Of the bundle's manifest.
    sha256: String,
    /// Unix seconds.
    confirmed: u64,
}

/// What the registry says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AliasCheck {
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
            download: settings.registry.download(),
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

    /// What a version of the model is called in the registry.
    pub(crate) fn registered(&self, version: &CachedVersion) -> Registered {
        let alias = match &self.reference.selector {
            ModelSelector::Alias(alias) => Some(alias.clone()),
            _ => None,
        };
        Registered { name: self.reference.name.clone(), version: version.version.clone(), alias }
    }

    /// The version that the reference means now, brought here if it is not yet. Blocks.
    ///
    /// # Errors
    /// When the registry cannot be asked, or the version is none of ours.
    pub(crate) fn fetch(&self, trust: Option<&Trust>) -> anyhow::Result<CachedVersion> {
        // A runtime and connections of its own: this runs before the service's exist, and beside them.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = Client::new(self.connection.clone())?;
        let fetched = runtime.block_on(async {
            let limit = self.download;
            timeout(limit, self.fetch_with(&client, trust)).await.unwrap_or_else(|_| {
                self.state().tried = None;
                Err(anyhow!("the model did not come within {limit:?} (key registry.download_seconds)"))
            })
        });
        if fetched.as_ref().is_err_and(is_passing) {
            // The next look tries again; a version that cannot be served is not brought again and again.
            self.state().tried = None;
        }
        fetched.with_context(|| format!("{} at {} (key model.path)", self.reference, self.connection.address()))
    }

    async fn fetch_with(&self, client: &Client, trust: Option<&Trust>) -> anyhow::Result<CachedVersion> {
        let version = client.resolve(&self.reference).await?;
        *self.state() = State { tried: Some(version.version.clone()), confirmed: Some(SystemTime::now()) };
        if let Some(known) = self.cached(&version, trust) {
            return Ok(known);
        }
        fs::create_dir_all(&self.cache).with_context(|| format!("cannot create {}", self.cache.display()))?;
        let (name, number) = (self.reference.name.clone(), version.version.clone());
        tracing::info!(model = name, version = number, "bringing the model from the registry");
        let incoming = self.cache.join(INCOMING);
        let tell = telling(name, number);
        let pulled = pull(client, &self.reference.name, &version, &incoming, true, trust, &tell).await?;
        let brought = self.at(version.version, pulled.sha256);
        if brought.directory.exists() {
            // Spoiled, or it would not have been brought again.
            fs::remove_dir_all(&brought.directory).map_err(FileError::io("clear away", &brought.directory))?;
        }
        fs::rename(&incoming, &brought.directory).map_err(FileError::io("write", &brought.directory))?;
        Ok(brought)
    }

    /// The bundle of a version if it was brought here before, is still what it was, and signed if it must be.
    fn cached(&self, version: &ModelVersion, trust: Option<&Trust>) -> Option<CachedVersion> {
        let sha256 = version.tags.get(BUNDLE_TAG).filter(|tag| is_hash(tag))?;
        let known = self.at(version.version.clone(), sha256.clone());
        let (manifest, found) = Manifest::read(&known.directory).ok()?;
        let whole = found == known.sha256
            && manifest.file_names().all(|file| verify_file(&known.directory, file, &manifest).is_ok())
            && trust.is_none_or(|trust| trust.check_directory(&known.directory, &manifest, &found).is_ok());
        whole.then_some(known)
    }

    /// Where a bundle is, or would be: the same number may mean another bundle in a registry that was set up anew, and
    /// the last good one must outlive that.
    fn at(&self, version: String, sha256: String) -> CachedVersion {
        let directory = self.cache.join(format!("{PREFIX}{version}-{}", sha256.get(..16).unwrap_or_default()));
        CachedVersion { version, sha256, directory }
    }

    /// Remembers a version that was put into service, and forgets all but it and the one before. A cache that cannot be
    /// written has an effect on the next start alone.
    pub(crate) fn keep(&self, version: &CachedVersion) {
        let before = self.last_good().map(|before| before.directory);
        if let Err(error) = self.write_current(&version.version, &version.sha256) {
            tracing::warn!(%error, "the model in service is not kept for the next start");
            return;
        }
        let entries = fs::read_dir(&self.cache).into_iter().flatten().filter_map(Result::ok);
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
            if entry.path() != version.directory && before.as_ref() != Some(&entry.path()) {
                // A directory that cannot be removed does no harm.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// The version that was put into service last, perhaps by an earlier process.
    pub(crate) fn last_good(&self) -> Option<CachedVersion> {
        let Current { version, sha256, .. } = self.current()?;
        Some(self.at(version, sha256))
    }

    /// Asks the registry whether the alias means another version than when something was last done about it.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) async fn check_alias(&self) -> anyhow::Result<AliasCheck> {
        let version = self.client.resolve(&self.reference).await?.version;
        self.state().confirmed = Some(SystemTime::now());
        Ok(if self.state().tried == Some(version) { AliasCheck::Same } else { AliasCheck::Another })
    }

    /// Writes down for the next start when the registry last answered. Blocks.
    ///
    /// # Errors
    /// When the cache cannot be written.
    pub(crate) fn remember_answer(&self) -> Result<(), FileError> {
        let Some(Current { version, sha256, .. }) = self.current() else { return Ok(()) };
        self.write_current(&version, &sha256)
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
        let bytes = files::read_small(&self.cache.join(CURRENT), LARGEST_CURRENT).ok()?;
        let current: Current = serde_json::from_slice(&bytes).ok()?;
        let is_number = !current.version.is_empty() && current.version.bytes().all(|byte| byte.is_ascii_digit());
        let is_ours = is_number && is_hash(&current.sha256) && current.reference == self.reference.to_string();
        is_ours.then_some(current)
    }

    fn write_current(&self, version: &str, sha256: &str) -> Result<(), FileError> {
        let confirmed = self.confirmed().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (version, sha256) = (version.to_owned(), sha256.to_owned());
        let current = Current { reference: self.reference.to_string(), version, sha256, confirmed };
        files::write_json(&self.cache.join(CURRENT), &current)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a failure may be gone soon.
fn is_passing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(MlflowError::Connection { .. }))
}

/// Whether a text is a SHA-256 as we write it, and so may be part of a path.
fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
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
