//! What all handlers share, in one cheap clone.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

use crate::certificate::Certificate;
use crate::config::Settings;
use crate::files::Files;
use crate::keys::ApiKeys;
use crate::logging::LogLevel;
use crate::memory::MemoryBudget;
use crate::metrics::Metrics;
use crate::patches::ProductChanges;
use crate::registry::Registry;
use crate::serving::{Changes, Served, Serving};
use crate::webhooks::Webhooks;

/// The state of the service. Every layer and every handler takes a clone for each request: one counter, not one for
/// each part, for which threads would compete.
#[derive(Debug, Clone)]
pub(crate) struct AppState(Arc<Parts>);

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What the state consists of.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Which model answers; read through [`AppState::served`] once per request.
    pub(crate) serving: Arc<Serving>,
    /// Everything that is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether the service is ready for requests.
    pub(crate) readiness: Arc<Readiness>,
    /// Checked configuration.
    pub(crate) settings: Arc<Settings>,
    /// What is read and written while the service runs.
    pub(crate) files: Files,
    /// Keys of clients.
    pub(crate) keys: Arc<ApiKeys>,
    /// Keys of administrators.
    pub(crate) admin_keys: Arc<ApiKeys>,
    /// What encrypts the clients' connections; none when nothing does.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// Where models are published; none when the bundle is a directory.
    pub(crate) registry: Option<Arc<Registry>>,
    /// Changes of a shop's products; none when that is off.
    pub(crate) webhooks: Option<Arc<Webhooks>>,
    /// Changes of products that operators send; none when that is off.
    pub(crate) products: Option<Arc<ProductChanges>>,
    /// Permits for requests that are scored and answered.
    pub(crate) permits: Arc<Semaphore>,
    /// Memory that requests may take.
    pub(crate) memory: Arc<MemoryBudget>,
    /// The log's level.
    pub(crate) log_level: LogLevel,
}

impl AppState {
    /// Loads the model and what else the settings name. Blocks.
    ///
    /// # Errors
    /// When the registry, the bundle, the file of keys, the certificate, or the webhooks' secrets, or changes of products
    /// cannot be used.
    pub(crate) fn new(metrics: Metrics, settings: Settings, log_level: LogLevel) -> anyhow::Result<Self> {
        let webhooks =
            settings.webhooks.are_on().then(|| Webhooks::new(&settings.webhooks).map(Arc::new)).transpose()?;
        let products = settings.admin.products().map(|path| ProductChanges::new(path).map(Arc::new)).transpose()?;
        let registry = Registry::of(&settings)?.map(Arc::new);
        let changes = Changes { webhooks: webhooks.clone(), products: products.clone() };
        let serving = Serving::load(&settings, changes, registry.clone())?;
        Ok(Self(Arc::new(Parts {
            serving: Arc::new(serving),
            webhooks,
            products,
            registry,
            metrics: Arc::new(metrics),
            readiness: Arc::new(Readiness::default()),
            files: Files::new(),
            keys: Arc::new(ApiKeys::new(&settings.auth.keys, settings.auth.file())?),
            admin_keys: Arc::new(ApiKeys::new(&settings.admin.keys, None)?),
            certificate: Certificate::new(&settings.tls)?.map(Arc::new),
            permits: Arc::new(Semaphore::new(settings.limits.in_flight)),
            memory: Arc::new(MemoryBudget::new(settings.limits.memory_bytes)),
            settings: Arc::new(settings),
            log_level,
        })))
    }

    /// The model that answers now.
    pub(crate) fn served(&self) -> Arc<Served> {
        self.serving.current()
    }

    /// Reads the certificate and its key again; on failure the old ones stay. Blocks.
    ///
    /// # Errors
    /// When they cannot be used.
    pub(crate) fn reload_certificate(&self) -> anyhow::Result<()> {
        self.certificate.as_ref().map_or(Ok(()), |certificate| certificate.reload())
    }

    /// Requests that are scored and answered.
    pub(crate) fn in_flight(&self) -> usize {
        self.settings.limits.in_flight.saturating_sub(self.permits.available_permits())
    }
}

/// Whether a load balancer should send requests.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    stopping: AtomicBool,
}

impl Readiness {
    /// True until the service has been asked to stop.
    pub(crate) fn is_ready(&self) -> bool {
        !self.stopping.load(Ordering::Acquire)
    }

    /// From now on not ready.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }
}
