//! The engine: worker threads, each with its own sessions, behind bounded queues.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use slirec_core::bundle::{Bundle, SCORES_GRAPH};
use slirec_core::catalog::Catalog;
use slirec_kernels::bf16::Bf16Set;

use crate::model::Model;
use crate::patience::Patience;
use crate::queue::{Entrance, queue};
use crate::request::{RecommendationRequest, Recommendations};
use crate::runtime::SessionMaker;
use crate::scorer::{Backend, Kernels, Precision};
use crate::spread::Helpers;
use crate::worker::{Caller, Job, Worker};
use crate::{EngineError, EngineOptions, ExecutionProvider, ModelInfo, Overloaded, graphs};

/// Which queue a request waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for this very answer. Goes first; is refused when it would wait too long.
    Interactive,
    /// Part of a larger piece of work. Scored when nobody interactive waits; waits as long as its caller does.
    Batch,
}

/// A loaded bundle with its worker threads; cheap to clone. The threads end when the last clone is dropped and the
/// queues are empty.
#[derive(Debug, Clone)]
pub struct Engine {
    model: Arc<Model>,
    provider: ExecutionProvider,
    kernels: Kernels,
    precision: Precision,
    interactive: Entrance<Job>,
    batch: Sender<(Instant, Job)>,
    patience: Arc<Patience>,
    ended: Receiver<Infallible>,
}

/// Tells when the worker threads of an engine have ended.
#[derive(Debug)]
pub struct Ended(Receiver<Infallible>);

impl Ended {
    /// Waits until all of them have, which takes the last clone of the engine to be dropped, or until the time is up.
    pub fn wait(&self, patience: Duration) {
        // Nothing is ever sent: the channel closes with the last worker.
        let _ = self.0.recv_timeout(patience);
    }
}

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
        let library = options.onnxruntime.as_deref();
        let maker = SessionMaker::choose(library, &options.execution_providers, SCORES_GRAPH, &bundle.scores_graph)?;
        let workers = options.workers.max(1);
        let mut scorers = Vec::with_capacity(workers);
        let bf16 = bf16_set(options);
        let mut backend = Backend::choose(options.kernels, bf16, &maker, &bundle)?;
        let (kernels, precision) = (backend.kernels(), backend.precision());
        if options.precision != precision {
            let reason = match kernels {
                Kernels::Stock => "only the fused kernels have it",
                Kernels::Fused => "this processor has no instructions for it (AVX512-BF16)",
            };
            tracing::warn!(wanted = options.precision.name(), reason, "all candidates are scored in f32");
        }
        let scorer_maker = Arc::new(backend.scorers(&maker, &bundle));
        for _ in 0..workers {
            scorers.push(scorer_maker.scorer()?);
        }
        let golden = bundle.manifest.golden_requests.clone();
        let model = Arc::new(Model::new(bundle, options.approximate_from, |ids| backend.prepare(ids))?);
        for scorer in &mut scorers {
            // Also warms every worker's sessions up.
            model.check_golden(scorer, &golden)?;
        }
        let (interactive, urgent_jobs) = queue(options.queue_length);
        let (batch, batch_jobs) = bounded(options.queue_length);
        let (invitations, shared) = bounded(workers);
        let patience = Arc::new(Patience::new(options.queue_wait, workers));
        let (alive, ended) = bounded(0);
        for (number, scorer) in scorers.into_iter().enumerate() {
            let worker = Worker {
                model: Arc::clone(&model),
                scorer,
                scorer_maker: Arc::clone(&scorer_maker),
                helpers: Helpers::new(invitations.clone(), workers - 1, options.spread_from),
                shared: shared.clone(),
                interactive: urgent_jobs.clone(),
                batch: batch_jobs.clone(),
                patience: Arc::clone(&patience),
                may_rest: number == 0,
                _alive: alive.clone(),
            };
            thread::Builder::new().name(format!("scoring-{number}")).spawn(move || worker.work())?;
        }
        let info = &model.info;
        tracing::info!(
            model = info.name,
            version = info.version,
            sha256 = info.sha256,
            provider = maker.provider().name(),
            kernels = kernels.name(),
            precision = precision.name(),
            workers,
            golden_requests = golden.len(),
            "bundle loaded"
        );
        let provider = maker.provider();
        Ok(Self { model, provider, kernels, precision, interactive, batch, patience, ended })
    }

    /// Which model this is.
    pub fn model(&self) -> &ModelInfo {
        &self.model.info
    }

    /// The products that answers point into.
    pub fn catalog(&self) -> &Catalog {
        &self.model.catalog
    }

    /// What the sessions really run on.
    pub fn execution_provider(&self) -> ExecutionProvider {
        self.provider
    }

    /// Which code really computes.
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// How precisely all candidates of a large catalogue really are scored.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Tells when the worker threads have ended: a process must not end before, under the hands of ONNX Runtime.
    pub fn ended(&self) -> Ended {
        Ended(self.ended.clone())
    }

    /// Requests that wait for a worker.
    pub fn queued(&self) -> usize {
        self.interactive.len() + self.batch.len()
    }

    /// Tells callers, before they take any trouble with an interactive request, when [`Engine::submit`] would refuse it: an
    /// overload leaves no time for what comes to nothing.
    ///
    /// # Errors
    /// [`Overloaded`], of which the caller is to tell whoever asks.
    pub fn admit(&self) -> Result<(), Overloaded> {
        if self.patience.refuses(self.interactive.len()) { Err(Overloaded::WaitedTooLong) } else { Ok(()) }
    }

    /// Hands a request to the workers and returns at once.
    ///
    /// # Errors
    /// [`Overloaded`] when the queue is full, or an interactive request would only wait there to be refused; the caller is then
    /// dropped without an answer.
    pub fn submit(
        &self,
        request: impl Into<Arc<RecommendationRequest>>,
        priority: Priority,
        caller: impl Caller,
    ) -> Result<(), Overloaded> {
        let job = Job { request: request.into(), caller: Box::new(caller) };
        match priority {
            Priority::Interactive => self.admit().and_then(|()| self.interactive.push(job)),
            Priority::Batch => self.batch.try_send((Instant::now(), job)).map_err(|_| Overloaded::QueueFull),
        }
    }

    /// Answers by popularity on the caller's thread, without any queue.
    pub fn popular(&self, request: &RecommendationRequest) -> Recommendations {
        self.model.popular(request)
    }

    /// Answers on a worker thread and waits for it: for programs without an async runtime.
    ///
    /// # Errors
    /// [`EngineError`], also when the queue is full.
    pub fn recommend(&self, request: RecommendationRequest) -> Result<Recommendations, EngineError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.submit(request, Priority::Batch, move |answer| {
            // The receiver lives until it has its answer.
            let _ = sender.send(answer);
        })?;
        receiver.recv().map_err(|_| EngineError::Worker)?
    }
}

/// What approximate scores are computed with; none if nobody wants them or they would be slower than exact ones.
fn bf16_set(options: &EngineOptions) -> Option<Bf16Set> {
    match options.precision {
        Precision::F32 => None,
        Precision::Bf16 if options.emulate_bf16 => Some(Bf16Set::emulated()),
        Precision::Bf16 => Bf16Set::detect(),
    }
}
