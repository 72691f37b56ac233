//! Which model answers: the one in service, the one before it, and how one replaces the other without failing a
//! request. Bundles enter, each whole and verified; requests take what is in service when they begin.

mod catalog;
mod source;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use arc_swap::ArcSwap;
use slirec_connect::patches::Patch;
use slirec_core::bundle::Bundle;
use slirec_engine::{Ended, Engine, Recommendations};
use slirec_merchandising::{Merchandising, ScenarioFile};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config::Settings;
use crate::registry::{Registered, Registry};
pub(crate) use catalog::{Catalog, EncodedCatalog};
use source::Moment;
pub(crate) use source::{BundleSource, Changes};

/// A model in service.
#[derive(Debug)]
pub(crate) struct Served {
    /// The model and its workers.
    pub(crate) engine: Engine,
    /// Which of its products were recommended.
    pub(crate) coverage: Coverage,
    /// When it was put into service.
    pub(crate) since: SystemTime,
    /// What it is called in the registry that it came from.
    pub(crate) registered: Option<Registered>,
    /// The shop's rules for its products.
    pub(crate) merchandising: Merchandising,
    /// The file that they came from.
    scenarios: Option<Arc<ScenarioFile>>,
    /// Its catalogue for pages, made when the first one asks.
    catalog: OnceLock<Option<EncodedCatalog>>,
    /// What the engine was made of, as it was read: a shop's later changes are laid over it. None where there are none.
    bundle: Option<Arc<Bundle>>,
    /// Batches of changed products that lie over it.
    patched: u64,
}

impl Served {
    fn new(Loaded { engine, registered, bundle, merchandising, scenarios, patched }: Loaded) -> Arc<Self> {
        let (coverage, since) = (Coverage::of(&engine), SystemTime::now());
        let catalog = OnceLock::new();
        Arc::new(Self { engine, coverage, since, registered, merchandising, scenarios, catalog, bundle, patched })
    }

    /// The same model with another state of the shop.
    fn changed(
        &self,
        Loaded { engine, registered: _, bundle, merchandising, scenarios, patched }: Loaded,
    ) -> Arc<Self> {
        let coverage = Coverage::of(&engine);
        coverage.take_over(&self.coverage);
        let (since, registered, catalog) = (self.since, self.registered.clone(), OnceLock::new());
        Arc::new(Self { engine, coverage, since, registered, merchandising, scenarios, catalog, bundle, patched })
    }

    /// Writes to the log that this model answers from now on.
    pub(crate) fn log_in_service(&self, cause: &str) {
        let (model, registered) = (self.engine.model(), self.registered.as_ref());
        tracing::info!(
            cause,
            model = model.name,
            version = model.version,
            registry_name = registered.map(|registered| registered.name.as_str()),
            registry_version = registered.map(|registered| registered.version.as_str()),
            registry_alias = registered.and_then(|registered| registered.alias.as_deref()),
            "model in service"
        );
    }

    /// The catalogue as pages get it; none when it cannot be written. Large ones take the first request a while, on a
    /// thread of its own.
    pub(crate) async fn catalog(self: &Arc<Self>) -> Option<&EncodedCatalog> {
        if self.catalog.get().is_none() {
            let this = Arc::clone(self);
            let made = tokio::task::spawn_blocking(move || {
                this.catalog.get_or_init(|| EncodedCatalog::new(&this.engine, &this.merchandising));
            });
            made.await.ok()?;
        }
        self.catalog.get()?.as_ref()
    }
}

/// An engine and, when a shop's changes lie over it, its bundle without them.
struct Loaded {
    engine: Engine,
    registered: Option<Registered>,
    bundle: Option<Arc<Bundle>>,
    merchandising: Merchandising,
    scenarios: Option<Arc<ScenarioFile>>,
    patched: u64,
}

/// The model in service and the one before it.
#[derive(Debug)]
pub(crate) struct Serving {
    current: ArcSwap<Served>,
    /// Held while a bundle is loaded: one change at a time. What it holds is the way back.
    previous: Arc<Mutex<Option<Arc<Served>>>>,
    source: BundleSource,
    /// Longest time in which a bundle is brought, read and checked.
    load: Duration,
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
    pub(crate) fn load(settings: &Settings, changes: Changes, registry: Option<Arc<Registry>>) -> anyhow::Result<Self> {
        let source = BundleSource::new(settings, changes, registry.clone());
        let served = Served::new(source.load(Moment::Start)?);
        served.log_in_service("start");
        let load = settings.model.load() + registry.map_or(Duration::ZERO, |_| settings.registry.download());
        Ok(Self { current: ArcSwap::new(served), previous: Arc::default(), source, load })
    }

