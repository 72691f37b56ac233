//! Which model answers: the one in service, the one before it, and how one takes the other's place without a request
//! noticing. Bundles enter, each whole and verified; requests take what is in service when they begin.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use anyhow::{Context, ensure};
use arc_swap::ArcSwap;
use slirec_engine::{Ended, Engine, EngineOptions, ModelInfo, Recommendations};
use tokio::sync::Mutex;

use crate::config::{ModelSettings, Settings};

/// A path in a pointer file is shorter.
const LONGEST_POINTER: u64 = 4_096;

/// A model in service.
#[derive(Debug)]
pub(crate) struct Served {
    /// The model and its workers.
    pub(crate) engine: Engine,
    /// Which of its products were recommended.
    pub(crate) coverage: Coverage,
    /// When it was put into service.
    pub(crate) since: SystemTime,
}

impl Served {
    fn new(engine: Engine) -> Arc<Self> {
        let available = engine.catalog().products().iter().filter(|product| product.available).count();
        let coverage = Coverage::new(engine.catalog().products().len(), available);
        Arc::new(Self { engine, coverage, since: SystemTime::now() })
    }
}

/// The model in service and the one before it.
#[derive(Debug)]
pub(crate) struct Serving {
    current: ArcSwap<Served>,
    /// Held while a bundle is loaded: one change at a time. What it holds is the way back.
    previous: Mutex<Option<Arc<Served>>>,
    source: BundleSource,
}

/// Another change of the model is under way.
#[derive(Debug, thiserror::Error)]
#[error("another reload or rollback is under way")]
pub(crate) struct Busy;

impl Serving {
    /// Loads the configured bundle. Blocks.
    ///
    /// # Errors
    /// When the bundle cannot be served.
    pub(crate) fn load(settings: &Settings) -> anyhow::Result<Self> {
        let source = BundleSource::new(settings);
        let engine = source.load()?;
        Ok(Self { current: ArcSwap::new(Served::new(engine)), previous: Mutex::new(None), source })
    }

    /// What answers now. Requests take it once, so that a whole request sees one model.
    pub(crate) fn current(&self) -> Arc<Served> {
        self.current.load_full()
    }

    /// Tells when the threads of the models have ended.
    pub(crate) fn ended(&self) -> Vec<Ended> {
        let previous = self.previous.try_lock().ok().and_then(|previous| previous.clone());
        previous.into_iter().chain([self.current()]).map(|served| served.engine.ended()).collect()
    }

    /// Where bundles come from.
    pub(crate) fn source(&self) -> &BundleSource {
        &self.source
    }

    /// Loads the bundle again, beside the one in service, and then puts it in that one's place.
    ///
    /// # Errors
    /// When another change is under way ([`Busy`]), or the bundle cannot be served: then the old one serves on.
    pub(crate) async fn reload(&self) -> anyhow::Result<ModelInfo> {
        let mut previous = self.previous.try_lock().map_err(|_| Busy)?;
        let source = self.source.clone();
        let engine = tokio::task::spawn_blocking(move || source.load()).await.context("loading broke off")??;
        let model = engine.model().clone();
        *previous = Some(self.current.swap(Served::new(engine)));
        Ok(model)
    }

    /// Puts the model before the present one back into service; doing so twice comes back to the present one.
    ///
    /// # Errors
    /// When another change is under way ([`Busy`]) or there is no earlier model.
    pub(crate) async fn rollback(&self) -> anyhow::Result<ModelInfo> {
        let mut previous = self.previous.try_lock().map_err(|_| Busy)?;
        let earlier = previous.take().context("there is no earlier model: none was reloaded since the start")?;
        let model = earlier.engine.model().clone();
        *previous = Some(self.current.swap(earlier));
        Ok(model)
    }
}

/// Where the bundle to serve is found.
#[derive(Debug, Clone)]
pub(crate) struct BundleSource {
    path: PathBuf,
    pointer: Option<PathBuf>,
    options: EngineOptions,
}

impl BundleSource {
    fn new(settings: &Settings) -> Self {
        let ModelSettings { path, .. } = &settings.model;
        let options = settings.engine.options(&settings.limits);
        Self { path: path.clone(), pointer: settings.model.pointer().cloned(), options }
    }

    fn load(&self) -> anyhow::Result<Engine> {
        let (directory, key) = match &self.pointer {
            Some(_) => (self.pointed()?, "model.pointer"),
            None => (self.path.clone(), "model.path"),
        };
        Engine::load(&directory, &self.options)
            .with_context(|| format!("cannot serve the bundle {} (key {key})", directory.display()))
    }

    /// The directory that the pointer file names.
    fn pointed(&self) -> anyhow::Result<PathBuf> {
        let pointer = self.pointer.as_deref().context("there is no pointer file")?;
        let place = || format!("cannot read {} (key model.pointer)", pointer.display());
        let length = std::fs::metadata(pointer).with_context(place)?.len();
        ensure!(length <= LONGEST_POINTER, "{} (key model.pointer) is larger than a path", pointer.display());
        let text = std::fs::read_to_string(pointer).with_context(place)?;
        let named = text.trim();
        ensure!(!named.is_empty(), "{} (key model.pointer) is empty: expected a directory", pointer.display());
        Ok(pointer.parent().map_or_else(|| PathBuf::from(named), |folder| folder.join(named)))
    }

    /// What the pointer file says now; none without one, or while it cannot be read.
    pub(crate) fn pointer(&self) -> Option<String> {
        std::fs::read_to_string(self.pointer.as_ref()?).ok()
    }
}

/// Which products of a catalogue were recommended: one bit each.
#[derive(Debug)]
pub(crate) struct Coverage {
    seen: Vec<AtomicU64>,
    available: usize,
}

impl Coverage {
    fn new(products: usize, available: usize) -> Self {
        Self { seen: (0..products.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(), available }
    }

    /// Counts the products of an answer.
    pub(crate) fn add(&self, answer: &Recommendations) {
        for scored in &answer.products {
            if let Some(word) = self.seen.get(scored.product / 64) {
                let bit = 1 << (scored.product % 64);
                // Most products are already there, and reading is cheaper than writing.
                if word.load(Ordering::Relaxed) & bit == 0 {
                    word.fetch_or(bit, Ordering::Relaxed);
                }
            }
        }
    }

    /// Share of the available products.
    pub(crate) fn share(&self) -> f64 {
        let seen: u32 = self.seen.iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum();
        if self.available == 0 { 0.0 } else { f64::from(seen) / self.available as f64 }
    }
}
