//! The engine: worker threads, each with its own sessions, behind one queue.

mod load;

use std::convert::Infallible;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use slirec_core::bundle::Manifest;
use slirec_core::catalog::Catalog;
use slirec_core::vocabulary::UserLookup;

use crate::history::{ViewHistory, ViewedItem};
use crate::intake::{Admission, Intake};
use crate::model::Model;
use crate::queue::Priority;
use crate::request::{RecommendationRequest, Recommendations};
use crate::worker::{Caller, Job};
use crate::{Device, EngineError, ExecutionProvider, Kernels, Overloaded};

/// A loaded bundle with its worker threads; cheap to clone. The threads end when the last clone is dropped and the
/// queue is empty.
#[derive(Debug, Clone)]
pub struct Engine {
    model: Arc<Model>,
    provider: ExecutionProvider,
    device: Option<Device>,
    kernels: Kernels,
    intake: Intake<Job>,
    ended: Receiver<Infallible>,
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
    /// Which model this is, how it was trained and how well it ranks.
    pub fn model(&self) -> &Manifest {
        &self.model.manifest
    }

    /// SHA-256 of the manifest.
    pub fn sha256(&self) -> &str {
        &self.model.sha256
    }

    /// The products that answers point into.
    pub fn catalog(&self) -> &Catalog {
        &self.model.catalog
    }

    /// Whether the model can go by views of the product with this handle: the catalogue has it, or training saw it.
    pub fn knows(&self, handle: &str) -> bool {
        self.model.knows(handle)
    }

    /// The attributes of shoppers that the model reads, with the ids that requests carry.
    pub fn users(&self) -> &UserLookup {
        &self.model.users
    }

    /// The handle that a name stands for: its own, if training or the catalogue know it, or that of the product whose GID,
    /// or number in Shopify, it is.
    pub fn handle_of<'n>(&'n self, name: &'n str) -> Option<&'n str> {
        if self.knows(name) {
            return Some(name);
        }
        self.catalog().product_of_gid_or_number(name).map(|product| product.handle.as_str())
    }

    /// The same history with every product that is known called by its handle.
    pub fn with_handles(&self, history: ViewHistory) -> ViewHistory {
        if history.iter().all(|view| self.knows(view.handle)) {
            return history;
        }
        let mut named = ViewHistory::new();
        for ViewedItem { handle, timestamp, event } in history.iter() {
            named.push_event(self.handle_of(handle).unwrap_or(handle), timestamp, event);
        }
        named
    }

    /// What the sessions really run on.
    pub fn execution_provider(&self) -> ExecutionProvider {
        self.provider
    }

    /// The card that computes, if one does and its driver says what it is.
    pub fn device(&self) -> Option<&Device> {
        self.device.as_ref()
    }

    /// Which code really computes.
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// Tells when the worker threads have ended: a process must not end while ONNX Runtime computes.
    pub fn ended(&self) -> Ended {
        Ended(self.ended.clone())
    }

    /// Answers that the workers can give a second, by what the last ones took; infinite while nothing is known.
    pub fn capacity(&self) -> f64 {
        self.intake.capacity()
    }

    /// Requests that wait for a worker.
    pub fn queued(&self) -> usize {
        let (interactive, batch) = self.intake.waiting();
        interactive + batch
    }

    /// Whether a request that must be answered within `left` can be, behind what waits already. Asked before the request is
    /// read, so that an overload leaves no time for what is refused in the end.
    ///
    /// # Errors
    /// [`Overloaded::QueueFull`].
    pub fn admit(&self, priority: Priority, left: Duration) -> Result<Admission, Overloaded> {
        self.intake.admit(priority, left, |job| job.caller.is_waiting())
    }

    /// Hands a request to the workers and returns at once. Refuses none: that is for [`Engine::admit`] to do before.
    pub fn submit(&self, request: impl Into<Arc<RecommendationRequest>>, priority: Priority, caller: impl Caller) {
        let job = Job { request: request.into(), caller: Box::new(caller) };
        self.intake.submit(Instant::now(), priority, job);
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

    /// Answers many on all worker threads and waits for them: in the order of the requests.
    ///
    /// # Errors
    /// The first [`EngineError`]; the other answers are then lost.
    pub fn recommend_all(
        &self,
        requests: impl IntoIterator<Item = RecommendationRequest>,
    ) -> Result<Vec<Recommendations>, EngineError> {
        let (sender, receiver) = mpsc::channel();
        let mut answers = Vec::new();
        for (number, request) in requests.into_iter().enumerate() {
            answers.push(None);
            let sender = sender.clone();
            self.submit(request, Priority::Batch, move |answer| {
                // The receiver is gone once another request has failed.
                let _ = sender.send((number, answer));
            });
        }
        drop(sender);
        for (number, answer) in receiver {
            if let Some(slot) = answers.get_mut(number) {
                *slot = Some(answer?);
            }
        }
        answers.into_iter().map(|answer| answer.ok_or(EngineError::Worker)).collect()
    }
}