    /// What answers now. Requests take it once, so that a whole request sees one model.
    pub(crate) fn current(&self) -> Arc<Served> {
        self.current.load_full()
    }

    /// Signals when the threads of the models have ended.
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
    /// When another change is under way ([`Busy`]), or the bundle cannot be served or takes too long: then the old one
    /// serves on.
    pub(crate) async fn reload(&self) -> anyhow::Result<Arc<Served>> {
        // It goes with the work: what hangs is under way until it ends, and no other is begun beside it.
        let previous = Arc::clone(&self.previous).try_lock_owned().map_err(|_| Busy)?;
        let source = self.source.clone();
        let loading = blocking(move || Ok((source.load(Moment::Reload)?, previous)));
        let late = |_| anyhow!("the bundle is not there after {:?} (key model.load_seconds)", self.load);
        let (loaded, mut previous) = timeout(self.load, loading).await.map_err(late)??;
        *previous = Some(self.current.swap(Served::new(loaded)));
        drop(previous);
        Ok(self.caught_up().await)
    }

    /// Puts the model before the present one back into service; doing so twice comes back to the present one.
    ///
    /// # Errors
    /// When another change is under way ([`Busy`]) or there is no earlier model.
    pub(crate) async fn rollback(&self) -> anyhow::Result<Arc<Served>> {
        let mut previous = self.previous.try_lock().map_err(|_| Busy)?;
        let earlier = previous.clone().context("there is no earlier model: none was reloaded since the start")?;
        // The shop may have changed since it was in service.
        let earlier = self.up_to_date(earlier).await?;
        *previous = Some(self.current.swap(earlier));
        drop(previous);
        Ok(self.caught_up().await)
    }

    /// The model in service, with what has changed while it was being made.
    async fn caught_up(&self) -> Arc<Served> {
        self.source.follow_again();
        if self.current().patched < self.source.batches()
            && let Err(error) = self.follow_changes().await
        {
            tracing::error!(error = format!("{error:#}"), "changes of products are kept, but not in service");
        }
        self.current()
    }

    /// Whether the model in service could be served with a batch of changes that is not kept yet.
    ///
    /// # Errors
    /// What the batch breaks.
    pub(crate) async fn try_batch(&self, batch: Vec<Patch>) -> anyhow::Result<Vec<Patch>> {
        let served = self.current();
        let source = self.source.clone();
        blocking(move || {
            if let Some(bundle) = &served.bundle {
                source.try_batch(&bundle.catalog, served.scenarios.as_deref(), &batch)?;
            }
            Ok(batch)
        })
        .await
    }

    /// Lays the shop's latest changes over the model in service. Holds no lock meanwhile: when another model came into
    /// service meanwhile, the changes are laid over that one.
    ///
    /// # Errors
    /// When no engine can be made with the changes: then the products stay as they were.
    pub(crate) async fn follow_changes(&self) -> anyhow::Result<()> {
        loop {
            let before = self.current();
            let changed = self.up_to_date(Arc::clone(&before)).await?;
            let found = self.current.compare_and_swap(&before, changed);
            if Arc::ptr_eq(&found, &before) {
                return Ok(());
            }
        }
    }

    async fn up_to_date(&self, served: Arc<Served>) -> anyhow::Result<Arc<Served>> {
        let Some(bundle) = served.bundle.clone() else { return Ok(served) };
        let source = self.source.clone();
        let scenarios = served.scenarios.clone();
        let loaded = blocking(move || source.engine(Arc::unwrap_or_clone(bundle), scenarios)).await?;
        Ok(served.changed(loaded))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("loading broke off")?
}

/// Which products of a catalogue were recommended: one bit each.
#[derive(Debug)]
pub(crate) struct Coverage {
    seen: Vec<AtomicU64>,
    available: usize,
}

impl Coverage {
    fn of(engine: &Engine) -> Self {
        let products = engine.catalog().products();
        let available = products.iter().filter(|product| product.available).count();
        Self { seen: (0..products.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect(), available }
    }

    /// Counts what another one counted. Changes of a shop add products at the end and take none away.
    fn take_over(&self, earlier: &Self) {
        for (word, earlier) in self.seen.iter().zip(&earlier.seen) {
            word.fetch_or(earlier.load(Ordering::Relaxed), Ordering::Relaxed);
        }
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
