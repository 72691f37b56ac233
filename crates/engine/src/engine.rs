//! The engine: worker threads, each with its own sessions, behind one bounded queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use slirec_core::bundle::{Bundle, SCORES_GRAPH};
use slirec_core::catalog::Catalog;

use crate::model::Model;
use crate::request::{RecommendationRequest, Recommendations};
use crate::runtime::SessionMaker;
use crate::scorer::{CandidateGraph, Scorer};
use crate::{EngineError, EngineOptions, ExecutionProvider, ModelInfo, Overloaded};

type Reply = Box<dyn FnOnce(Result<Recommendations, EngineError>) + Send>;

struct Job {
    request: RecommendationRequest,
    reply: Reply,
}

/// A loaded bundle with its worker threads; cheap to clone. The threads end when the last clone is dropped and the
/// queue is empty.
#[derive(Debug, Clone)]
pub struct Engine {
    model: Arc<Model>,
    provider: ExecutionProvider,
    queue: Sender<Job>,
}

impl Engine {
    /// Loads and verifies a bundle, prepares its candidates, compares its golden requests and starts the workers.
    /// Blocks.
    ///
    /// # Errors
    /// [`EngineError`] when anything about the bundle or the runtime is wrong; no thread is left behind.
    pub fn load(directory: &Path, options: &EngineOptions) -> Result<Self, EngineError> {
        let bundle = Bundle::read(directory)?;
        let library = options.onnxruntime.as_deref();
        let maker = SessionMaker::choose(library, &options.execution_providers, SCORES_GRAPH, &bundle.scores_graph)?;
        let mut scorers = Vec::with_capacity(options.workers.max(1));
        for _ in 0..options.workers.max(1) {
            scorers.push(Scorer::new(&maker, &bundle)?);
        }
        let mut candidates = CandidateGraph::new(&maker, &bundle)?;
        let golden = bundle.manifest.golden_requests.clone();
        let model = Arc::new(Model::new(bundle, |ids| candidates.prepare(ids))?);
        for scorer in &mut scorers {
            // Also warms every worker's sessions up.
            model.check_golden(scorer, &golden)?;
        }
        let (queue, jobs) = bounded(options.queue_length);
        for (number, scorer) in scorers.into_iter().enumerate() {
            let (model, jobs) = (Arc::clone(&model), jobs.clone());
            let name = format!("scoring-{number}");
            thread::Builder::new().name(name).spawn(move || work(&model, scorer, &jobs))?;
        }
        let info = &model.info;
        tracing::info!(
            model = info.name,
            version = info.version,
            sha256 = info.sha256,
            provider = maker.provider().name(),
            workers = options.workers.max(1),
            "bundle loaded"
        );
        Ok(Self { model, provider: maker.provider(), queue })
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

    /// Requests that wait for a worker.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Hands a request to the workers and returns at once; `reply` is called on a worker thread.
    ///
    /// # Errors
    /// [`Overloaded`] when the queue is full; `reply` is then dropped without being called.
    pub fn submit(
        &self,
        request: RecommendationRequest,
        reply: impl FnOnce(Result<Recommendations, EngineError>) + Send + 'static,
    ) -> Result<(), Overloaded> {
        self.queue.try_send(Job { request, reply: Box::new(reply) }).map_err(|_| Overloaded)
    }

    /// Answers on a worker thread and waits for it: for programs without an async runtime.
    ///
    /// # Errors
    /// [`EngineError`], also when the queue is full.
    pub fn recommend(&self, request: RecommendationRequest) -> Result<Recommendations, EngineError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.submit(request, move |answer| {
            // The receiver lives until it has its answer.
            let _ = sender.send(answer);
        })?;
        receiver.recv().map_err(|_| EngineError::Worker)?
    }
}

fn work(model: &Model, mut scorer: Scorer, jobs: &Receiver<Job>) {
    for Job { request, reply } in jobs {
        // A panic ends the request, not the worker. The scorer holds no state between runs that it could spoil.
        let answer = catch_unwind(AssertUnwindSafe(|| model.recommend(&mut scorer, &request)));
        let answer = answer.unwrap_or_else(|_| {
            tracing::error!("scoring panicked");
            Err(EngineError::Worker)
        });
        if catch_unwind(AssertUnwindSafe(|| reply(answer))).is_err() {
            tracing::error!("answering panicked");
        }
    }
}
