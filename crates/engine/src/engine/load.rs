//! From a bundle to workers that answer: it is verified, its candidates are prepared and its golden requests compared.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::bounded;
use slirec_core::bundle::{Bundle, Network};
use slirec_core::lookup::ItemLookup;

use super::Engine;
use crate::backend::Backend;
use crate::backend::fused::Fused;
use crate::backend::onnxruntime::OnnxRuntime;
use crate::backend::ranking::RankingKernels;
use crate::candidates::CandidateGraph;
use crate::intake::Intake;
use crate::model::Model;
use crate::overload::Overload;
use crate::queue::queue;
use crate::recommender::{Recommender, Shared};
use crate::runtime::SessionMaker;
use crate::spread::Helpers;
use crate::worker::Worker;
use crate::{EngineError, EngineOptions, ExecutionProvider, Kernels, graphs};

impl Engine {
    /// Loads and verifies a bundle, prepares its candidates, compares its golden requests and starts the workers.
    /// Blocks.
    ///
    /// # Errors
    /// [`EngineError`] when anything about the bundle or the runtime is wrong; no thread is left behind.
    pub fn load(directory: &Path, options: &EngineOptions) -> Result<Self, EngineError> {
        Self::from_bundle(Bundle::read(directory)?, options)
    }

    /// As [`Engine::load`], of a bundle that was read and verified, and perhaps given another catalogue since.
    ///
    /// # Errors
    /// As for [`Engine::load`].
    pub fn from_bundle(bundle: Bundle, options: &EngineOptions) -> Result<Self, EngineError> {
        graphs::check(&bundle)?;
        let (library, wanted) = (options.onnxruntime.as_deref(), &options.execution_providers);
        let maker = SessionMaker::choose(library, wanted, options.require_provider, &bundle)?;
        let lookup = ItemLookup::new(&bundle.catalog, &bundle.vocabulary, bundle.manifest.model.network);
        let mut graph = CandidateGraph::new(&maker, &bundle)?;
        let mut onnxruntime = OnnxRuntime::new(&maker, &bundle)?;
        if options.kernels == Kernels::Fused && maker.provider() == ExecutionProvider::Cpu {
            match bundle.manifest.model.network {
                Network::SliRec => {
                    if let Some(fused) = Fused::agreeing(&bundle, &lookup, &mut graph, &mut onnxruntime)? {
                        drop(onnxruntime);
                        return Self::start(fused, graph, Model::new(bundle, lookup), &maker, options);
                    }
                }
                Network::Ranking => {
                    let kernels = RankingKernels::agreeing(&bundle, &lookup, &mut graph, &mut onnxruntime)?;
                    if let Some(kernels) = kernels {
                        drop(onnxruntime);
                        return Self::start(kernels, graph, Model::new(bundle, lookup), &maker, options);
                    }
                }
            }
        }
        Self::start(onnxruntime, graph, Model::new(bundle, lookup), &maker, options)
    }

    /// Starts the workers.
    fn start<B: Backend>(
        backend: B,
        mut graph: CandidateGraph,
        model: Model,
        maker: &SessionMaker,
        options: &EngineOptions,
    ) -> Result<Self, EngineError> {
        let (provider, device) = (maker.provider(), maker.device().cloned());
        let (kernels, model) = (B::KERNELS, Arc::new(model));
        let workers = options.workers.max(1);
        let shared = Arc::new(Shared::new(Arc::clone(&model), &backend, &mut graph, options.shortlist_from)?);
        let mut backends = Vec::with_capacity(workers);
        for _ in 1..workers {
            backends.push(backend.another()?);
        }
        backends.push(backend);
        let (invitations, invited) = bounded(workers);
        let recommender = |backend| {
            let helpers = Helpers::new(invitations.clone(), workers - 1, options.spread_from);
            Recommender { shared: Arc::clone(&shared), backend, helpers }
        };
        let mut recommenders: Vec<Recommender<B>> = backends.into_iter().map(recommender).collect();
        let began = Instant::now();
        for recommender in &mut recommenders {
            // Also warms every worker's sessions up.
            recommender.check_golden()?;
        }
        let golden = model.manifest.golden_requests.len();
        let checked = u32::try_from(golden * workers).unwrap_or(u32::MAX).max(1);
        let overload = Arc::new(Overload::new(options.queue_wait, workers, began.elapsed() / checked));
        let (queue, jobs) = queue();
        let (alive, ended) = bounded(0);
        for (number, recommender) in recommenders.into_iter().enumerate() {
            let worker = Worker {
                recommender,
                shared: invited.clone(),
                queue: jobs.clone(),
                overload: Arc::clone(&overload),
                _alive: alive.clone(),
            };
            thread::Builder::new().name(format!("scoring-{number}")).spawn(move || worker.work())?;
        }
        tracing::info!(
            model = model.manifest.name,
            version = model.manifest.version,
            sha256 = model.sha256,
            provider = provider.name(),
            device = device.as_ref().map(|device| device.name.as_str()),
            device_memory_bytes = device.as_ref().map(|device| device.memory_bytes),
            kernels = kernels.name(),
            workers,
            golden_requests = golden,
            "bundle loaded"
        );
        Ok(Self { model, provider, device, kernels, intake: Intake::new(queue, overload), ended })
    }
}
