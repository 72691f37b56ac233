//! What all handlers share, in one cheap clone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slirec_engine::Engine;

use crate::config::Settings;
use crate::metrics::Metrics;

/// The state of the service.
#[derive(Debug, Clone)]
pub(crate) struct AppState {
    /// Read through [`AppState::engine`] once per request, so that a whole request sees one model.
    engine: Engine,
    /// Everything that is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether requests are welcome.
    pub(crate) readiness: Arc<Readiness>,
    /// Checked configuration.
    pub(crate) settings: Arc<Settings>,
}

impl AppState {
    /// Puts a loaded engine into service.
    pub(crate) fn new(engine: Engine, metrics: Metrics, settings: Settings) -> Self {
        Self {
            engine,
            metrics: Arc::new(metrics),
            readiness: Arc::new(Readiness::default()),
            settings: Arc::new(settings),
        }
    }

    /// The engine that answers now.
    pub(crate) fn engine(&self) -> Engine {
        self.engine.clone()
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
