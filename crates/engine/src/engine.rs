//! The engine: worker threads, each with its own sessions, behind one queue.

use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use slirec_core::bundle::{Bundle, SCORES_GRAPH};
use slirec_core::catalog::Catalog;
use slirec_kernels::bf16::Bf16Set;

use crate::model::Model;
use crate::overload::Overload;
use crate::queue::{Priority, QueueSender, queue};
use crate::request::{RecommendationRequest, Recommendations};
use crate::runtime::SessionMaker;
use crate::scorer::{Backend, Kernels, Precision};
use crate::spread::Helpers;
use crate::worker::{Caller, Job, Worker};
use crate::{EngineError, EngineOptions, ExecutionProvider, ModelInfo, Overloaded, graphs};

/// A loaded bundle with its worker threads; cheap to clone. The threads end when the last clone is dropped and the
/// queue is empty.
#[derive(Debug, Clone)]
pub struct Engine {
    model: Arc<Model>,
    provider: ExecutionProvider,
    kernels: Kernels,
    precision: Precision,
    queue: QueueSender<Job>,
    overload: Arc<Overload>,
    /// Requests that were admitted and not yet submitted: they are being read.
    admitted: Arc<AtomicUsize>,
    ended: Receiver<Infallible>,
}

/// Leave to submit a request; counts as one that waits until it is dropped, which the caller does once it has submitted.
#[derive(Debug)]
pub struct Admission(Arc<AtomicUsize>);

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells when the worker threads of an engine have ended.
#[derive(Debug)]
pub struct Ended(Receiver<Infallible>);

impl Ended {
    /// Waits until all of them have, which takes the last clone of the engine to be dropped, or until the time is up.
    pub fn wait(&self, longest: Duration) {
        // Nothing is ever sent: the channel closes with the last worker.
        let _ = self.0.recv_timeout(longest);
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
        let began = Instant::now();
        for scorer in &mut scorers {
            // Also warms every worker's sessions up.
            model.check_golden(scorer, &golden)?;
        }
        let checked = u32::try_from(golden.len() * workers).unwrap_or(u32::MAX).max(1);
        let overload = Arc::new(Overload::new(options.queue_wait, workers, began.elapsed() / checked));
        let (queue, jobs) = queue();
        let (invitations, shared) = bounded(workers);
        let (alive, ended) = bounded(0);
        for (number, scorer) in scorers.into_iter().enumerate() {
            let worker = Worker {
                model: Arc::clone(&model),
                scorer,
                scorer_maker: Arc::clone(&scorer_maker),
                helpers: Helpers::new(invitations.clone(), workers - 1, options.spread_from),
                shared: shared.clone(),
                queue: jobs.clone(),
                overload: Arc::clone(&overload),
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
        let admitted = Arc::default();
        Ok(Self { model, provider, kernels, precision, queue, overload, admitted, ended })
    }

    /// Which model this is.
    pub fn model(&self) -> &ModelInfo {
        &self.model.info
    }

    /// The products that answers point into.
    pub fn catalog(&self) -> &Catalog {
        &self.model.catalog
    }

    /// Whether the model can go by views of the product with this handle: the catalogue has it, or training saw it.
    pub fn knows(&self, handle: &str) -> bool {
        self.model.knows(handle)
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

    /// Tells when the worker threads have ended: a process must not end while ONNX Runtime computes.
    pub fn ended(&self) -> Ended {
        Ended(self.ended.clone())
    }

    /// Requests that wait for a worker.
    pub fn queued(&self) -> usize {
        let (interactive, batch) = self.queue.lengths();
        interactive + batch
    }

    /// Whether a request that must be answered within `left` can be, behind what waits already. Asked before the request is
    /// read, so that an overload leaves no time for what is refused in the end.
    ///
    /// # Errors
    /// [`Overloaded::QueueFull`].
    pub fn admit(&self, priority: Priority, left: Duration) -> Result<Admission, Overloaded> {
        let (interactive, batch) = self.queue.lengths();
        let behind = match priority {
            Priority::Interactive => interactive,
            Priority::Batch => interactive + batch,
        };
        // Counted first: of two requests at once at least one sees the other.
        let admitted = self.admitted.fetch_add(1, Ordering::Relaxed);
        let admission = Admission(Arc::clone(&self.admitted));
        if self.overload.admits(behind + admitted, left) { Ok(admission) } else { Err(Overloaded::QueueFull) }
    }

    /// Hands a request to the workers and returns at once. Refuses none: that is for [`Engine::admit`] to do before.
    pub fn submit(&self, request: impl Into<Arc<RecommendationRequest>>, priority: Priority, caller: impl Caller) {
        let job = Job { request: request.into(), caller: Box::new(caller) };
        self.queue.push(Instant::now(), priority, job);
    }

    /// Answers by popularity on the caller's thread, without any queue.
    pub fn popular(&self, request: &RecommendationRequest) -> Recommendations {
        self.model.popular(request)
    }

    /// Answers on a worker thread and waits for it: for programs without an async runtime.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn recommend(&self, request: RecommendationRequest) -> Result<Recommendations, EngineError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.submit(request, Priority::Batch, move |answer| {
            // The receiver lives until it has its answer.
            let _ = sender.send(answer);
        });
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
