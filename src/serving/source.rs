//! Where bundles come from: a directory, whatever a pointer file names, or a registry; an engine leaves.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail, ensure};
use slirec_connect::patches::Patch;
use slirec_connect::signing::Trust;
use slirec_core::bundle::{Bundle, BundleError};
use slirec_core::catalog::Catalog;
use slirec_core::files::read_small;
use slirec_engine::{Engine, EngineOptions};
use slirec_merchandising::{Merchandising, ScenarioFile};

use super::Loaded;
use crate::config::{ModelSettings, Settings};
use crate::patches::ProductChanges;
use crate::registry::{CachedVersion, Registry};
use crate::webhooks::Webhooks;

/// A path in a pointer file is shorter.
const LONGEST_POINTER: u64 = 4_096;

/// When a bundle is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Nothing serves yet.
    Start,
    /// Another one serves.
    Reload,
}

/// Changes of products that lie over every bundle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// What a shop delivers.
    pub(crate) webhooks: Option<Arc<Webhooks>>,
    /// What operators send.
    pub(crate) products: Option<Arc<ProductChanges>>,
}

/// What is read beside a bundle.
struct Beside {
    /// The shop's rules.
    scenarios: Option<Arc<ScenarioFile>>,
    /// Keys of which one must have signed the bundle.
    trust: Option<Trust>,
}

/// Where the bundle to serve is found.
#[derive(Debug, Clone)]
pub(crate) struct BundleSource {
    path: PathBuf,
    pointer: Option<PathBuf>,
    /// Larger bundles are refused.
    max_bytes: u64,
    /// Files of the keys of which one must have signed every bundle, if there are any.
    trust: Vec<PathBuf>,
    /// Content of the pointer file when a bundle was last loaded, or could not be.
    tried: Arc<Mutex<Option<String>>>,
    registry: Option<Arc<Registry>>,
    options: EngineOptions,
    /// File of the shop's rules.
    scenarios: Option<PathBuf>,
    changes: Changes,
}

impl BundleSource {
    pub(super) fn new(settings: &Settings, changes: Changes, registry: Option<Arc<Registry>>) -> Self {
        let ModelSettings { path, trust, max_bytes, .. } = &settings.model;
        let options = settings.engine.options(&settings.limits);
        let pointer = settings.model.pointer().cloned();
        let (path, trust, max_bytes) = (path.clone(), trust.clone(), *max_bytes);
        let scenarios = settings.scenarios.file().cloned();
        Self { path, pointer, max_bytes, trust, tried: Arc::default(), registry, options, scenarios, changes }
    }

    pub(super) fn load(&self, moment: Moment) -> anyhow::Result<Loaded> {
        let beside = Beside { scenarios: self.scenarios()?, trust: self.trust()? };
        if let Some(registry) = &self.registry {
            return self.load_registered(registry, moment, &beside);
        }
        let (directory, key) = match &self.pointer {
            Some(_) => (self.pointed()?, "model.pointer"),
            None => (self.path.clone(), "model.path"),
        };
        self.load_directory(&directory, key, &beside)
    }

    /// The shop's rules as their file has them now.
    fn scenarios(&self) -> anyhow::Result<Option<Arc<ScenarioFile>>> {
        let file = self.scenarios.as_deref().map(ScenarioFile::read).transpose();
        Ok(file.context("key scenarios.file")?.map(Arc::new))
    }

    /// The keys that are trusted, as their files have them now; none where bundles need no signature.
    fn trust(&self) -> anyhow::Result<Option<Trust>> {
        let trust = (!self.trust.is_empty()).then(|| Trust::read(&self.trust)).transpose();
        trust.context("key model.trust")
    }

    fn load_directory(&self, directory: &Path, key: &str, beside: &Beside) -> anyhow::Result<Loaded> {
        let bundle = Bundle::read_approved(directory, self.max_bytes, |manifest, sha256| {
            let Some(trust) = &beside.trust else { return Ok(()) };
            let signed = trust.check_directory(directory, manifest, sha256).context("key model.trust")?;
            tracing::info!(key = signed, "the bundle's signature is valid");
            anyhow::Ok(())
        });
        bundle
            .map_err(|error| match error.downcast_ref() {
                Some(BundleError::TooLarge { .. }) => error.context("key model.max_bytes"),
                _ => error,
            })
            .and_then(|bundle| self.engine(bundle, beside.scenarios.clone()))
            .with_context(|| format!("cannot serve the bundle {} (key {key})", directory.display()))
    }

    /// What the registry says now. At a start a registry that is down, or a version that cannot be served, is no reason
    /// not to serve: the last good bundle is still here.
    fn load_registered(&self, registry: &Registry, moment: Moment, beside: &Beside) -> anyhow::Result<Loaded> {
        let load = |version: &CachedVersion| {
            let mut loaded = self.load_directory(&version.directory, "model.path", beside)?;
            loaded.registered = Some(registry.registered(version));
            Ok(loaded)
        };
        let newest = registry.fetch(beside.trust.as_ref()).and_then(|version| Ok((load(&version)?, version)));
        match newest {
            Ok((loaded, version)) => {
                registry.keep(&version);
                Ok(loaded)
            }
            Err(error) => match registry.last_good().filter(|_| moment == Moment::Start) {
                Some(version) => {
                    tracing::error!(
                        error = format!("{error:#}"),
                        version = version.version,
                        "the registry's model cannot be served, the last good one serves on"
                    );
                    load(&version)
                }
                None => Err(error),
            },
        }
    }

    /// Makes an engine of a bundle with the shop's changes over it, and its rules for these products.
    pub(super) fn engine(&self, mut bundle: Bundle, scenarios: Option<Arc<ScenarioFile>>) -> anyhow::Result<Loaded> {
        let Changes { webhooks, products } = &self.changes;
        let pristine = (webhooks.is_some() || products.is_some()).then(|| Arc::new(bundle.clone()));
        let (patches, patched) = products.as_ref().map(|products| products.all()).unwrap_or_default();
        if let Some(webhooks) = webhooks {
            webhooks.apply_to(&mut bundle);
        }
        if products.is_some() {
            let changed_at = |gid: &str| webhooks.as_ref()?.changed_at(gid);
            for problem in patches.apply_to(&mut bundle, changed_at) {
                tracing::warn!(%problem, "a change of a product is left out");
            }
        }
        let fitting = Merchandising::new(&bundle.catalog, scenarios.as_deref());
        let (merchandising, remarks) = fitting.context("key scenarios.file")?;
        remarks.iter().for_each(|remark| tracing::warn!("a pin is passed over: {remark}"));
        let engine = Engine::from_bundle(bundle, &self.options)?;
        Ok(Loaded { engine, registered: None, bundle: pristine, merchandising, scenarios, patched })
    }

    /// Whether a bundle with this catalogue could be served with a batch of changes that is not kept yet. Blocks.
    ///
    /// # Errors
    /// What the batch breaks: a rule of catalogues, or one of the shop.
    pub(super) fn try_batch(
        &self,
        catalog: &Catalog,
        scenarios: Option<&ScenarioFile>,
        batch: &[Patch],
    ) -> anyhow::Result<()> {
        let Changes { webhooks, products } = &self.changes;
        let (kept, _) = products.as_ref().map(|products| products.all()).unwrap_or_default();
        let catalog = webhooks.as_ref().map_or_else(|| catalog.clone(), |webhooks| webhooks.apply(catalog));
        let (catalog, problems) = kept.with(batch).apply(&catalog, |gid| webhooks.as_ref()?.changed_at(gid));
        let changed: HashSet<&str> = batch.iter().map(|patch| patch.handle.as_str()).collect();
        if let Some(problem) = problems.into_iter().find(|problem| changed.contains(problem.handle.as_str())) {
            bail!(problem);
        }
        Merchandising::new(&catalog, scenarios).context("key scenarios.file")?;
        Ok(())
    }

    /// Has the shop's changes laid over the model in service once more: some may have come while it was being loaded.
    pub(super) fn follow_again(&self) {
        if let Some(webhooks) = &self.changes.webhooks {
            webhooks.follow_again();
        }
    }

    /// Batches of changed products so far.
    pub(super) fn batches(&self) -> u64 {
        self.changes.products.as_ref().map_or(0, |products| products.batches())
    }

    /// The directory that the pointer file names.
    fn pointed(&self) -> anyhow::Result<PathBuf> {
        let pointer = self.pointer.as_deref().context("there is no pointer file")?;
        let text = self.pointer_text()?;
        *self.tried() = Some(text.clone());
        let named = text.trim();
        ensure!(!named.is_empty(), "{} (key model.pointer) is empty: expected a directory", pointer.display());
        Ok(pointer.parent().map_or_else(|| PathBuf::from(named), |folder| folder.join(named)))
    }

    /// Whether the pointer file says something else than when a bundle was last loaded, or could not be. Blocks.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub(crate) fn has_moved(&self) -> anyhow::Result<bool> {
        let text = self.pointer_text()?;
        Ok(self.tried().as_ref() != Some(&text))
    }

    fn tried(&self) -> MutexGuard<'_, Option<String>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pointer_text(&self) -> anyhow::Result<String> {
        let pointer = self.pointer.as_deref().context("there is no pointer file")?;
        let bytes = read_small(pointer, LONGEST_POINTER).context("key model.pointer")?;
        let text = String::from_utf8(bytes);
        text.with_context(|| format!("{} (key model.pointer) is not UTF-8 text", pointer.display()))
    }
}
